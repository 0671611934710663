"""The month's end for the books: what was owed before and after, and the journal that leads from one to the other."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TextIO

from django.utils.translation import gettext_lazy as _

from customers.core.calendar import day_before, local_date
from loyalty.points.liability import LotOwed, Owed, flows, owed
from loyalty.points.statement import Clock
from loyalty.programs.models import Program

NOTHING = Decimal(0)
DEFERRED, REVENUE, EXPENSE = "deferred_revenue", "revenue", "promotion_expense"
# For each kind of event: the account on the other side of deferred revenue, and whether deferred revenue grows.
OTHER_SIDE = {
    "earned": (REVENUE, True),
    "given": (EXPENSE, True),
    "restored": (REVENUE, True),
    "taken_back": (REVENUE, False),
    "redeemed": (REVENUE, False),
    "breakage": (REVENUE, False),
}
NAMES = {
    "earned": _("points earned with orders: their part of the price is deferred"),
    "given": _("points given without an order"),
    "restored": _("redemptions undone"),
    "taken_back": _("points taken back, of returns mostly"),
    "redeemed": _("points redeemed: what was deferred is earned"),
    "breakage": _("points no longer expected to be redeemed, and other changes of what is expected"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a journal entry: either debit or credit is more than nothing."""

    wallet: str
    event: str
    account: str
    debit: Decimal
    credit: Decimal
    points: int

    @property
    def text(self) -> str:
        """Return what it is for, in the reader's language."""
        return str(NAMES[self.event])


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """A month of a program: what was owed when it began and when it ended, and the journal between."""

    since: datetime
    until: datetime
    before: Sequence[Owed]
    after: Sequence[Owed]
    lines: Sequence[Line]


def close_month(program: Program, *, since: datetime, until: datetime, clock: Clock = Clock.RECORDED) -> MonthEnd:
    """
    Return a month's end. By the recorded clock it is the same whenever it is asked for.

    The journal balances, and leads from what was deferred before exactly to what is deferred after: whatever no event
    explains is a change of what is expected to be redeemed.
    """
    before, after = (owed(program, at=at, clock=clock) for at in (since, until))
    changes = flows(program, since=since, until=until, clock=clock)
    lines: list[Line] = []
    for wallet in sorted({each.wallet for each in (*before, *after)}):
        explained = NOTHING
        for change in changes:
            if change.wallet == wallet and change.kind in OTHER_SIDE and change.amount:
                lines += _entry(wallet, change.kind, change.amount, change.points)
                explained += change.amount if OTHER_SIDE[change.kind][1] else -change.amount
        rest = _deferred(before, wallet) + explained - _deferred(after, wallet)
        expired = sum(change.points for change in changes if change.wallet == wallet and change.kind == "expired")
        if rest:
            lines += _entry(wallet, "breakage", rest, expired)
    return MonthEnd(since, until, before, after, lines)


def file_name(month: MonthEnd, program: Program, *, kind: str = "") -> str:
    """Return under which name a month's file is known, such as club-2026-10.csv."""
    return f"{program.slug}-{local_date(month.since, program.tzinfo):%Y-%m}{kind}.csv"


def write_csv(month: MonthEnd, file: TextIO, *, program: Program) -> None:
    """Write the journal as CSV: one line per side, amounts with a decimal point, as accounting systems import it."""
    writer = csv.writer(file)
    writer.writerow(["date", "program", "wallet", "event", "account", "debit", "credit", "currency", "points", "text"])
    last_day = day_before(local_date(month.until, program.tzinfo))
    for line in month.lines:
        writer.writerow([
            f"{last_day}", program.slug, line.wallet, line.event, line.account, f"{line.debit:.2f}",
            f"{line.credit:.2f}", program.retailer.currency, line.points, line.text,
        ])  # fmt: skip


def write_lots_csv(lots: Iterable[LotOwed], file: TextIO, *, program: Program) -> None:
    """Write what is owed of each lot as CSV: what an auditor adds up to the liability of the books."""
    writer = csv.writer(file)
    writer.writerow([
        "lot", "wallet", "member", "order", "earned_on", "last_day", "pending", "available", "held", "expected", "value",
        "liability", "deferred", "currency",
    ])  # fmt: skip
    for lot in lots:
        last_day = day_before(local_date(lot.expires_at, program.tzinfo)) if lot.expires_at else ""
        writer.writerow([
            lot.lot, lot.wallet, lot.member, lot.order, local_date(lot.earned_at, program.tzinfo), last_day, lot.pending,
            lot.available, lot.held, f"{lot.expected:.4f}", f"{lot.value:.4f}", f"{lot.liability:.4f}",
            f"{lot.deferred:.4f}", program.retailer.currency,
        ])  # fmt: skip


def _entry(wallet: str, event: str, amount: Decimal, points: int) -> Iterable[Line]:
    """Return both sides of an entry; a negative amount changes sides."""
    other, grows = OTHER_SIDE[event]
    debited, credited = (other, DEFERRED) if grows == (amount >= 0) else (DEFERRED, other)
    yield Line(wallet, event, debited, abs(amount), NOTHING, points)
    yield Line(wallet, event, credited, NOTHING, abs(amount), points)


def _deferred(all_owed: Iterable[Owed], wallet: str) -> Decimal:
    return sum((each.deferred for each in all_owed if each.wallet == wallet), NOTHING)

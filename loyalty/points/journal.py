"""The month's end for the books: what was owed before and after, and the journal that leads from one to the other."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TextIO

from django.utils.translation import gettext_lazy as _

from customers.core.calendar import day_before, local_date
from customers.core.exporting import write_csv as write_rows
from customers.core.money import decimals_of, to_unit
from customers.core.values import dataclass
from loyalty.points.books import WalletBooks, books
from loyalty.points.changes import Change
from loyalty.points.liability import LotOwed, Owed, owed_in
from loyalty.points.models import ClosedMonth
from loyalty.points.statement import Clock
from loyalty.points.valuation import NOTHING, Cohort, CohortKey, Estimate
from loyalty.programs.models import Program

DEFERRED, REVENUE, EXPENSE = "deferred_revenue", "revenue", "promotion_expense"
# For each kind of event: the account on the other side of deferred revenue, and whether deferred revenue grows.
OTHER_SIDE = {
    "earned": (REVENUE, True),
    "given": (EXPENSE, True),
    "restored": (REVENUE, True),
    "taken_back": (REVENUE, False),
    "redeemed": (REVENUE, False),
    "estimate": (REVENUE, True),
    "breakage": (REVENUE, False),
}
NAMES = {
    "earned": _("points earned with orders: their part of the price is deferred"),
    "given": _("points given without an order"),
    "restored": _("redemptions undone"),
    "taken_back": _("points taken back, of returns mostly"),
    "redeemed": _("points redeemed: what was deferred is earned"),
    "estimate": _("a revised estimate of what is redeemed, for all that was recognised before"),
    "breakage": _("points no longer expected to be redeemed, and other changes of what is expected"),
}
LATE = _("of months before")


@dataclass(frozen=True, slots=True)
class Line:
    """
    One side of a journal entry: either debit or credit is more than nothing.

    :param is_late: that it is of what occurred in a month before, and was recorded in this one
    """

    wallet: str
    event: str
    account: str
    debit: Decimal
    credit: Decimal
    points: int
    is_late: bool = False

    @property
    def text(self) -> str:
        """Return what it is for, in the reader's language."""
        return f"{NAMES[self.event]} ({LATE})" if self.is_late else str(NAMES[self.event])


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """
    What one kind of event changed: both of its lines.

    :param amount: by which deferred revenue grows or, for kinds that let it shrink, shrinks; negative the other way round
    """

    event: str
    is_late: bool
    points: int
    amount: Decimal

    @property
    def growth(self) -> Decimal:
        """Return by how much deferred revenue grows."""
        return self.amount if OTHER_SIDE[self.event][1] else -self.amount

    def lines(self, wallet: str) -> Iterable[Line]:
        """Return both sides of it."""
        other = OTHER_SIDE[self.event][0]
        debited, credited = (other, DEFERRED) if self.growth >= 0 else (DEFERRED, other)
        yield Line(wallet, self.event, debited, abs(self.amount), NOTHING, self.points, self.is_late)
        yield Line(wallet, self.event, credited, NOTHING, abs(self.amount), self.points, self.is_late)


@dataclass(frozen=True, slots=True)
class MonthEnd:
    """
    A month of a program: what was owed when it began and when it ended, and the journal between.

    :param closed_at: when it was closed; None where it is read from the ledger itself
    """

    since: datetime
    until: datetime
    before: Sequence[Owed]
    after: Sequence[Owed]
    lines: Sequence[Line]
    closed_at: datetime | None = None


def month_end(
    program: Program, *, since: datetime, until: datetime, now: datetime, clock: Clock = Clock.RECORDED
) -> MonthEnd:
    """
    Return a month's end: as it was closed, or, by the occurred clock or where it is not closed yet, from the ledger.

    The journal balances, and leads from what was deferred before exactly to what is deferred after: whatever no event
    explains is a change of what is expected to be redeemed. A month that is not over is read until now.
    """
    if clock is Clock.RECORDED and (closed := closed_months(program, until)):
        return _as_closed(program, since, until, closed)
    found = books(program, since=min(since, now), until=min(until, now), clock=clock)
    currency = program.retailer.currency
    before = [owed_in(each.wallet, each.before, currency) for each in found if each.before and each.before.cohorts]
    after = [owed_in(each.wallet, each.after, currency) for each in found if each.after.cohorts]
    lines = [line for each in found for entry in entries_of(each, currency) for line in entry.lines(each.wallet)]
    return MonthEnd(since, until, before, after, lines)


def closed_months(program: Program, until: datetime) -> list[ClosedMonth]:
    """Return what was closed of the month that ends at an instant, by wallet."""
    return list(ClosedMonth.objects.filter(program=program, ends_at=until).order_by("wallet"))


def entries_of(wallet: WalletBooks, currency: str) -> list[JournalEntry]:
    """Return a wallet's journal between two instants, in the decimals of a currency."""

    def rounded(amount: Decimal) -> Decimal:
        return to_unit(amount, currency)

    sums: dict[tuple[str, bool], tuple[int, Decimal]] = {}
    per_point = _revenue_per_point(wallet)
    for change in wallet.changes:
        late = change.happened < wallet.after.month
        for event, points, amount in _amounts(change, per_point[change.key]):
            before = sums.get((event, late), (0, NOTHING))
            sums[event, late] = (before[0] + points, before[1] + amount)
    entries = [
        JournalEntry(event, late, points, rounded(amount)) for (event, late), (points, amount) in sorted(sums.items())
    ]
    entries.append(JournalEntry("estimate", False, 0, rounded(_revision(wallet))))  # noqa: FBT003 - it is of this month
    entries = sorted((each for each in entries if each.amount), key=lambda each: list(OTHER_SIDE).index(each.event))
    deferred = rounded(wallet.before.deferred) if wallet.before else NOTHING
    rest = deferred + sum(each.growth for each in entries) - rounded(wallet.after.deferred)
    expired = sum(change.change.expired for change in wallet.changes)
    return [*entries, *([JournalEntry("breakage", False, expired, rest)] if rest else [])]  # noqa: FBT003 - as above


def _amounts(change: Change, per_point: Decimal) -> Iterable[tuple[str, int, Decimal]]:
    yield ("earned" if change.key.is_paid else "given"), change.change.issued, change.price_issued
    yield "taken_back", change.change.cancelled, change.price_cancelled
    yield "redeemed", change.redeemed, change.redeemed * per_point
    yield "restored", change.restored, change.restored * per_point


def _expected_before(wallet: WalletBooks, key: CohortKey) -> Estimate:
    """Return by which estimate a month's redemptions are valued: the one before it was revised."""
    before, after = wallet.before, wallet.after.estimate
    if before is None or key not in before.cohorts or before.estimate.share is None or after.share is None:
        return after
    return before.estimate


def _revenue_per_point(wallet: WalletBooks) -> dict[CohortKey, Decimal]:
    after = wallet.after
    return {
        key: _expected_before(wallet, key).revenue_per_point(cohort, after.age(key))
        for key, cohort in after.cohorts.items()
    }


def _revision(wallet: WalletBooks) -> Decimal:
    """Return by how much a revised share changes what is deferred of the points that were there before."""
    return sum((_revised(wallet, *each) for each in wallet.after.cohorts.items()), NOTHING)


def _revised(wallet: WalletBooks, key: CohortKey, cohort: Cohort) -> Decimal:
    age = wallet.after.age(key)
    old, new = _expected_before(wallet, key), wallet.after.estimate
    return new.deferred(cohort, age) - old.deferred(cohort, age)


def _as_closed(program: Program, since: datetime, until: datetime, closed: Sequence[ClosedMonth]) -> MonthEnd:
    before = [_owed_then(each) for each in closed_months(program, since)]
    lines = [line for each in closed for entry in entries_read(each.lines) for line in entry.lines(each.wallet)]
    return MonthEnd(since, until, before, [_owed_then(each) for each in closed], lines, closed[0].closed_at)


def _owed_then(month: ClosedMonth) -> Owed:
    return Owed(
        month.wallet, month.pending, month.available, month.held, month.expected, month.value, month.liability,
        month.deferred,
    )  # fmt: skip


def entries_written(entries: Iterable[JournalEntry]) -> list[dict[str, Any]]:
    """Return a journal as a closed month keeps it."""
    return [
        {"event": each.event, "is_late": each.is_late, "points": each.points, "amount": str(each.amount)}
        for each in entries
    ]


def entries_read(rows: Iterable[dict[str, Any]]) -> list[JournalEntry]:
    """Return the journal of a closed month."""
    return [JournalEntry(row["event"], row["is_late"], row["points"], Decimal(row["amount"])) for row in rows]


def file_name(month: MonthEnd, program: Program, *, kind: str = "") -> str:
    """Return under which name a month's file is known, such as club-2026-10.csv."""
    return f"{program.slug}-{local_date(month.since, program.tzinfo):%Y-%m}{kind}.csv"


def write_csv(month: MonthEnd, file: TextIO, *, program: Program) -> None:
    """Write the journal as CSV: one line per side, amounts with a decimal point, as accounting systems import it."""
    header = ("date", "program", "wallet", "event", "account", "debit", "credit", "currency", "points", "text", "late")
    last_day = day_before(local_date(month.until, program.tzinfo))
    currency = program.retailer.currency
    decimals = decimals_of(currency)
    rows = (
        (last_day, program.slug, line.wallet, line.event, line.account, f"{line.debit:.{decimals}f}",
         f"{line.credit:.{decimals}f}", currency, line.points, line.text, "late" if line.is_late else "")
        for line in month.lines
    )  # fmt: skip
    write_rows(file, header, rows)


def write_lots_csv(lots: Iterable[LotOwed], file: TextIO, *, program: Program) -> None:
    """Write what is owed of each lot as CSV: what an auditor adds up to the liability of the books."""
    zone, currency = program.tzinfo, program.retailer.currency
    header = ("lot", "wallet", "member", "order", "earned_on", "last_day", "pending", "available", "held", "expected", "value",
              "liability", "deferred", "currency")  # fmt: skip
    rows = (
        (lot.lot, lot.wallet, lot.member, lot.order, local_date(lot.earned_at, zone),
         day_before(local_date(lot.expires_at, zone)) if lot.expires_at else "", lot.pending, lot.available, lot.held,
         f"{lot.expected:.4f}", f"{lot.value:.4f}", f"{lot.liability:.4f}", f"{lot.deferred:.4f}", currency)
        for lot in lots
    )  # fmt: skip
    write_rows(file, header, rows)

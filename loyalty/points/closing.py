"""Months are closed: what the books say of each is written down once, in order, and the next one is computed from it."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.calendar import add_months, local_date, midnight
from customers.core.errors import DomainError, Kind
from loyalty.points.allocation import PRICED, policies, pricing
from loyalty.points.books import WalletBooks, books, cohorts_written
from loyalty.points.changes import Recorded, recorded
from loyalty.points.journal import entries_of, entries_written
from loyalty.points.liability import instants_of, owed_in
from loyalty.points.models import ClosedMonth, Entry
from loyalty.points.statement import Clock
from loyalty.programs.models import Program

LOCK = 7_005  # the first key of the advisory lock; the second is the program
# What was begun before a month's end may be committed a little after it; what comes later still goes to the next month.
CLOSED_AFTER = timedelta(hours=1)
EVER = datetime(1900, 1, 1, tzinfo=UTC)


class MonthNotOver(DomainError):
    code = "month_not_over"
    kind = Kind.INVALID
    message = _("The month {month} can be closed from {closable_at} on.")


def close_month(program: Program, month: date, *, now: datetime) -> list[date]:
    """
    Close a month, and all before it that are not closed yet; those that are stay as they are.

    :param month: its first day
    :returns: the months that were closed by this
    :raises MonthNotOver: when it is not over, or has been for less than an hour
    """
    closable_at = midnight(add_months(month, 1), program.tzinfo) + CLOSED_AFTER
    if now < closable_at:
        raise MonthNotOver(
            month=f"{month:%Y-%m}", closable_at=f"{closable_at.astimezone(program.tzinfo):%Y-%m-%d %H:%M}"
        )
    return [each for each in _open_months(program, month) if _close(program, each, now)]


def close_due_months(program: Program, *, now: datetime) -> list[date]:
    """Close all months of a program that are over; return those that were not closed before."""
    this = local_date(now - CLOSED_AFTER, program.tzinfo).replace(day=1)
    return close_month(program, add_months(this, -1), now=now)


def _open_months(program: Program, last: date) -> Iterator[date]:
    """Return the months to close through one, from the first in which anything had a value or was recorded."""
    month = _first_open_month(program)
    while month is not None and month <= last:
        yield month
        month = add_months(month, 1)


def _first_open_month(program: Program) -> date | None:
    closed = ClosedMonth.objects.filter(program=program).order_by("-month").values_list("month", flat=True).first()
    if closed is not None:
        return add_months(closed, 1)
    ((valued_at,),) = bulk.fetch(FIRST_VALUE, [program.pk])
    entry = Entry.objects.filter(retailer=program.retailer_id).order_by("recorded_at").first()
    if valued_at is None or entry is None:
        return None
    return local_date(max(valued_at, entry.recorded_at), program.tzinfo).replace(day=1)


@transaction.atomic
def _close(program: Program, month: date, now: datetime) -> bool:
    """Close one month; whoever comes second waits for the first, and finds it closed."""
    bulk.fetch("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, program.pk])
    if ClosedMonth.objects.filter(program=program, month=month).exists():
        return False
    since, until = instants_of(month, program.tzinfo)
    # Counted first: what is committed in between is added up, and found to be no difference when the next one is closed.
    there = recorded(program, since, until)
    found = books(program, since=since, until=until)
    last = _last_closed(program)
    _fix_prices(program, found, until)
    rows = [_row(program, month, until, now, each, there.get(each.wallet), last.get(each.wallet)) for each in found]
    bulk.insert(ClosedMonth, COLUMNS, rows)
    return bool(rows)


def _fix_prices(program: Program, found: list[WalletBooks], until: datetime) -> None:
    """Write down which part of its order's price belongs to each lot of a month: it is never divided again."""
    curves = {each.wallet: each.after.estimate.curve for each in found}
    parameters = pricing(program, policies(program, until, Clock.RECORDED), curves)
    for wallet in found:
        given: dict[str, Any] = {"code": wallet.wallet, "retailer": program.retailer_id, "until": until}
        if wallet.read_from:
            given["base"] = wallet.read_from
        sql = FIX_PRICES.format(since_base="AND e.recorded_at >= %(base)s" if wallet.read_from else "")
        bulk.fetch(sql, parameters | given)


def _last_closed(program: Program) -> Mapping[str, ClosedMonth]:
    closed = ClosedMonth.objects.filter(program=program).order_by("wallet", "-month").distinct("wallet")
    return {each.wallet: each for each in closed}


def _occurred_through(
    program: Program, until: datetime, wallet: str, there: Recorded | None, before: ClosedMonth | None
) -> datetime | None:
    """Return the last instant at which anything that was recorded before a month's end occurred."""
    known = there if before else recorded(program, EVER, until).get(wallet)
    found = (known and known.occurred_through, before and before.occurred_through)
    return max((each for each in found if each), default=None)


# fmt: off
COLUMNS = ("retailer_id", "program_id", "wallet", "month", "ends_at", "closed_at", "entries", "occurred_through",
           "point_value", "redeemed_share", "pending", "available", "held", "expected", "value", "liability", "deferred",
           "cohorts", "ends", "lines")
# fmt: on


def _row(  # noqa: PLR0913 - a row of many columns
    program: Program,
    month: date,
    until: datetime,
    now: datetime,
    wallet: WalletBooks,
    there: Recorded | None,
    before: ClosedMonth | None,
) -> tuple[Any, ...]:
    after, owed = wallet.after, owed_in(wallet.wallet, wallet.after, program.retailer.currency)
    estimate = after.estimate
    ends = [[each.redeemed, each.expired, each.cancelled] for each in after.ends]
    return (
        program.retailer_id, program.pk, wallet.wallet, month, until, now, there.entries if there else 0,
        _occurred_through(program, until, wallet.wallet, there, before), estimate.point_value, estimate.share,
        owed.pending, owed.available, owed.held, owed.expected, owed.value, owed.liability, owed.deferred,
        json.dumps(cohorts_written(after.cohorts)), json.dumps(ends),
        json.dumps(entries_written(entries_of(wallet, program.retailer.currency))),
    )  # fmt: skip


FIRST_VALUE = """
SELECT min(v.effective_from) FROM points_pointspolicy p JOIN programs_programversion v ON v.id = p.version_id
WHERE v.program_id = %s AND v.status = 'published' AND p.point_value IS NOT NULL
"""
FIX_PRICES = """
WITH entries AS MATERIALIZED (
    SELECT id, wallet_id FROM points_entry e
    WHERE e.retailer_id = %(retailer)s AND e.recorded_at < %(until)s {since_base}
), wanted AS (
    SELECT DISTINCT m.lot_id FROM entries e
    CROSS JOIN LATERAL (SELECT code, membership_id FROM points_wallet WHERE id = e.wallet_id OFFSET 0) AS w
    CROSS JOIN LATERAL (SELECT program_id FROM memberships_membership WHERE id = w.membership_id OFFSET 0) AS s
    CROSS JOIN LATERAL (
        SELECT lot_id FROM points_movement WHERE entry_id = e.id AND from_state = 'issued' OFFSET 0
    ) AS m
    CROSS JOIN LATERAL (SELECT from_lot_id FROM points_lot WHERE id = m.lot_id OFFSET 0) AS l
    WHERE w.code = %(code)s AND s.program_id = %(program)s AND l.from_lot_id IS NULL
), {priced}
INSERT INTO points_allocatedprice (lot_id, retailer_id, price)
SELECT lot_id, %(retailer)s, price FROM priced ON CONFLICT (lot_id) DO NOTHING
""".replace("{priced}", PRICED)

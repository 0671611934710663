"""
Where a program's points are between two instants, by the month in which they were earned: reads only.

What a closed month says is read from it, and only what was recorded since is added up.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from customers.core.calendar import midnight
from customers.core.values import dataclass
from loyalty.points.allocation import Policy, policies
from loyalty.points.changes import BookPeriod, Change, recorded, scan
from loyalty.points.models import ClosedMonth
from loyalty.points.statement import Clock
from loyalty.points.valuation import (
    NOTHING,
    Cohort,
    CohortKey,
    Curve,
    Ends,
    Estimate,
    added,
    curve_of,
    months_between,
)
from loyalty.programs.models import Program

Cohorts = dict[CohortKey, Cohort]


@dataclass(frozen=True, slots=True)
class Side:
    """
    A wallet's points at an instant, and what is expected of them.

    :param month: the one to which the instant belongs, by its first day
    """

    cohorts: Cohorts
    ends: Sequence[Ends]
    estimate: Estimate
    month: date

    def age(self, key: CohortKey) -> int:
        return months_between(key.earned, self.month)

    @property
    def expected(self) -> Decimal:
        """Return how many open points are expected to be redeemed."""
        return sum((self.estimate.expected(each, self.age(key)) for key, each in self.cohorts.items()), NOTHING)

    @property
    def deferred(self) -> Decimal:
        """Return the price that is not yet earned, unrounded."""
        return sum((self.estimate.deferred(each, self.age(key)) for key, each in self.cohorts.items()), NOTHING)


@dataclass(frozen=True, slots=True)
class WalletBooks:
    """
    A wallet's points at two instants, and what happened between. `before` is None where they had no value then.

    :param read_from: since when the ledger itself was read; None for all of it
    """

    wallet: str
    before: Side | None
    after: Side
    changes: Sequence[Change]
    read_from: datetime | None


def books(program: Program, *, since: datetime, until: datetime, clock: Clock = Clock.RECORDED) -> list[WalletBooks]:
    """Return the books of each wallet whose points have a value at the second instant, by code."""
    period = BookPeriod(program, since, until, clock)
    after = policies(program, until, clock)
    before = policies(program, since, clock) if since != until else after
    bases = _bases(period, list(after))
    changes = _changes(period, after, bases)
    late = _stragglers(period, bases) if clock is Clock.RECORDED else {}
    return [
        _wallet(period, before.get(code), after[code], bases.get(code), changes[code], late.get(code, []), code)
        for code in sorted(after)
    ]


def cohorts_written(cohorts: Cohorts) -> list[dict[str, Any]]:
    """Return cohorts as a closed month keeps them."""
    return [
        {"earned": f"{key.earned}", "is_paid": key.is_paid, **asdict(each), "price": str(each.price)}
        for key, each in sorted(cohorts.items())
    ]


def cohorts_read(rows: Iterable[dict[str, Any]]) -> Cohorts:
    """Return the cohorts of a closed month."""
    found = {}
    for row in rows:
        said = dict(row)
        key = CohortKey(date.fromisoformat(said.pop("earned")), said.pop("is_paid"))
        found[key] = Cohort(**said | {"price": Decimal(said["price"])})
    return found


def _bases(period: BookPeriod, codes: Sequence[str]) -> dict[str, ClosedMonth]:
    """Return the last closed month of each wallet that is the same by this clock."""
    closed = ClosedMonth.objects.filter(program=period.program, wallet__in=codes, ends_at__lte=period.since)
    if period.clock is Clock.OCCURRED:
        closed = closed.filter(occurred_through__lt=period.since)
    return {each.wallet: each for each in closed.order_by("wallet", "-month").distinct("wallet")}


def _changes(
    period: BookPeriod, known: Mapping[str, Policy], bases: Mapping[str, ClosedMonth]
) -> dict[str, list[Change]]:
    """Return what happened since each wallet's base; by history, an order's price is known only when the curve is."""
    found = scan(period, known, bases, {})
    by_history = [code for code in known if known[code].by_history]
    if by_history:
        curves = {code: _curve(found[code], bases.get(code), period.months[1]) for code in by_history}
        if any(curve.shares[0] != 1 for curve in curves.values()):
            found = scan(period, known, bases, curves)
    return found


def _curve(changes: Iterable[Change], base: ClosedMonth | None, month: date) -> Curve:
    cohorts, ends = _ended(changes, base)
    return curve_of(ends, cohorts, month)


def _stragglers(period: BookPeriod, bases: Mapping[str, ClosedMonth]) -> dict[str, list[Change]]:
    """
    Return what was committed only after a month was closed, though its instant of recording is in it.

    A month counts its entries when it is closed: where there are more by now, it is added up again, and what it is more
    belongs to the next one.
    """
    found = {}
    for code, base in bases.items():
        begins_at = midnight(base.month, period.program.tzinfo)
        there = recorded(period.program, begins_at, base.ends_at).get(code)
        if there is None or there.entries == base.entries:
            continue
        (again,) = (each for each in books(period.program, since=begins_at, until=base.ends_at) if each.wallet == code)
        found[code] = _differences(code, cohorts_read(base.cohorts), again.after.cohorts, base.month)
    return found


def _differences(code: str, said: Cohorts, proven: Cohorts, month: date) -> list[Change]:
    found = []
    for key, cohort in proven.items():
        more = cohort.minus(said.get(key, Cohort()))
        if more != Cohort():
            issued = more.price if more.issued else NOTHING
            found.append(Change(code, key, month, True, more, more.redeemed, 0, issued, issued - more.price))  # noqa: FBT003 - it is in the month that is open
    return found


def _wallet(  # noqa: PLR0913 - what is known of one wallet
    period: BookPeriod,
    policy_before: Policy | None,
    policy: Policy,
    base: ClosedMonth | None,
    changes: Sequence[Change],
    late: Sequence[Change],
    code: str,
) -> WalletBooks:
    within = [*(each for each in changes if each.in_month), *late]
    months = period.months
    cohorts, ends = _ended((each for each in changes if not each.in_month), base)
    before = _side(cohorts, ends, policy_before, months[0]) if policy_before else None
    for each in within:
        cohorts = _with(cohorts, each)
    after = _side(cohorts, added(ends, (each.ends for each in within)), policy, months[1])
    read_from = None
    if base:
        read_from = midnight(base.month, period.program.tzinfo) if late else base.ends_at
    return WalletBooks(code, before, after, within, read_from)


def _side(cohorts: Cohorts, ends: Sequence[Ends], policy: Policy, month: date) -> Side:
    estimate = Estimate(policy.point_value, policy.share)
    if policy.share is None:
        estimate = replace(estimate, curve=curve_of(ends, cohorts, month))
    return Side(cohorts, ends, estimate, month)


def _ended(changes: Iterable[Change], base: ClosedMonth | None) -> tuple[Cohorts, list[Ends]]:
    """Return a base with changes made."""
    cohorts = cohorts_read(base.cohorts) if base else {}
    ends = [Ends(*each) for each in base.ends] if base else []
    changes = list(changes)
    for change in changes:
        cohorts = _with(cohorts, change)
    return cohorts, added(ends, (change.ends for change in changes))


def _with(cohorts: Cohorts, change: Change) -> Cohorts:
    return cohorts | {change.key: cohorts.get(change.key, Cohort()).plus(change.change)}

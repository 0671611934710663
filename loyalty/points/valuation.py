"""
What points are worth in the books: pure, by the month in which they were earned and whether an order paid for them.

The points of one month are one portfolio (IFRS 15, paragraph 4). The part of the price that was allocated to them becomes
revenue as they are redeemed, in proportion to all that are expected to be (B44-B47); when what is expected changes, all
that was recognised before is put right in the month of the change (paragraphs 87-88, illustrative example 52).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from customers.core.values import dataclass

NOTHING, ALL = Decimal(0), Decimal(1)
MAX_AGE_MONTHS = 120
ENOUGH_POINTS = 1_000  # that were redeemed or expired: below that a share of them says nothing


class CohortKey(NamedTuple):
    """
    Which points are valued together.

    :param earned: the first day of the month in which they were earned, in the program's zone
    :param is_paid: that an order paid for them
    """

    earned: date
    is_paid: bool


@dataclass(frozen=True, slots=True)
class Cohort:
    """
    Where the points of one key are, or how that changed.

    :param issued: all of them, once, however often they were transferred
    :param cancelled: those that returns took back
    :param price: allocated to those that were issued and not cancelled, in the retailer's currency
    """

    issued: int = 0
    cancelled: int = 0
    redeemed: int = 0
    expired: int = 0
    pending: int = 0
    available: int = 0
    held: int = 0
    price: Decimal = NOTHING

    @property
    def open(self) -> int:
        return self.pending + self.available + self.held

    def plus(self, change: "Cohort") -> "Cohort":
        """Return it as it is after a change."""
        return Cohort(*(getattr(self, each.name) + getattr(change, each.name) for each in fields(self)))

    def minus(self, change: "Cohort") -> "Cohort":
        """Return what leads from another one to it."""
        return Cohort(*(getattr(self, each.name) - getattr(change, each.name) for each in fields(self)))


@dataclass(frozen=True, slots=True)
class Ends:
    """How many points of some age were redeemed, expired, or taken back."""

    redeemed: int = 0
    expired: int = 0
    cancelled: int = 0

    def plus(self, more: "Ends") -> "Ends":
        return Ends(self.redeemed + more.redeemed, self.expired + more.expired, self.cancelled + more.cancelled)


@dataclass(frozen=True, slots=True)
class Curve:
    """
    How much of what is open is redeemed in the end, by the age of its points in months.

    :param shares: by age; the last one for all that are older
    :param observed: the points that ended, on which it rests
    """

    shares: tuple[Decimal, ...] = (ALL,)
    observed: int = 0

    def at(self, age: int) -> Decimal:
        return self.shares[min(age, len(self.shares) - 1)]


@dataclass(frozen=True, slots=True)
class Estimate:
    """
    What a wallet's points are worth, and how many of them are expected to be redeemed.

    :param point_value: of a redeemed point, in the retailer's currency
    :param share: of all points of a month, as the retailer expects; None where history tells
    """

    point_value: Decimal
    share: Decimal | None
    curve: Curve = Curve()

    @property
    def share_at_birth(self) -> Decimal:
        """Return how much of what is earned now is expected to be redeemed."""
        return self.curve.shares[0] if self.share is None else self.share

    def expected(self, cohort: Cohort, age: int) -> Decimal:
        """Return how many of a cohort's open points are still expected to be redeemed."""
        if self.share is None:
            return max(cohort.open, 0) * self.curve.at(age)
        still = self.share * (cohort.issued - cohort.cancelled) - cohort.redeemed
        return max(min(still, Decimal(cohort.open)), NOTHING)

    def revenue_per_point(self, cohort: Cohort, age: int) -> Decimal:
        """Return what one redeemed point earns: the price by all that are expected to be redeemed, before and from now."""
        in_all = cohort.redeemed + self.expected(cohort, age)
        return max(cohort.price, NOTHING) / in_all if in_all > 0 else NOTHING

    def deferred(self, cohort: Cohort, age: int) -> Decimal:
        """Return the part of a cohort's price that is not yet earned."""
        return self.expected(cohort, age) * self.revenue_per_point(cohort, age)


def months_between(earlier: date, later: date) -> int:
    """Return how many months one day's month is before another's; none where it is not."""
    return max(0, (later.year - earlier.year) * 12 + later.month - earlier.month)


def curve_of(ends: Sequence[Ends], cohorts: Mapping[CohortKey, Cohort], month: date) -> Curve:
    """
    Estimate from what was seen how much of an open point's kind is redeemed in the end.

    At each age some of what was still open was redeemed, some expired, and the rest went on: two risks that compete for
    a point (a cumulative incidence; Kalbfleisch and Prentice 2002, chapter 8). What is open now counts as long as it was
    seen. What no history tells is taken as redeemed: a liability is rather too large than too small.

    :param ends: by age in months
    :param month: the one in which the cohorts are as they are
    """
    redeemed, expired = sum(each.redeemed for each in ends), sum(each.expired for each in ends)
    if redeemed + expired < ENOUGH_POINTS:
        return Curve((ALL,), redeemed + expired)
    still_open = _open_by_age(cohorts, month)
    ages = min(max(len(ends), max(still_open, default=0) + 1), MAX_AGE_MONTHS + 1)
    share = Decimal(redeemed) / Decimal(redeemed + expired)
    shares: list[Decimal] = []
    at_risk = 0
    for age in reversed(range(ages)):
        end = ends[age] if age < len(ends) else Ends()
        at_risk += end.redeemed + end.expired + still_open.get(age, 0)
        if at_risk > 0:
            goes_on = Decimal(at_risk - end.redeemed - end.expired) / at_risk
            share = min(max(Decimal(end.redeemed) / at_risk + goes_on * share, NOTHING), ALL)
        at_risk += end.cancelled
        shares.append(share)
    return Curve(tuple(reversed(shares)), redeemed + expired)


def _open_by_age(cohorts: Mapping[CohortKey, Cohort], month: date) -> dict[int, int]:
    found: dict[int, int] = {}
    for key, cohort in cohorts.items():
        if cohort.open:
            age = min(months_between(key.earned, month), MAX_AGE_MONTHS)
            found[age] = found.get(age, 0) + cohort.open
    return found


def added(ends: Sequence[Ends], more: Iterable[tuple[int, Ends]]) -> list[Ends]:
    """Return ends by age with more of them; those that are too old count at the last age."""
    found = list(ends)
    for age, each in more:
        place = min(age, MAX_AGE_MONTHS)
        found += [Ends()] * (place + 1 - len(found))
        found[place] = found[place].plus(each)
    return found

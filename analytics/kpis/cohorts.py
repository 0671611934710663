"""Customers by the month of their first order: how many are still active months later, and what they brought. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from analytics.kpis.periods import Grain, Period, after


@dataclass(frozen=True, slots=True)
class Lived:
    """What the customers of a cohort did in one month: how many ordered, and the revenue."""

    cohort: date
    month: date
    active: int
    revenue: float


@dataclass(frozen=True, slots=True)
class Age:
    """
    A cohort so many months after its first one.

    :param share: of its customers who ordered in that month
    :param cumulated: revenue from the first order to the month's end, of all together
    :param is_complete: whether the month is over; one that is not is never compared
    """

    months: int
    active: int
    share: float
    revenue: float
    cumulated: float
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Cohort:
    """The customers whose first order was in a month."""

    month: date
    customers: int
    ages: tuple[Age, ...]


def cohorts(lived: Iterable[Lived], as_of: date, until: date) -> list[Cohort]:
    """
    Return all cohorts, the earliest first, each from its first month to the one of a day.

    :param as_of: the last whole day that is known, that day included
    :param until: the last day that is counted, which may still run
    """
    rows: dict[date, dict[date, Lived]] = defaultdict(dict)
    for each in lived:
        rows[each.cohort][each.month] = each
    return [_cohort(month, rows[month], as_of, until) for month in sorted(rows)]


def _cohort(month: date, rows: dict[date, Lived], as_of: date, until: date) -> Cohort:
    first = rows.get(month)
    customers = first.active if first else 0
    ages, cumulated, place, start = [], 0.0, 0, month
    while start <= until:
        row = rows.get(start, Lived(month, start, 0, 0.0))
        cumulated += row.revenue
        is_over = Period(start, Grain.MONTH).is_over(after_day(as_of))
        share = row.active / customers if customers else 0.0
        ages.append(Age(place, row.active, share, row.revenue, cumulated, is_over))
        place, start = place + 1, after(start, Grain.MONTH)
    return Cohort(month, customers, tuple(ages))


def after_day(day: date) -> date:
    """Return the day after."""
    return date.fromordinal(day.toordinal() + 1)

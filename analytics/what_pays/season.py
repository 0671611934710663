"""
How much more or less than on an average day is sold in each month, or each week, of the year (season index). Pure.

What was sold a day in a period is divided by the centred moving average over one whole year around it, which takes growth and
all that repeats each year out of what it is compared with; the index of a month is the mean of these ratios over the years, all
scaled so that they are 1 on average (ratio to moving average; Persons 1919, the first step of Census X-11 still). The average
needs half a year before and behind, so two whole years of sales tell each month once, and three twice.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from statistics import fmean

MIN_YEARS = 2


class Cycle(StrEnum):
    """Of which parts of the year an index is told."""

    MONTH = "month"
    WEEK = "week"


PARTS: Mapping[Cycle, int] = {Cycle.MONTH: 12, Cycle.WEEK: 52}


class WhyNot(StrEnum):
    """Why there is no index."""

    TOO_SHORT = "too_short"
    NO_SALES = "no_sales"


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sold in a whole month or week. :param revenue: a day, as `orders`"""

    start: date
    revenue: float
    orders: float


@dataclass(frozen=True, slots=True)
class Index:
    """
    Of a part of the year, its sales a day by those of an average day: 1.2 is a fifth more.

    :param low: the least of its years, `high` the most; the index itself where there is one year alone
    :param years: that it rests on
    """

    value: float
    low: float
    high: float
    years: int


@dataclass(frozen=True, slots=True)
class PartIndex:
    """A month from 1 to 12, or a week from 1 to 52, with its index by revenue and by orders."""

    part: int
    revenue: Index
    orders: Index


@dataclass(frozen=True, slots=True)
class Season:
    """
    What is told of the year.

    :param parts: empty where nothing is told
    :param whole: so many whole months or weeks are known; `needed` are
    :param begins: the first day of the first one; None where there is none
    """

    cycle: Cycle
    whole: int
    needed: int
    begins: date | None
    parts: tuple[PartIndex, ...] = ()
    why_not: WhyNot | None = None

    @property
    def years(self) -> int:
        """Return the fewest years on which one of its indexes rests."""
        return min((each.revenue.years for each in self.parts), default=0)


def season_of(sold: Sequence[Sold], cycle: Cycle) -> Season:
    """
    Return the season index of a retailer's sales, or why there is none.

    :param sold: whole months or weeks that follow each other without a gap, the earliest first
    """
    whole, needed, begins = len(sold), MIN_YEARS * PARTS[cycle], sold[0].start if sold else None
    places = [(part_of(each.start, cycle), _year_of(each.start, cycle)) for each in sold]
    by_revenue = _indexes([each.revenue for each in sold], places, cycle)
    by_orders = _indexes([each.orders for each in sold], places, cycle)
    if whole < needed:
        return Season(cycle, whole, needed, begins, why_not=WhyNot.TOO_SHORT)
    if by_revenue is None or by_orders is None:
        return Season(cycle, whole, needed, begins, why_not=WhyNot.NO_SALES)
    if len(by_revenue) < PARTS[cycle]:  # a year of 53 weeks among them: one more is needed
        return Season(cycle, whole, whole + 1, begins, why_not=WhyNot.TOO_SHORT)
    parts = tuple(PartIndex(part, by_revenue[part], by_orders[part]) for part in sorted(by_revenue))
    return Season(cycle, whole, needed, begins, parts)


def part_of(start: date, cycle: Cycle) -> int:
    """Return which month or ISO week begins on a day; the 53rd is counted with the 52nd, as most years have none."""
    return start.month if cycle is Cycle.MONTH else min(start.isocalendar().week, PARTS[Cycle.WEEK])


def _year_of(start: date, cycle: Cycle) -> int:
    """Return the year of which a month, or an ISO week, is."""
    return start.year if cycle is Cycle.MONTH else start.isocalendar().year


def _indexes(values: Sequence[float], places: Sequence[tuple[int, int]], cycle: Cycle) -> dict[int, Index] | None:
    """
    Return the index of each part of the year that a whole year surrounds; None where a whole year sold nothing.

    :param places: of each value, the part of the year and the year
    """
    ratios: dict[tuple[int, int], list[float]] = defaultdict(list)
    half = PARTS[cycle] // 2
    for place in range(half, len(values) - half):
        around = values[place - half : place + half + 1]
        average = (sum(around) - (around[0] + around[-1]) / 2) / (2 * half)
        if average <= 0:
            return None
        ratios[places[place]].append(values[place] / average)
    by_year: dict[int, list[float]] = defaultdict(list)
    for (part, _year), found in ratios.items():
        by_year[part].append(fmean(found))  # of the 53rd and the 52nd week of one year
    means = {part: fmean(found) for part, found in by_year.items()}
    mean = fmean(means.values()) if means else 0.0
    if means and mean <= 0:
        return None
    return {
        part: Index(means[part] / mean, min(found) / mean, max(found) / mean, len(found))
        for part, found in by_year.items()
    }

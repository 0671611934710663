"""
The key figures by their definitions, from counts. Pure.

A period that still runs is marked open and never compared: it has had less time. Where nothing can be counted a figure is
None, which is not 0.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from math import isclose

from analytics.kpis.counts import Answers, Counted
from analytics.kpis.periods import Period
from analytics.kpis.scores import NOBODY, Z95, Score, change, nps, share


class Unit(StrEnum):
    """How a figure is written."""

    COUNT = "count"
    MONEY = "money"
    SHARE = "share"
    RATIO = "ratio"
    POINTS = "points"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Kpi:
    """
    A key figure; `words.py` has its name and its formula.

    :param good: 1 where more is better, -1 where less is, 0 where it is neither
    :param is_grouped: whether it can be told by tier, segment and channel
    """

    code: str
    unit: Unit
    good: int = 1
    is_grouped: bool = True


KPIS = (
    Kpi("active_customers", Unit.COUNT),
    Kpi("new_customers", Unit.COUNT),
    Kpi("retention", Unit.SHARE),
    Kpi("churn", Unit.SHARE, -1),
    Kpi("repeat_rate", Unit.SHARE),
    Kpi("frequency", Unit.RATIO),
    Kpi("average_order", Unit.MONEY),
    Kpi("revenue", Unit.MONEY),
    Kpi("revenue_per_customer", Unit.MONEY),
    Kpi("profit_per_customer", Unit.MONEY, is_grouped=False),
    Kpi("known_share", Unit.SHARE, is_grouped=False),
    Kpi("acquisition_cost", Unit.MONEY, -1, is_grouped=False),
    Kpi("payback", Unit.MONTHS, -1, is_grouped=False),
    Kpi("nps", Unit.POINTS),
    Kpi("csat", Unit.SHARE),
    Kpi("redemption_rate", Unit.SHARE, is_grouped=False),
    Kpi("expiry_rate", Unit.SHARE, 0, is_grouped=False),
    Kpi("liability", Unit.MONEY, 0, is_grouped=False),
    Kpi("program_cost", Unit.MONEY, 0, is_grouped=False),
    Kpi("program_return", Unit.RATIO, is_grouped=False),
)
SURVEYS = frozenset({"nps", "csat"})
BY_CODE: Mapping[str, Kpi] = {each.code: each for each in KPIS}


@dataclass(frozen=True, slots=True)
class Point:
    """
    A figure in one period.

    :param n: what it rests on: customers, orders or answers
    :param is_over: whether the period is over
    :param is_partial: whether the data begin within it: it is never compared either
    """

    period: Period
    value: float | None
    n: int
    is_over: bool
    low: float | None = None
    high: float | None = None
    is_partial: bool = False

    @property
    def score(self) -> Score:
        """Return it with the error that its interval tells."""
        if self.value is None or self.low is None or self.high is None:
            return NOBODY
        return Score(self.value, self.low, self.high, (self.high - self.low) / (2 * Z95), self.n)


@dataclass(frozen=True, slots=True)
class Series:
    """A figure of a group over time, the earliest period first."""

    kpi: Kpi
    group: str
    points: tuple[Point, ...]

    @property
    def last(self) -> Point | None:
        """Return the last period that is over, the one that is told."""
        return next((point for point in reversed(self.points) if point.is_over), None)

    @property
    def change(self) -> float | None:
        """
        Return by how much that differs from the period before; None where either is not known, or not whole.

        1.10 of one order and 3.30 of three are as much, though their floats are not.
        """
        over = [point for point in self.points if point.is_over and not point.is_partial]
        if len(over) < 2 or over[-1].value is None or over[-2].value is None:  # noqa: PLR2004 - two periods
            return None
        now, then = over[-1].value, over[-2].value
        return 0.0 if isclose(now, then) else now - then

    @property
    def is_within_chance(self) -> bool:
        """Tell whether a change of answers is no more than who happened to answer: two periods' answers are independent."""
        over = [point for point in self.points if point.is_over and not point.is_partial][-2:]
        found = change(*(point.score for point in over)) if len(over) == 2 else None  # noqa: PLR2004 - two periods
        return self.kpi.code in SURVEYS and found is not None and not found.is_detectable


AT_THE_END = frozenset({"liability"})  # of a period, however long that was


def begun(series: Series, first: date) -> Series:
    """
    Return a figure with the period in which the data begin marked as partial.

    :param first: the first day of which anything is known
    """
    if series.kpi.code in AT_THE_END or len(series.points) < 2 or series.points[0].period.start >= first:  # noqa: PLR2004 - as of now, or whole
        return series
    earliest, *others = series.points
    return replace(series, points=(replace(earliest, is_partial=True), *others))


NOTHING = Counted(0, 0, 0.0, 0, 0)
OF_CUSTOMERS: Mapping[str, Callable[[Counted, Counted], tuple[float | None, int]]] = {
    "active_customers": lambda now, _before: (now.active, now.active),
    "new_customers": lambda now, _before: (now.new, now.active),
    "retention": lambda now, before: (_by(now.retained, before.active), before.active),
    "churn": lambda now, before: (_by(before.active - now.retained, before.active), before.active),
    "frequency": lambda now, _before: (_by(now.orders, now.active), now.active),
    "average_order": lambda now, _before: (_by(now.revenue, now.orders), now.orders),
    "revenue": lambda now, _before: (now.revenue, now.orders),
    "revenue_per_customer": lambda now, _before: (_by(now.revenue, now.active), now.active),
}
WITH_RANGES = frozenset({"retention", "churn"})


def of_customers(
    code: str, group: str, counted: Mapping[Period, Counted], periods: Sequence[Period], over: Mapping[Period, bool]
) -> Series:
    """
    Return a figure of a group's customers.

    :param counted: also of the period before the first one, where anything was
    """
    compute, points = OF_CUSTOMERS[code], []
    for period in periods:
        now, before = counted.get(period, NOTHING), counted.get(period.before, NOTHING)
        value, n = compute(now, before)
        range_of = share(now.retained, before.active) if code in WITH_RANGES else NOBODY
        low, high = range_of.low, range_of.high
        if code == "churn" and low is not None and high is not None:
            low, high = 1 - high, 1 - low
        points.append(Point(period, value, n, over[period], low, high))
    return Series(BY_CODE[code], group, tuple(points))


def of_answers(
    code: str, group: str, found: Mapping[Period, Answers], periods: Sequence[Period], over: Mapping[Period, bool]
) -> Series:
    """Return NPS or CSAT of a group; a period without an answer has none, which is not 0."""
    points = [_answered(score_of(code, found.get(period)), period, over[period]) for period in periods]
    return Series(BY_CODE[code], group, tuple(points))


def score_of(code: str, found: Answers | None) -> Score:
    """Return the score of some answers: NPS from -100 to 100, CSAT as a share."""
    if found is None:
        return NOBODY
    if code == "nps":
        return nps(found.promoters, found.passives, found.detractors)
    return share(found.satisfied, found.n)


def of_values(
    code: str, values: Mapping[Period, tuple[float | None, int]], periods: Iterable[Period], over: Mapping[Period, bool]
) -> Series:
    """Return a figure whose values are known already, with what each rests on."""
    points = [Point(period, *values.get(period, (None, 0)), over[period]) for period in periods]
    return Series(BY_CODE[code], "", tuple(points))


def _answered(score: Score, period: Period, is_over: bool) -> Point:  # noqa: FBT001 - a column
    return Point(period, score.value, score.n, is_over, score.low, score.high)


def _by(some: float, whole: float) -> float | None:
    return some / whole if whole else None

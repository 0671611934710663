"""
The board: every key figure of a retailer over time, for all customers or by group.

What is counted is counted when it is asked for, so it is as current as the last fact; what is modelled (the program's worth)
is that of the last run. What the data audit blocks has its reason in the place of the number.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from analytics.acquisition.channels import together
from analytics.acquisition.reading import acquisition, margin_of
from analytics.audit.running import latest, verdict_of
from analytics.audit.verdicts import Use, Verdict
from analytics.kpis import program_reading, serving
from analytics.kpis.cohorts import Lived
from analytics.kpis.counts import Answers, Counted
from analytics.kpis.figures import (
    BY_CODE,
    KPIS,
    OF_CUSTOMERS,
    Point,
    Series,
    begun,
    of_answers,
    of_customers,
    of_values,
)
from analytics.kpis.periods import SHOWN, Grain, Period, after, between, start_of
from analytics.kpis.program_reading import programs_of
from analytics.kpis.reading import (
    DIMENSIONS,
    Asked,
    Sales,
    Sold,
    Span,
    answers,
    ever,
    sales,
    span_of,
)
from analytics.kpis.scores import share
from analytics.models import AuditRun
from analytics.uplift_runs.running import latest_run
from analytics.uplift_runs.storing import from_json
from analytics.uplift_runs.worth import Worth
from customers.models import Retailer
from loyalty.programs.models import Program

ALL = "all"
# What can be told only where the data say when customers came.
NEEDS = {"new_customers": Use.COHORTS, "acquisition_cost": Use.CAC, "payback": Use.CAC}


@dataclass(frozen=True)
class Board:
    """
    What is known of a retailer's key figures.

    :param periods: the earliest first; the last one may still run
    :param series: by figure and group; the group is empty for all customers
    :param blocked: figures that the data do not carry, each with the use whose verdict says why
    :param groups: codes of the groups, those with most customers first
    :param audit: by which they are blocked: what is said in their place is said by it, whatever a newer one finds meanwhile
    :param lived: what customers whose first order was in one of the months did since; by month and for all together
    """

    retailer: Retailer
    grain: Grain
    dimension: str
    span: Span
    periods: tuple[Period, ...]
    series: Mapping[tuple[str, str], Series]
    blocked: Mapping[str, Use] = field(default_factory=dict)
    groups: tuple[str, ...] = ("",)
    notes: tuple[str, ...] = ()
    audit: AuditRun | None = None
    lived: Sequence[Lived] = ()

    def verdict(self, use: Use) -> Verdict:
        """Return whether the data carry a use, by the audit that the figures were told by."""
        return verdict_of(self.audit, use)


def board(
    retailer: Retailer, *, now: datetime, grain: Grain = Grain.MONTH, dimension: str = ALL, shown: int = 0
) -> Board | None:
    """
    Return a retailer's board; None before its first order.

    :param dimension: all, tier, segment or channel; by a group only those figures are told that customers divide
    :param shown: how many periods; as many as a chart shows if 0
    """
    span = span_of(retailer, now)
    if span is None:
        return None
    asked, periods = _asked(retailer, span, grain, dimension, shown or SHOWN[grain])
    over = {each: each.is_over(span.as_of + timedelta(days=1)) for each in periods}
    sold = sales(asked)
    counted = _by_group(sold.groups, grain)
    groups = _ordered(counted, periods)
    audit = latest(retailer.pk)
    blocked = {code: use for code, use in NEEDS.items() if verdict_of(audit, use).is_blocked}
    series = {
        key: each for key, each in _of_groups(asked, groups, counted, periods, over) if each.kpi.code not in blocked
    }
    if dimension == ALL:
        series |= {(each.kpi.code, ""): each for each in _of_all(asked, sold, periods, over, audit)}
        series |= {(each.kpi.code, ""): each for each in _modelled(retailer, periods)}
        if "acquisition_cost" not in blocked:
            series |= {(each.kpi.code, ""): each for each in _acquired(retailer, audit, periods, now)}
    marked = {key: begun(each, span.first) for key, each in series.items()}
    return Board(retailer, grain, dimension, span, periods, marked, blocked, groups, audit=audit, lived=sold.lived)


def _asked(
    retailer: Retailer, span: Span, grain: Grain, dimension: str, shown: int
) -> tuple[Asked, tuple[Period, ...]]:
    last = start_of(span.until, grain)
    since = max(start_of(span.first, grain), after(last, grain, 1 - shown))
    programs = programs_of(retailer) if dimension == "tier" else []
    by_cohort = grain is Grain.MONTH and dimension == ALL
    asked = Asked(retailer, grain, since, span.until, dimension, programs[0].pk if programs else 0, by_cohort)
    return asked, tuple(between(since, span.until, grain))


def _by_group(found: Mapping[tuple[str, date], Counted], grain: Grain) -> dict[str, dict[Period, Counted]]:
    groups: dict[str, dict[Period, Counted]] = {}
    for (group, start), each in found.items():
        groups.setdefault(group, {})[Period(start, grain)] = each
    return groups


def _ordered(counted: Mapping[str, Mapping[Period, Counted]], periods: tuple[Period, ...]) -> tuple[str, ...]:
    sizes = {group: sum(rows[each].active for each in periods if each in rows) for group, rows in counted.items()}
    return tuple(sorted(sizes, key=lambda group: (-sizes[group], group))) or ("",)


def _of_groups(
    asked: Asked,
    groups: Iterable[str],
    counted: Mapping[str, Mapping[Period, Counted]],
    periods: tuple[Period, ...],
    over: Mapping[Period, bool],
) -> Iterator[tuple[tuple[str, str], Series]]:
    """Yield the figures that customers divide: those of orders, the repeat rate, and answers to surveys."""
    said = answers(asked)
    all_time = ever(asked)
    for group in groups:
        for code in OF_CUSTOMERS:
            yield (code, group), of_customers(code, group, counted.get(group, {}), periods, over)
        bought = all_time.get(group)
        rate = share(bought.repeated, bought.customers) if bought else share(0, 0)
        now = Point(periods[-1], rate.value, rate.n, is_over=True, low=rate.low, high=rate.high)
        yield ("repeat_rate", group), Series(BY_CODE["repeat_rate"], group, (now,))
        for kind in ("nps", "csat"):
            mine: dict[Period, Answers] = {
                Period(start, asked.grain): each
                for (whose, start, what), each in said.items()
                if (whose, what) == (group, kind)
            }
            yield (kind, group), of_answers(kind, group, mine, periods, over)


def _of_all(
    asked: Asked,
    sold: Sales,
    periods: tuple[Period, ...],
    over: Mapping[Period, bool],
    audit: AuditRun | None,
) -> Iterator[Series]:
    """Yield the figures of the retailer as a whole that are counted by period."""
    counted = _by_group(sold.groups, asked.grain).get("", {})
    yield of_values("known_share", {each: _known_share(each, counted, sold) for each in periods}, periods, over)
    moved = program_reading.points(asked)
    given = {each: moved.get(each.start, program_reading.Points(0, 0, 0)) for each in periods}
    for code in ("redemption_rate", "expiry_rate"):
        ended = {each: found.redeemed if code == "redemption_rate" else found.expired for each, found in given.items()}
        # More may have been taken back than was given: of that nothing is a share.
        issued = {each: max(found.issued, 0) for each, found in given.items()}
        values = {each: (_by(ended[each], issued[each]), issued[each]) for each in periods}
        yield of_values(code, values, periods, over)
    if closed := program_reading.liabilities(asked.retailer):
        yield of_values("liability", {each: (_at_the_end(closed, each), 0) for each in periods}, periods, over)
    margin = margin_of(asked.retailer, audit)
    if margin.basis != "none":
        paid = {each: found.paid for each, found in counted.items()}
        costs = serving.costs(asked, periods, paid)
        profits = {
            each: (_by(margin.of(found.revenue, found.paid) - costs[each], found.active), found.active)
            for each in periods
            if (found := counted.get(each))
        }
        yield of_values("profit_per_customer", profits, periods, over)


def _known_share(period: Period, counted: Mapping[Period, Counted], sold: Sales) -> tuple[float | None, int]:
    """Return which share of all revenue known customers brought, and of how many orders."""
    whole = sold.whole.get(period.start, Sold(0.0, 0))
    return _by(counted[period].revenue if period in counted else 0.0, whole.revenue), whole.orders


def _modelled(retailer: Retailer, periods: tuple[Period, ...]) -> Iterator[Series]:
    """Yield what programs cost and bring as of the last measurement of the uplift."""
    worths = [worth for program in programs_of(retailer) if (worth := _worth_of(program))]
    if worths:
        cost = sum(each.cost.total for each in worths)
        yield _now("program_cost", periods, cost, n=sum(each.members for each in worths))
    if len(worths) == 1 and (back := worths[0].returned):
        point = Point(periods[-1], back.value, worths[0].members, is_over=True, low=back.low, high=back.high)
        yield Series(BY_CODE["program_return"], "", (point,))


def _worth_of(program: Program) -> Worth | None:
    run = latest_run(program)
    return None if run is None or run.worth is None else from_json(Worth, run.worth)


def _acquired(
    retailer: Retailer, audit: AuditRun | None, periods: tuple[Period, ...], now: datetime
) -> Iterator[Series]:
    """Yield what a new customer costs, of all channels with a cost through which any came, and when it is earned back."""
    found = acquisition(retailer, audit, now=now, only_with_costs=True)
    paid = [each for each in found.channels if each.spent and each.customers] if found else []
    if found is None or not paid:
        return
    won, overall = sum(each.customers for each in paid), together(paid)
    yield _now("acquisition_cost", periods, overall.paid.value, n=won)
    if found.margin.basis != "none" and overall.payback.period is not None:
        yield _now("payback", periods, overall.payback.period, n=won)


def _now(code: str, periods: tuple[Period, ...], value: float, *, n: int = 0) -> Series:
    return Series(BY_CODE[code], "", (Point(periods[-1], value, n, is_over=True),))


def _at_the_end(closed: Mapping[date, float], period: Period) -> float | None:
    """Return what the last month that ended in a period closed with; None where none of them is closed."""
    days = [day for day in closed if period.start <= day < period.end]
    return closed[max(days)] if days else None


def _by(some: float, whole: float) -> float | None:
    return some / whole if whole else None


GROUPED = tuple(each.code for each in KPIS if each.is_grouped)
__all__ = ["ALL", "DIMENSIONS", "GROUPED", "Board", "board"]

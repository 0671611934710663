"""The figures of what customers are worth: a fixed number of statements, each of which brings back sums only."""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from analytics.models import ValueRun
from analytics.statistics import BACK, KEPT, OF_RETAILER
from customers.core import bulk
from customers.core.calendar import add_months

BINS = 20  # of the histogram, about
PERCENT = 100
SHOWN_MONTHS = 13
SHOWN_RUNS = 6
NICE = (1, 2, 5, 10)  # times a power of ten: what a bar is wide

# What was written down of the last run that was published; who was erased or merged since is not in it.
PUBLISHED = """
FROM customers_insight i JOIN customers_customer c ON c.id = i.customer_id
WHERE c.retailer_id = %(retailer)s AND i.predicted_value IS NOT NULL
"""
PERCENTS = f"""
SELECT 1 + (place - 1) * 100 / customers, count(*), sum(value), max(value)
FROM (SELECT i.predicted_value AS value, row_number() OVER (ORDER BY i.predicted_value DESC) AS place,
          count(*) OVER () AS customers {PUBLISHED}) ranked
GROUP BY 1 ORDER BY 1
"""
BARS = f"""
SELECT least(greatest(floor(i.predicted_value / %(width)s), -1), %(last)s)::int, count(*), sum(i.predicted_value)
{PUBLISHED} GROUP BY 1 ORDER BY 1
"""
RISK = f"""
SELECT coalesce(i.value_decile, 0), count(*), count(*) FILTER (WHERE i.at_risk),
    coalesce(sum(i.value_if_active) FILTER (WHERE i.at_risk), 0),
    coalesce(sum(i.predicted_value) FILTER (WHERE i.at_risk), 0)
{PUBLISHED} GROUP BY 1 ORDER BY 1 DESC
"""
# A purchase is a day that keeps something, as in the statistics.
DAYS = f"""
WITH {BACK.format(**OF_RETAILER)}, days AS (
    SELECT o.customer_id, s.first_day, o.local_date AS day, sum({KEPT}) AS value
    FROM customers_order o JOIN analytics_customerstatistics s ON s.customer_id = o.customer_id
    LEFT JOIN back b ON b.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND {{which}}
    GROUP BY 1, 2, 3 HAVING sum({KEPT}) > 0
)
"""
COHORTS = f"""
{DAYS.format(which="s.first_day >= %(since)s AND o.local_date < %(until)s")}
SELECT date_trunc('month', first_day)::date, date_trunc('month', day)::date, count(DISTINCT customer_id), sum(value)
FROM days GROUP BY 1, 2 ORDER BY 1, 2
"""
PREDICTED = """
SELECT run_id, sum(expected_purchases), sum(expected_purchases * expected_order_value)
FROM analytics_customervalue WHERE run_id = ANY(%(runs)s) GROUP BY 1
"""
SINCE = f"""
{DAYS.format(which="o.local_date > %(since)s")}
SELECT r.id, count(*), sum(d.value)
FROM unnest(%(runs)s::bigint[], %(cuts)s::date[], %(ends)s::date[]) AS r(id, cut, until)
JOIN days d ON d.day > r.cut AND d.day <= r.until AND d.first_day <= r.cut
GROUP BY 1
"""


@dataclass(frozen=True)
class Percent:
    """
    The customers of the highest values, down to a percentage of all.

    :param percent: of the customers, 1 to 100; the last customer of them is counted whole
    :param customers: how many they are, from the highest value on
    :param value: of all these
    """

    percent: int
    customers: int
    value: Decimal


@dataclass(frozen=True)
class Bar:
    """
    Customers whose values are alike.

    :param low: the least of their values; None where all below `high` are meant
    :param high: what all of them are below; None where there is no end
    """

    low: Decimal | None
    high: Decimal | None
    customers: int
    value: Decimal


@dataclass(frozen=True)
class Risk:
    """
    Those at risk among a tenth of the customers.

    :param if_active: what those at risk would bring if they had not left
    :param predicted: what is expected of them as it is
    """

    decile: int
    customers: int
    at_risk: int
    if_active: Decimal
    predicted: Decimal


@dataclass(frozen=True)
class Values:
    """What is said of all customers; the lists are empty where nothing is."""

    percents: list[Percent]
    bars: list[Bar]
    risks: list[Risk]

    @property
    def customers(self) -> int:
        return self.percents[-1].customers if self.percents else 0

    @property
    def total(self) -> Decimal:
        return self.percents[-1].value if self.percents else Decimal(0)

    def share_of_first(self, percent: int) -> float | None:
        """Return the share of the value of the first so many percent of the customers; None where all is worth nothing."""
        if self.total <= 0:
            return None
        reached = next(each for each in self.percents if each.customers >= -(-self.customers * percent // PERCENT))
        return float(reached.value / self.total)


@dataclass(frozen=True)
class Cell:
    """What the customers of a cohort did in one month: how many of them bought, and for how much."""

    buyers: int
    revenue: Decimal


@dataclass(frozen=True)
class Cohort:
    """
    Customers by the month of their first purchase.

    :param cells: by months since, 0 being that of the first purchase; as many as are over
    """

    month: date
    cells: list[Cell]

    @property
    def customers(self) -> int:
        return self.cells[0].buyers

    def share(self, age: int) -> float:
        """Return the share of the customers who bought that many months later."""
        return self.cells[age].buyers / self.customers

    def revenue(self, age: int) -> float:
        """Return the net revenue of that month by customer, those who did not buy too."""
        return float(self.cells[age].revenue) / self.customers


@dataclass(frozen=True)
class Past:
    """
    What an earlier run had expected, and what has come of it.

    :param days: of the horizon that have gone by
    :param purchases: that were expected within the whole horizon, and `bought` those that have come so far
    :param revenue: that was expected, not discounted; None where the run knew no margin share
    """

    run: ValueRun
    days: int
    purchases: float
    bought: int
    revenue: float | None
    came: Decimal


def values(retailer_id: int) -> Values:
    """Return how predicted values are spread over customers: two or three statements."""
    rows = bulk.fetch(PERCENTS, {"retailer": retailer_id})
    if not rows:
        return Values([], [], [])
    percents, customers, total = [], 0, Decimal(0)
    for percent, count, value, _most in rows:
        customers, total = customers + count, total + value
        percents.append(Percent(int(percent), customers, total))
    # The few highest would leave no room for the others: in large shops the last bar has them.
    most = next((row[3] for row in rows if row[0] > 1), rows[0][3]) if customers >= PERCENT else rows[0][3]
    risks = [Risk(*row) for row in bulk.fetch(RISK, {"retailer": retailer_id})]
    return Values(percents, _bars(retailer_id, width_of(most), most), risks)


def _bars(retailer_id: int, width: Decimal, most: Decimal) -> list[Bar]:
    last = max(int(most // width) + 1, 1)
    found = {
        place: (count, value)
        for place, count, value in bulk.fetch(BARS, {"retailer": retailer_id, "width": width, "last": last})
    }
    return [
        Bar(
            None if place < 0 else place * width,
            None if place == last else (place + 1) * width,
            *found.get(place, (0, Decimal(0))),
        )
        for place in range(min(found), max(found) + 1)
    ]


def width_of(most: Decimal) -> Decimal:
    """Return how wide the bars up to a value are: a round number, by which there are at most 20 of them."""
    if most <= 0:
        return Decimal(1)
    wanted = most / BINS
    power = Decimal(10) ** math.floor(wanted.log10())
    return next(nice * power for nice in NICE if nice * power >= wanted)


def cohorts(retailer_id: int, cut: date) -> list[Cohort]:
    """Return the cohorts of the last 13 whole months before a day: one statement."""
    until = (cut + timedelta(days=1)).replace(day=1)
    asked = {"retailer": retailer_id, "since": add_months(until, -SHOWN_MONTHS), "until": until}
    found = {(first, month): Cell(buyers, revenue) for first, month, buyers, revenue in bulk.fetch(COHORTS, asked)}
    nothing = Cell(0, Decimal(0))
    return [
        Cohort(first, [found.get((first, add_months(first, age)), nothing) for age in range(_months(first, until))])
        for first in sorted({first for first, _month in found})
    ]


def _months(first: date, until: date) -> int:
    return (until.year - first.year) * 12 + until.month - first.month


def past(run: ValueRun) -> list[Past]:
    """Return what earlier runs with kept values had expected, and what came until a run's cut: one statement, or three."""
    runs = _earlier(run)
    if not runs:
        return []
    asked: dict[str, Any] = {
        "retailer": run.retailer_id,
        "runs": [each.pk for each in runs],
        "cuts": [each.data_cut for each in runs],
        "ends": [_end(each, run) for each in runs],
        "since": min(each.data_cut for each in runs if each.data_cut),
    }
    expected = {key: (purchases, money) for key, purchases, money in bulk.fetch(PREDICTED, {"runs": asked["runs"]})}
    came = {key: (bought, revenue) for key, bought, revenue in bulk.fetch(SINCE, asked)}
    return [
        _past(each, run, expected[each.pk], came.get(each.pk, (0, Decimal(0)))) for each in runs if each.pk in expected
    ]


def _earlier(run: ValueRun) -> list[ValueRun]:
    runs = ValueRun.objects.filter(
        retailer=run.retailer_id, status=ValueRun.Status.DONE, is_current=True, has_values=True,
        data_cut__lt=run.data_cut,
    )  # fmt: skip
    return list(runs.order_by("-data_cut", "-pk")[:SHOWN_RUNS])


def _end(earlier: ValueRun, run: ValueRun) -> date:
    assert earlier.data_cut is not None, "it ran"
    assert run.data_cut is not None, "it ran"
    return min(earlier.data_cut + timedelta(days=earlier.horizon_days), run.data_cut)


def _past(earlier: ValueRun, run: ValueRun, expected: tuple[float, float], came: tuple[int, Decimal]) -> Past:
    assert earlier.data_cut is not None, "it ran"
    share = earlier.margin_share
    return Past(
        run=earlier,
        days=(_end(earlier, run) - earlier.data_cut).days,
        purchases=expected[0],
        bought=came[0],
        revenue=expected[1] / share if share and share > 0 else None,
        came=came[1],
    )

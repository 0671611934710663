"""
The table of cohorts and months, summed by the database in one statement: of a million customers a few thousand rows come.

What counts is what was recorded until an instant and had happened by the cut. An order counts in its own month, less what came
back of it since, whenever that was.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
from django.db import transaction

from analytics import margins
from analytics.copying import read_columns
from analytics.statistics import BACK, COSTS, has_costs, with_money
from analytics.uplift.cohorts import KNOWN_MONTHS, CohortTable, whole_months
from analytics.uplift.panel import NEVER
from customers.core import bulk
from customers.models import Retailer
from loyalty.programs.models import Program

SIZE = 50_000  # rows of a block
EPOCH = date(1970, 1, 1)

FIELDS = {"cohort": "integer", "month": "integer", "other": "integer", "total": "double precision"}
RETURNS = """r.retailer_id = %(retailer)s AND (r.occurred_at AT TIME ZONE %(zone)s)::date <= %(cut)s
    AND r.recorded_at <= %(at)s"""
LINES = "l.retailer_id = %(retailer)s"
PLACE = "width_bucket({day}, %(months)s::date[]) - 1 - %(known)s"  # by the days on which months begin
# Months before the first one have places below 0: they say only who was known by then.
MONTHS = """
spent AS (
    SELECT o.customer_id AS customer, {place} AS month, sum(m.value) AS value, sum(m.paid) AS paid,
        sum(m.costed) AS costed, sum(m.cost) AS cost
    FROM customers_order o {money}
    WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL AND o.recorded_at <= %(at)s
        AND o.local_date >= %(since)s AND o.local_date < %(until)s
    GROUP BY 1, 2
), months AS MATERIALIZED (SELECT customer, month, {value} AS value FROM spent)
"""
# A merged customer's membership is that of the one who it turned out to be; who came back joined when it first did.
COHORTS = """
began AS (
    SELECT coalesce(c.merged_into_id, c.id) AS customer, least(m.enrolled_at, min(p.enrolled_at)) AS at
    FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
    LEFT JOIN memberships_membershipperiod p ON p.membership_id = m.id
    WHERE m.program_id = %(program)s AND m.recorded_at <= %(at)s GROUP BY m.id, c.id
), joined AS (
    SELECT customer, (min(at) AT TIME ZONE %(zone)s)::date AS day FROM began GROUP BY 1
), known AS MATERIALIZED (
    SELECT m.customer, CASE WHEN j.day < %(until)s THEN greatest({place}, 0) ELSE %(never)s END AS cohort
    FROM (SELECT DISTINCT customer FROM months WHERE month < %(early)s) m LEFT JOIN joined j USING (customer)
), kept AS MATERIALIZED (
    SELECT k.cohort, m.customer, m.month, m.value FROM months m JOIN known k USING (customer)
    WHERE m.month >= 0 AND m.value <> 0 AND k.cohort > 0
)
SELECT cohort, -1, -1, count(*)::float8 FROM known GROUP BY 1
UNION ALL SELECT cohort, month, -1, sum(value)::float8 FROM kept GROUP BY 1, 2
UNION ALL SELECT a.cohort, a.month, b.month, sum(a.value * b.value)::float8
    FROM kept a JOIN kept b ON b.customer = a.customer AND b.month >= a.month GROUP BY 1, 2, 3
"""
RATE = "coalesce(%(rate)s::numeric, {share}, 1)"
# What the known costs are of all orders, those of nobody as well: a run takes the same share.
SHARE = """
(SELECT 1 - sum(c.cost) / nullif(sum(c.amount), 0)
FROM customers_order o JOIN costs c ON c.order_id = o.id
WHERE o.retailer_id = %(retailer)s AND o.recorded_at <= %(at)s AND o.local_date <= %(cut)s AND %(rate)s::numeric IS NULL)
"""
BOUGHT_SINCE = "SELECT min(local_date) FROM customers_order WHERE retailer_id = %(retailer)s AND recorded_at <= %(at)s"


class NoWholeMonth(Exception):
    """Orders are of too few months: beside those by which customers are known there is no whole one."""


@dataclass(frozen=True)
class Wanted:
    """
    What a table is of.

    :param at: recorded until then
    :param margin: of the margin, by the lines' costs where they are known, else by the retailer's rate, else by the share
        that the known ones have; not of the revenue
    :param known_months: only of customers who bought in the first so many months, and of the months since; 0: of all
    """

    program: Program
    cut: date
    at: datetime
    margin: bool = False
    known_months: int = KNOWN_MONTHS


@transaction.atomic
def cohort_table(retailer: Retailer, wanted: Wanted) -> CohortTable:
    """Return a retailer's table of cohorts and months; raise NoWholeMonth where there is none."""
    months = _months(retailer, wanted)
    first = months.start + wanted.known_months
    bulk.execute("SET LOCAL work_mem = '256MB'")
    bulk.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    parameters = {
        "retailer": retailer.pk, "zone": retailer.zone, "program": wanted.program.pk, "cut": wanted.cut, "at": wanted.at,
        "since": _day(months.start), "until": _day(months.stop), "months": [_day(month) for month in months],
        "known": wanted.known_months, "early": 0 if wanted.known_months else len(months), "never": NEVER,
        "rate": retailer.margin_rate,
    }  # fmt: skip
    rows = list(read_columns(_statement(retailer, margin=wanted.margin), parameters, FIELDS, SIZE))
    return _table(np.concatenate(rows) if rows else None, first, months.stop - first)


def _months(retailer: Retailer, wanted: Wanted) -> range:
    ((since,),) = bulk.fetch(BOUGHT_SINCE, {"retailer": retailer.pk, "at": wanted.at})
    months = whole_months((since - EPOCH).days, (wanted.cut - EPOCH).days) if since else range(0)
    if len(months) <= wanted.known_months:
        raise NoWholeMonth
    return months


def _day(month: int) -> date:
    """Return the first day of a month since 1970-01."""
    return date(1970 + month // 12, month % 12 + 1, 1)


def _statement(retailer: Retailer, *, margin: bool) -> str:
    """Return the one statement; who wants no margin, or knows no costs, reads no lines."""
    by_costs = margin and has_costs(retailer)
    months = MONTHS.format(
        place=PLACE.format(day="o.local_date"), value=_margin(by_costs=by_costs) if margin else "value",
        money=with_money(knows_costs=by_costs),
    )  # fmt: skip
    tables = [BACK.format(returns=RETURNS), *[COSTS.format(returns=RETURNS, lines=LINES)][: int(by_costs)], months]
    return f"WITH {', '.join(tables)}, {COHORTS.format(place=PLACE.format(day='j.day'))}"


def _margin(*, by_costs: bool) -> str:
    names = {name: name for name in ("value", "paid", "costed", "cost")}
    return margins.SQL.format(rate=RATE.format(share=SHARE if by_costs else "NULL"), **names)


def _table(rows: Any, first: int, months: int) -> CohortTable:
    """Return the table of rows of three kinds: customers (no month), sums (one), and products (two)."""
    if rows is None:
        return CohortTable.of(np.empty((0, months)), np.empty(0, dtype=np.int32), first)
    cohort, month, other, total = (rows[name] for name in FIELDS)
    counts = month < 0
    left_out = counts & (cohort == 0)
    cohorts = np.unique(cohort[counts & ~left_out]).astype(np.int32)
    place = np.searchsorted(cohorts, cohort)
    customers = np.zeros(len(cohorts), dtype=np.int64)
    customers[place[counts & ~left_out]] = total[counts & ~left_out]
    sums, products = np.zeros((len(cohorts), months)), np.zeros((len(cohorts), months, months))
    single, double = ~counts & (other < 0), other >= 0
    sums[place[single], month[single]] = total[single]
    products[place[double], month[double], other[double]] = total[double]
    products[place[double], other[double], month[double]] = total[double]
    return CohortTable(first, cohorts, customers, sums, products, int(total[left_out].sum()))

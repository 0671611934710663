"""What was sold in each whole month or week, by one statement."""

from datetime import date, datetime, timedelta

from analytics.kpis.periods import Grain, after, between, start_of
from analytics.kpis.reading import Span, span_of
from analytics.statistics import KEPT
from analytics.what_pays.season import Cycle, Season, Sold, season_of
from customers.core import bulk
from customers.core.calendar import add_months
from customers.models import Retailer

MAX_YEARS = 6  # what was longer ago says little of the next one
SOLD = f"""
WITH back AS (SELECT order_id, sum(net_amount) AS amount FROM customers_return WHERE retailer_id = %(retailer)s GROUP BY 1),
per AS (
    SELECT o.local_date AS day, sum({KEPT}) AS value, count(*) AS orders
    FROM customers_order o LEFT JOIN back b ON b.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND o.local_date >= %(first)s AND o.local_date < %(until)s
        AND (b.amount >= o.net_amount) IS NOT TRUE
    GROUP BY 1
)
SELECT date_trunc(%(grain)s, day)::date, sum(value)::float8, sum(orders)::bigint FROM per GROUP BY 1
"""
GRAINS = {Cycle.MONTH: Grain.MONTH, Cycle.WEEK: Grain.WEEK}


def season(retailer: Retailer, cycle: Cycle, now: datetime) -> Season | None:
    """Return a retailer's season index by its last years, guests' orders too; None before its first order."""
    span = span_of(retailer, now)
    return None if span is None else season_of(_sold(retailer, span, GRAINS[cycle]), cycle)


def _first_whole(span: Span, grain: Grain) -> date:
    start = start_of(span.first, grain)
    return start if start == span.first else after(start, grain)


def _sold(retailer: Retailer, span: Span, grain: Grain) -> list[Sold]:
    """Return what was sold a day in whole periods, those without a sale too."""
    until = start_of(span.as_of + timedelta(days=1), grain)
    first = max(_first_whole(span, grain), start_of(add_months(until, -12 * MAX_YEARS), grain))
    given = {"retailer": retailer.pk, "grain": grain.value, "first": first, "until": until}
    found = {start: (revenue, orders) for start, revenue, orders in bulk.fetch_planned(SOLD, given)}
    rows = []
    for period in between(first, until - timedelta(days=1), grain):
        revenue, orders = found.get(period.start, (0.0, 0))
        days = (period.end - period.start).days
        rows.append(Sold(period.start, revenue / days, orders / days))
    return rows

"""
What key figures are counted from, in a fixed number of statements.

An order counts for its local day unless all of it came back; what it brought is what was paid with money and kept, as in the
statistics of customers. Orders of guests belong to nobody's figures; how much they are of all sales is a figure itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from analytics.data_end import has_ended, last_whole_day
from analytics.kpis.cohorts import Lived
from analytics.kpis.counts import Answers, Counted, Ever
from analytics.kpis.periods import Grain, after
from analytics.statistics import KEPT, PAID
from customers.core import bulk
from customers.core.calendar import local_date, midnight
from customers.models import Retailer

# How customers are told apart: the group that each is in now, and what joins it.
DIMENSIONS: dict[str, tuple[str, str]] = {
    "all": ("''", ""),
    "tier": (
        "coalesce(t.code, CASE WHEN m.id IS NULL THEN '-' ELSE '' END)",
        """LEFT JOIN memberships_membership m ON m.customer_id = c.id AND m.program_id = %(program)s AND m.left_at IS NULL
        LEFT JOIN tiers_standing st ON st.membership_id = m.id LEFT JOIN tiers_tier t ON t.id = st.tier_id""",
    ),
    "segment": ("coalesce(i.segment, '')", "LEFT JOIN customers_insight i ON i.customer_id = c.id"),
    "channel": ("coalesce(lower(btrim(c.acquisition_channel)), '')", ""),
}
DATES = "SELECT min(local_date), max(local_date) FROM customers_order WHERE retailer_id = %s"
BACK = """
back AS (SELECT order_id, sum(net_amount) AS amount FROM customers_return WHERE retailer_id = %(retailer)s GROUP BY 1)
"""
KEPT_ORDERS = f"""
{BACK}, kept AS (
    SELECT o.customer_id, date_trunc(%(grain)s, o.local_date)::date AS period, {KEPT} AS value, {PAID} AS paid
    FROM customers_order o LEFT JOIN back b ON b.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND o.local_date >= %(since)s AND o.local_date <= %(until)s
        AND (b.amount IS NULL OR b.amount < o.net_amount)
)
"""
COUNTS = f"""
WITH {KEPT_ORDERS}, per AS (
    SELECT customer_id, period, count(*) AS orders, sum(value) AS value, sum(paid) AS paid
    FROM kept WHERE customer_id IS NOT NULL GROUP BY 1, 2
), followed AS (
    SELECT *, lag(period) OVER (PARTITION BY customer_id ORDER BY period) AS before FROM per
)
SELECT {{group}}, f.period, count(*), sum(f.orders)::bigint, sum(f.value)::float8,
    count(*) FILTER (WHERE date_trunc(%(grain)s, s.first_day)::date = f.period),
    count(*) FILTER (WHERE f.before = (f.period - %(step)s::interval)::date), sum(f.paid)::float8
FROM followed f JOIN customers_customer c ON c.id = f.customer_id
LEFT JOIN analytics_customerstatistics s ON s.customer_id = f.customer_id {{joins}}
GROUP BY 1, 2
"""
# Of those who ever bought, who did on at least two days, and how often all of them ordered.
EVER = """
SELECT {group}, count(*), count(*) FILTER (WHERE s.purchase_days >= 2), sum(s.orders)::bigint
FROM analytics_customerstatistics s JOIN customers_customer c ON c.id = s.customer_id {joins}
WHERE s.retailer_id = %(retailer)s GROUP BY 1
"""
GUESTS = f"""
WITH {KEPT_ORDERS}
SELECT period, coalesce(sum(value) FILTER (WHERE customer_id IS NOT NULL), 0)::float8, coalesce(sum(value), 0)::float8,
    count(*)::bigint FROM kept GROUP BY 1
"""
COHORTS = f"""
WITH {KEPT_ORDERS}, per AS (
    SELECT customer_id, period, sum(value) AS value FROM kept WHERE customer_id IS NOT NULL GROUP BY 1, 2
)
SELECT date_trunc('month', s.first_day)::date, p.period, count(*), sum(p.value)::float8
FROM per p JOIN analytics_customerstatistics s ON s.customer_id = p.customer_id
WHERE p.period >= date_trunc('month', s.first_day)::date GROUP BY 1, 2
"""
# One answer a customer, survey and period: the last one, which replaces those before.
ANSWERS = """
WITH last AS (
    SELECT DISTINCT ON (a.customer_id, a.kind, 3) a.customer_id, a.kind,
        date_trunc(%(grain)s, a.occurred_at AT TIME ZONE %(zone)s)::date AS period, a.score
    FROM customers_interaction a
    WHERE a.retailer_id = %(retailer)s
        AND (a.kind = 'nps' AND a.score BETWEEN 0 AND 10 OR a.kind = 'csat' AND a.score BETWEEN 1 AND 5)
        AND a.occurred_at >= %(first)s AND a.occurred_at < %(last)s
    ORDER BY a.customer_id, a.kind, 3, a.occurred_at DESC, a.id DESC
)
SELECT {group}, l.period, l.kind, count(*) FILTER (WHERE l.score >= 9), count(*) FILTER (WHERE l.score IN (7, 8)),
    count(*) FILTER (WHERE l.score <= 6), count(*) FILTER (WHERE l.score >= 4), count(*)
FROM last l JOIN customers_customer c ON c.id = l.customer_id {joins} GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Span:
    """
    The time that figures are of.

    :param first: the first day with an order
    :param as_of: the last whole day that is known, that day included; periods that end with it are over
    :param until: the last day that is counted: today as well, which still runs, once something was ordered
    :param has_ended: whether the data ended long ago, so that days without orders since are no days of trade
    """

    first: date
    as_of: date
    until: date
    has_ended: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """
    What is looked at.

    :param since: the first day of the first period, `until` the last day that counts
    :param program: the id of the program whose tiers divide customers; 0 where none does
    """

    retailer: Retailer
    grain: Grain
    since: date
    until: date
    dimension: str = "all"
    program: int = 0

    @property
    def parameters(self) -> dict[str, Any]:
        step = {Grain.WEEK: "1 week", Grain.MONTH: "1 month", Grain.QUARTER: "3 months", Grain.YEAR: "1 year"}
        zone = self.retailer.zone
        return {
            "retailer": self.retailer.pk, "grain": self.grain.value, "step": step[self.grain], "program": self.program,
            # one period more: who was active in it may be retained in the first one
            "since": after(self.since, self.grain, -1), "until": self.until, "zone": zone,
            "first": midnight(self.since, self.retailer.tzinfo),
            "last": midnight(self.until + timedelta(days=1), self.retailer.tzinfo),
        }  # fmt: skip

    def sql(self, statement: str) -> str:
        group, joins = DIMENSIONS[self.dimension]
        return statement.format(group=group, joins=joins)


def span_of(retailer: Retailer, now: datetime) -> Span | None:
    """Return the time of which anything is known; None before the first order."""
    first, last = bulk.fetch(DATES, [retailer.pk])[0]
    if last is None:
        return None
    today = local_date(now, retailer.tzinfo)
    as_of = last_whole_day(last, today)
    return Span(first, as_of, max(as_of, last), has_ended(last, today))


def counts(asked: Asked) -> Mapping[tuple[str, date], Counted]:
    """Return what customers did, by group and first day of the period; the period before the first one is in it."""
    rows = bulk.fetch_planned(asked.sql(COUNTS), asked.parameters)
    return {(group, period): Counted(*rest) for group, period, *rest in rows}


def ever(asked: Asked) -> Mapping[str, Ever]:
    """Return who ever bought, by group."""
    return {group: Ever(*rest) for group, *rest in bulk.fetch(asked.sql(EVER), asked.parameters)}


def known(asked: Asked) -> Mapping[date, tuple[float, float, int]]:
    """Return the revenue of known customers, that of all, and all orders, by period."""
    rows = bulk.fetch_planned(GUESTS, asked.parameters)
    return {period: (some, whole, orders) for period, some, whole, orders in rows if period >= asked.since}


def answers(asked: Asked) -> Mapping[tuple[str, date, str], Answers]:
    """Return answers to surveys, by group, period and kind."""
    rows = bulk.fetch(asked.sql(ANSWERS), asked.parameters)
    return {(group, period, kind): Answers(*rest) for group, period, kind, *rest in rows}


def lived(retailer: Retailer, span: Span) -> list[Lived]:
    """Return what each month's new customers did in each month since, over all time."""
    asked = Asked(retailer, Grain.MONTH, span.first.replace(day=1), span.until)
    return [Lived(*row) for row in bulk.fetch_planned(COHORTS, asked.parameters)]

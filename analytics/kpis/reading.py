"""
What key figures are counted from, in a fixed number of statements.

An order counts for its local day unless all of it came back; what it brought is what was paid with money and kept, as in the
statistics of customers. Orders of guests belong to nobody's figures; how much they are of all sales is a figure itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from analytics.data_end import has_ended, last_whole_day
from analytics.kpis.cohorts import Lived
from analytics.kpis.counts import Answers, Counted, Ever
from analytics.kpis.periods import Grain, after, between
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
# Days follow each other as instants do, and a retailer with orders keeps its zone: the index by time has both ends.
DATES = """
SELECT (SELECT local_date FROM customers_order WHERE retailer_id = %(retailer)s ORDER BY occurred_at LIMIT 1),
    (SELECT local_date FROM customers_order WHERE retailer_id = %(retailer)s ORDER BY occurred_at DESC LIMIT 1)
"""
BACK = """
back AS (SELECT order_id, sum(net_amount) AS amount FROM customers_return WHERE retailer_id = %(retailer)s GROUP BY 1)
"""
# What each customer, and guests together, did in each period, by its place among the first days of all of them: to look a day up
# among a few costs less than to make its period of it. What all of came back is told by the negative, of which the planner thinks
# that it leaves most orders: it would sort them otherwise.
PER = f"""
{BACK}, per AS (
    SELECT o.customer_id, width_bucket(o.local_date, %(starts)s::date[]) AS place, count(*) AS orders, sum({KEPT}) AS value,
        sum({PAID}) AS paid
    FROM customers_order o LEFT JOIN back b ON b.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND o.local_date >= %(since)s AND o.local_date <= %(until)s
        AND (b.amount >= o.net_amount) IS NOT TRUE
    GROUP BY 1, 2
)
"""
# Of each group, of guests, and of all together: what all brought is summed before it is rounded. By the period of their first
# order as well, where that is asked: one more sum of what was read anyway.
COUNTS = f"""
WITH {PER}, followed AS (
    SELECT *, lag(place) OVER (PARTITION BY customer_id ORDER BY place) AS before FROM per
), told AS (
    SELECT f.*, {{group}} AS whose, coalesce(width_bucket(s.first_day, %(starts)s::date[]), 0) AS cohort
    FROM followed f LEFT JOIN customers_customer c ON c.id = f.customer_id
    LEFT JOIN analytics_customerstatistics s ON s.customer_id = f.customer_id {{joins}}
)
SELECT customer_id IS NULL, whose, place, {{cohort}}, count(*), sum(orders)::bigint, sum(value)::float8,
    count(*) FILTER (WHERE cohort = place), count(*) FILTER (WHERE before = place - 1), sum(paid)::float8
FROM told GROUP BY GROUPING SETS ((1, 2, 3), (3){{cohorts}})
"""
# Of those who ever bought, who did on at least two days, and how often all of them ordered.
EVER = """
SELECT {group}, count(*), count(*) FILTER (WHERE s.purchase_days >= 2), sum(s.orders)::bigint
FROM analytics_customerstatistics s JOIN customers_customer c ON c.id = s.customer_id {joins}
WHERE s.retailer_id = %(retailer)s GROUP BY 1
"""
LATEST = """
SELECT min(month) FROM (
    SELECT DISTINCT date_trunc('month', first_day::timestamp)::date AS month FROM analytics_customerstatistics
    WHERE retailer_id = %(retailer)s ORDER BY 1 DESC LIMIT %(shown)s
) latest
"""
COHORTS = f"""
WITH {BACK}, per AS (
    SELECT o.customer_id, width_bucket(o.local_date, %(starts)s::date[]) AS place, sum({KEPT}) AS value
    FROM analytics_customerstatistics s JOIN customers_order o ON o.customer_id = s.customer_id
    LEFT JOIN back b ON b.order_id = o.id
    WHERE s.retailer_id = %(retailer)s AND s.first_day >= %(since)s AND o.retailer_id = %(retailer)s
        AND o.local_date >= %(since)s AND o.local_date <= %(until)s AND (b.amount >= o.net_amount) IS NOT TRUE
    GROUP BY 1, 2
), told AS (
    SELECT width_bucket(s.first_day, %(starts)s::date[]) AS cohort, p.place, p.value
    FROM per p JOIN analytics_customerstatistics s ON s.customer_id = p.customer_id
)
SELECT cohort, place, count(*), sum(value)::float8 FROM told WHERE place >= cohort GROUP BY 1, 2
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
    :param by_cohort: whether it is also told by the period of customers' first orders
    """

    retailer: Retailer
    grain: Grain
    since: date
    until: date
    dimension: str = "all"
    program: int = 0
    by_cohort: bool = False

    @property
    def starts(self) -> list[date]:
        """
        Return the first days of all periods.

        One more comes before them: who was active in it may be retained in the first one.
        """
        return [each.start for each in between(after(self.since, self.grain, -1), self.until, self.grain)]

    @property
    def parameters(self) -> dict[str, Any]:
        zone = self.retailer.tzinfo
        return {
            "retailer": self.retailer.pk, "grain": self.grain.value, "program": self.program, "zone": self.retailer.zone,
            "starts": self.starts, "since": self.starts[0], "until": self.until, "first": midnight(self.since, zone),
            "last": midnight(self.until + timedelta(days=1), zone),
        }  # fmt: skip

    def sql(self, statement: str) -> str:
        group, joins = DIMENSIONS[self.dimension]
        cohort, cohorts = ("cohort", ", (3, 4)") if self.by_cohort else ("NULL::int", "")
        return statement.format(group=group, joins=joins, cohort=cohort, cohorts=cohorts)


def span_of(retailer: Retailer, now: datetime) -> Span | None:
    """Return the time of which anything is known; None before the first order."""
    first, last = bulk.fetch(DATES, {"retailer": retailer.pk})[0]
    if last is None:
        return None
    today = local_date(now, retailer.tzinfo)
    as_of = last_whole_day(last, today)
    return Span(first, as_of, max(as_of, last), has_ended(last, today))


@dataclass(frozen=True, slots=True)
class Sold:
    """What everybody bought in a period, guests as well."""

    revenue: float
    orders: int


@dataclass(frozen=True, slots=True)
class Sales:
    """
    What was bought, by the first day of the period; the period before the first one is in it.

    :param groups: by customers of each group
    :param whole: by everybody
    :param lived: by customers whose first order was in each period, where that was asked
    """

    groups: Mapping[tuple[str, date], Counted]
    whole: Mapping[date, Sold]
    lived: Sequence[Lived] = ()


def sales(asked: Asked) -> Sales:
    """Return what customers of each group did, and what everybody bought: one pass over the orders for both."""
    starts = asked.starts
    groups: dict[tuple[str, date], Counted] = {}
    whole: dict[date, Sold] = {}
    found: list[Lived] = []
    for is_guest, group, place, cohort, *rest in bulk.fetch_planned(asked.sql(COUNTS), asked.parameters):
        counted, start = Counted(*rest), starts[place - 1]
        if is_guest is False:
            groups[group, start] = counted
        elif is_guest is None and cohort is None:
            whole[start] = Sold(counted.revenue, counted.orders)
        elif is_guest is None and 0 < cohort <= place:
            found.append(Lived(starts[cohort - 1], start, counted.active, counted.revenue))
    return Sales(groups, whole, found)


def ever(asked: Asked) -> Mapping[str, Ever]:
    """Return who ever bought, by group."""
    return {group: Ever(*rest) for group, *rest in bulk.fetch(asked.sql(EVER), asked.parameters)}


def answers(asked: Asked) -> Mapping[tuple[str, date, str], Answers]:
    """Return answers to surveys, by group, period and kind."""
    rows = bulk.fetch(asked.sql(ANSWERS), asked.parameters)
    return {(group, period, kind): Answers(*rest) for group, period, kind, *rest in rows}


def first_month(retailer: Retailer, *, cohorts: int) -> date | None:
    """Return the first of the latest months that had new customers; None before there were any."""
    ((first,),) = bulk.fetch(LATEST, {"retailer": retailer.pk, "shown": cohorts})
    return first if isinstance(first, date) else None


def lived(retailer: Retailer, span: Span, *, cohorts: int) -> list[Lived]:
    """Return what each month's new customers did in each month since, of the latest months that had any."""
    first = first_month(retailer, cohorts=cohorts)
    if first is None:
        return []
    asked = Asked(retailer, Grain.MONTH, first, span.until)
    starts = asked.starts
    rows = bulk.fetch_planned(COHORTS, asked.parameters)
    return [Lived(starts[cohort - 1], starts[place - 1], *rest) for cohort, place, *rest in rows]

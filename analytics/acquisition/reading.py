"""Counts by channel and month, from what is known of customers and their orders: five statements."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from analytics.acquisition.channels import Channel, Cohort, Spent, channels
from analytics.audit.running import findings_of
from analytics.audit.verdicts import Level
from analytics.data_end import last_whole_day
from analytics.margins import SQL, margin
from analytics.models import AuditRun
from analytics.statistics import with_money
from customers.core import bulk
from customers.core.calendar import add_months, local_date
from customers.models import Retailer

SHOWN_MONTHS = 24
MAX_CUSTOMERS = 200_000  # above, an even sample of new customers says what they bring
MONTHS_A_YEAR = 12

# Whole months only: the present one is not over, neither for what is spent nor for what it wins.
SPAN = "SELECT min(first_day), max(last_day) FROM analytics_customerstatistics WHERE retailer_id = %s"
COUNT = """
SELECT count(*) FROM analytics_customerstatistics
WHERE retailer_id = %(retailer)s AND first_day >= %(since)s AND first_day < %(until)s
"""
SAMPLED = "abs(uuid_hash(s.customer_id)::bigint) %% %(every)s = 0"
NEW = f"""
SELECT lower(btrim(c.acquisition_channel)), date_trunc('month', s.first_day)::date, count(*),
    count(*) FILTER (WHERE {SAMPLED}), sum(c.acquisition_cost)
FROM analytics_customerstatistics s JOIN customers_customer c ON c.id = s.customer_id
WHERE s.retailer_id = %(retailer)s AND s.first_day >= %(since)s AND s.first_day < %(until)s GROUP BY 1, 2
"""
# Margin is that of sums as well: channels and rates are applied to what each customer's orders of a month come to.
OF_MONTHS = {"value": "p.value", "paid": "p.paid", "costed": "0", "cost": "0"}
BROUGHT = f"""
WITH back AS (
    SELECT order_id, sum(net_amount) AS amount FROM customers_return WHERE retailer_id = %(retailer)s GROUP BY 1
), per AS (
    SELECT s.customer_id, s.first_day, width_bucket(o.local_date, %(months)s::date[]) AS place, sum(m.value) AS value,
        sum(m.paid) AS paid
    FROM analytics_customerstatistics s JOIN customers_order o ON o.customer_id = s.customer_id
    {with_money(knows_costs=False)}
    WHERE s.retailer_id = %(retailer)s AND s.first_day >= %(since)s AND s.first_day < %(until)s AND {SAMPLED}
        AND o.retailer_id = %(retailer)s AND o.local_date >= s.first_day AND o.local_date < %(until)s
    GROUP BY 1, 2, 3
)
SELECT lower(btrim(c.acquisition_channel)), date_trunc('month', p.first_day::timestamp)::date, (%(months)s::date[])[p.place],
    sum({SQL.format(rate="%(rate)s::numeric", **OF_MONTHS)})
FROM per p JOIN customers_customer c ON c.id = p.customer_id GROUP BY 1, 2, 3
"""
COSTS = """
SELECT lower(btrim(channel)), month, sum(amount) FROM analytics_acquisitioncost
WHERE retailer_id = %(retailer)s AND month >= %(since)s AND month < %(until)s GROUP BY 1, 2
"""


@dataclass(frozen=True)
class Margin:
    """
    What turns revenue into margin.

    :param rate: the share of goods' value that is margin; 1 where none is known
    :param basis: "lines" (their costs), "rate" (the retailer's), or "none"
    """

    rate: float
    basis: str

    def of(self, revenue: float, paid: float) -> float:
        """Return what is left of revenue, and of goods that points paid."""
        left: float = margin(value=revenue, paid=paid, costed=0.0, cost=0.0, rate=self.rate)
        return left


@dataclass(frozen=True)
class Acquisition:
    """
    What winning customers cost and brought.

    :param since: the first day of the months that count, `until` the day after the last one
    :param every: one new customer of so many was looked at to say what they bring
    :param left_out: whether months were left out at the start, whose customers very likely came before
    """

    since: date
    until: date
    margin: Margin
    channels: list[Channel]
    every: int
    left_out: bool


def acquisition(
    retailer: Retailer,
    audit: AuditRun | None,
    *,
    now: datetime,
    max_customers: int = MAX_CUSTOMERS,
    only_with_costs: bool = False,
) -> Acquisition | None:
    """
    Return what each channel cost and brought in the last 24 whole months of the data.

    :param audit: the newest one: it says what margin is taken from, and whether the first customers are new ones
    :param only_with_costs: for who asks what a customer costs: what all have brought is not counted where nobody said that
    :returns: None where there is no whole month
    """
    first, last = bulk.fetch(SPAN, [retailer.pk])[0]
    if last is None:
        return None
    until = (last_whole_day(last, local_date(now, retailer.tzinfo)) + timedelta(days=1)).replace(day=1)
    since = max(first.replace(day=1), add_months(until, -SHOWN_MONTHS))
    earliest = _first_month_of_new_customers(audit)
    left_out = earliest is not None and earliest > since
    if earliest is not None and left_out:
        since = earliest
    if since >= until:
        return None
    by = margin_of(retailer, audit)
    asked: dict[str, object] = {"retailer": retailer.pk, "since": since, "until": until}
    every = max(1, -(-bulk.fetch(COUNT, asked)[0][0] // max_customers))
    asked |= {"every": every, "rate": by.rate}
    new = [_New(*row) for row in bulk.fetch_planned(NEW, asked)]
    spent = _spent(new, asked)
    if only_with_costs and not spent:
        return None
    found = channels(spent, _cohorts(new, asked, since, until))
    return Acquisition(since, until, by, found, every, left_out)


def margin_of(retailer: Retailer, audit: AuditRun | None) -> Margin:
    """Return the margin of all sales by their lines' costs where nearly all lines carry one, else by the retailer's rate."""
    costs = next((each for each in findings_of(audit) if each.check == "line_costs"), None) if audit else None
    if costs is not None and costs.level is Level.GOOD:
        return Margin(float(costs.numbers["margin_share"] or 0), "lines")
    return Margin(1.0, "none") if retailer.margin_rate is None else Margin(float(retailer.margin_rate), "rate")


def _first_month_of_new_customers(audit: AuditRun | None) -> date | None:
    """Return the month from which on customers who are first seen are new ones; None where all of them are."""
    found = next((each for each in findings_of(audit) if each.check == "left_truncation"), None) if audit else None
    if audit is None or found is None or found.level is Level.GOOD:
        return None
    settled = audit.first_day + timedelta(days=int(found.numbers["days"] or 0))
    return add_months((settled - timedelta(days=1)).replace(day=1), 1)


@dataclass(frozen=True)
class _New:
    """New customers of a channel and month; `sampled` of them say what they bring, `cost` is what was reported of them."""

    channel: str
    month: date
    customers: int
    sampled: int
    cost: Decimal | None


def _spent(new: list[_New], asked: dict[str, object]) -> list[Spent]:
    """Return what was entered by channel and month, and elsewhere what was reported of the customers themselves."""
    entered = {(channel, month): amount for channel, month, amount in bulk.fetch(COSTS, asked)}
    reported = {(each.channel, each.month): each.cost for each in new if each.cost is not None}
    return [Spent(channel, month, float(amount)) for (channel, month), amount in (reported | entered).items()]


def _cohorts(new: list[_New], asked: dict[str, object], since: date, until: date) -> list[Cohort]:
    firsts = [add_months(since, place) for place in range(_months_between(since, until))]
    rows = bulk.fetch_planned(BROUGHT, asked | {"months": firsts})
    brought = {(channel, first, month): float(amount) for channel, first, month, amount in rows}
    cohorts = []
    for each in new:
        scale = each.customers / each.sampled if each.sampled else 0.0
        ages = range(
            _months_between(each.month, until) if each.sampled else 0
        )  # of whom nobody is seen, nothing is said
        months = (scale * brought.get((each.channel, each.month, add_months(each.month, age)), 0.0) for age in ages)
        cohorts.append(Cohort(each.channel, each.month, each.customers, tuple(months)))
    return cohorts


def _months_between(first: date, until: date) -> int:
    return (until.year - first.year) * MONTHS_A_YEAR + until.month - first.month

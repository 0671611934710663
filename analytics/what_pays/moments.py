"""When customers buy: orders by weekday and hour on the retailer's clock, by one statement."""

from dataclasses import dataclass
from datetime import date, timedelta

from analytics.statistics import KEPT
from analytics.what_pays.period import Days
from customers.core import bulk
from customers.models import Retailer

DAYS_A_WEEK, HOURS_A_DAY = 7, 24
MOMENTS = f"""
WITH back AS (SELECT order_id, sum(net_amount) AS amount FROM customers_return WHERE retailer_id = %(retailer)s GROUP BY 1)
SELECT extract(isodow FROM o.local_date)::int, extract(hour FROM o.occurred_at AT TIME ZONE %(zone)s)::int, count(*),
    count(DISTINCT o.customer_id), sum({KEPT})::float8,
    count(*) FILTER (WHERE (o.occurred_at AT TIME ZONE %(zone)s)::time = '00:00')
FROM customers_order o LEFT JOIN back b ON b.order_id = o.id
WHERE o.retailer_id = %(retailer)s AND o.local_date >= %(first)s AND o.local_date <= %(last)s
    AND (b.amount IS NULL OR b.amount < o.net_amount)
GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Moment:
    """
    An hour of a weekday.

    :param weekday: 1 for Monday
    :param customers: who are known; guests' orders count as orders
    :param at_midnight: orders of 00:00:00 sharp, of which nobody may have said the hour
    """

    weekday: int
    hour: int
    orders: int
    customers: int
    revenue: float
    at_midnight: int


@dataclass(frozen=True, slots=True)
class Week:
    """Orders that were kept by weekday and hour; `occurred` says how many of each weekday there were."""

    moments: tuple[Moment, ...]
    occurred: tuple[int, ...]

    @property
    def orders(self) -> int:
        return sum(each.orders for each in self.moments)

    @property
    def at_midnight(self) -> int:
        return sum(each.at_midnight for each in self.moments)

    def each_day(self, moment: Moment) -> float:
        """Return the orders of this hour on an average day of this weekday."""
        return moment.orders / self.occurred[moment.weekday - 1]


def week_of(retailer: Retailer, days: Days) -> Week:
    """Return when a retailer's customers bought."""
    given = {"retailer": retailer.pk, "first": days.first, "last": days.last, "zone": retailer.zone}
    rows = tuple(Moment(*row) for row in bulk.fetch_planned(MOMENTS, given))
    return Week(rows, tuple(_occurred(days.first, days.last, weekday) for weekday in range(1, DAYS_A_WEEK + 1)))


def _occurred(first: date, last: date, weekday: int) -> int:
    """Return how often a weekday came from one day to another."""
    earliest = first + timedelta(days=(weekday - first.isoweekday()) % DAYS_A_WEEK)
    return max((last - earliest).days // DAYS_A_WEEK + 1, 0)

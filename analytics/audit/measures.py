"""What checks look at: one statement for each kind of fact, whatever the retailer's size, and nothing but sums comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.consents import NEWEST_FIRST
from customers.models import Retailer

FIRST_DAYS = 30  # who was first seen in them was very likely a customer before
MAX_ORDERS_WITH_LINES = 300_000  # above, the lines of an even sample of orders are looked at
MAX_LIVE = 100  # orders of one instant of recording; more of them came in a file
HOURS_A_DAY = 24
CLOCK_TOLERANCE = timedelta(minutes=15)


@dataclass(frozen=True)
class Hour:
    """
    The orders of one hour of one day, on the retailer's clock.

    :param midnight: to the second, on the retailer's clock or in UTC
    :param unlike: what stands out, each with the least and the greatest order number: free, early, future, foreign
    """

    day: date
    hour: int
    orders: int
    identified: int
    sales: Decimal
    guest_sales: Decimal
    midnight: int
    unlike: dict[str, tuple[int, str | None, str | None]]


@dataclass(frozen=True)
class Amounts:
    """
    Orders by amount, and how late they were told.

    :param usual: the 99.9th percentile
    :param largest: orders, the largest first: number and amount
    :param live: orders that came one by one or in small batches; files tell late by their nature
    :param lag: the 99th percentile of theirs between occurring and being recorded
    """

    usual: Decimal
    largest: tuple[tuple[str, Decimal], ...]
    live: int
    lag: timedelta


@dataclass(frozen=True)
class Buyers:
    """
    Customers with orders.

    :param again: with more than one order
    :param at_first: first seen in the first 30 days
    :param usual: the 99th percentile of orders of a customer; `rare` the 99.99th
    :param heaviest: customers with the most orders
    :param sales: of all of them; `top_percent` of the one percent, `top_decile` of the ten percent that spend most
    """

    customers: int
    again: int
    at_first: int
    usual: float
    rare: float
    heaviest: tuple[tuple[UUID, int], ...]
    sales: Decimal
    top_percent: Decimal
    top_decile: Decimal


@dataclass(frozen=True)
class Lines:
    """
    Lines of orders.

    :param every: one order of so many was looked at
    :param costed_sales: net amount of lines with a unit cost; `cost` is theirs
    :param unlike: what stands out, each with the least and the greatest order number: free, uncosted, discounted,
        unknown (neither category nor brand), uncategorised
    """

    every: int
    lines: int
    sales: Decimal
    costed_sales: Decimal
    cost: Decimal
    unlike: dict[str, tuple[int, str | None, str | None]]


@dataclass(frozen=True)
class Returns:
    """
    What came back.

    :param lag: between order and return: the median and the 99th percentile
    :param early: returns before their order, with the least and the greatest number; `over` lines of which more came back
    :param taken: rows of returns in imports that were taken; `refused` those that were not
    """

    returns: int
    amount: Decimal
    lag: tuple[timedelta, timedelta]
    early: tuple[int, str | None, str | None]
    over: tuple[int, str | None, str | None]
    taken: int
    refused: int


@dataclass(frozen=True)
class Persons:
    """
    Customers who were neither merged into others nor erased.

    :param by_email: customers who share an e-mail address, the most at one address, and one of those
    """

    persons: int
    by_email: tuple[int, int, UUID | None]
    by_phone: tuple[int, int, UUID | None]


@dataclass(frozen=True)
class Consents:
    """
    Whom one may write to.

    :param reachable: with consent to a channel and an address for it
    :param profiling: who agreed to offers based on a profile
    """

    reachable: int
    profiling: int


@dataclass(frozen=True)
class Acquired:
    """
    Customers by the month of their first purchase.

    :param known: whose channel is known
    :param has_cost: whether any acquisition cost is known of the month
    """

    month: date
    customers: int
    known: int
    has_cost: bool


@dataclass(frozen=True)
class Measures:
    """All that checks look at, of one retailer at one instant."""

    now: datetime
    today: date
    has_margin_rate: bool
    currency: str
    hours: tuple[Hour, ...]
    amounts: Amounts
    buyers: Buyers
    lines: Lines
    returns: Returns
    persons: Persons
    consents: Consents
    acquired: tuple[Acquired, ...]

    @property
    def first(self) -> date:
        return min(hour.day for hour in self.hours)

    @property
    def last(self) -> date:
        return max(hour.day for hour in self.hours)

    @property
    def orders(self) -> int:
        return sum(hour.orders for hour in self.hours)

    @property
    def by_hour(self) -> list[int]:
        """Return orders by hour of the day, on the retailer's clock."""
        orders = [0] * HOURS_A_DAY
        for hour in self.hours:
            orders[hour.hour] += hour.orders
        return orders

    @property
    def by_month(self) -> list[tuple[date, int, int]]:
        """Return the first day of each month with orders, its orders, and those of them that have a customer."""
        months: dict[date, tuple[int, int]] = {}
        for hour in self.hours:
            month = hour.day.replace(day=1)
            orders, identified = months.get(month, (0, 0))
            months[month] = (orders + hour.orders, identified + hour.identified)
        return [(month, *counts) for month, counts in sorted(months.items())]


# One pass, and as many rows as the history has hours.
HOURS = """
SELECT local_date, extract(hour FROM at)::int, count(*), count(customer_id), sum(net_amount),
    coalesce(sum(net_amount) FILTER (WHERE customer_id IS NULL), 0),
    count(*) FILTER (WHERE at::time = '00:00' OR extract(epoch FROM occurred_at) %% 86400 = 0),
    count(*) FILTER (WHERE free), min(number) FILTER (WHERE free), max(number) FILTER (WHERE free),
    count(*) FILTER (WHERE early), min(number) FILTER (WHERE early), max(number) FILTER (WHERE early),
    count(*) FILTER (WHERE future), min(number) FILTER (WHERE future), max(number) FILTER (WHERE future),
    count(*) FILTER (WHERE is_foreign), min(number) FILTER (WHERE is_foreign), max(number) FILTER (WHERE is_foreign)
FROM (
    SELECT local_date, customer_id, net_amount, occurred_at, number COLLATE "C" AS number,
        occurred_at AT TIME ZONE %(zone)s AS at, net_amount <= 0 AS free,
        recorded_at < occurred_at - %(tolerance)s::interval AS early,
        occurred_at > %(now)s::timestamptz + %(tolerance)s::interval AS future, currency <> %(currency)s AS is_foreign
    FROM customers_order WHERE retailer_id = %(retailer)s
) o
GROUP BY 1, 2
"""
UNLIKE_OF_ORDERS = ("free", "early", "future", "foreign")
AMOUNTS = """
WITH files AS (
    SELECT recorded_at FROM customers_order WHERE retailer_id = %(retailer)s
    GROUP BY recorded_at HAVING count(*) > %(most)s
), largest AS (
    SELECT number, net_amount FROM customers_order WHERE retailer_id = %(retailer)s
    ORDER BY net_amount DESC, number LIMIT 3
)
SELECT percentile_disc(.999) WITHIN GROUP (ORDER BY o.net_amount),
    (SELECT array_agg(number ORDER BY net_amount DESC, number) FROM largest),
    (SELECT array_agg(net_amount ORDER BY net_amount DESC, number) FROM largest),
    count(*) FILTER (WHERE f.recorded_at IS NULL),
    coalesce(percentile_disc(.99) WITHIN GROUP (ORDER BY greatest(o.recorded_at - o.occurred_at, '0'))
        FILTER (WHERE f.recorded_at IS NULL), '0')
FROM customers_order o LEFT JOIN files f ON f.recorded_at = o.recorded_at WHERE o.retailer_id = %(retailer)s
"""
BUYERS = """
WITH buyers AS (
    SELECT customer_id, count(*) AS orders, min(occurred_at) AS first, sum(net_amount) AS sales FROM customers_order
    WHERE retailer_id = %(retailer)s AND customer_id IS NOT NULL GROUP BY 1
), heaviest AS (
    SELECT customer_id, orders FROM buyers ORDER BY orders DESC, customer_id LIMIT 3
), ranked AS (
    SELECT *, row_number() OVER (ORDER BY sales DESC) AS place, count(*) OVER () AS customers FROM buyers
)
SELECT count(*), count(*) FILTER (WHERE orders > 1), count(*) FILTER (WHERE first < (
        SELECT min(occurred_at) FROM customers_order WHERE retailer_id = %(retailer)s) + %(days)s * interval '1 day'),
    coalesce(percentile_cont(.99) WITHIN GROUP (ORDER BY orders), 0),
    coalesce(percentile_cont(.9999) WITHIN GROUP (ORDER BY orders), 0),
    (SELECT array_agg(customer_id ORDER BY orders DESC, customer_id) FROM heaviest),
    (SELECT array_agg(orders ORDER BY orders DESC, customer_id) FROM heaviest),
    coalesce(sum(sales), 0), coalesce(sum(sales) FILTER (WHERE place <= ceil(customers * .01)), 0),
    coalesce(sum(sales) FILTER (WHERE place <= ceil(customers * .1)), 0)
FROM ranked
"""
LINES = """
WITH looked_at AS (
    SELECT id, number COLLATE "C" AS number FROM customers_order
    WHERE retailer_id = %(retailer)s AND (%(every)s = 1 OR abs(uuid_hash(id)::bigint) %% %(every)s = 0)
)
SELECT count(*), coalesce(sum(net_amount), 0), coalesce(sum(net_amount) FILTER (WHERE unit_cost IS NOT NULL), 0),
    coalesce(sum(unit_cost * quantity), 0),
    count(*) FILTER (WHERE free), min(number) FILTER (WHERE free), max(number) FILTER (WHERE free),
    count(*) FILTER (WHERE uncosted), min(number) FILTER (WHERE uncosted), max(number) FILTER (WHERE uncosted),
    count(*) FILTER (WHERE discounted), min(number) FILTER (WHERE discounted), max(number) FILTER (WHERE discounted),
    count(*) FILTER (WHERE uncategorised AND unbranded), min(number) FILTER (WHERE uncategorised AND unbranded),
    max(number) FILTER (WHERE uncategorised AND unbranded),
    count(*) FILTER (WHERE uncategorised), min(number) FILTER (WHERE uncategorised),
    max(number) FILTER (WHERE uncategorised)
FROM (
    SELECT o.number, l.net_amount, l.quantity, l.unit_cost, l.net_amount <= 0 AS free, l.unit_cost IS NULL AS uncosted,
        l.discount > l.quantity * l.unit_price + .01 AS discounted, l.category = '' AS uncategorised,
        l.brand = '' AS unbranded
    FROM looked_at o JOIN customers_orderline l ON l.order_id = o.id
) l
"""
UNLIKE_OF_LINES = ("free", "uncosted", "discounted", "unknown", "uncategorised")
RETURNS = """
WITH back AS (
    SELECT l.line_id, sum(l.quantity) AS quantity, min(r.number COLLATE "C") AS number FROM customers_return r
    JOIN customers_returnline l ON l.order_return_id = r.id WHERE r.retailer_id = %(retailer)s GROUP BY 1
), over AS (
    SELECT b.number FROM back b JOIN customers_orderline l ON l.id = b.line_id WHERE b.quantity > l.quantity
), files AS (
    SELECT coalesce(sum(created + unchanged), 0)::bigint AS taken, coalesce(sum(bad), 0)::bigint AS refused
    FROM customers_importjob WHERE retailer_id = %(retailer)s AND kind = 'returns' AND status = 'done'
)
SELECT count(*), coalesce(sum(r.net_amount), 0),
    coalesce(percentile_disc(.5) WITHIN GROUP (ORDER BY r.occurred_at - o.occurred_at), '0'),
    coalesce(percentile_disc(.99) WITHIN GROUP (ORDER BY r.occurred_at - o.occurred_at), '0'),
    count(*) FILTER (WHERE r.occurred_at < o.occurred_at),
    min(r.number COLLATE "C") FILTER (WHERE r.occurred_at < o.occurred_at),
    max(r.number COLLATE "C") FILTER (WHERE r.occurred_at < o.occurred_at),
    (SELECT count(*) FROM over), (SELECT min(number) FROM over), (SELECT max(number) FROM over),
    (SELECT taken FROM files), (SELECT refused FROM files)
FROM customers_return r JOIN customers_order o ON o.id = r.order_id WHERE r.retailer_id = %(retailer)s
"""
PERSONS = """
WITH persons AS (
    SELECT id, lower(email) AS email, regexp_replace(phone, '[^0-9]', '', 'g') AS phone FROM customers_customer
    WHERE retailer_id = %(retailer)s AND merged_into_id IS NULL AND erased_at IS NULL
), emails AS (
    SELECT count(*) AS persons, min(id::text)::uuid AS one FROM persons WHERE email <> '' GROUP BY email HAVING count(*) > 1
), phones AS (
    SELECT count(*) AS persons, min(id::text)::uuid AS one FROM persons WHERE phone <> '' GROUP BY phone HAVING count(*) > 1
)
SELECT (SELECT count(*) FROM persons),
    (SELECT coalesce(sum(persons), 0)::bigint FROM emails), (SELECT coalesce(max(persons), 0) FROM emails),
    (SELECT one FROM emails ORDER BY persons DESC, one LIMIT 1),
    (SELECT coalesce(sum(persons), 0)::bigint FROM phones), (SELECT coalesce(max(persons), 0) FROM phones),
    (SELECT one FROM phones ORDER BY persons DESC, one LIMIT 1)
"""
CONSENTS = f"""
WITH persons AS (
    SELECT id, email <> '' AS has_email, phone <> '' AS has_phone FROM customers_customer
    WHERE retailer_id = %(retailer)s AND merged_into_id IS NULL AND erased_at IS NULL
), newest AS (
    SELECT DISTINCT ON (c.customer_id, c.purpose) c.customer_id, c.purpose, c.granted, p.has_email, p.has_phone
    FROM customers_consent c JOIN persons p ON p.id = c.customer_id WHERE c.occurred_at <= %(now)s
    ORDER BY c.customer_id, c.purpose, {NEWEST_FIRST}
)
SELECT count(DISTINCT customer_id) FILTER (WHERE (purpose = 'email' AND has_email) OR (purpose = 'sms' AND has_phone)
        OR purpose = 'push'),
    count(DISTINCT customer_id) FILTER (WHERE purpose = 'profiling')
FROM newest WHERE granted
"""
ACQUIRED = """
WITH months AS (
    SELECT date_trunc('month', s.first_day)::date AS month, count(*) AS customers,
        count(*) FILTER (WHERE c.acquisition_channel <> '') AS known, bool_or(c.acquisition_cost IS NOT NULL) AS has_cost
    FROM analytics_customerstatistics s JOIN customers_customer c ON c.id = s.customer_id
    WHERE s.retailer_id = %(retailer)s GROUP BY 1
)
SELECT month, customers, known, has_cost OR EXISTS (
    SELECT 1 FROM analytics_acquisitioncost a WHERE a.retailer_id = %(retailer)s AND a.month = months.month)
FROM months ORDER BY month
"""


def measure(retailer: Retailer, now: datetime) -> Measures | None:
    """Return what a retailer's data are like; None where nothing was ever bought."""
    asked = {
        "retailer": retailer.pk, "zone": retailer.zone, "currency": retailer.currency, "now": now,
        "tolerance": CLOCK_TOLERANCE,
    }  # fmt: skip
    hours = tuple(_hour(row) for row in bulk.fetch_planned(HOURS, asked))
    if not hours:
        return None
    orders = sum(hour.orders for hour in hours)
    every = -(-orders // MAX_ORDERS_WITH_LINES)
    ((persons, *shared),) = bulk.fetch_planned(PERSONS, asked)
    return Measures(
        now=now,
        today=now.astimezone(retailer.tzinfo).date(),
        has_margin_rate=retailer.margin_rate is not None,
        currency=retailer.currency,
        hours=hours,
        amounts=_amounts(bulk.fetch_planned(AMOUNTS, asked | {"most": MAX_LIVE})[0]),
        buyers=_buyers(bulk.fetch_planned(BUYERS, asked | {"days": FIRST_DAYS})[0]),
        lines=_lines(every, bulk.fetch_planned(LINES, asked | {"every": every})[0]),
        returns=_returns(bulk.fetch_planned(RETURNS, asked)[0]),
        persons=Persons(persons, (shared[0], shared[1], shared[2]), (shared[3], shared[4], shared[5])),
        consents=Consents(*bulk.fetch_planned(CONSENTS, asked)[0]),
        acquired=tuple(Acquired(*row) for row in bulk.fetch_planned(ACQUIRED, asked)),
    )


def _hour(row: tuple[Any, ...]) -> Hour:
    day, hour, orders, identified, sales, guest_sales, midnight, *unlike = row
    return Hour(day, hour, orders, identified, sales, guest_sales, midnight, _unlike(UNLIKE_OF_ORDERS, unlike))


def _unlike(names: tuple[str, ...], cells: Sequence[Any]) -> dict[str, tuple[int, str | None, str | None]]:
    return {
        name: (cells[3 * place], cells[3 * place + 1], cells[3 * place + 2])
        for place, name in enumerate(names)
        if cells[3 * place]
    }


def _amounts(row: tuple[Any, ...]) -> Amounts:
    usual, numbers, amounts, live, lag = row
    return Amounts(usual, tuple(zip(numbers, amounts, strict=True)), live, lag)


def _buyers(row: tuple[Any, ...]) -> Buyers:
    customers, again, at_first, usual, rare, ids, orders, *sales = row
    return Buyers(customers, again, at_first, usual, rare, tuple(zip(ids or (), orders or (), strict=True)), *sales)


def _lines(every: int, row: tuple[Any, ...]) -> Lines:
    lines, sales, costed_sales, cost, *unlike = row
    return Lines(every, lines, sales, costed_sales, cost, _unlike(UNLIKE_OF_LINES, unlike))


def _returns(row: tuple[Any, ...]) -> Returns:
    returns, amount, median, late, *cells = row
    early, over = (cells[0], cells[1], cells[2]), (cells[3], cells[4], cells[5])
    return Returns(returns, amount, (median, late), early, over, cells[6], cells[7])

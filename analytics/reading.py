"""
Customers' statistics as NumPy columns, in blocks; nothing else in analytics reads raw tables for its models.

What an order is worth, and its cost, is said in `analytics.statistics`. At an earlier cut a return counts if it had come back
by then, so that a day can be looked at again as it was known.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from tempfile import TemporaryFile
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analytics.blocks import KINDS, Block, Days
from analytics.clv.backtest import Origin, Snapshot
from analytics.copying import read_columns
from analytics.statistics import earlier_truth
from customers.core import bulk
from customers.models import Retailer

SIZE = 250_000  # customers of a block
MAX_SHARE = 65_536  # of the hash of a customer's id

# A block's customers, in their order in the database: x, t_x and T in days, and money.
FIELDS = {
    "ids": "uuid", "frequency": "integer", "recency": "integer", "age": "integer", "orders": "integer",
    "total": "double precision", "paid_with_points": "double precision", "costed": "double precision",
    "cost": "double precision",
}  # fmt: skip
COLUMNS = """
SELECT customer_id, purchase_days - 1, last_day - first_day, %(cut)s::date - first_day, orders, total_value::float8,
    paid_with_points::float8, costed_value::float8, cost::float8
"""
KEPT = f"{COLUMNS} FROM analytics_customerstatistics WHERE retailer_id = %(retailer)s"
PAST = f"WITH {{truth}} {COLUMNS} FROM truth"
SPAN = "SELECT min(local_date), max(local_date) FROM customers_order WHERE retailer_id = %s AND customer_id IS NOT NULL"
# A purchase is an order of which something that was paid with money was kept, as in the statistics.
STAYED = """
WITH back AS (
    SELECT order_id, sum(net_amount) AS amount FROM customers_return
    WHERE retailer_id = %(retailer)s AND (occurred_at AT TIME ZONE %(zone)s)::date <= %(known)s GROUP BY 1
), bought AS (
    SELECT bool_or(o.local_date <= %(middle)s) AS early, bool_or(o.local_date > %(middle)s) AS late
    FROM customers_order o LEFT JOIN back b ON b.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL AND o.local_date > %(start)s AND o.local_date <= %(end)s
        AND o.net_amount > o.paid_with_points AND (b.amount IS NULL OR b.amount < o.net_amount)
    GROUP BY o.customer_id
)
SELECT count(*) FILTER (WHERE early), count(*) FILTER (WHERE early AND late) FROM bought
"""
NEVER = """
SELECT count(*) FROM customers_customer c WHERE c.retailer_id = %(retailer)s AND c.merged_into_id IS NULL
    AND c.erased_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM analytics_customerstatistics s WHERE s.customer_id = c.id)
"""
NEVER_THEN = """
WITH {truth}
SELECT count(*) FROM customers_customer c WHERE c.retailer_id = %(retailer)s AND c.merged_into_id IS NULL
    AND c.erased_at IS NULL AND (c.identified_at AT TIME ZONE %(zone)s)::date <= %(cut)s
    AND NOT EXISTS (SELECT 1 FROM truth t WHERE t.customer_id = c.id)
"""
FIRST_DAYS = """
SELECT first_day, count(*) FROM analytics_customerstatistics WHERE retailer_id = %s GROUP BY 1 ORDER BY 1
"""


def blocks(retailer: Retailer, cut: date, size: int = SIZE) -> Iterator[Block]:
    """
    Yield all who had bought by a cut, in blocks of one reading.

    From the kept statistics where nothing was bought after the cut; else from the orders, as it was known then.
    """
    known = span(retailer)
    if known is None:
        return
    parameters: dict[str, Any] = {"retailer": retailer.pk, "cut": cut}
    if cut >= known[1]:
        yield from map(Block.of, read_columns(KEPT, parameters, FIELDS, size))
        return
    sql = PAST.format(truth=earlier_truth(retailer))
    yield from map(Block.of, read_columns(sql, parameters | {"zone": retailer.zone}, FIELDS, size))


class Spool:
    """
    Blocks of one reading, to be gone through again: on disk, so that memory does not grow with the customers.

    A second reading of the tables would be of other customers than the first: facts come in meanwhile.
    """

    def __init__(self, read: Iterator[Block]) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - it is closed with the spool
        self._sizes: list[int] = []
        self.customers = 0
        for block in read:
            for name in KINDS:
                self._file.write(getattr(block, name).tobytes())
            self._sizes.append(len(block))
            self.customers += len(block)

    def __iter__(self) -> Iterator[Block]:
        self._file.seek(0)
        for size in self._sizes:
            columns: dict[str, Any] = {name: self._column(kind, size) for name, kind in KINDS.items()}
            yield Block(**columns)

    def _column(self, kind: str, size: int) -> Any:
        return np.frombuffer(self._file.read(np.dtype(kind).itemsize * size), dtype=kind)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


def span(retailer: Retailer) -> tuple[date, date] | None:
    """Return the first and the last day with an order of a known customer."""
    first, last = bulk.fetch(SPAN, [retailer.pk])[0]
    return (first, last) if first else None


# The same customers at each origin: what is hashed is the id alone.
SNAPSHOT = """
WITH back AS (
    SELECT order_id, coalesce(sum(net_amount) FILTER (
            WHERE (r.occurred_at AT TIME ZONE %(zone)s)::date <= %(origin)s), 0) AS early, sum(net_amount) AS late
    FROM customers_return r
    WHERE r.retailer_id = %(retailer)s AND (r.occurred_at AT TIME ZONE %(zone)s)::date <= %(known)s GROUP BY 1
), days AS (
    SELECT o.customer_id, o.local_date AS day, o.local_date <= %(origin)s AS is_early, sum(
            (o.net_amount - CASE WHEN o.local_date <= %(origin)s THEN coalesce(b.early, 0) ELSE coalesce(b.late, 0) END)
            * CASE WHEN o.paid_with_points = 0 THEN 1 ELSE 1 - o.paid_with_points / o.net_amount END) AS value
    FROM customers_order o LEFT JOIN back b ON b.order_id = o.id
    WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL AND o.local_date <= %(end)s
        AND (uuid_hash(o.customer_id) & 65535) < %(share)s
    GROUP BY 1, 2
)
"""
LATER = f"""
{SNAPSHOT}
SELECT (count(*) FILTER (WHERE is_early) - 1)::int, max(day) FILTER (WHERE is_early) - min(day), %(origin)s::date - min(day),
    (count(*) FILTER (WHERE NOT is_early))::int, (sum(value) FILTER (WHERE is_early))::float8,
    coalesce(sum(value) FILTER (WHERE NOT is_early), 0)::float8
FROM days WHERE value > 0.00005 GROUP BY customer_id HAVING min(day) <= %(origin)s
"""
LATER_FIELDS = {
    "frequency": "integer", "recency": "integer", "age": "integer", "later": "integer", "total": "double precision",
    "later_value": "double precision",
}  # fmt: skip
WEEKLY = f"""
{SNAPSHOT}
SELECT (day - %(origin)s::date - 1) / 7, count(*) FROM days d WHERE value > 0.00005 AND NOT is_early
    AND EXISTS (SELECT 1 FROM days e WHERE e.customer_id = d.customer_id AND e.is_early AND e.value > 0.00005)
GROUP BY 1 ORDER BY 1
"""


def snapshot(retailer: Retailer, origin: date, end: date, share: float = 1.0, *, known: date | None = None) -> Snapshot:
    """
    Return customers as they were known at an origin, and what they did from then until an end.

    :param share: of the customers, by a hash of their ids: the same ones at every origin
    :param known: until when returns of later purchases are known; today's data if None
    """
    parameters = _at(retailer, origin, end, share, known)
    found = list(read_columns(LATER, parameters, LATER_FIELDS, SIZE))
    rows = np.concatenate(found) if found else np.empty(0, dtype=[(name, np.float64) for name in LATER_FIELDS])
    frequency, recency, age, later = (rows[name].astype(np.int32) for name in ("frequency", "recency", "age", "later"))
    occasions = frequency + np.int32(1)
    return Snapshot(
        horizon=float((end - origin).days), frequency=frequency, recency=recency, age=age, occasions=occasions,
        means=rows["total"].astype(np.float64) / np.maximum(occasions, 1), later=later.astype(np.float64),
        later_value=rows["later_value"].astype(np.float64),
    )  # fmt: skip


def weekly_purchases(retailer: Retailer, origin: Origin, share: float, *, known: date | None = None) -> list[int]:
    """Return how many purchase days the same customers had in each week after an origin."""
    rows = bulk.fetch(WEEKLY, _at(retailer, origin.at, origin.end, share, known))
    found = {int(week): int(count) for week, count in rows}
    return [found.get(week, 0) for week in range(-(-origin.days // 7))]


def _at(retailer: Retailer, origin: date, end: date, share: float, known: date | None) -> dict[str, Any]:
    return {
        "retailer": retailer.pk, "zone": retailer.zone, "origin": origin, "end": end, "known": known or date.max,
        "share": max(1, round(share * MAX_SHARE)),
    }  # fmt: skip


def churn_a_year(retailer: Retailer, end: date, *, known: date | None = None) -> float | None:
    """
    Return the share of customers who leave in a year, from two half-years: who bought in the one and not in the next.

    :param known: until when returns are known; today's data if None
    :returns: None where the data are shorter than a year
    """
    data = span(retailer)
    middle, start = end - timedelta(days=182), end - timedelta(days=364)
    if data is None or data[0] > start + timedelta(days=7):
        return None
    parameters = {"retailer": retailer.pk, "start": start, "middle": middle, "end": end}
    parameters |= {"zone": retailer.zone, "known": known or date.max}
    early, stayed = bulk.fetch_planned(STAYED, parameters)[0]
    return 1 - (stayed / early) ** 2 if early else None


def never_bought(retailer: Retailer, cut: date | None = None) -> int:
    """
    Return how many customers are known of whom no purchase is kept.

    :param cut: an earlier day, as it was known then; now if None
    """
    if cut is None:
        return int(bulk.fetch(NEVER, {"retailer": retailer.pk})[0][0])
    then = {"retailer": retailer.pk, "cut": cut, "zone": retailer.zone}
    return int(bulk.fetch(NEVER_THEN.format(truth=earlier_truth(retailer)), then)[0][0])


WAITS = """
SELECT greatest(CASE WHEN s.first_day <= %(cut)s THEN s.first_day ELSE %(cut)s::date END - c.since, 0),
    coalesce(s.first_day <= %(cut)s, false)
FROM (
    SELECT id, (identified_at AT TIME ZONE %(zone)s)::date AS since FROM customers_customer
    WHERE retailer_id = %(retailer)s AND merged_into_id IS NULL AND erased_at IS NULL
        AND (uuid_hash(id) & 65535) < %(share)s
) c LEFT JOIN analytics_customerstatistics s ON s.customer_id = c.id WHERE c.since <= %(known)s
"""


def waits(retailer: Retailer, cut: date, share: float, *, known: date | None = None) -> tuple[Days, NDArray[np.bool_]]:
    """
    Return, for a share of all who registered, the days until they bought first or until the cut, and who has bought.

    :param known: until when registrations are known; today's data if None, in which who came after the cut has waited 0 days
    """
    parameters = _at(retailer, cut, cut, share, known) | {"cut": cut}
    found = list(read_columns(WAITS, parameters, {"days": "integer", "bought": "boolean"}, SIZE))
    if not found:
        return np.empty(0, np.int32), np.empty(0, np.bool_)
    rows = np.concatenate(found)
    return rows["days"].astype(np.int32), rows["bought"].astype(np.bool_)


def first_purchases(retailer: Retailer) -> list[tuple[date, int]]:
    """Return how many customers bought first on each day."""
    return [(day, count) for day, count in bulk.fetch(FIRST_DAYS, [retailer.pk])]

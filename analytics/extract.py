"""SQL aggregates as NumPy columns; nothing else in analytics reads raw tables for its models."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.clv.summary import Floats, Summary
from customers.core import bulk
from customers.models import Retailer


@dataclass(frozen=True)
class Buyers:
    """
    Customers who bought until a cut, as columns of equal length.

    :param ids: of the customers
    :param summary: occasions in days
    :param occasions: purchase days, the first too
    :param total: net value of all of them, in the retailer's currency
    """

    ids: NDArray[np.object_]
    summary: Summary
    occasions: Floats
    total: Floats

    def __len__(self) -> int:
        return len(self.ids)


KEPT = """
SELECT customer_id, first_day, last_day, purchase_days, total_value FROM analytics_customerstatistics
WHERE retailer_id = %(retailer)s AND first_day <= %(cut)s ORDER BY customer_id
"""
# The same from the orders themselves, as it stood at an earlier cut: a return counts if it had come back by then.
PAST = """
WITH days AS (
    SELECT o.customer_id, o.local_date AS day, sum(o.net_amount) - coalesce(sum(r.amount), 0) AS value
    FROM customers_order o
    LEFT JOIN LATERAL (
        SELECT sum(net_amount) AS amount FROM customers_return
        WHERE order_id = o.id AND occurred_at < %(cut)s::date + 1
    ) r ON true
    WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL AND o.local_date <= %(cut)s
    GROUP BY 1, 2
)
SELECT customer_id, min(day), max(day), count(*), sum(value) FROM days WHERE value > 0
GROUP BY 1 ORDER BY customer_id
"""
LATER = """
WITH days AS (
    SELECT o.customer_id, o.local_date AS day, sum(o.net_amount) - coalesce(sum(r.amount), 0) AS value
    FROM customers_order o
    LEFT JOIN LATERAL (SELECT sum(net_amount) AS amount FROM customers_return WHERE order_id = o.id) r ON true
    WHERE o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL
        AND o.local_date > %(cut)s AND o.local_date <= %(end)s
    GROUP BY 1, 2
)
SELECT customer_id, count(*), sum(value) FROM days WHERE value > 0 GROUP BY 1
"""
SPAN = "SELECT min(local_date), max(local_date) FROM customers_order WHERE retailer_id = %s"
STAYED = """
SELECT count(*), count(*) FILTER (WHERE EXISTS (
    SELECT 1 FROM customers_order o WHERE o.customer_id = early.customer_id
        AND o.local_date > %(middle)s AND o.local_date <= %(end)s))
FROM (SELECT DISTINCT customer_id FROM customers_order
      WHERE retailer_id = %(retailer)s AND customer_id IS NOT NULL
        AND local_date > %(start)s AND local_date <= %(middle)s) early
"""


def span(retailer: Retailer) -> tuple[date, date] | None:
    """Return the first and the last day with an order."""
    first, last = bulk.fetch(SPAN, [retailer.pk])[0]
    return (first, last) if first else None


def buyers(retailer: Retailer, cut: date) -> Buyers:
    """Return all who bought, from the kept statistics."""
    return _columns(bulk.fetch(KEPT, {"retailer": retailer.pk, "cut": cut}), cut)


def buyers_then(retailer: Retailer, cut: date) -> Buyers:
    """Return all who had bought at an earlier cut, as it was known then."""
    return _columns(bulk.fetch(PAST, {"retailer": retailer.pk, "cut": cut}), cut)


def bought_later(retailer: Retailer, who: Buyers, cut: date, end: date) -> tuple[Floats, Floats]:
    """Return the purchase days after a cut, and their net value, of the same customers."""
    rows = bulk.fetch(LATER, {"retailer": retailer.pk, "cut": cut, "end": end})
    found = {customer: (float(days), float(value)) for customer, days, value in rows}
    columns = np.array([found.get(customer, (0.0, 0.0)) for customer in who.ids], dtype=np.float64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def churn_a_year(retailer: Retailer, end: date) -> float | None:
    """
    Return the share of customers who leave in a year, from two half-years: who bought in the one and not in the next.

    None where the data are shorter than a year.
    """
    known = span(retailer)
    middle, start = end - timedelta(days=182), end - timedelta(days=364)
    if known is None or known[0] > start + timedelta(days=7):
        return None
    parameters = {"retailer": retailer.pk, "start": start, "middle": middle, "end": end}
    early, stayed = bulk.fetch(STAYED, parameters)[0]
    return 1 - (stayed / early) ** 2 if early else None


def _columns(rows: list[tuple[Any, ...]], cut: date) -> Buyers:
    ids = np.empty(len(rows), dtype=object)
    ids[:] = [row[0] for row in rows]
    numbers = np.array(
        [((last - first).days, (cut - first).days, days, total) for _, first, last, days, total in rows],
        dtype=np.float64,
    ).reshape(-1, 4)
    summary = Summary(frequency=numbers[:, 2] - 1.0, recency=numbers[:, 0], age=numbers[:, 1])
    return Buyers(ids, summary, numbers[:, 2], numbers[:, 3])

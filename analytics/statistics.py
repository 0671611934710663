"""The only writer of the sufficient statistics: kept up with what changed, rebuilt on demand, and compared."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.models import Retailer

BATCH = 20_000
LOCK = 7_003  # the first key of the advisory lock; the second is the retailer

# A return goes to its order's day, so a day's value is what its orders keep; days that keep nothing are no occasions.
SUMMARY = """
WITH days AS (
    SELECT o.customer_id, o.retailer_id, o.local_date AS day, count(*) AS orders,
        sum(o.net_amount) - coalesce(sum(r.amount), 0) AS value, coalesce(sum(r.amount), 0) AS returned
    FROM customers_order o
    LEFT JOIN LATERAL (
        SELECT sum(net_amount) AS amount FROM customers_return WHERE order_id = o.id
    ) r ON true
    WHERE {condition}
    GROUP BY 1, 2, 3
)
SELECT customer_id, retailer_id, min(day) FILTER (WHERE value > 0) AS first_day,
    max(day) FILTER (WHERE value > 0) AS last_day, count(*) FILTER (WHERE value > 0) AS purchase_days,
    (array_agg(value ORDER BY day) FILTER (WHERE value > 0))[1] AS first_value,
    coalesce(sum(value) FILTER (WHERE value > 0), 0) AS total_value, sum(returned) AS returned_value,
    sum(orders) AS orders
FROM days GROUP BY 1, 2 HAVING bool_or(value > 0)
"""
COLUMNS = (
    "customer_id, retailer_id, first_day, last_day, purchase_days, first_value, total_value, returned_value, orders"
)
UPSERT = f"""
INSERT INTO analytics_customerstatistics ({COLUMNS})
{SUMMARY}
ON CONFLICT (customer_id) DO UPDATE SET first_day = excluded.first_day, last_day = excluded.last_day,
    purchase_days = excluded.purchase_days, first_value = excluded.first_value, total_value = excluded.total_value,
    returned_value = excluded.returned_value, orders = excluded.orders
"""
TAKE = """
DELETE FROM customers_factchange WHERE id IN (
    SELECT id FROM customers_factchange WHERE retailer_id = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING customer_id
"""
COMPARE = f"""
SELECT count(*) FROM (
    (({SUMMARY}) EXCEPT SELECT {COLUMNS} FROM analytics_customerstatistics WHERE retailer_id = %(retailer)s)
    UNION ALL
    (SELECT {COLUMNS} FROM analytics_customerstatistics WHERE retailer_id = %(retailer)s EXCEPT ({SUMMARY}))
) d
"""


def retailers_with_changes() -> list[int]:
    """Return the ids of the retailers whose statistics are not up to date."""
    return [retailer for (retailer,) in bulk.fetch("SELECT DISTINCT retailer_id FROM customers_factchange")]


def refresh(retailer: Retailer) -> int:
    """Count again what changed since the last time; return how many customers were touched."""
    total = 0
    while touched := _refresh_batch(retailer):
        total += touched
    return total


@transaction.atomic
def rebuild(retailer: Retailer) -> int:
    """Count everything again by one statement; return how many customers bought."""
    _take_turns(retailer)
    bulk.execute("DELETE FROM analytics_customerstatistics WHERE retailer_id = %s", [retailer.pk])
    condition = "o.retailer_id = %s AND o.customer_id IS NOT NULL"
    return bulk.change(UPSERT.format(condition=condition), [retailer.pk])


def differences(retailer: Retailer) -> int:
    """Return how many rows differ between what is kept and what the orders say; 0 when all is well."""
    condition = "o.retailer_id = %(retailer)s AND o.customer_id IS NOT NULL"
    return int(bulk.fetch(COMPARE.format(condition=condition), {"retailer": retailer.pk})[0][0])


def _take_turns(retailer: Retailer) -> None:
    """
    Let one at a time count for a retailer, by a statement that reads nothing else.

    Who waited for another's row would write what it had read before the wait.
    """
    bulk.fetch("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, retailer.pk])


@transaction.atomic
def _refresh_batch(retailer: Retailer) -> int:
    _take_turns(retailer)
    customers = sorted({customer for (customer,) in bulk.fetch(TAKE, [retailer.pk, BATCH])})
    if customers:
        _count(customers)
    return len(customers)


def _count(customers: Sequence[UUID]) -> None:
    """Delete first: who returned everything has no statistics any more."""
    bulk.execute("DELETE FROM analytics_customerstatistics WHERE customer_id = ANY(%s)", [customers])
    bulk.execute(UPSERT.format(condition="o.customer_id = ANY(%s)"), [customers])

"""
Statistics of ten million orders: counted anew beside the bare GROUP BY of days and customers, and kept up order by order.

    make bench NAME=summary [QUICK=1]

The bare statement answers less: it knows no returns, no points, no first day's value, and compares nothing. It is the least that
counting anew can cost.
"""

import os
import sys
from datetime import date
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from django.db import connection, transaction  # noqa: E402

from analytics import statistics  # noqa: E402
from analytics.models import CustomerStatistics  # noqa: E402
from analytics.statistics import TOLD, _truth  # noqa: E402
from benchmarks.measuring import (  # noqa: E402
    Cost,
    Figure,
    arguments,
    judge,
    least,
    measure,
    own_database,
    show,
)
from customers.core import bulk  # noqa: E402
from customers.models import Retailer  # noqa: E402

MILLION = 1_000_000
CHUNK = 500_000
START = date(2024, 6, 15)
ROUNDS = 3
UPKEEP = 50_000  # orders whose customers are counted again
BARE = """
SELECT customer_id, min(day), max(day), count(*), sum(value) FROM (
    SELECT customer_id, local_date AS day, sum(net_amount) AS value FROM customers_order
    WHERE retailer_id = {shop} AND customer_id IS NOT NULL GROUP BY 1, 2
) days GROUP BY 1
"""
SEED = """
WITH made AS MATERIALIZED (
    SELECT n, gen_random_uuid() AS id, %(start)s + (random() * 700)::int AS day,
        md5('c' || (random() * random() * %(customers)s)::int)::uuid AS customer, (random() * 100 + 1)::numeric(8, 2) AS amount
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
), orders AS (
    INSERT INTO customers_order (id, retailer_id, customer_id, number, occurred_at, local_date, currency, net_amount,
        shipping_amount, channel, store, promotion_code, is_gift, identified_by, paid_with_points, redemptions, content_hash,
        recorded_at)
    SELECT id, %(shop)s, customer, 'n' || n, day, day, 'EUR', amount, 0, 'web', '', '', false, '', 0, '[]',
        '\\x00112233445566778899aabbccddeeff', day
    FROM made
)
INSERT INTO customers_return (id, retailer_id, order_id, number, occurred_at, net_amount, content_hash, recorded_at)
SELECT gen_random_uuid(), %(shop)s, id, 'r' || n, day, round(amount / 2, 2), '', day FROM made WHERE n %% 20 = 0
"""


def main() -> int:
    asked = arguments(__doc__).parse_args()
    orders = MILLION if asked.quick else 10 * MILLION
    own_database()
    shop = Retailer.objects.create(slug="bench", name="Bench", zone="UTC", currency="EUR")
    seed(shop, orders)
    told = f"WITH {_truth('OF_RETAILER', has_costs=False)} {TOLD}".replace("%(retailer)s", str(shop.pk))
    costs = {
        "the bare GROUP BY": rounds(lambda: answered(BARE.format(shop=shop.pk)), orders),
        "the statistics": rounds(lambda: answered(told), orders),
        "written, all of them new": measure(lambda: rebuilt(shop), orders),
        "counted anew and compared": rounds(lambda: rebuilt(shop), orders),
    }
    bulk.execute("VACUUM ANALYZE analytics_customerstatistics")
    bulk.execute("SET session_replication_role TO replica")
    noted = measure(lambda: note(shop), UPKEEP)
    upkeep = measure(lambda: counted(shop), UPKEEP)
    show(f"Statistics of {orders:,} orders, per order", costs, limit="the bare GROUP BY")
    show("Kept up, per order", {"noted with the order": noted, "counted": upkeep})
    bare = costs["the bare GROUP BY"].total
    return judge([
        Figure("summary_customers", CustomerStatistics.objects.count(), "customers"),
        Figure("summary_statement_ratio", costs["the statistics"].total / bare, "x", 1.5),
        Figure("summary_compared_ratio", costs["counted anew and compared"].total / bare, "x"),
        Figure("summary_first_ratio", costs["written, all of them new"].total / bare, "x"),
        Figure("summary_upkeep_cpu", noted.total + upkeep.total, "us"),
    ])  # fmt: skip


def rounds(work: Any, orders: int) -> Cost:
    return least(measure(work, orders) for _ in range(ROUNDS))


@transaction.atomic
def answered(sql: str) -> None:
    """Let the server compute all of an answer without sending it, in the same memory."""
    statistics.give_memory()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {sql}")


def rebuilt(shop: Retailer) -> None:
    """Count anew, compare, and write what differs."""
    statistics.rebuild(shop)


def note(shop: Retailer) -> None:
    """Tell that so many customers have ordered."""
    bulk.execute(
        "INSERT INTO customers_factchange (retailer_id, customer_id) SELECT retailer_id, customer_id FROM customers_order"
        " WHERE retailer_id = %s LIMIT %s",
        [shop.pk, UPKEEP],
    )


def counted(shop: Retailer) -> None:
    """Count those customers again, in batches as they wait."""
    statistics.refresh(shop)


def seed(shop: Retailer, orders: int) -> None:
    """Make orders of three customers for each ten, half of some of them returned."""
    bulk.execute("SET session_replication_role TO replica")
    parameters: dict[str, Any] = {"shop": shop.pk, "start": START, "customers": orders * 3 // 10}
    for first in range(0, orders, CHUNK):
        with connection.cursor() as cursor:
            cursor.execute(SEED, {**parameters, "first": first, "last": min(first + CHUNK, orders) - 1})
    bulk.execute("SET session_replication_role TO DEFAULT")
    bulk.execute("VACUUM ANALYZE")
    bulk.execute("CHECKPOINT")


if __name__ == "__main__":
    sys.exit(main())

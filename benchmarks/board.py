"""
What a page of key figures waits for: the board, what pays, funnels and the journey map of a shop with 156,000 orders of a year.

    make bench NAME=board [QUICK=1]

As many orders, lines and points as the full demo has; a fifth of them with QUICK=1. The pages are made in this process, with
their templates, as the role of the application: row policies hold. Milliseconds are those of the clock, so nothing else may run.
Exits 1 when a bar is missed.
"""

import os
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from statistics import median
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.test")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from analytics.kpis.points_days import sum_points  # noqa: E402
from analytics.statistics import rebuild  # noqa: E402
from benchmarks.measuring import Figure, arguments, judge, own_database  # noqa: E402
from benchmarks.shop import NOW, open_shop  # noqa: E402
from customers.core import bulk  # noqa: E402
from customers.models import Retailer  # noqa: E402
from loyalty.programs.models import Program  # noqa: E402

CUSTOMERS, ORDERS, CHUNK, ROUNDS = 2_500, 156_000, 13_000, 5
BAR = 300  # milliseconds
KPIS, FUNNELS = "/admin/analytics/kpigoal", "/admin/analytics/funnel"
PAGES: Mapping[str, str] = {
    "board_by_week": f"{KPIS}/board/?grain=week",
    "board_by_month": f"{KPIS}/board/?grain=month",
    "board_by_quarter": f"{KPIS}/board/?grain=quarter",
    "board_by_year": f"{KPIS}/board/?grain=year",
    "board_of_tiers": f"{KPIS}/board/?by=tier",
    "board_of_segments": f"{KPIS}/board/?by=segment",
    "board_of_channels": f"{KPIS}/board/?by=channel",
    "board_as_a_file": f"{KPIS}/board/file/?grain=month",
    "what_pays_products": f"{KPIS}/what-pays/?part=products",
    "what_pays_moments": f"{KPIS}/what-pays/?part=moments",
    "what_pays_season": f"{KPIS}/what-pays/?part=season",
    "funnel": f"{FUNNELS}/counts/?funnel=order-again",
    "journey_map": f"{FUNNELS}/map/?days=90",
    "acquisition": "/admin/analytics/acquisitioncost/report/?a=b",
    "first_page": "/admin/?a=b",
}
# Customers as shops have them: some order each day, most seldom; one order in 20 came back in part. Nine lines an order, of
# 60,000 products of which few are sold often. Each order gives two lots, which become active; after one in twelve points end.
SEED = """
WITH made AS MATERIALIZED (
    SELECT n, uuidv7() AS id, uuidv7() AS entry, uuidv7() AS activated, uuidv7() AS ended, md5('c' || (random() * random() *
        %(customers)s)::int)::uuid AS customer, %(since)s::timestamptz + n * %(step)s::interval AS at,
        (random() * 60 + 5)::numeric(8, 2) AS amount
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
), orders AS (
    INSERT INTO customers_order (id, retailer_id, customer_id, number, occurred_at, local_date, currency, net_amount,
        shipping_amount, channel, store, promotion_code, is_gift, identified_by, paid_with_points, redemptions, content_hash,
        recorded_at)
    SELECT id, %(shop)s, customer, 'n' || n, at, at::date, 'EUR', amount, 0, 'web', '', '', false, '',
        CASE WHEN n %% 50 = 0 THEN 4 ELSE 0 END, '[]', '\\x00112233445566778899aabbccddeeff', at FROM made
), lines AS (
    INSERT INTO customers_orderline (retailer_id, order_id, position, sku, category, brand, quantity, unit_price, discount,
        net_amount)
    SELECT %(shop)s, id, place, 's' || (random() * random() * random() * 60000)::int, 'c' || place, '', 1,
        amount / 9, 0, amount / 9
    FROM made CROSS JOIN generate_series(1, 9) AS place
), returns AS (
    INSERT INTO customers_return (id, retailer_id, order_id, number, occurred_at, net_amount, content_hash, recorded_at)
    SELECT uuidv7(), %(shop)s, id, 'r' || n, at, round(amount / 2, 2), '', at FROM made WHERE n %% 20 = 0
), entries AS (
    INSERT INTO points_entry (id, retailer_id, wallet_id, kind, cause, occurred_at, recorded_at, available_change, pending_change,
        owed_change, balance_after, explanation)
    SELECT e.id, %(shop)s, 1, e.kind, e.kind || n, at, at, 0, 0, 0, 0, '{"order": "n", "rules": [{"rule": "base"}]}'
    FROM made CROSS JOIN LATERAL (
        VALUES (entry, 'earn'), (activated, 'activate'), (CASE WHEN n %% 12 = 0 THEN ended END, 'expire')
    ) AS e(id, kind) WHERE e.id IS NOT NULL
), lots AS (
    INSERT INTO points_lot (id, retailer_id, wallet_id, version_id, amount, earned_at, active_at, pending, available, held,
        activation_event, expires_on_inactivity)
    SELECT uuidv7(), %(shop)s, 1, 1, 20, at, at, 0, 20, 0, '', false FROM made CROSS JOIN generate_series(1, 2)
)
INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)
SELECT %(shop)s, m.entry, id, m.source, m.target, 20 FROM made CROSS JOIN LATERAL (
    SELECT entry, 'issued', 'pending' FROM generate_series(1, 2)
    UNION ALL SELECT activated, 'pending', 'available' FROM generate_series(1, 2)
    UNION ALL SELECT ended, 'available', CASE WHEN n %% 24 = 0 THEN 'redeemed' ELSE 'expired' END FROM generate_series(1, 14)
    WHERE n %% 12 = 0
) AS m(entry, source, target)
"""
MEMBERS = """
WITH people AS (
    INSERT INTO customers_customer (id, retailer_id, external_id, email, phone, first_name, last_name, language,
        acquisition_channel, identified_at, recorded_at)
    SELECT md5('c' || n)::uuid, %(shop)s, 'c' || n, '', '', '', '', '', 'ads' || n %% 4, %(since)s, %(since)s
    FROM generate_series(0, %(customers)s) AS n
), members AS (
    INSERT INTO memberships_membership (id, retailer_id, program_id, customer_id, number, source, enrolled_at, recorded_at,
        started_at)
    SELECT uuidv7(), %(shop)s, %(program)s, md5('c' || n)::uuid, lpad(n::text, 16, '0'), 'bench', %(since)s, %(since)s, %(since)s
    FROM generate_series(0, %(customers)s) AS n RETURNING id
)
INSERT INTO tiers_standing (membership_id, retailer_id, program_id, tier_id, since, gifts_missing)
SELECT m.id, %(shop)s, %(program)s, (SELECT min(id) FROM tiers_tier), %(since)s, 0 FROM members m
"""


def main() -> int:
    asked = arguments(__doc__).parse_args()
    own_database()
    settings.ALLOWED_HOSTS = ["*"]
    shop = open_shop(0)
    seed(shop, ORDERS // 5 if asked.quick else ORDERS)
    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    bulk.execute("SET ROLE loyalty_app")
    return judge(
        [Figure(name, waited(client, f"{page}&retailer={shop.slug}"), "ms", BAR) for name, page in PAGES.items()]
    )


def waited(client: Client, page: str) -> float:
    """Return the milliseconds that a page takes once its statements and templates are known."""
    found = []
    for _ in range(ROUNDS + 1):
        begun = time.perf_counter()
        answer = client.get(page, secure=True)
        found.append((time.perf_counter() - begun) * 1_000)
        assert answer.status_code == 200, f"{page} answers {answer.status_code}"  # noqa: PLR2004 - OK
    return median(found[1:])


def seed(shop: Retailer, orders: int) -> None:
    """Make a year of orders by SQL, a day's after the other's as tills report them, and what points they gave."""
    since = NOW - timedelta(days=365)
    given: dict[str, Any] = {
        "shop": shop.pk, "customers": CUSTOMERS, "since": since, "step": timedelta(days=365) / orders,
        "program": Program.objects.get(retailer=shop).pk,
    }  # fmt: skip
    bulk.execute("SET session_replication_role TO replica")
    with connection.cursor() as cursor:
        cursor.execute(MEMBERS, given)
        for first in range(0, orders, CHUNK):
            cursor.execute(SEED, given | {"first": first, "last": min(first + CHUNK, orders) - 1})
    bulk.execute("SET session_replication_role TO DEFAULT")
    bulk.execute("VACUUM ANALYZE")
    rebuild(shop)
    for _ in range(2):  # as the hourly task leaves it: the first call notes up to where, the second one sums
        sum_points(shop, now=timezone.now(), settles_in=timedelta(0))
    bulk.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    sys.exit(main())

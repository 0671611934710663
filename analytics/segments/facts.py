"""What buyers did besides when and for how much, as columns: three statements for a block of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from analytics.segments.rules import Facts
from analytics.statistics import KEPT
from customers.core import bulk
from customers.core.segments import SegmentTag
from customers.models import Retailer

UNIT = 10_000  # amounts are counted in its parts, which are whole
# Customers come in ranges of their ids. A return goes to its order's day, and counts if it had come back by the cut; what comes
# back of a line is not kept.
WHOSE = """o.retailer_id = %(retailer)s AND o.customer_id >= %(first)s AND o.customer_id <= %(last)s
        AND o.local_date <= %(cut)s"""
ORDERS = f"""
WITH back AS (
    SELECT r.order_id, count(*) AS times, sum(r.net_amount) AS amount FROM customers_return r
    JOIN customers_order o ON o.id = r.order_id
    WHERE {WHOSE} AND (r.occurred_at AT TIME ZONE %(zone)s)::date <= %(cut)s GROUP BY 1
),
reduced AS (
    SELECT DISTINCT l.order_id FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
    WHERE {WHOSE} AND l.discount > 0
),
days AS (
    SELECT o.customer_id, o.local_date AS day, count(*) AS orders, sum(o.net_amount) AS spend, sum({KEPT}) AS kept,
        coalesce(sum(b.amount), 0) AS returned, coalesce(sum(b.times), 0) AS times,
        count(*) FILTER (WHERE o.is_gift) AS gifts,
        count(*) FILTER (WHERE o.promotion_code <> '' OR d.order_id IS NOT NULL) AS promoted
    FROM customers_order o LEFT JOIN back b ON b.order_id = o.id LEFT JOIN reduced d ON d.order_id = o.id
    WHERE {WHOSE} GROUP BY 1, 2
)
SELECT customer_id, sum(orders)::bigint, (sum(spend) * 10000)::float8, (sum(returned) * 10000)::float8,
    sum(times)::bigint, sum(gifts)::bigint, sum(promoted)::bigint,
    greatest(
        count(*) FILTER (WHERE kept > 0 AND extract(quarter FROM day) = 1),
        count(*) FILTER (WHERE kept > 0 AND extract(quarter FROM day) = 2),
        count(*) FILTER (WHERE kept > 0 AND extract(quarter FROM day) = 3),
        count(*) FILTER (WHERE kept > 0 AND extract(quarter FROM day) = 4)),
    count(DISTINCT extract(year FROM day)) FILTER (WHERE kept > 0)
FROM days GROUP BY 1
"""
LINES = f"""
WITH back AS (
    SELECT b.line_id, sum(b.net_amount) AS amount FROM customers_returnline b
    JOIN customers_return r ON r.id = b.order_return_id JOIN customers_order o ON o.id = r.order_id
    WHERE {WHOSE} AND (r.occurred_at AT TIME ZONE %(zone)s)::date <= %(cut)s GROUP BY 1
),
parts AS (
    SELECT o.customer_id, grouping(l.brand) AS is_category, coalesce(l.category, l.brand) AS name,
        sum(l.net_amount - coalesce(b.amount, 0)) AS kept
    FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id LEFT JOIN back b ON b.line_id = l.id
    WHERE {WHOSE} GROUP BY GROUPING SETS ((o.customer_id, l.category), (o.customer_id, l.brand))
)
SELECT customer_id, is_category, (sum(kept) * 10000)::float8, (max(kept) FILTER (WHERE name <> '') * 10000)::float8,
    (array_agg(name ORDER BY kept DESC, name) FILTER (WHERE name <> ''))[1]
FROM parts GROUP BY 1, 2
"""
VISITS = """
SELECT customer_id, count(*) FROM customers_interaction
WHERE retailer_id = %(retailer)s AND customer_id >= %(first)s AND customer_id <= %(last)s AND kind = 'visit'
    AND (occurred_at AT TIME ZONE %(zone)s)::date <= %(cut)s GROUP BY 1
"""
# What a range holds is known when it is asked: planned for any range, each customer would be looked up by itself.
PLAN_EACH = "SET LOCAL plan_cache_mode = force_custom_plan"
# Of which facts each tag is told: where a retailer reports none of them of anybody, nobody knows.
TOLD_BY: dict[SegmentTag, str] = {
    SegmentTag.SERIAL_RETURNER: "returns",
    SegmentTag.SELDOM_BUYER: "visits",
    SegmentTag.GIFT_BUYER: "gifts",
    SegmentTag.CATEGORY_LOVER: "best_category",
    SegmentTag.BRAND_LOVER: "best_brand",
    SegmentTag.SEASONAL_BUYER: "orders",
    SegmentTag.PROMOTION_LOVER: "promoted",
}


@dataclass(frozen=True, slots=True)
class Known:
    """
    What is known of some buyers, in their order.

    :param categories: the category of which most is left; empty for none
    """

    facts: Facts
    categories: NDArray[np.object_]
    brands: NDArray[np.object_]


def read_facts(retailer: Retailer, ids: Sequence[UUID], cut: date) -> Known:
    """
    Return what some buyers did up to a day in the retailer's zone, that day too.

    :param ids: in their order
    """
    asked = {"retailer": retailer.pk, "zone": retailer.zone, "first": ids[0], "last": ids[-1], "cut": cut}
    place = {customer: row for row, customer in enumerate(ids)}
    with transaction.atomic():
        bulk.execute(PLAN_EACH)
        of_orders = _filled(place, bulk.fetch(ORDERS, asked), 8)
        visits = _filled(place, bulk.fetch(VISITS, asked), 1)
        lines = bulk.fetch(LINES, asked)
    orders, spend, returned, returns, gifts, promoted, quarter, years = of_orders
    brands, categories = (_best(place, [row for row in lines if row[1] == kind]) for kind in (0, 1))
    facts = Facts(
        orders=orders.astype(np.int64), spend=spend, returned=returned, returns=returns.astype(np.int64),
        visits=visits[0].astype(np.int64), gifts=gifts.astype(np.int64), promoted=promoted.astype(np.int64),
        kept=categories.kept, best_category=categories.best, best_brand=brands.best,
        best_quarter=quarter.astype(np.int64), years=years.astype(np.int64),
    )  # fmt: skip
    return Known(facts, categories.names, brands.names)


@dataclass(frozen=True, slots=True)
class _Best:
    """Of what is left of lines, what is left of those of one name, and that name."""

    kept: NDArray[np.float64]
    best: NDArray[np.float64]
    names: NDArray[np.object_]


def _best(place: dict[UUID, int], rows: Sequence[tuple[Any, ...]]) -> _Best:
    kept, best = _filled(place, [(customer, whole, most or 0.0) for customer, _, whole, most, _ in rows], 2)
    names = np.full(len(place), "", dtype=object)
    for customer, _, _, _, name in rows:
        if customer in place:
            names[place[customer]] = name or ""
    return _Best(kept, best, names)


def reported(facts: Facts) -> set[SegmentTag]:
    """Return the tags of which the facts of some buyers tell anything at all."""
    return {tag for tag, name in TOLD_BY.items() if getattr(facts, name).any()}


def _filled(place: dict[UUID, int], rows: Sequence[tuple[Any, ...]], width: int) -> NDArray[np.float64]:
    """Return rows as columns in the buyers' order; zero for whom there is none, and without those who are no buyers."""
    found = np.zeros((width, len(place)))
    mine = [row for row in rows if row[0] in place]
    if mine:
        found[:, [place[row[0]] for row in mine]] = np.array([row[1:] for row in mine], dtype=np.float64).T
    return found

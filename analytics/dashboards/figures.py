"""The figures of the admin's first page: a fixed number of statements, whatever the retailer's size."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from customers.core import bulk
from customers.models import Retailer


@dataclass(frozen=True)
class Figures:
    """
    What the first page shows of one retailer.

    :param months: month, orders, net revenue; the last thirteen months with orders
    :param tiers: name and members, the lowest first
    :param deciles: decile, customers, mean predicted value, mean revenue to date; the highest first
    """

    members: int
    customers: int
    available: int
    pending: int
    issued: int
    expired: int
    orders: int
    revenue: Any
    last_order: date | None
    months: list[tuple[date, int, Any]]
    tiers: list[tuple[str, str, int]]
    deciles: list[tuple[int, int, Any, Any]]


TOTALS = """
SELECT (SELECT count(*) FROM memberships_membership WHERE retailer_id = %(r)s AND left_at IS NULL),
    (SELECT count(*) FROM customers_customer WHERE retailer_id = %(r)s),
    (SELECT coalesce(sum(available), 0) FROM points_wallet WHERE retailer_id = %(r)s),
    (SELECT coalesce(sum(pending), 0) FROM points_wallet WHERE retailer_id = %(r)s),
    (SELECT coalesce(sum(amount), 0) FROM points_lot WHERE retailer_id = %(r)s),
    (SELECT coalesce(-sum(available_change), 0) FROM points_entry WHERE retailer_id = %(r)s AND kind = 'expire')
"""
MONTHS = """
SELECT date_trunc('month', local_date)::date, count(*), sum(net_amount) FROM customers_order
WHERE retailer_id = %s GROUP BY 1 ORDER BY 1
"""
TIERS = """
SELECT coalesce(t.name, '-'), coalesce(nullif(t.name_fr, ''), t.name, '-'), count(*)
FROM tiers_standing s LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE s.retailer_id = %s GROUP BY t.id ORDER BY min(t.rank) NULLS FIRST
"""
DECILES = """
SELECT i.value_decile, count(*), avg(coalesce(i.predicted_value, i.formula_value)), avg(i.historic_revenue)
FROM customers_insight i JOIN customers_customer c ON c.id = i.customer_id
WHERE c.retailer_id = %s AND i.value_decile IS NOT NULL GROUP BY 1 ORDER BY 1 DESC
"""
LAST = "SELECT max(local_date) FROM customers_order WHERE retailer_id = %s"


def figures(retailer: Retailer) -> Figures:
    """Return a retailer's figures."""
    months = bulk.fetch(MONTHS, [retailer.pk])
    members, customers, available, pending, issued, expired = bulk.fetch(TOTALS, {"r": retailer.pk})[0]
    return Figures(
        members=members,
        customers=customers,
        available=available,
        pending=pending,
        issued=issued,
        expired=expired,
        orders=sum(month[1] for month in months),
        revenue=sum(month[2] for month in months),
        last_order=bulk.fetch(LAST, [retailer.pk])[0][0],
        months=[(month, orders, revenue) for month, orders, revenue in months[-13:]],
        tiers=[(name, name_fr, count) for name, name_fr, count in bulk.fetch(TIERS, [retailer.pk])],
        deciles=[
            (decile, count, value, revenue) for decile, count, value, revenue in bulk.fetch(DECILES, [retailer.pk])
        ],
    )

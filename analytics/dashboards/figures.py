"""The figures of the admin's first page: a fixed number of statements, whatever the retailer's size."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from analytics.kpis.points_days import NOTHING
from customers.core import bulk
from customers.models import Retailer


@dataclass(frozen=True)
class Figures:
    """
    What the first page shows of one retailer.

    :param months: month, orders, net revenue; the last thirteen months with orders
    :param tiers: name, French name and members, the lowest first; no name for those on no tier
    :param deciles: decile, customers, mean predicted value, mean revenue to date; the highest first
    :param customers: persons: who was merged into another one is that one
    :param issued: points that were given: those that went from one member to another count once
    :param expired: points that are expired: those that came back to a lot whose time was over, and none that came back in time
    :param set_aside: members who could not be worked on
    :param waiting: facts that wait to be decided
    :param undecided: those of them that could not be, so far
    """

    members: int
    customers: int
    available: int
    pending: int
    issued: int
    expired: int
    orders: int
    revenue: Any
    set_aside: int
    waiting: int
    undecided: int
    last_order: date | None
    months: list[tuple[date, int, Any]]
    tiers: list[tuple[str, str, int]]
    deciles: list[tuple[int, int, Any, Any]]


# What expired is read as the board reads it: of what is old the sums of its days, of the rest the ledger.
TOTALS = """
SELECT (SELECT count(*) FROM memberships_membership WHERE retailer_id = %(r)s AND left_at IS NULL),
    (SELECT count(*) FROM customers_customer WHERE retailer_id = %(r)s AND merged_into_id IS NULL),
    (SELECT coalesce(sum(available), 0) FROM points_wallet WHERE retailer_id = %(r)s),
    (SELECT coalesce(sum(pending), 0) FROM points_wallet WHERE retailer_id = %(r)s),
    (SELECT coalesce(sum(amount), 0) FROM points_lot WHERE retailer_id = %(r)s AND from_lot_id IS NULL),
    (SELECT coalesce(sum(expired), 0) FROM analytics_pointsday WHERE retailer_id = %(r)s)
        + (SELECT coalesce(sum(CASE 'expired' WHEN to_state THEN amount ELSE -amount END), 0) FROM points_movement
            WHERE retailer_id = %(r)s AND 'expired' IN (from_state, to_state)
                AND entry_id >= coalesce((SELECT until FROM analytics_pointsmark WHERE retailer_id = %(r)s), %(nothing)s)),
    (SELECT count(*) FROM activity_setaside WHERE retailer_id = %(r)s),
    (SELECT count(*) FROM customers_undecidedfact WHERE retailer_id = %(r)s),
    (SELECT count(*) FROM customers_undecidedfact WHERE retailer_id = %(r)s AND error <> '')
"""
MONTHS = """
WITH per AS (
    SELECT local_date AS day, count(*) AS orders, sum(net_amount) AS value FROM customers_order WHERE retailer_id = %s GROUP BY 1
)
SELECT date_trunc('month', day)::date, sum(orders)::bigint, sum(value), max(day) FROM per GROUP BY 1 ORDER BY 1
"""
TIERS = """
SELECT coalesce(t.name, ''), coalesce(nullif(t.name_fr, ''), t.name, ''), count(*)
FROM tiers_standing s JOIN memberships_membership m ON m.id = s.membership_id AND m.left_at IS NULL
LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE s.retailer_id = %s GROUP BY t.id ORDER BY min(t.rank) NULLS FIRST
"""
DECILES = """
SELECT i.value_decile, count(*), avg(coalesce(i.predicted_value, i.formula_value)), avg(i.historic_revenue)
FROM customers_insight i JOIN customers_customer c ON c.id = i.customer_id
WHERE c.retailer_id = %s AND i.value_decile IS NOT NULL GROUP BY 1 ORDER BY 1 DESC
"""


def figures(retailer: Retailer) -> Figures:
    """Return a retailer's figures."""
    months = bulk.fetch(MONTHS, [retailer.pk])
    members, customers, available, pending, issued, expired, set_aside, waiting, undecided = bulk.fetch(
        TOTALS, {"r": retailer.pk, "nothing": NOTHING}
    )[0]
    return Figures(
        members=members,
        customers=customers,
        available=available,
        pending=pending,
        issued=issued,
        expired=expired,
        set_aside=set_aside,
        waiting=waiting,
        undecided=undecided,
        orders=sum(month[1] for month in months),
        revenue=sum(month[2] for month in months),
        last_order=months[-1][3] if months else None,
        months=[(month, orders, revenue) for month, orders, revenue, _ in months[-13:]],
        tiers=[(name, name_fr, count) for name, name_fr, count in bulk.fetch(TIERS, [retailer.pk])],
        deciles=[
            (decile, count, value, revenue) for decile, count, value, revenue in bulk.fetch(DECILES, [retailer.pk])
        ],
    )

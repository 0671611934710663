"""What orders call the redemptions that paid them, where two members of whom each used a name turned out to be one."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from customers.core import bulk
from customers.merging import rename_redemptions
from customers.models import Retailer
from loyalty.memberships.models import Membership

# Also what was undone, or let go, since: the other one's of the name has nothing to do with it.
USED = """
SELECT reference FROM points_spendingreference WHERE membership_id = %s
UNION SELECT e.explanation->>'reference' FROM points_entry e JOIN points_wallet w ON w.id = e.wallet_id
WHERE w.membership_id = %s AND e.kind = 'redeem' AND e.explanation ? 'reference'
UNION SELECT reference FROM rewards_rewardredemption WHERE membership_id = %s
"""
# What was held and took nothing in the end is free again, as it was for the member who goes.
TAKE_OVER = """
INSERT INTO points_spendingreference (retailer_id, membership_id, reference, points)
SELECT s.retailer_id, %(target)s, s.reference || CASE WHEN s.reference = ANY(%(taken)s) THEN %(suffix)s ELSE '' END, s.points
FROM points_spendingreference s WHERE s.membership_id = %(source)s AND (EXISTS (
    SELECT 1 FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
    WHERE w.membership_id = s.membership_id AND e.kind = 'redeem' AND e.explanation->>'reference' = s.reference
) OR NOT EXISTS (
    SELECT 1 FROM points_wallet w JOIN points_hold h ON h.wallet_id = w.id
    WHERE w.membership_id = s.membership_id AND h.reference = s.reference
))
ON CONFLICT (membership_id, reference) DO NOTHING RETURNING id
"""
THEIR_ORDERS = """
SELECT order_id FROM activity_orderdecision WHERE membership_id = %s
UNION SELECT fact_id FROM customers_undecidedfact WHERE customer_id = %s AND kind = 'order'
"""
MERGED = """
SELECT a.order_id, s.number, s.merged_into_id
FROM (SELECT unnest(%b::uuid[]) AS order_id, unnest(%b::text[]) AS external_id) a
JOIN customers_customer c ON c.retailer_id = %s AND c.external_id = a.external_id AND c.merged_into_id IS NOT NULL
JOIN memberships_membership s ON s.customer_id = c.id AND s.merged_into_id IS NOT NULL
"""


def used_references(membership_id: UUID) -> set[str]:
    """Return the references under which a member held or redeemed points, or redeemed rewards."""
    return {reference for (reference,) in bulk.fetch(USED, [membership_id] * 3)}


def suffix_of(number: str) -> str:
    """Return what stands behind the reference of a member who was merged, where the other one had used it, too."""
    return f" ({number})"


def rename_in_orders(source: Membership, taken: set[str]) -> None:
    """
    Let the orders of a member who goes name its own redemptions as they are called from now on.

    :param taken: the references that the one who stays used
    """
    if names := taken & used_references(source.pk):
        orders = [order_id for (order_id,) in bulk.fetch(THEIR_ORDERS, [source.pk, source.customer_id])]
        rename_redemptions(orders, names, suffix_of(source.number))


def take_over_references(source: Membership, target: Membership, taken: set[str]) -> None:
    """
    Let names that a member who goes used be used by the one who stays, each as what it is called from now on.

    :param taken: the references that the one who stays used
    """
    suffix = suffix_of(source.number)
    asked = {"source": source.pk, "target": target.pk, "taken": sorted(taken), "suffix": suffix}
    bulk.fetch(TAKE_OVER, asked)


def name_as_merged(
    retailer: Retailer, orders: Iterable[tuple[UUID, str, Sequence[str]]]
) -> dict[UUID, tuple[str, ...]]:
    """
    Let orders that are told under the id of a customer who was merged name that one's redemptions, and not the other's.

    :param orders: id, external id of the customer, and the references that the order names
    :returns: what those name from now on that name something else
    """
    told = {order_id: (customer, names) for order_id, customer, names in orders if names}
    if not told:
        return {}
    named: dict[UUID, tuple[str, ...]] = {}
    ids, customers = [*told], [customer for customer, _ in told.values()]
    for order_id, number, target_id in bulk.fetch(MERGED, [ids, customers, retailer.pk]):
        suffix, used = suffix_of(number), used_references(target_id)
        own = {name for name in told[order_id][1] if f"{name}{suffix}" in used}
        rename_redemptions([order_id], own, suffix)
        named[order_id] = tuple(f"{name}{suffix}" if name in own else name for name in told[order_id][1])
    return named

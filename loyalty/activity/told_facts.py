"""For which membership each fact was decided first, and when: read for pasts that are lived again as they were told."""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.lived_facts import LivedFact
from loyalty.engine.activities import (
    GrantTakenBack,
    InteractionReported,
    InteractionReviewed,
    OrderEvent,
    OrderPlaced,
    OrderReturned,
    PlanFollowed,
    PointsGranted,
    PointsMoved,
)

ORDERS = """
SELECT DISTINCT ON (d.order_id) d.order_id, coalesce(d.merged_from, d.membership_id), d.decided_at FROM activity_orderdecision d
JOIN customers_order o ON o.id = d.order_id WHERE o.customer_id = ANY(%(customers)s) AND d.program_id = %(program)s
ORDER BY d.order_id, d.decided_at
"""
# What happened to an order happened to who had decided that. What came back of an order that was forfeited decided nothing.
RETURNS = """
SELECT r.id, r.order_id, coalesce(d.decided_at, r.recorded_at) FROM customers_order o JOIN customers_return r ON r.order_id = o.id
LEFT JOIN activity_returndecision d ON d.order_return_id = r.id AND d.program_id = %(program)s
WHERE o.customer_id = ANY(%(customers)s)
"""
EVENTS = """
SELECT e.id, e.order_id, e.recorded_at FROM customers_order o JOIN customers_orderevent e ON e.order_id = o.id
WHERE o.customer_id = ANY(%(customers)s)
"""
INTERACTIONS = """
SELECT i.id, coalesce(d.merged_from, m.id), d.decided_at FROM memberships_membership m
JOIN customers_interaction i ON i.customer_id = m.customer_id
JOIN activity_interactiondecision d ON d.interaction_id = i.id AND d.program_id = m.program_id
WHERE m.id = ANY(%(members)s) AND m.customer_id = ANY(%(customers)s)
"""
GRANTS = (
    "SELECT id, membership_id, coalesce(decided_at, asked_at) FROM points_grant WHERE membership_id = ANY(%(members)s)"
)
MOVES = """
SELECT e.id, w.membership_id, e.occurred_at FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
WHERE w.membership_id = ANY(%(members)s) AND e.kind IN ('redeem', 'restore', 'adjust', 'transfer')
"""
REVIEWED = """
SELECT i.id, w.membership_id, e.occurred_at FROM memberships_membership m
JOIN customers_interaction i ON i.customer_id = m.customer_id
CROSS JOIN LATERAL unnest(ARRAY['activate:approved:' || i.id, 'interaction-back:' || i.id]) n(cause)
JOIN points_wallet w ON w.membership_id = ANY(%(members)s) JOIN points_entry e ON e.wallet_id = w.id AND e.cause = n.cause
WHERE m.id = ANY(%(members)s) AND m.customer_id = ANY(%(customers)s)
"""
PLANS = "SELECT id, membership_id, recorded_at FROM plans_planchange WHERE membership_id = ANY(%(members)s)"


@dataclass(frozen=True, slots=True)
class Told:
    """For which membership something was decided first, and when."""

    membership_id: UUID
    at: datetime


class ToldFacts:
    """What some members decided, and when."""

    def __init__(self, found: Mapping[tuple[type, UUID], Told]) -> None:
        self._found = found

    def of(self, fact: LivedFact) -> Told | None:
        """Return for whom, and when, a fact was decided; None where nobody decided it."""
        kind = PointsGranted if isinstance(fact, GrantTakenBack) else type(fact)
        return self._found.get((kind, fact.id))


def load_told(program_id: int, members: Collection[UUID], customers: Collection[UUID]) -> ToldFacts:
    """
    Load for which of some memberships facts were decided, and when.

    :param members: with those that were merged into them
    :param customers: whose facts they are now
    """
    asked = {"members": sorted(members), "customers": sorted(customers), "program": program_id}
    orders = {order: Told(key, at) for order, key, at in bulk.fetch(ORDERS, asked)}
    told: dict[tuple[type, UUID], Told] = {(OrderPlaced, order): each for order, each in orders.items()}
    of_orders: dict[type, str] = {OrderReturned: RETURNS, OrderEvent: EVENTS}
    for kind, sql in of_orders.items():
        for fact, order, at in bulk.fetch(sql, asked):
            if order in orders:
                told[kind, fact] = Told(orders[order].membership_id, max(at, orders[order].at))
    others: dict[type, str] = {
        InteractionReported: INTERACTIONS, PointsGranted: GRANTS, PointsMoved: MOVES, InteractionReviewed: REVIEWED,
    }  # fmt: skip
    for kind, sql in others.items():
        told |= {(kind, fact): Told(key, at) for fact, key, at in bulk.fetch(sql, asked)}
    return ToldFacts(told | {(PlanFollowed, UUID(int=pk)): Told(key, at) for pk, key, at in bulk.fetch(PLANS, asked)})

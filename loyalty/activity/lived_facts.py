"""What members of a program went through until an instant, as it was recorded: what a simulation of their past lives again."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.activity.held.bursts import with_reserved
from loyalty.activity.history import load_interactions, load_order_events, load_orders, load_returns, with_baskets
from loyalty.activity.purchases import asks_for_products, limits_interactions, with_others, with_purchases
from loyalty.badges.loading import load_joined
from loyalty.badges.state import BADGES
from loyalty.engine.activities import (
    ChallengeJoined,
    Fact,
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
from loyalty.engine.versions import Versions
from loyalty.plans.loading import load_followed
from loyalty.plans.state import PLANS
from loyalty.points.granting import load_given
from loyalty.points.state import RULES
from loyalty.rewards.loading import paid_out_of
from loyalty.rewards.state import REWARDS

RANKS: dict[type, int] = {
    OrderPlaced: 0,
    OrderEvent: 1,
    OrderReturned: 2,
    InteractionReported: 3,
    PointsMoved: 4,
    PlanFollowed: -1,
    ChallengeJoined: -1,
    InteractionReviewed: 4,
    PointsGranted: 5,
    GrantTakenBack: 6,
}


LivedFact = Fact | PointsMoved | PlanFollowed | ChallengeJoined | InteractionReviewed


@dataclass(frozen=True, slots=True)
class Joined:
    """
    A member as it enrolled, and when it left.

    :param first_order_id: the first order of an earlier membership of one who was merged: its bonus is not given again
    :param earlier: its own memberships that ended before, from when until when, in their order
    """

    membership_id: UUID
    customer_id: UUID
    retailer_id: int
    program_id: int
    enrolled_at: datetime
    left_at: datetime | None
    birth_date: date | None
    first_order_id: UUID | None = None
    earlier: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def began_at(self) -> datetime:
        """Return when it enrolled for the first time."""
        return self.earlier[0][0] if self.earlier else self.enrolled_at


# Who was merged lives with the one who stays, whose facts theirs are: as if they had always been one.
JOINED = """
SELECT m.id, m.customer_id, m.retailer_id, m.program_id, m.enrolled_at, m.left_at, c.birth_date, (
    SELECT d.order_id FROM activity_orderdecision d JOIN customers_order o ON o.id = d.order_id
    WHERE d.membership_id = m.id AND d.is_first AND d.is_kept AND d.is_forfeited AND m.left_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM memberships_membershipperiod
        WHERE membership_id = m.id AND o.occurred_at >= enrolled_at AND o.occurred_at < left_at)
    LIMIT 1), p.began, p.ended
FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(enrolled_at ORDER BY enrolled_at), '{{}}') AS began,
        coalesce(array_agg(left_at ORDER BY enrolled_at), '{{}}') AS ended
    FROM memberships_membershipperiod WHERE membership_id = m.id
) p
WHERE m.program_id = %(program)s AND m.id > %(after)s AND m.merged_into_id IS NULL
    AND coalesce(p.began[1], m.enrolled_at) <= %(until)s {only} ORDER BY m.id LIMIT %(limit)s
"""


ORDERS = "SELECT id FROM customers_order WHERE customer_id = ANY(%s) AND occurred_at <= %s"


RETURNS = """
SELECT r.id FROM customers_return r JOIN customers_order o ON o.id = r.order_id
WHERE o.customer_id = ANY(%s) AND r.occurred_at <= %s
"""


EVENTS = """
SELECT e.id FROM customers_orderevent e JOIN customers_order o ON o.id = e.order_id
WHERE o.customer_id = ANY(%s) AND e.occurred_at <= %s
"""


INTERACTIONS = "SELECT id FROM customers_interaction WHERE customer_id = ANY(%s) AND occurred_at <= %s"


# A restoration that a return caused comes with the return; what time does comes with the clock. Of a customer who was merged,
# who lives with the one that stays, comes what it did; that its points went over does not: what was undone then is what it did.
MOVES = """
SELECT e.id, coalesce(c.merged_into_id, c.id), e.occurred_at, e.kind, w.code,
    CASE WHEN e.kind = 'redeem' THEN (e.explanation->>'points')::bigint ELSE e.available_change END,
    coalesce((SELECT t.explanation->>'reference' FROM points_wallet v JOIN points_entry t ON t.wallet_id = v.id
        WHERE v.membership_id = m.merged_into_id AND t.kind = 'redeem' AND t.explanation->>'merged_from' = e.id::text),
        e.explanation->>'reference', e.id::text),
    CASE WHEN e.kind = 'restore' THEN coalesce((SELECT u.explanation->>'merged_from' FROM points_entry u
        WHERE u.id = substr(e.cause, 9)::uuid), substr(e.cause, 9))::uuid END, p.amounts, p.ends
FROM points_entry e LEFT JOIN LATERAL (
    SELECT array_agg(l.amount ORDER BY l.id) AS amounts, array_agg(l.expires_at ORDER BY l.id) AS ends
    FROM points_movement v JOIN points_lot l ON l.id = v.lot_id
    WHERE e.kind = 'transfer' AND v.entry_id = e.id AND v.from_state = 'issued' AND l.expires_at IS NOT NULL
) p ON true JOIN points_wallet w ON w.id = e.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
JOIN customers_customer c ON c.id = m.customer_id
WHERE (m.customer_id = ANY(%(customers)s) OR c.merged_into_id = ANY(%(customers)s)) AND e.occurred_at <= %(until)s
    AND m.program_id = %(program)s AND e.kind IN ('redeem', 'restore', 'adjust', 'transfer')
    AND NOT e.explanation ?| ARRAY['return', 'merged']
    AND (e.kind <> 'restore' OR e.cause LIKE 'restore:%%')
ORDER BY e.id
"""


def members_joined(
    program_id: int, after: UUID, until: datetime, limit: int, members: Sequence[UUID] | None
) -> list[Joined]:
    parameters = {"program": program_id, "after": after, "until": until, "limit": limit}
    if members is None:
        rows = bulk.fetch(JOINED.format(only=""), parameters)
    else:
        only = JOINED.format(only="AND m.id = ANY(%(members)s)")
        rows = bulk.fetch(only, {**parameters, "members": list(members)})
    return [replace(Joined(*row[:-2]), earlier=tuple(zip(*row[-2:], strict=True))) for row in rows]


def facts_of(versions: Versions, joined: Sequence[Joined], until: datetime) -> list[LivedFact]:
    """Load all that some members ever did, in the order of its time."""
    customers, program_id = [each.customer_id for each in joined], versions.program_id

    def ids(sql: str) -> list[UUID]:
        return [found for (found,) in bulk.fetch(sql, [customers, until])]

    returns = with_baskets(load_returns(ids(RETURNS)), anew=True)
    if REWARDS.name in versions.uses:
        returns = _but_paid_out(program_id, returns)
    interactions = load_interactions(ids(INTERACTIONS))
    if asks_for_products([versions]):
        interactions, returns = with_purchases(interactions, in_their_time=True), with_others(returns)
    if limits_interactions([versions]):
        interactions = with_reserved(interactions, decided_in=program_id)
    # An order's events are told when they happen, not with the order.
    placed = [replace(each, events=()) if each.events else each for each in load_orders(ids(ORDERS))]
    followed = load_followed(program_id, customers, until) if PLANS.name in versions.uses else []
    joined_then = load_joined(program_id, customers, until) if BADGES.name in versions.uses else []
    granted = load_given(program_id, customers, until)
    happened: list[LivedFact] = [
        *followed,
        *joined_then,
        *_reviewed(versions, customers, until),
        *placed,
        *returns,
        *load_order_events(ids(EVENTS)),
        *interactions,
        *granted,
        *(
            PointsMoved(*[*row, tuple(zip(amounts or (), ends or (), strict=True))])
            for *row, amounts, ends in bulk.fetch(
                MOVES, {"customers": customers, "until": until, "program": program_id}
            )
        ),
    ]
    return sorted(happened, key=lambda each: (each.occurred_at, RANKS[type(each)], each.id))


# What was approved or refused of interactions whose reward waited for that.
REVIEWED = """
SELECT DISTINCT ON (i.id) i.id, coalesce(c.merged_into_id, c.id), e.occurred_at, e.kind = 'activate' FROM points_wallet w
JOIN memberships_membership m ON m.id = w.membership_id JOIN customers_customer c ON c.id = m.customer_id
JOIN customers_interaction i ON i.customer_id = m.customer_id
CROSS JOIN LATERAL unnest(ARRAY['activate:approved:' || i.id, 'interaction-back:' || i.id]) n(cause)
JOIN points_entry e ON e.wallet_id = w.id AND e.cause = n.cause
WHERE (m.customer_id = ANY(%(customers)s) OR c.merged_into_id = ANY(%(customers)s)) AND m.program_id = %(program)s
    AND e.occurred_at <= %(until)s AND (e.kind = 'activate' OR e.explanation ? 'refused')
ORDER BY i.id, e.id
"""


def _reviewed(versions: Versions, customers: Sequence[UUID], until: datetime) -> list[InteractionReviewed]:
    """Load which rewards of interactions were approved or refused, where a rule lets them wait for that."""
    rules = (rule for version in versions.versions for rule in version.of(RULES).earnings)
    if not any(rule.terms is not None and rule.terms.needs_approval for rule in rules):
        return []
    given = {"customers": list(customers), "program": versions.program_id, "until": until}
    return [InteractionReviewed(*row) for row in bulk.fetch(REVIEWED, given)]


def _but_paid_out(program_id: int, returns: Sequence[OrderReturned]) -> list[OrderReturned]:
    """Return returns without the donations that their orders name and that stay: the causes have been paid."""
    named = {reference for each in returns for reference in each.redemptions}
    kept = paid_out_of(program_id, {each.customer_id for each in returns}, named) if named else set()
    return [
        replace(each, redemptions=tuple(name for name in each.redemptions if (each.customer_id, name) not in kept))
        if kept
        else each
        for each in returns
    ]

"""Redemptions that may be undone, with the lots that paid them."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import OrderReturned
from loyalty.engine.capability import Scope
from loyalty.points.loading.lots import LOT
from loyalty.points.state import Move, OpenLot, Redeemed
from loyalty.points.states import State

# By which entries the wallet `w` paid under the reference of `r`, be it at once or through a hold.
PAYING = """
CROSS JOIN LATERAL (
    SELECT 'redeem:' || r.reference AS cause
    UNION ALL SELECT unnest(ARRAY['confirm:' || h.id, 'redeem:hold:' || h.id])
    FROM points_hold h WHERE h.wallet_id = w.id AND h.reference = r.reference OFFSET 0
) n
JOIN LATERAL (SELECT *, 'restore:' || id AS undone_by FROM points_entry WHERE wallet_id = w.id AND cause = n.cause OFFSET 0) e
    ON coalesce(e.explanation->>'reference', r.reference) = r.reference
"""
# A redemption that paid an order, unless it was undone already.
REDEEMED = f"""
SELECT r.membership_id, r.reference, e.id, e.wallet_id, (e.explanation->>'merged_from')::uuid,
    m.from_state, m.to_state, m.amount, {LOT}
FROM unnest(%s::text[], %s::uuid[]) AS r(reference, membership_id)
JOIN points_wallet w ON w.membership_id = r.membership_id
{PAYING} JOIN points_movement m ON m.entry_id = e.id AND m.to_state = 'redeemed'
LEFT JOIN points_movedlot v ON v.lot_id = m.lot_id
JOIN points_lot l ON l.id = CASE WHEN v.to_lot_id IS NULL THEN m.lot_id ELSE v.to_lot_id END
WHERE NOT EXISTS (SELECT 1 FROM points_entry u WHERE u.wallet_id = e.wallet_id AND u.cause = e.undone_by)
ORDER BY m.id
"""


def load_redeemed(pairs: Sequence[tuple[str, UUID]]) -> dict[UUID, list[Redeemed]]:
    """Return redemptions that were not undone, by membership, from the references under which each member made them."""
    if not pairs:
        return {}
    found: dict[tuple[UUID, UUID], Redeemed] = {}
    for membership, reference, entry_id, wallet_id, first_id, source, target, amount, *lot in bulk.fetch(
        REDEEMED, bulk.columns_of(pairs)
    ):
        known = found.get((membership, entry_id), Redeemed(entry_id, reference, wallet_id, (), (), first_id))
        move = Move(lot[0], State(source), State(target), amount)
        found[membership, entry_id] = replace(known, moves=(*known.moves, move), lots=(*known.lots, OpenLot(*lot)))
    by_member: dict[UUID, list[Redeemed]] = {}
    for (membership, _), redeemed in found.items():
        by_member.setdefault(membership, []).append(redeemed)
    return by_member


def load_redeemed_for(scope: Scope) -> dict[UUID, list[Redeemed]]:
    """Load the redemptions that paid orders of which nothing is left."""
    members_of = scope.by_customer(scope.members)
    pairs = {
        (reference, key)
        for each in scope.activities
        if isinstance(each, OrderReturned) and not each.kept.lines
        for reference in each.redemptions
        for key in members_of.get(each.customer_id, ())
    }
    return load_redeemed(sorted(pairs))

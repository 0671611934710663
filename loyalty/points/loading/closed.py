"""Lots that may be closed, to which or from which points may yet go."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import Activity, GrantTakenBack, OrderCorrected, OrderEvent, OrderReturned, PointsGranted
from loyalty.engine.capability import Scope
from loyalty.points.loading.history import may_idle
from loyalty.points.loading.lots import LOT
from loyalty.points.state import NEVER, OpenLot

# When a lot ended that expires on inactivity; one that had before it came with a merge, as the lot did from which it came.
ENDED_AT = """
CASE WHEN l.expires_on_inactivity AND m.expired > 0 THEN (
    WITH RECURSIVE line (id, from_lot_id, place) AS (
        SELECT l.id, l.from_lot_id, 0
        UNION ALL SELECT p.id, p.from_lot_id, line.place + 1 FROM line JOIN points_lot p ON p.id = line.from_lot_id
    )
    SELECT e.occurred_at FROM line JOIN points_movement v ON v.lot_id = line.id JOIN points_entry e ON e.id = v.entry_id
    WHERE v.to_state = 'expired' AND e.kind <> 'transfer' ORDER BY line.place, e.occurred_at DESC LIMIT 1
) END
"""
# What a return or an event of an order looks at besides open lots: the order's own and those of entry gifts, whatever is
# left in them; those of grants that are taken back, or given again; and those that expired on inactivity, which a late fact may
# prove wrong.
CLOSED = f"""
SELECT l.wallet_id, {LOT}, coalesce(m.expired, 0)::bigint, coalesce(m.cancelled, 0)::bigint,
    coalesce(m.redeemed, 0)::bigint, coalesce(m.transferred, 0)::bigint, l.amount,
    (SELECT to_lot_id FROM points_movedlot WHERE lot_id = l.id), {ENDED_AT}
FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
LEFT JOIN LATERAL (
    SELECT sum(CASE 'expired' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS expired,
        sum(CASE 'cancelled' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS cancelled,
        sum(CASE 'redeemed' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS redeemed,
        sum(CASE 'transferred' WHEN to_state THEN amount WHEN from_state THEN -amount END) AS transferred
    FROM points_movement WHERE lot_id = l.id
) m ON true
WHERE l.wallet_id = ANY(%(wallets)s) AND l.id IN (
    SELECT id FROM points_lot WHERE order_id = ANY(%(orders)s)
    UNION SELECT unnest(%(lots)s::uuid[])
    UNION SELECT to_lot_id FROM points_movedlot WHERE lot_id = ANY(%(lots)s)
    UNION SELECT id FROM points_lot WHERE wallet_id = ANY(%(wallets)s) AND gift <> ''
    UNION SELECT id FROM points_lot WHERE grant_id = ANY(%(grants)s)
    UNION SELECT i.id FROM points_lot i JOIN points_wallet iw ON iw.id = i.wallet_id
        WHERE i.wallet_id = ANY(%(idling)s) AND i.expires_on_inactivity AND iw.idle_until > %(since)s
)
ORDER BY l.id
"""


def load_closed(scope: Scope, whole: Sequence[int], given: frozenset[UUID]) -> dict[int, list[OpenLot]]:
    """Load lots that may be closed: those of orders that come back, of gifts, and what late facts may give back."""
    concerned = [each for each in scope.activities if isinstance(each, OrderReturned | OrderEvent)]
    grants = [*given, *(each.grant_id for each in scope.activities if isinstance(each, GrantTakenBack))]
    looks_at_idling = bool(scope.activities) and may_idle(scope)
    if not whole or not (concerned or grants or scope.lots or looks_at_idling):
        return {}
    parameters = {
        "wallets": list(whole),
        "orders": sorted({each.order_id for each in concerned}),
        "lots": list(scope.lots),
        "grants": grants,
        "idling": list(whole) if looks_at_idling else [],
        "since": min(map(_tells_of, scope.activities), default=NEVER),
    }
    found: dict[int, list[OpenLot]] = {}
    for wallet_id, *lot in bulk.fetch(CLOSED, parameters):
        *terms, expired, cancelled, redeemed, transferred, amount, moved_to, ended_at = lot
        made = replace(
            OpenLot(*terms), expired=expired, cancelled=cancelled, redeemed=redeemed, transferred=transferred,
            amount=amount, moved_to=moved_to, ended_at=ended_at,
        )  # fmt: skip
        found.setdefault(wallet_id, []).append(made)
    return found


def _tells_of(activity: Activity) -> datetime:
    """Return the earliest instant at which a fact tells that its member was active: a correction tells it of its order."""
    if isinstance(activity, OrderCorrected) and activity.placed is not None:
        return min(activity.occurred_at, activity.placed.occurred_at)
    return activity.occurred_at


def given_before(scope: Scope) -> frozenset[UUID]:
    """Return the grants by which something was given that is given again."""
    granted = (each for each in scope.activities if isinstance(each, PointsGranted))
    return frozenset(before for each in granted for before in each.before)

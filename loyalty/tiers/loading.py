"""Standings, read with their members, and changes of tier, where earlier ones are looked at."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from customers.core import bulk
from loyalty.engine.capability import Joined, Scope
from loyalty.tiers.state import TIERS, TierEntry, TierState

STANDING = Joined(
    columns=("s.tier_id", "s.key", "s.since", "s.protected_until", "coalesce(s.gifts_missing, 0)", "s.changed_at"),
    joins="""
LEFT JOIN LATERAL (
    SELECT tier_id, (SELECT key FROM tiers_tier WHERE id = tier_id) AS key, since, protected_until, gifts_missing, (
        SELECT occurred_at FROM tiers_tierchange WHERE membership_id = m.id ORDER BY id DESC LIMIT 1
    ) AS changed_at
    FROM tiers_standing WHERE membership_id = m.id OFFSET 0
) s ON true
""",
)
# What counts as a balance, as `counted_balance` of the steps says it: {w} is the wallet. A hold spends nothing before it ends.
COUNTED_BALANCE = """({w}.available - {w}.owed + CASE WHEN {w}.held = 0 THEN 0 ELSE (
    SELECT coalesce(sum(l.held - l.claimed), 0)::bigint FROM points_lot l
    WHERE l.wallet_id = {w}.id AND l.held > 0 AND NOT l.is_lent
) END)"""
# Who has left and come back has begun anew. The last change of one who was taken over is that it was.
CHANGES = """
SELECT m.id, g.id, c.occurred_at, f.key, t.key, c.cause, c.protected_until, ARRAY(
    SELECT gt.key FROM points_wallet w
    JOIN points_lot l ON l.wallet_id = w.id AND l.gift <> '' AND l.earned_at = c.occurred_at
    JOIN tiers_tier gt ON gt.version_id = l.version_id AND gt.code = l.gift
    WHERE w.membership_id = g.id AND EXISTS (
        SELECT 1 FROM points_entry e
        WHERE e.wallet_id = w.id AND e.kind = 'return' AND e.explanation->'gift_lots' ? l.id::text
    )
) FROM memberships_membership m
CROSS JOIN LATERAL (
    SELECT m.id, m.enrolled_at UNION ALL
    SELECT o.id, o.enrolled_at FROM memberships_membership o WHERE o.merged_into_id = m.id AND o.left_at >= m.enrolled_at
) g JOIN tiers_tierchange c ON c.membership_id = g.id AND c.occurred_at >= g.enrolled_at
LEFT JOIN tiers_tier f ON f.id = c.from_tier_id LEFT JOIN tiers_tier t ON t.id = c.to_tier_id
WHERE m.id = ANY(%s) ORDER BY c.occurred_at, c.id
"""


def load(scope: Scope) -> dict[UUID, TierState]:
    """Load standings, and the changes of tier of those of whom what is earlier is asked."""
    keys = scope.using(TIERS.name)
    if not keys:
        return {}
    rows = scope.joined[TIERS.name]
    states = {key: TierState(*rows[key][0]) for key in keys}
    first = min((activity.occurred_at for activity in scope.activities), default=None)
    back = [
        key
        for key, state in states.items()
        # A return looks at earlier tiers always, a late fact where it is behind the last change: that of a merge may lie behind
        # the day since which the tier is held.
        if key in scope.whole or (first and any(at and at > first for at in (state.since, state.changed_at)))
    ]
    if back:
        for key, made in _changes(back).items():
            own = tuple(made.pop(key, ()))
            states[key] = replace(states[key], changes=own, taken_over=tuple(map(tuple, made.values())))
    return states


def _changes(keys: Sequence[UUID]) -> dict[UUID, dict[UUID, list[TierEntry]]]:
    """Return members' changes of tier, and those of whom they took over from, by who made them; the oldest first."""
    found: dict[UUID, dict[UUID, list[TierEntry]]] = {}
    for key, whose, *entry in bulk.fetch(CHANGES, [keys]):
        found.setdefault(key, {}).setdefault(whose, []).append(TierEntry(*entry))
    return found

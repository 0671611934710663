"""Tiers as a capability: how standings are read behind the lock, and how what steps decided is written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import add_months
from loyalty.engine.arms import ForArms
from loyalty.engine.capability import Capability, Joined, Reach, Scope
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.tiers.models import Tier, TierPolicy
from loyalty.tiers.rules import FOREVER, TierRule, TierScheme, window_start
from loyalty.tiers.state import TIERS, TierChanged, TierEntry, TierState
from loyalty.tiers.writing import record_changes, set_standings

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
# Who has left and come back has begun anew. The last change of one who was taken over is that it was.
CHANGES = """
SELECT m.id, g.id, c.occurred_at, f.key, t.key, c.cause, c.protected_until FROM memberships_membership m
CROSS JOIN LATERAL (
    SELECT m.id, m.enrolled_at UNION ALL
    SELECT o.id, o.enrolled_at FROM memberships_membership o WHERE o.merged_into_id = m.id AND o.left_at >= m.enrolled_at
) g JOIN tiers_tierchange c ON c.membership_id = g.id AND c.occurred_at >= g.enrolled_at
LEFT JOIN tiers_tier f ON f.id = c.from_tier_id LEFT JOIN tiers_tier t ON t.id = c.to_tier_id
WHERE m.id = ANY(%s) ORDER BY c.occurred_at, c.id
"""


class Tiers(Capability[TierState]):
    """The tier of a member; a program without tiers has none of it."""

    name = TIERS.name

    def rules(self, version_id: int) -> TierScheme:
        policy = TierPolicy.objects.filter(version=version_id).first() or TierPolicy(version_id=version_id)
        return TierScheme(
            basis=policy.basis,
            wallet=policy.wallet,
            window=policy.window,
            window_months=policy.window_months,
            tiers=tuple(_rule(tier) for tier in Tier.objects.filter(version=version_id).order_by("rank")),
            combination=policy.combination,
            downgrade=policy.downgrade,
            grace_days=policy.grace_days,
            grace_to_month_end=policy.grace_to_month_end,
            soft_landing=policy.soft_landing,
        )

    def is_used(self, rules: TierScheme) -> bool:
        return bool(rules.tiers)

    def reach(self, rules: TierScheme, day: date, *, last: bool) -> Sequence[date]:
        if not rules.tiers:
            return ()
        if rules.window == "lifetime":
            return () if last else [FOREVER]
        if rules.window == "membership_year":
            return [day if last else add_months(day, -12)]
        return [window_start(rules, day, day)]

    def begin(self, versions: Versions) -> TierState:
        return TierState()

    def joined(self, reach: Reach | None) -> Joined | None:
        return STANDING

    def load(self, scope: Scope) -> Mapping[UUID, TierState]:
        keys = scope.using(self.name)
        if not keys:
            return {}
        rows = scope.joined[self.name]
        states = {key: TierState(*rows[key][0]) for key in keys}
        first = min((activity.occurred_at for activity in scope.activities), default=None)
        back = [
            key
            for key, state in states.items()
            # A return looks at earlier tiers always, a late fact where it is behind the last change.
            if key in scope.whole or (first and state.since and state.since > first)
        ]
        if back:
            for key, made in _changes(back).items():
                own = tuple(made.pop(key, ()))
                states[key] = replace(states[key], changes=own, taken_over=tuple(map(tuple, made.values())))
        return states

    def write(
        self, effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], now: datetime
    ) -> None:
        record_changes((effect for effect in effects if isinstance(effect, TierChanged)), now=now)
        changed = {
            key: member
            for key, member in after.items()
            if member.has(TIERS) and _row(member.of(TIERS)) != _row(before[key].of(TIERS))
        }
        set_standings((member, _row(member.of(TIERS))) for member in changed.values())


def _changes(keys: Sequence[UUID]) -> dict[UUID, dict[UUID, list[TierEntry]]]:
    """Return members' changes of tier, and those of whom they took over from, by who made them; the oldest first."""
    found: dict[UUID, dict[UUID, list[TierEntry]]] = {}
    for key, whose, *entry in bulk.fetch(CHANGES, [keys]):
        found.setdefault(key, {}).setdefault(whose, []).append(TierEntry(*entry))
    return found


def _row(state: TierState) -> tuple[int | None, datetime | None, date | None, int]:
    return state.tier_id, state.since, state.protected_until, state.gifts_missing


def _rule(row: Tier) -> TierRule:
    return TierRule(
        row.pk, row.key, row.code, row.threshold, row.multiplier, row.further, row.entry_gift, row.extra_months,
        row.reward_discount, ForArms.read(row.arms),
    )  # fmt: skip

"""A period ends, or a version comes into force. Pure."""

from uuid import UUID

from customers.core.calendar import midnight
from loyalty.engine.activities import TimePassed, VersionStarted
from loyalty.engine.decision import Decision
from loyalty.tiers.rules import TierScheme, end_period, start
from loyalty.tiers.state import SCHEME, TIERS
from loyalty.tiers.steps.changing import bring_to
from loyalty.tiers.steps.counting import standing_of, sums_of


def end_periods(decision: Decision) -> Decision:
    """Let a member whose period is over keep its tier for another one, or lose it."""
    activity = decision.activity
    if not decision.member.has(TIERS) or not isinstance(activity, TimePassed):
        return decision
    counted = sums_of(decision.member, decision.rules)
    return bring_to(decision, end_period(standing_of(decision), decision.rules.of(SCHEME), counted, activity.on))


def restart(decision: Decision) -> Decision:
    """Assess a member under a version that comes into force: once, up and down, from its own instant."""
    activity = decision.activity
    if not decision.member.has(TIERS) or not isinstance(activity, VersionStarted):
        return decision
    version, scheme = decision.rules, decision.rules.of(SCHEME)
    earlier = decision.versions.before(activity.occurred_at)
    before = earlier.of(SCHEME) if earlier else None
    counted = sums_of(decision.member, version)
    on = decision.on
    is_midnight = midnight(on, version.zone) == decision.at
    counts = (counted.at_midnight if is_midnight else counted.on)(scheme, on)
    had = standing_of(decision)
    standing = start(had, before, scheme, counts, on, counted.joined)
    known = _entered_before(before, had.key)
    return bring_to(decision, standing, known=known)


def _entered_before(before: TierScheme | None, key: UUID | None) -> frozenset[UUID]:
    """Return the tiers of an earlier version that a member had entered with the tier that it has."""
    if before is None or before.tier(key) is None:
        return frozenset()
    return frozenset(tier.key for tier in before.tiers[: before.rank(key) + 1])

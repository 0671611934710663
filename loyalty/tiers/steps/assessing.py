"""Up at once, and by night as the program lets members down. Pure."""

from uuid import UUID

from loyalty.engine.activities import TimePassed
from loyalty.engine.decision import Decision
from loyalty.points.state import DayCounted
from loyalty.tiers.rules import fall, rise
from loyalty.tiers.state import SCHEME, TIERS, TierChanged
from loyalty.tiers.steps.causes import UNDOING
from loyalty.tiers.steps.changing import bring_to
from loyalty.tiers.steps.counting import counts_of, joined_on, standing_of, sums_of, today_of
from loyalty.tiers.steps.late import catch_up, is_late


def assess(decision: Decision) -> Decision:
    """Put a member on the tier that it has earned: up at once; down in a night, as the program lets members down."""
    if not decision.member.has(TIERS):
        return decision
    activity, scheme = decision.activity, decision.rules.of(SCHEME)
    joined = joined_on(decision.member, decision.rules)
    if isinstance(activity, TimePassed):
        known = _entered_since(decision) if scheme.counts_balance else frozenset()
        if _has_fallen(decision):
            standing = rise(standing_of(decision), scheme, counts_of(decision, scheme), activity.on, joined)
            return bring_to(decision, standing, known=known)
        counts = sums_of(decision.member, decision.rules).at_midnight(scheme, activity.on)
        return bring_to(decision, fall(standing_of(decision), scheme, counts, activity.on, joined), known=known)
    if is_late(decision) and not scheme.counts_balance:
        return catch_up(decision)
    counts = counts_of(decision, scheme)
    return bring_to(decision, rise(standing_of(decision), scheme, counts, today_of(decision), joined))


def _entered_since(decision: Decision) -> frozenset[UUID]:
    """
    Return the tiers that a member has entered since it joined, but for entries that were undone.

    Points that come and go - held, spent and given back, transferred - enter none of them anew by night: whoever wanted their
    gifts once more would only have to let them go for a midnight.
    """
    scheme, entered_tiers = decision.rules.of(SCHEME), set[UUID]()
    for change in decision.member.of(TIERS).changes:
        ranks = scheme.rank(change.from_key), scheme.rank(change.to_key)
        if ranks[1] > ranks[0]:
            entered_tiers |= {tier.key for tier in scheme.tiers[: ranks[1] + 1]}
        elif change.cause.startswith(UNDOING):
            entered_tiers -= {tier.key for tier in scheme.tiers[ranks[1] + 1 :]}
    return frozenset(entered_tiers)


def note_disqualified(decision: Decision) -> Decision:
    """Let a grace begin on the day on which a member spends what its tier counts; up is a matter of the night."""
    if not decision.member.has(TIERS) or not decision.rules.of(SCHEME).counts_balance:
        return decision
    scheme, had = decision.rules.of(SCHEME), standing_of(decision)
    standing = rise(had, scheme, counts_of(decision, scheme), decision.on, joined_on(decision.member, decision.rules))
    return decision if standing.key != had.key else bring_to(decision, standing)


def rise_now(decision: Decision) -> Decision:
    """Let a member rise by what the day itself gave."""
    if not decision.member.has(TIERS) or not any(isinstance(effect, DayCounted) for effect in decision.effects):
        return decision
    scheme, joined = decision.rules.of(SCHEME), joined_on(decision.member, decision.rules)
    return bring_to(decision, rise(standing_of(decision), scheme, counts_of(decision, scheme), decision.on, joined))


def _has_fallen(decision: Decision) -> bool:
    """Tell whether this night has let the member down already: a soft landing is one tier, whatever happens in it."""
    scheme = decision.rules.of(SCHEME)
    ranks = {tier.id: rank for rank, tier in enumerate(scheme.tiers)}
    return scheme.soft_landing and any(
        isinstance(effect, TierChanged)
        and (ranks.get(effect.to_tier_id, -1) if effect.to_tier_id else -1) < ranks.get(effect.from_tier_id or 0, -1)
        for effect in decision.effects
    )

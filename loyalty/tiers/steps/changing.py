"""A member goes from one tier to another: the change, its cause, its event, and the gifts of tiers that are entered. Pure."""

from dataclasses import replace
from uuid import UUID

from loyalty.engine.decision import Decision, Told
from loyalty.tiers.rules import Standing
from loyalty.tiers.state import SCHEME, TIERS, TierChanged, TierEntry
from loyalty.tiers.steps.causes import cause_of
from loyalty.tiers.steps.counting import counts_of
from loyalty.tiers.steps.gifts import give_gift

NEAR_MISS = "near_miss"
MAX_CAUSE = 100


def bring_to(decision: Decision, standing: Standing, *, known: frozenset[UUID] = frozenset()) -> Decision:
    """
    Bring a member to another standing, with the change, its event and the gifts of the tiers that it enters.

    :param known: tiers that it had before: entering them gives nothing
    """
    state, scheme = decision.member.of(TIERS), decision.rules.of(SCHEME)
    tier = scheme.tier(standing.key)
    if standing.key == state.key:
        tier_id = tier.id if tier else state.tier_id
        if standing == state.standing and tier_id == state.tier_id:
            return decision
        after = replace(state, tier_id=tier_id, protected_until=standing.protected_until)
        return decision.then(member=decision.member.having(TIERS, after))
    at = max(decision.at, state.since or decision.at, state.changed_at or decision.at)
    counts = counts_of(decision, scheme)
    cause = _cause(decision, standing, scheme.raiser_of(standing.key, counts))
    after = replace(
        state,
        tier_id=tier.id if tier else None,
        key=standing.key,
        since=at,
        changed_at=at,
        protected_until=standing.protected_until,
        changes=(*state.changes, TierEntry(at, state.key, standing.key, cause, state.protected_until)),
    )
    changed = TierChanged(
        decision.member.retailer_id,
        decision.member.membership_id,
        state.tier_id,
        after.tier_id,
        cause,
        counts.of(scheme.basis),
        at,
        state.protected_until,
    )
    payload = {"from": _code_of(decision, state.key), "to": _code_of(decision, standing.key), "cause": cause}
    told = Told("tier.changed", payload, at)
    decision = decision.then(changed, told, member=decision.member.having(TIERS, after))
    if tier is None:
        return decision
    before = decision.at
    for passed in scheme.passed(state.key, tier):
        if passed.key not in known:
            decision = give_gift(decision.then(at=at), passed, cause)
    return decision.then(at=before)


def _cause(decision: Decision, standing: Standing, raiser: str) -> str:
    """Return what a change names as its cause; of one that an experiment raises without having reached it, that too."""
    scheme, cause = decision.rules.of(SCHEME), cause_of(decision)
    is_up = scheme.rank(standing.key) > scheme.rank(decision.member.of(TIERS).key)
    return f"{cause}:{NEAR_MISS}:{raiser}"[:MAX_CAUSE] if raiser and is_up else cause


def _code_of(decision: Decision, key: UUID | None) -> str | None:
    """Return the code of a tier, also of one that this version has no more; None for no tier."""
    versions = (decision.rules, *reversed(decision.versions.versions))
    return next((tier.code for version in versions if (tier := version.of(SCHEME).tier(key)) is not None), None)

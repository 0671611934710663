"""A member enrols, leaves, or takes over from another one. Pure."""

from dataclasses import replace

from customers.core.calendar import stamp
from loyalty.engine.activities import Enrolled, TakenOver
from loyalty.engine.decision import Decision
from loyalty.tiers.rules import Standing, counts_on, entered, rise
from loyalty.tiers.state import SCHEME, TIERS, TierState
from loyalty.tiers.steps.changing import bring_to
from loyalty.tiers.steps.counting import counts_of, joined_on, today_of
from loyalty.tiers.steps.gifts import give_gift


def enter(decision: Decision) -> Decision:
    """Give a new member the tier that everybody has, with its gift."""
    assert isinstance(decision.activity, Enrolled), "members enter as they enrol"
    if not decision.member.has(TIERS):
        return decision
    scheme, joined = decision.rules.of(SCHEME), decision.on
    counts = counts_on(scheme, (), (), on=joined, joined=joined)
    first = scheme.earned(counts)
    if first is None:
        return decision
    standing = entered(scheme, first, joined, joined)
    state = TierState(first.id, first.key, decision.at, standing.protected_until)
    decision = decision.then(member=decision.member.having(TIERS, state))
    for tier in scheme.passed(None, first):
        decision = give_gift(decision, tier, f"enrolled:{stamp(decision.at)}")
    return decision


def lose(decision: Decision) -> Decision:
    """Take the tier of a member that leaves; what its gifts are short of ends with what it owed."""
    if not decision.member.has(TIERS):
        return decision
    state = replace(decision.member.of(TIERS), gifts_missing=0)
    return bring_to(decision.then(member=decision.member.having(TIERS, state)), Standing())


def take_over(decision: Decision) -> Decision:
    """Let a member have the higher one of its tier and of the one that it takes over, then what both together earn."""
    activity = decision.activity
    assert isinstance(activity, TakenOver), "members take over from another membership"
    if not decision.member.has(TIERS):
        return decision
    scheme, mine, theirs = decision.rules.of(SCHEME), decision.member.of(TIERS), activity.other.of(TIERS)
    ranks = scheme.rank(mine.key), scheme.rank(theirs.key)
    is_theirs = ranks[1] > ranks[0] or (ranks[0] == ranks[1] and is_safer(theirs.standing, mine.standing))
    joined = joined_on(decision.member, decision.rules)
    had = theirs.standing if is_theirs else mine.standing
    standing = rise(had, scheme, counts_of(decision, scheme), today_of(decision), joined)
    known = frozenset(tier.key for tier in scheme.tiers[: max(ranks) + 1])
    moved = bring_to(decision, standing, known=known)
    state = moved.member.of(TIERS)
    since = theirs.since if is_theirs and state.key == theirs.key and state.key != mine.key else state.since
    state = replace(state, since=since, gifts_missing=state.gifts_missing + theirs.gifts_missing)
    return moved.then(member=moved.member.having(TIERS, state))


def is_safer(standing: Standing, than: Standing) -> bool:
    """Tell whether the same tier is protected for longer: no grace is better than one, a later day than an earlier one."""
    if standing.protected_until is None or than.protected_until is None:
        return standing.protected_until is None and than.protected_until is not None
    return standing.protected_until > than.protected_until

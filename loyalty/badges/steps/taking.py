"""Awards that are taken back: those that facts met before and do not meet any more, with their points. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loyalty.badges.rules import (
    BadgeRule,
    ChallengeRule,
    Tally,
    times_met,
)
from loyalty.badges.state import (
    BADGES,
    GAME,
    AwardEnded,
    AwardWorth,
    HeldAward,
    Place,
    is_award,
)
from loyalty.badges.steps.giving import cause_of, miss
from loyalty.engine.decision import Decision, Told
from loyalty.points.clawback import claw_back_own
from loyalty.points.state import MAIN, RULES
from loyalty.points.steps.entries import wallet_in
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.returning import take_or_owe

RETURNED = "returned"


def take_awards(decision: Decision, place: Place, before: Sequence[Tally], after: Sequence[Tally]) -> Decision:
    """Take back the awards of a window that its facts met before and do not meet any more, by what was asked for then."""
    own = [each for each in decision.member.of(BADGES).awards if each.place == place and each.comes_back]
    for award_id in [each.id for each in sorted(own, key=lambda each: -each.number)]:
        held = next(each for each in decision.member.of(BADGES).awards if each.id == award_id)  # as it is by now
        rule = _rule_of(decision, held)
        if rule is None or len(rule.goals) != len(after):
            continue
        if _is_undone(held, rule, before, after):
            decision = _take(decision, held, rule)
    return decision


def _is_undone(held: HeldAward, rule: ChallengeRule, before: Sequence[Tally], after: Sequence[Tally]) -> bool:
    """
    Tell whether facts met an award before and do not any more.

    Of two members who became one each may have met what is met once: the second award stands as long as both together
    meet it twice, and goes with the first one at the latest.
    """
    if times_met(rule, after) < rule.number_of(held.number) <= times_met(rule, before):
        return True
    if held.number == 1 or rule.repeats or rule.levels:
        return False
    again = replace(rule, repeats=True)
    return times_met(again, after) < held.number <= times_met(again, before)


def _rule_of(decision: Decision, held: HeldAward) -> ChallengeRule | None:
    version = decision.versions.version(held.version_id)
    rule = version.of(GAME).by_name.get(held.place.name) if version else None
    return rule if isinstance(rule, ChallengeRule) else None


def _take(decision: Decision, held: HeldAward, rule: ChallengeRule) -> Decision:
    decision, points, poorer = _share_badge(decision, held, rule)
    decision, missing = _take_points(decision, held, points, rule, poorer)
    cause = cause_of(decision)
    state = decision.member.of(BADGES).without_award(held)
    if (known := state.windows.get(held.place)) is not None:
        left = [rule.number_of(each.number) for each in state.awards if each.place == held.place]
        state = state.with_progress(held.place, known._replace(given=min(known.given, max(left, default=0))))
    ended = AwardEnded(held.id, points, RETURNED, cause, missing, decision.at)
    decision = decision.then(ended, member=decision.member.having(BADGES, state))
    code = _badge_code(decision, held, rule)
    payload: dict[str, Any] = {
        "challenge": rule.code, "badge": code, "level": 0, "number": held.number, "points": -points, "cause": cause,
    }  # fmt: skip
    decision = decision.then(Told("challenge.undone", payload, decision.at))
    if held.badge_key is None:
        return decision
    said = {"badge": code, "times": state.badges.get(held.badge_key.hex, 0), "challenge": rule.code, "cause": cause}
    return decision.then(Told("badge.taken_back", said, decision.at))


def _share_badge(decision: Decision, held: HeldAward, rule: ChallengeRule) -> tuple[Decision, int, dict[str, int]]:
    """
    Let the awards that stay carry what their badge gives so many times.

    Return also the points that go with the one that does not, and how much less those carry by it that stay, by label.

    Which of several awards brought a badge's points is chance: it is as if the one that goes had never been.
    """
    badge = _badge_of(decision, held)
    if badge is None:
        return decision, held.points, {}
    alike = [each for each in decision.member.of(BADGES).awards if each.badge_key == held.badge_key]
    if any(each.wallet != held.wallet for each in alike):  # points do not go from wallet to wallet
        return decision, held.points, {}
    carried = {each.id: each.points - _own_points(decision, each) for each in alike}
    left = sum(carried.values()) - badge.points_for(len(alike))
    # Members that became one may carry a badge's points twice: no longer than there is an award for each.
    left = max(0, min(left, badge.points * (len(alike) - 1)))
    points = rule.points_of(held.number) + sum(carried.values()) - left
    poorer: dict[str, int] = {}
    for each in alike:
        if each.id != held.id:
            share = min(left, badge.points)
            left -= share
            if share < carried[each.id]:
                poorer[each.label] = carried[each.id] - share
            if share != carried[each.id]:
                worth = AwardWorth(each.id, _own_points(decision, each) + share)
                state = decision.member.of(BADGES).with_worth(worth)
                decision = decision.then(worth, member=decision.member.having(BADGES, state))
    return decision, points, poorer


def _own_points(decision: Decision, held: HeldAward) -> int:
    """Return what an award carries of its challenge alone."""
    rule = _rule_of(decision, held)
    return min(rule.points_of(held.number), held.points) if rule else held.points


def _badge_of(decision: Decision, held: HeldAward) -> BadgeRule | None:
    """Return the badge of an award, as it was when that was given."""
    version = decision.versions.version(held.version_id)
    badges = version.of(GAME).badges.values() if version and held.badge_key else ()
    return next((each for each in badges if each.key == held.badge_key), None)


def _badge_code(decision: Decision, held: HeldAward, rule: ChallengeRule) -> str:
    """Return the code of the badge of an award, which may have been renamed since; empty for none."""
    if held.badge_key is None:
        return ""
    badges = decision.rules.of(GAME).badges.values()
    return next((each.code for each in badges if each.key == held.badge_key), rule.badge)


def _take_points(
    decision: Decision, held: HeldAward, points: int, rule: ChallengeRule, poorer: Mapping[str, int]
) -> tuple[Decision, int]:
    """
    Take an award's points: from its own, then from others, then by the policy; return what was missing.

    What a badge gave may have come with an award that is gone, or with one that carries less by this: so what has expired of
    such a one counts as its own, and so does what is held.
    """
    if not points:
        return decision, 0
    wallet = wallet_in(decision, held.wallet)
    own = [lot.id for lot in wallet.lots if lot.gift == held.label]
    kept = {each.label for each in decision.member.of(BADGES).awards}
    ended = [lot for lot in wallet.lots if is_award(lot.gift) and lot.gift not in kept]
    gone = {lot.id: lot.expired + lot.held for lot in ended}
    gone |= {lot.id: poorer[lot.gift] for lot in wallet.lots if lot.gift in poorer}
    taken = claw_back_own(points, own, wallet.lots, gone=gone)
    if points > rule.points_of(held.number):  # what comes back to those beyond what they lack themselves is the badge's
        own += [lot.id for lot in ended if lot.redeemed or lot.held]
    decision = claim(decision, held.wallet, taken.claims)
    said = {
        "challenge_undone": rule.code,
        "gift_lots": [str(each) for each in own],
        "points": points - taken.missing,
        **({} if held.wallet == MAIN else {"wallet": held.wallet}),
    }
    wallet = wallet_in(decision, held.wallet)
    policy = decision.rules.of(RULES).policy(held.wallet)
    decision, shortfall = take_or_owe(
        decision, wallet, taken.moves, taken.missing, policy, said, f"award-back:{held.id}"
    )
    return (miss(decision, held.wallet, shortfall) if shortfall else decision), shortfall

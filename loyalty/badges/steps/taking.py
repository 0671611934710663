"""Awards that are taken back: those that facts met before and do not meet any more, with their points. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

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
)
from loyalty.badges.steps.giving import cause_of, miss
from loyalty.engine.decision import Decision, Told
from loyalty.points.clawback import claw_back_own
from loyalty.points.state import MAIN, RULES
from loyalty.points.steps.entries import wallet_in
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.idling import disprove
from loyalty.points.steps.returning import take_or_owe

RETURNED = "returned"


def take_awards(decision: Decision, place: Place, before: Sequence[Tally], after: Sequence[Tally]) -> Decision:
    """Take back the awards of a window that its facts met before and do not meet any more, by what was asked for then."""
    own = [each for each in decision.member.of(BADGES).awards if each.place == place and each.comes_back]
    met = _Met(before, after)
    for award_id in [each.id for each in sorted(own, key=lambda each: -each.number)]:
        held = next(each for each in decision.member.of(BADGES).awards if each.id == award_id)  # as it is by now
        rule = _rule_of(decision, held)
        if rule is None or len(rule.goals) != len(after):
            continue
        if _is_undone(held, rule, met):
            decision = _take(decision, held, rule)
    return decision


class _Times(NamedTuple):
    """How often facts met a challenge before something came back, and how often they do after it."""

    before: int
    after: int


class _Met:
    """How often a window's facts meet challenges: counted once for all awards of a challenge, which may be hundreds."""

    def __init__(self, before: Sequence[Tally], after: Sequence[Tally]) -> None:
        self.before, self.after = before, after
        self.known: dict[tuple[int, bool], _Times] = {}

    def of(self, rule: ChallengeRule) -> _Times:
        key = rule.id, rule.repeats
        if key not in self.known:
            self.known[key] = _Times(times_met(rule, self.before), times_met(rule, self.after))
        return self.known[key]


def _is_undone(held: HeldAward, rule: ChallengeRule, met: _Met) -> bool:
    """
    Tell whether facts met an award before and do not any more.

    Of two members who became one each may have met what is met once: the second award stands as long as both together
    meet it twice, and goes with the first one at the latest.
    """
    times = met.of(rule)
    if times.after < rule.number_of(held.number) <= times.before:
        return True
    if held.number == 1 or rule.repeats or rule.levels:
        return False
    again = met.of(replace(rule, repeats=True))
    return again.after < held.number <= again.before


def _rule_of(decision: Decision, held: HeldAward) -> ChallengeRule | None:
    version = decision.versions.version(held.version_id)
    rule = version.of(GAME).by_name.get(held.place.name) if version else None
    return rule if isinstance(rule, ChallengeRule) else None


def _take(decision: Decision, held: HeldAward, rule: ChallengeRule) -> Decision:
    decision, shares = _share_badge(decision, held, rule)
    points, missing = sum(shares.values()), 0
    decision = disprove(decision, held.wallet, lambda active: active.cause == f"award:{held.id}")
    for place, (label, share) in enumerate(shares.items()):
        name = f"award-back:{held.id}:{place}" if place else f"award-back:{held.id}"
        decision, short = _take_points(decision, held, (label, share), rule, name)
        missing += short
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


def _share_badge(decision: Decision, held: HeldAward, rule: ChallengeRule) -> tuple[Decision, dict[str, int]]:
    """
    Let the awards that stay carry what their badge gives so many times.

    Return also the points that go with the one that does not, by what their lots are known. Which of several awards brought
    a badge's points is chance: it is as if the one that goes had never been.
    """
    badge = _badge_of(decision, held)
    if badge is None:
        return decision, {held.label: held.points}
    others = [
        each for each in decision.member.of(BADGES).awards if each.badge_key == held.badge_key and each.id != held.id
    ]
    if any(each.wallet != held.wallet for each in others):  # points do not go from wallet to wallet
        return decision, {held.label: held.points}
    carried = [each.points - _own_points(decision, each) for each in others]
    brought = held.points - _own_points(decision, held)
    left = brought + sum(carried) - badge.points_for(len(others) + 1)
    # Members that became one may carry a badge's points twice: no longer than there is an award for each.
    left = max(0, min(left, badge.points * len(others)))
    goes = Counter({held.label: rule.points_of(held.number)})
    goes[held.badge_label] += brought + sum(carried) - left
    for each, had, has in zip(others, carried, shared(left, carried, badge.points), strict=True):
        less = max(0, had - has)
        goes[each.badge_label] += less
        goes[held.badge_label] -= less
        if has != had:
            badge_from = each.badge_from if had else held.brought_by
            worth = AwardWorth(each.id, _own_points(decision, each) + has, badge_from)
            decision = decision.then(
                worth, member=decision.member.having(BADGES, decision.member.of(BADGES).with_worth(worth))
            )
    return decision, dict(goes)


def shared(points: int, carried: Sequence[int], most: int) -> list[int]:
    """Return who carries how much of some points: as much as before if there is enough, and the rest up to so many each."""
    shares = []
    for had in carried:
        shares.append(min(points, had))
        points -= shares[-1]
    for place, has in enumerate(shares):
        more = max(0, min(points, most - has))
        shares[place] += more
        points -= more
    return shares


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
    decision: Decision, held: HeldAward, share: tuple[str, int], rule: ChallengeRule, cause: str
) -> tuple[Decision, int]:
    """
    Take an award's points: from the lots in which they lie, then from others, then by the policy; return what was missing.

    :param share: by what those lots are known, and how many points
    """
    label, points = share
    if not points:
        return decision, 0
    wallet = wallet_in(decision, held.wallet)
    own = [lot.id for lot in wallet.lots if lot.gift == label]
    taken = claw_back_own(points, own, wallet.lots)
    decision = claim(decision, held.wallet, taken.claims)
    said = {
        "challenge_undone": rule.code,
        "gift_lots": [str(each) for each in own],
        "points": points - taken.missing,
        **({} if held.wallet == MAIN else {"wallet": held.wallet}),
    }
    wallet = wallet_in(decision, held.wallet)
    policy = decision.rules.of(RULES).policy(held.wallet)
    decision, shortfall = take_or_owe(decision, wallet, taken.moves, taken.missing, policy, said, cause)
    return (miss(decision, held.wallet, shortfall) if shortfall else decision), shortfall

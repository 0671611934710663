"""Awards that are given: what each carries, and its points, which make good first what is missing of earlier ones. Pure."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from customers.core.ids import new_id
from loyalty.badges.rules import (
    BadgeRule,
    ChallengeRule,
    times_met,
)
from loyalty.badges.state import (
    BADGES,
    GAME,
    AwardGiven,
    HeldAward,
    Place,
    is_award,
)
from loyalty.engine.activities import (
    InteractionReported,
    OrderPlaced,
    OrderReturned,
    TakenOver,
    VersionStarted,
)
from loyalty.engine.decision import Decision, Told
from loyalty.points.state import MAIN
from loyalty.points.steps.entries import Cause, settle_for_gifts, wallet_in
from loyalty.points.steps.giving import give_points
from loyalty.points.steps.replacing import settled_of_gifts


def give_awards(decision: Decision, place: Place, rule: ChallengeRule) -> Decision:
    """Give the awards of a window that a member has earned and does not have."""
    known = decision.member.of(BADGES).windows.get(place)
    if known is None or (known.given and not rule.repeats and not rule.levels):
        return decision
    given = known.given
    times = times_met(rule, known.tallies)
    for number in range(given + 1, times + 1):
        decision = _give(decision, place, rule, number)
    if times > given:
        state = decision.member.of(BADGES).with_progress(place, known._replace(given=times))
        decision = decision.then(member=decision.member.having(BADGES, state))
    return decision


def _give(decision: Decision, place: Place, rule: ChallengeRule, number: int) -> Decision:
    game = decision.rules.of(GAME)
    badge = game.badges.get(rule.badge)
    points = rule.points_of(number)
    state = decision.member.of(BADGES)
    times = state.badges.get(badge.key.hex, 0) + 1 if badge else 0
    if badge is not None:
        points += badge.points_for(times)
    held = HeldAward(
        new_id(), place, number, decision.rules.version_id, badge.takes_back if badge else rule.takes_back,
        badge.key if badge else None, rule.wallet, points,
    )  # fmt: skip
    cause = cause_of(decision)
    member = decision.member
    given = AwardGiven(
        member.retailer_id, member.program_id, member.membership_id, rule.id, badge.id if badge else None, held,
        _level(rule, badge, number, times), cause, decision.at,
    )  # fmt: skip
    decision = decision.then(given, member=member.having(BADGES, state.with_award(held)))
    decision = decision.then(*_told(decision, rule, badge, held, times, cause))
    return _give_points(decision, rule, held)


def _level(rule: ChallengeRule, badge: BadgeRule | None, number: int, times: int) -> int:
    """Return the level that an award reaches: of its badge where that has levels, else of its challenge; 0 for none."""
    if badge is not None and badge.levels:
        return badge.level(times)
    return number if rule.levels else 0


def _told(  # noqa: PLR0913 - what happened, and why
    decision: Decision, rule: ChallengeRule, badge: BadgeRule | None, held: HeldAward, times: int, cause: str
) -> Iterable[Told]:
    level = _level(rule, badge, held.number, times)
    payload: dict[str, Any] = {
        "challenge": rule.code, "badge": badge.code if badge else "", "level": level, "number": held.number,
        "points": held.points, "cause": cause,
    }  # fmt: skip
    yield Told("challenge.completed", payload, decision.at)
    if badge is not None:
        said = {
            "badge": badge.code,
            "times": times,
            "level": badge.level(times) if badge.levels else 0,
            "challenge": rule.code,
            "cause": cause,
        }
        yield Told("badge.awarded", said, decision.at)


def _give_points(decision: Decision, rule: ChallengeRule, held: HeldAward) -> Decision:
    """Give an award's points; they make good first what of earlier awards could not be taken back."""
    if not held.points:
        return decision
    said = {"challenge": rule.code, "version": decision.rules.number}
    if held.wallet != MAIN:
        said["wallet"] = held.wallet
    name = f"award:{held.id}"
    decision = give_points(decision, held.wallet, held.points, Cause(name, said), gift=held.label)
    state = decision.member.of(BADGES)
    missing, less = state.missing.get(held.wallet, 0), 0
    if missing:
        lots = [lot for lot in wallet_in(decision, held.wallet).lots if lot.gift == held.label]
        decision, less = settle_for_gifts(decision, held.wallet, lots, missing, cause=name)
        decision = miss(decision, held.wallet, -less)
    payload = {"challenge": rule.code, "points": held.points - less}
    return decision.then(Told("points.earned", payload, decision.at)) if held.points > less else decision


def miss(decision: Decision, wallet: str, change: int) -> Decision:
    state = decision.member.of(BADGES)
    missing = {**state.missing, wallet: state.missing.get(wallet, 0) + change}
    if not missing[wallet]:
        del missing[wallet]
    return decision.then(member=decision.member.having(BADGES, replace(state, missing=missing)))


def note_settled(decision: Decision) -> Decision:
    """Note that points which came back made good what was missing of awards: it is never more than what is missing in all."""
    if not decision.member.has(BADGES):
        return decision
    state = decision.member.of(BADGES)
    missing = {code: _still_missing(decision, code, points) for code, points in state.missing.items()}
    if missing == state.missing:
        return decision
    left = {code: points for code, points in missing.items() if points}
    return decision.then(member=decision.member.having(BADGES, replace(state, missing=left)))


def _still_missing(decision: Decision, code: str, points: int) -> int:
    left = points - settled_of_gifts(decision, code, is_award)
    return max(min(left, wallet_in(decision, code).shortfall), 0)


def cause_of(decision: Decision) -> str:
    """Return what an award names as its cause, such as order:ID."""
    activity = decision.activity
    match activity:
        case OrderPlaced() | OrderReturned() | VersionStarted():
            return activity.cause
        case TakenOver():
            return f"merged:{activity.id}"
    return f"interaction:{activity.id}" if isinstance(activity, InteractionReported) else "time"

"""The steps of badges: what counts for challenges, awards that are given, and those that are taken back. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.ids import new_id
from loyalty.badges.rules import (
    BadgeRule,
    BoardRule,
    ChallengeRule,
    CountedFact,
    Counter,
    Game,
    Tally,
    adds,
    plus,
    times_met,
    value_of,
)
from loyalty.badges.state import (
    BADGES,
    GAME,
    AwardEnded,
    AwardGiven,
    AwardsEnded,
    AwardsMoved,
    BadgeState,
    BoardLeft,
    HeldAward,
    Place,
    Progress,
    ScoreChanged,
    stamp_of,
)
from loyalty.badges.windows import days_of
from loyalty.engine.activities import (
    ChallengeJoined,
    DecidedOrder,
    InteractionReported,
    OrderCorrected,
    OrderPlaced,
    OrderReturned,
    TakenOver,
    VersionStarted,
)
from loyalty.engine.decision import Decision, InteractionDecided, OrderDecided, Told
from loyalty.engine.versions import Version
from loyalty.points.clawback import claw_back_own
from loyalty.points.state import MAIN, POINTS, RULES
from loyalty.points.steps.earning import give_points
from loyalty.points.steps.entries import Cause, settle_for_gifts, wallet_in
from loyalty.points.steps.giving_back import claim
from loyalty.points.steps.returning import take_or_owe

RETURNED, LEFT = "returned", "left"


@dataclass(frozen=True, slots=True)
class Side:
    """A fact as it was, or as it is now, with the rules by which it counts."""

    game: Game
    fact: CountedFact


@dataclass(slots=True)
class Change:
    """What changes in one window, goal by goal."""

    rule: ChallengeRule | BoardRule
    tallies: list[dict[str, int]]


def award(decision: Decision) -> Decision:
    """Let an order, or an interaction, count for challenges and boards, and give the awards that it completes."""
    if not decision.member.has(BADGES):
        return decision
    game = decision.rules.of(GAME)
    if not game.counters:
        return decision
    side = Side(game, _fact_of(decision))
    decision = _join_segments(decision, side)
    return _count(decision, _changes(decision, None, side))


def _fact_of(decision: Decision) -> CountedFact:
    """Return what a new order, or an interaction, counts as."""
    activity = decision.activity
    if isinstance(activity, InteractionReported):
        points = sum(each.points for each in decision.effects if isinstance(each, InteractionDecided))
        return CountedFact(decision.at, decision.on, decision.occasion, points, interaction=activity.kind)
    assert isinstance(activity, OrderPlaced), "only orders and interactions count"
    decided = _decided(decision, activity.order_id)
    points = _points_of(decision, decided) if decided else 0
    return CountedFact(decision.at, decision.on, decision.occasion, points, activity.basket)


def _decided(decision: Decision, order_id: UUID) -> DecidedOrder | None:
    """Return how an order stands after the decision."""
    found = [each.order for each in decision.effects if isinstance(each, OrderDecided)]
    return next((order for order in reversed(found) if order.order_id == order_id), None)


def _points_of(decision: Decision, order: DecidedOrder) -> int:
    """Return the points of the main wallet that an order keeps."""
    wallet_id = decision.member.of(POINTS).main.wallet_id
    return sum(award.points_kept for award in order.awards if award.wallet_id == wallet_id)


def take_back(decision: Decision) -> Decision:
    """Let what comes back of an order, or what its correction changes, count no more, and take back awards that it undoes."""
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns and corrections take back"
    if not decision.member.has(BADGES) or activity.decided is None:
        return decision
    order = activity.decided
    was = decision.versions.version(order.version_id)
    if was is None:
        return decision
    before = _side(decision, was, order, activity.ordered_at, activity.before)
    after = _side_after(decision, activity, was)
    decision = _count(decision, _changes(decision, before, after))
    return _count_next_first(decision, activity)


def _side(decision: Decision, version: Version, order: DecidedOrder, at: datetime, basket: Any) -> Side | None:
    """Return an order as counters look at it; None where nothing is left of it."""
    if not basket.lines:
        return None
    on, occasion = local_date(at, version.zone), order.occasion
    fact = CountedFact(at, on, replace(occasion, at=at, zone=version.zone), _points_of(decision, order), basket)
    return Side(version.of(GAME), fact)


def _side_after(decision: Decision, activity: OrderReturned, was: Version) -> Side | None:
    order = _decided(decision, activity.order_id)
    if order is None:
        return None
    if not isinstance(activity, OrderCorrected):
        return _side(decision, was, order, activity.ordered_at, activity.kept)
    if activity.is_withdrawn or activity.placed is None:
        return None
    version = decision.versions.version(order.version_id)
    return _side(decision, version, order, activity.placed.occurred_at, activity.kept) if version else None


def _count_next_first(decision: Decision, activity: OrderReturned) -> Decision:
    """Let an order that became its member's first count as what it is now."""
    following = activity.next_first
    after = _decided(decision, following.placed.order_id) if following else None
    if following is None or after is None or following.placed.order_id == activity.order_id:
        return decision
    version = decision.versions.version(after.version_id)
    if version is None:
        return decision
    placed = following.placed
    sides = [_side(decision, version, order, placed.occurred_at, placed.basket) for order in (following.decided, after)]
    return _count(decision, _changes(decision, *sides))


def _join_segments(decision: Decision, side: Side) -> Decision:
    """Let a member take part in what is for its segment, from the first fact on that is decided while it belongs there."""
    state = decision.member.of(BADGES)
    joined = {
        rule.name: side.fact.at
        for rule in side.game.challenges
        if rule.audience.segments
        and not rule.is_joined
        and rule.name not in state.joined
        and not state.segments.isdisjoint(rule.audience.segments)
    }
    if not joined:
        return decision
    return decision.then(member=decision.member.having(BADGES, replace(state, joined={**state.joined, **joined})))


def _changes(decision: Decision, before: Side | None, after: Side | None) -> dict[Place, Change]:
    """Return what a fact changes, window by window, when it is no longer the one and now the other."""
    joined = decision.member.of(BADGES).joined
    found: dict[Place, Change] = {}
    for side, sign in ((before, -1), (after, 1)):
        if side is not None:
            for rule in side.game.counters:
                _add_change(found, rule, side.fact, sign, joined)
    if before is None or after is None:  # nothing meets anything
        return found
    return {place: change for place, change in found.items() if any(change.tallies)}


def _add_change(
    found: dict[Place, Change],
    rule: ChallengeRule | BoardRule,
    fact: CountedFact,
    sign: int,
    joined: Mapping[str, datetime],
) -> None:
    if rule.is_for_some and not (rule.audience.includes(fact.occasion) and _takes_part(rule, fact.at, joined)):
        return
    window = rule.window_on(fact.on)
    if window is None:
        return
    added = [adds(rule, goal, fact) for goal in rule.goals]
    if not any(added):
        return
    place = Place(rule.name, window)
    known = found.get(place)
    if known is None:
        found[place] = Change(rule, added if sign > 0 else [plus({}, each, sign) for each in added])
        return
    known.rule = rule
    for goal, more in enumerate(added[: len(known.tallies)]):
        if more:
            known.tallies[goal] = plus(known.tallies[goal], more, sign)


def _takes_part(rule: Counter, at: datetime, joined: Mapping[str, datetime]) -> bool:
    """Tell whether what happens at an instant counts for a member."""
    if isinstance(rule, BoardRule) or not (rule.is_joined or rule.audience.segments):
        return True
    since = joined.get(rule.name)
    return since is not None and at >= since


def _count(decision: Decision, changes: Mapping[Place, Change]) -> Decision:
    """Count changes, and give or take back what that means for awards; what is taken back comes first."""
    if not changes:
        return decision
    state = decision.member.of(BADGES)
    had, windows, at = state.windows, dict(state.windows), stamp_of(_counted_at(decision))
    for place, change in changes.items():
        known = had.get(place) or Progress(0, ({},) * len(change.rule.goals), at)
        tallies = tuple([plus(tally, more) for tally, more in zip(known.tallies, change.tallies, strict=True)])
        if known.given or any(tallies):
            windows[place] = Progress(known.given, tallies, max(known.at, at))
        else:
            windows.pop(place, None)
    decision = decision.then(member=decision.member.having(BADGES, replace(state, windows=windows)))
    if state.awards:
        decision = _take_all(decision, changes, had)
    for place, change in changes.items():
        if isinstance(change.rule, ChallengeRule):
            decision = _give_awards(decision, place, change.rule)
        elif place.name in state.joined:
            decision = _score(decision, place, change.rule)
    return decision


def _take_all(decision: Decision, changes: Mapping[Place, Change], had: Mapping[Place, Progress]) -> Decision:
    """Take back the awards that changes undo."""
    windows = decision.member.of(BADGES).windows
    for place, change in changes.items():
        nothing: tuple[Tally, ...] = ({},) * len(change.rule.goals)
        before, after = (each[place].tallies if place in each else nothing for each in (had, windows))
        decision = _take_awards(decision, place, before, after)
    return decision


def _progress(decision: Decision, place: Place, rule: Counter) -> Progress:
    known = decision.member.of(BADGES).windows.get(place)
    return known or Progress(0, ({},) * len(rule.goals), stamp_of(_counted_at(decision)))


def _counted_at(decision: Decision) -> datetime:
    """Return when a fact occurred; a correction says what always was."""
    activity = decision.activity
    if isinstance(activity, OrderCorrected):
        return activity.placed.occurred_at if activity.placed is not None else activity.ordered_at
    return decision.at


def _score(decision: Decision, place: Place, rule: BoardRule) -> Decision:
    """Bring a member's score on a board up to date, where it takes part."""
    member = decision.member
    known = _progress(decision, place, rule)
    score = value_of(rule.goals[0].metric, known.tallies[0])
    at = datetime.fromisoformat(known.at)
    changed = ScoreChanged(member.retailer_id, member.program_id, member.membership_id, place, score, at)
    return decision.then(changed)


def _give_awards(decision: Decision, place: Place, rule: ChallengeRule) -> Decision:
    """Give the awards of a window that a member has earned and does not have."""
    known = decision.member.of(BADGES).windows.get(place)
    if known is None or (known.given and not rule.repeats and not rule.levels):
        return decision
    given, tallies, at = known
    times = times_met(rule, tallies)
    for number in range(given + 1, times + 1):
        decision = _give(decision, place, rule, number)
    if times > given:
        state = decision.member.of(BADGES).with_progress(place, Progress(times, tallies, at))
        decision = decision.then(member=decision.member.having(BADGES, state))
    return decision


def _give(decision: Decision, place: Place, rule: ChallengeRule, number: int) -> Decision:
    game = decision.rules.of(GAME)
    badge = game.badges.get(rule.badge)
    points = rule.levels[number - 1].points if rule.levels else rule.points
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
        decision = _missing(decision, held.wallet, -less)
    payload = {"challenge": rule.code, "points": held.points - less}
    return decision.then(Told("points.earned", payload, decision.at)) if held.points > less else decision


def _missing(decision: Decision, wallet: str, change: int) -> Decision:
    state = decision.member.of(BADGES)
    missing = {**state.missing, wallet: state.missing.get(wallet, 0) + change}
    if not missing[wallet]:
        del missing[wallet]
    return decision.then(member=decision.member.having(BADGES, replace(state, missing=missing)))


def _take_awards(decision: Decision, place: Place, before: Sequence[Tally], after: Sequence[Tally]) -> Decision:
    """Take back the awards of a window that its facts met before and do not meet any more, by what was asked for then."""
    own = [each for each in decision.member.of(BADGES).awards if each.place == place and each.comes_back]
    for held in sorted(own, key=lambda each: -each.number):
        rule = _rule_of(decision, held)
        if rule is None or len(rule.goals) != len(after):
            continue
        if times_met(rule, after) < held.number <= times_met(rule, before):
            decision = _take(decision, held, rule)
    return decision


def _rule_of(decision: Decision, held: HeldAward) -> ChallengeRule | None:
    version = decision.versions.version(held.version_id)
    rule = version.of(GAME).by_name.get(held.place.name) if version else None
    return rule if isinstance(rule, ChallengeRule) else None


def _take(decision: Decision, held: HeldAward, rule: ChallengeRule) -> Decision:
    decision, missing = _take_points(decision, held, rule)
    cause = cause_of(decision)
    state = decision.member.of(BADGES).without_award(held)
    known = state.windows[held.place]
    state = state.with_progress(held.place, known._replace(given=min(known.given, held.number - 1)))
    ended = AwardEnded(held.id, RETURNED, cause, missing, decision.at)
    decision = decision.then(ended, member=decision.member.having(BADGES, state))
    code = _badge_code(decision, held, rule)
    payload: dict[str, Any] = {
        "challenge": rule.code, "badge": code, "level": 0, "number": held.number, "points": -held.points, "cause": cause,
    }  # fmt: skip
    decision = decision.then(Told("challenge.undone", payload, decision.at))
    if held.badge_key is None:
        return decision
    said = {"badge": code, "times": state.badges.get(held.badge_key.hex, 0), "challenge": rule.code, "cause": cause}
    return decision.then(Told("badge.taken_back", said, decision.at))


def _badge_code(decision: Decision, held: HeldAward, rule: ChallengeRule) -> str:
    """Return the code of the badge of an award, which may have been renamed since; empty for none."""
    if held.badge_key is None:
        return ""
    badges = decision.rules.of(GAME).badges.values()
    return next((each.code for each in badges if each.key == held.badge_key), rule.badge)


def _take_points(decision: Decision, held: HeldAward, rule: ChallengeRule) -> tuple[Decision, int]:
    """Take an award's points: from its own, then from others, then by the policy; return what was missing."""
    if not held.points:
        return decision, 0
    wallet = wallet_in(decision, held.wallet)
    own = [lot.id for lot in wallet.lots if lot.gift == held.label]
    taken = claw_back_own(held.points, own, wallet.lots)
    decision = claim(decision, held.wallet, taken.claims)
    said = {
        "challenge_undone": rule.code,
        "gift_lots": [str(each) for each in own],
        "points": held.points - taken.missing,
        **({} if held.wallet == MAIN else {"wallet": held.wallet}),
    }
    wallet = wallet_in(decision, held.wallet)
    policy = decision.rules.of(RULES).policy(held.wallet)
    decision, shortfall = take_or_owe(
        decision, wallet, taken.moves, taken.missing, policy, said, f"award-back:{held.id}"
    )
    return (_missing(decision, held.wallet, shortfall) if shortfall else decision), shortfall


def cause_of(decision: Decision) -> str:
    """Return what an award names as its cause, such as order:ID."""
    activity = decision.activity
    match activity:
        case OrderPlaced() | OrderReturned() | VersionStarted():
            return activity.cause
        case TakenOver():
            return f"merged:{activity.id}"
    return f"interaction:{activity.id}" if isinstance(activity, InteractionReported) else "time"


def reassess(decision: Decision) -> Decision:
    """Give what a new version's challenges give for what counts already in windows that have not ended."""
    if not decision.member.has(BADGES):
        return decision
    game = decision.rules.of(GAME)
    for place, known in decision.member.of(BADGES).windows.items():
        rule = game.by_name.get(place.name)
        last = days_of(place.window)[1]
        if not isinstance(rule, ChallengeRule) or (last is not None and last < decision.on):
            continue
        if len(rule.goals) == len(known.tallies):
            decision = _give_awards(decision, place, rule)
    return decision


def forfeit(decision: Decision) -> Decision:
    """Let all progress and all awards end with a membership."""
    if not decision.member.has(BADGES):
        return decision
    member = decision.member
    ended = AwardsEnded(member.membership_id, LEFT, decision.at)
    return decision.then(ended, member=member.having(BADGES, BadgeState()))


def give_over(decision: Decision) -> Decision:
    """Let all go to another membership of the same person."""
    if not decision.member.has(BADGES):
        return decision
    return decision.then(member=decision.member.having(BADGES, BadgeState()))


def take_over(decision: Decision) -> Decision:
    """Take over what counts for another membership of the same person, and give what both together have met."""
    activity = decision.activity
    assert isinstance(activity, TakenOver), "members take over from another membership"
    if not decision.member.has(BADGES):
        return decision
    mine, theirs = decision.member.of(BADGES), activity.other.of(BADGES)
    windows = dict(mine.windows)
    for place, known in theirs.windows.items():
        own = windows.get(place)
        windows[place] = _sum(own, known) if own and len(own.tallies) == len(known.tallies) else own or known
    state = replace(
        mine,
        windows=windows,
        joined=_earliest(mine.joined, theirs.joined),
        badges=_summed(mine.badges, theirs.badges),
        missing=_summed(mine.missing, theirs.missing),
    )
    given = tuple((place, known.given) for place, known in mine.windows.items() if known.given)
    moved = AwardsMoved(activity.other.membership_id, decision.member.membership_id, given)
    decision = decision.then(moved, member=decision.member.having(BADGES, state))
    return _score_all(reassess(decision))


def _sum(mine: Progress, theirs: Progress) -> Progress:
    pairs = zip(mine.tallies, theirs.tallies, strict=True)
    tallies = tuple(plus(tally, other) for tally, other in pairs)
    return Progress(mine.given + theirs.given, tallies, max(mine.at, theirs.at))


def _earliest(mine: Mapping[str, datetime], theirs: Mapping[str, datetime]) -> dict[str, datetime]:
    return {
        name: min(found) for name in {**theirs, **mine} if (found := [s[name] for s in (mine, theirs) if name in s])
    }


def _summed(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    return {name: mine.get(name, 0) + theirs.get(name, 0) for name in {**mine, **theirs}}


def _score_all(decision: Decision) -> Decision:
    """Bring all of a member's scores up to date."""
    boards = {rule.name: rule for rule in decision.rules.of(GAME).boards}
    state = decision.member.of(BADGES)
    for place in state.windows:
        if (rule := boards.get(place.name)) is not None and place.name in state.joined:
            decision = _score(decision, place, rule)
    return decision


def join(decision: Decision, name: str) -> Decision:
    """Let a member take part in a challenge, or on a board, from now on; what it has on the board already counts."""
    member, state = decision.member, decision.member.of(BADGES)
    joined = replace(state, joined={**state.joined, name: decision.at})
    return _score_all(decision.then(member=member.having(BADGES, joined)))


def leave_board(decision: Decision, name: str) -> Decision:
    """Let a member be on a board no more; what it does goes on counting, for the case that it comes back."""
    member, state = decision.member, decision.member.of(BADGES)
    joined = {other: at for other, at in state.joined.items() if other != name}
    left = BoardLeft(member.membership_id, name)
    return decision.then(left, member=member.having(BADGES, replace(state, joined=joined)))


def follow(decision: Decision) -> Decision:
    """Let a member whose past is simulated take part in what it joined then."""
    activity = decision.activity
    assert isinstance(activity, ChallengeJoined), "a past tells what was joined"
    return join(decision, activity.name) if decision.member.has(BADGES) else decision

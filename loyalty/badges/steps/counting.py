"""What counts for challenges and boards, and no longer counts when it comes back. Pure."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.badges.reaching import Occurrence, changed, micros_of
from loyalty.badges.rules import (
    BoardRule,
    ChallengeRule,
    CountedFact,
    Counter,
    Game,
    Tally,
    adds,
    plus,
)
from loyalty.badges.state import (
    BADGES,
    GAME,
    Place,
    Progress,
    stamp_of,
)
from loyalty.badges.steps.boards import board_progress, counted_at, instants_of, is_on_board, score
from loyalty.badges.steps.giving import give_awards
from loyalty.badges.steps.taking import take_awards
from loyalty.engine.activities import (
    DecidedOrder,
    InteractionReported,
    InteractionVerified,
    OrderCorrected,
    OrderPlaced,
    OrderReturned,
)
from loyalty.engine.decision import Decision, InteractionDecided, OrderDecided
from loyalty.engine.versions import Version
from loyalty.points.state import POINTS


@dataclass(frozen=True, slots=True)
class Side:
    """A fact as it was, or as it is now, with the rules by which it counts."""

    game: Game
    fact: CountedFact


@dataclass(slots=True)
class Change:
    """
    What changes in one window, goal by goal.

    :ivar occurrences: of a board: how many facts more, or fewer, add an item at an instant
    """

    rule: ChallengeRule | BoardRule
    tallies: list[dict[str, int]]
    occurrences: dict[Occurrence, int] = field(default_factory=dict)

    def note(self, added: Mapping[str, int], at: datetime, sign: int) -> None:
        """Note when the items of a board are added, or no longer are."""
        micros = micros_of(at)
        self.occurrences = plus(self.occurrences, {(item, micros): sign for item in added})

    def __bool__(self) -> bool:
        return any(self.tallies) or bool(self.occurrences)


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


def count_again(decision: Decision) -> Decision:
    """Let an interaction that was decided again count for what it gives now, and no more for what it gave before."""
    activity = decision.activity
    assert isinstance(activity, InteractionVerified), "only what is verified is decided again"
    before = activity.decided
    if not decision.member.has(BADGES) or before is None or decision.interaction is None:
        return decision
    game, fact = decision.rules.of(GAME), _fact_of(decision)
    return _count(decision, _changes(decision, Side(game, replace(fact, points=before.points)), Side(game, fact)))


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
    return order.kept_in(decision.member.of(POINTS).main.wallet_id)


def take_back(decision: Decision) -> Decision:
    """Let what comes back of an order, or what its correction changes, count no more, and take back awards that it undoes."""
    activity = decision.activity
    assert isinstance(activity, OrderReturned), "only returns and corrections take back"
    if not decision.member.has(BADGES) or activity.decided is None:
        return decision
    order = activity.decided
    was = decision.versions.decided(order.version_id, order.occasion)
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
    version = decision.versions.decided(order.version_id, order.occasion)
    return _side(decision, version, order, activity.placed.occurred_at, activity.kept) if version else None


def _count_next_first(decision: Decision, activity: OrderReturned) -> Decision:
    """Let an order that became its member's first count as what it is now."""
    following = activity.next_first
    after = _decided(decision, following.placed.order_id) if following else None
    if following is None or after is None or following.placed.order_id == activity.order_id:
        return decision
    version = decision.versions.decided(after.version_id, after.occasion)
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
    return {place: change for place, change in found.items() if change}


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
        known = found[place] = Change(rule, added if sign > 0 else [plus({}, each, sign) for each in added])
    else:
        known.rule = rule
        for goal, more in enumerate(added[: len(known.tallies)]):
            if more:
                known.tallies[goal] = plus(known.tallies[goal], more, sign)
    if isinstance(rule, BoardRule):
        known.note(added[0], fact.at, sign)


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
    had, windows, at = state.windows, dict(state.windows), stamp_of(counted_at(decision))
    for place, change in changes.items():
        known = had.get(place) or Progress(0, ({},) * len(change.rule.goals), at)
        tallies = tuple([plus(tally, more) for tally, more in zip(known.tallies, change.tallies, strict=True)])
        if known.given or any(tallies):
            windows[place] = _progress(change, known, tallies, at)
        else:
            windows.pop(place, None)
    decision = decision.then(member=decision.member.having(BADGES, replace(state, windows=windows)))
    # Nothing else undoes an award; a past that is lived again knows all of them at every step.
    if state.awards and isinstance(decision.activity, OrderReturned):
        decision = _take_all(decision, changes, had)
    for place, change in changes.items():
        if isinstance(change.rule, ChallengeRule):
            decision = give_awards(decision, place, change.rule)
        elif is_on_board(decision, place):
            decision = score(decision, place, change.rule)
    return decision


def _progress(change: Change, known: Progress, tallies: tuple[Tally, ...], at: str) -> Progress:
    """Return what a window holds after a change, and since when."""
    if isinstance(change.rule, ChallengeRule):
        return Progress(known.given, tallies, max(known.at, at))
    metric = change.rule.goals[0].metric
    instants = changed(metric, instants_of(known), change.occurrences, tallies[0])
    return board_progress(change.rule, tallies, instants, known.at)


def _take_all(decision: Decision, changes: Mapping[Place, Change], had: Mapping[Place, Progress]) -> Decision:
    """Take back the awards that changes undo."""
    windows = decision.member.of(BADGES).windows
    for place, change in changes.items():
        nothing: tuple[Tally, ...] = ({},) * len(change.rule.goals)
        before, after = (each[place].tallies if place in each else nothing for each in (had, windows))
        decision = take_awards(decision, place, before, after)
    return decision

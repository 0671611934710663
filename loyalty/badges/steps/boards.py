"""Scores of those who take part in leaderboards. Pure."""

from datetime import datetime

from customers.core.calendar import local_date
from loyalty.badges.reaching import Instants, known_instants, reached_at
from loyalty.badges.rules import (
    BoardRule,
    Counter,
    Tally,
    value_of,
)
from loyalty.badges.state import (
    BADGES,
    GAME,
    Place,
    Progress,
    ScoreChanged,
    stamp_of,
)
from loyalty.badges.windows import days_of
from loyalty.engine.activities import (
    OrderCorrected,
)
from loyalty.engine.decision import Decision


def is_on_board(decision: Decision, place: Place) -> bool:
    """Tell whether a member is on a board in one of its windows: who joins after a window has ended is not in that one."""
    since, last = decision.member.of(BADGES).joined.get(place.name), days_of(place.window)[1]
    return since is not None and (last is None or local_date(since, decision.rules.zone) <= last)


def score(decision: Decision, place: Place, rule: BoardRule) -> Decision:
    """Bring a member's score on a board up to date, where it takes part."""
    member = decision.member
    known = _progress(decision, place, rule)
    reached = value_of(rule.goals[0].metric, known.tallies[0])
    at = datetime.fromisoformat(known.at)
    changed = ScoreChanged(member.retailer_id, member.program_id, member.membership_id, place, reached, at)
    return decision.then(changed)


def score_all(decision: Decision) -> Decision:
    """Bring all of a member's scores up to date."""
    boards = {rule.name: rule for rule in decision.rules.of(GAME).boards}
    state = decision.member.of(BADGES)
    for place in state.windows:
        if (rule := boards.get(place.name)) is not None and is_on_board(decision, place):
            decision = score(decision, place, rule)
    return decision


def instants_of(known: Progress) -> Instants:
    """Return when the items of a board's tally were added."""
    return known_instants(known.instants, known.tallies[0], datetime.fromisoformat(known.at))


def board_progress(rule: BoardRule, tallies: tuple[Tally, ...], instants: Instants, at: str) -> Progress:
    """
    Return what a window of a board holds, and when that was reached.

    :param at: when it changed before: of what nothing is known of
    """
    return Progress(0, tallies, stamp_of(reached_at(rule.goals[0].metric, instants)) if instants else at, instants)


def _progress(decision: Decision, place: Place, rule: Counter) -> Progress:
    known = decision.member.of(BADGES).windows.get(place)
    return known or Progress(0, ({},) * len(rule.goals), stamp_of(counted_at(decision)))


def counted_at(decision: Decision) -> datetime:
    """Return when a fact occurred; a correction says what always was."""
    activity = decision.activity
    if isinstance(activity, OrderCorrected):
        return activity.placed.occurred_at if activity.placed is not None else activity.ordered_at
    return decision.at

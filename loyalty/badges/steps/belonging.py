"""Members who begin, take part, become one, and leave; and what a new version makes of what counts already. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeGuard

from loyalty.badges.reaching import together
from loyalty.badges.rules import (
    BoardRule,
    ChallengeRule,
    CountedFact,
    Game,
    adds,
    plus,
)
from loyalty.badges.state import (
    BADGES,
    GAME,
    AwardsEnded,
    AwardsMoved,
    BadgeState,
    BoardLeft,
    Place,
    Progress,
    stamp_of,
)
from loyalty.badges.steps.boards import board_progress, instants_of, score_all
from loyalty.badges.steps.giving import give_awards
from loyalty.badges.windows import days_of
from loyalty.engine.activities import (
    ChallengeJoined,
    TakenOver,
)
from loyalty.engine.decision import Decision

LEFT = "left"


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
            decision = give_awards(decision, place, rule)
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
    windows, most, boards = dict(mine.windows), _most_awards(decision), _boards(decision)
    for place, known in theirs.windows.items():
        own, board = windows.get(place), boards.get(place.name)
        if not _are_alike(own, known):
            windows[place] = own or known
        elif board is not None:
            windows[place] = _on_board(board, own, known)
        else:
            windows[place] = _sum(own, known, most.get(place.name, 0))
    state = replace(
        mine,
        windows=windows,
        joined=_earliest(mine.joined, theirs.joined),
        badges=_summed(mine.badges, theirs.badges),
        missing=_summed(mine.missing, theirs.missing),
    )
    moved = AwardsMoved(activity.other.membership_id, decision.member.membership_id, most)
    decision = decision.then(moved, member=decision.member.having(BADGES, state))
    return score_all(reassess(decision))


def recount(state: BadgeState, facts: Iterable[tuple[Game, CountedFact]], since: Mapping[str, datetime]) -> BadgeState:
    """
    Return what counts for a member who has taken part for longer than was known.

    :param facts: what it did, each with the rules by which it counts
    :param since: from when on it takes part in what one joins, where that is earlier
    """
    windows = dict(state.windows)
    for game, fact in facts:
        for rule in game.challenges:
            place = _newly_counted(rule, fact, state.joined.get(rule.name), since.get(rule.name))
            if place is not None and any(added := [adds(rule, goal, fact) for goal in rule.goals]):
                known = windows.get(place) or Progress(0, ({},) * len(rule.goals), stamp_of(fact.at))
                tallies = tuple(plus(tally, more) for tally, more in zip(known.tallies, added, strict=True))
                windows[place] = Progress(known.given, tallies, max(known.at, stamp_of(fact.at)))
    return replace(state, windows=windows)


def _newly_counted(
    rule: ChallengeRule, fact: CountedFact, joined: datetime | None, since: datetime | None
) -> Place | None:
    """Return where a fact counts, as one joined earlier; None where it did before, or does not now."""
    if since is None or not since <= fact.at or (joined is not None and joined <= fact.at):
        return None
    window = rule.window_on(fact.on)
    takes_part = rule.is_joined or rule.audience.segments
    return (
        Place(rule.name, window)
        if takes_part and window is not None and rule.audience.includes(fact.occasion)
        else None
    )


def _most_awards(decision: Decision) -> dict[str, int]:
    """Return how many awards a member can have of a window of each challenge, as the last version that has it says."""
    rules = [rule for version in decision.versions.versions for rule in version.of(GAME).challenges]
    return {rule.name: rule.most for rule in rules}


def _boards(decision: Decision) -> dict[str, BoardRule]:
    """Return the boards of all versions."""
    return {rule.name: rule for version in decision.versions.versions for rule in version.of(GAME).boards}


def _are_alike(mine: Progress | None, theirs: Progress) -> TypeGuard[Progress]:
    return mine is not None and len(mine.tallies) == len(theirs.tallies)


def _sum(mine: Progress, theirs: Progress, most: int) -> Progress:
    pairs = zip(mine.tallies, theirs.tallies, strict=True)
    tallies = tuple(plus(tally, other) for tally, other in pairs)
    given = max(mine.given, theirs.given) if most else mine.given + theirs.given
    return Progress(given, tallies, max(mine.at, theirs.at))


def _on_board(rule: BoardRule, mine: Progress, theirs: Progress) -> Progress:
    """Return what two members who are one have on a board, and when that was reached."""
    both = _sum(mine, theirs, 0)
    instants = together(rule.goals[0].metric, instants_of(mine), instants_of(theirs))
    return board_progress(rule, both.tallies, instants, both.at)


def _earliest(mine: Mapping[str, datetime], theirs: Mapping[str, datetime]) -> dict[str, datetime]:
    return {
        name: min(found) for name in {**theirs, **mine} if (found := [s[name] for s in (mine, theirs) if name in s])
    }


def _summed(mine: Mapping[str, int], theirs: Mapping[str, int]) -> dict[str, int]:
    return {name: mine.get(name, 0) + theirs.get(name, 0) for name in {**mine, **theirs}}


def join(decision: Decision, name: str) -> Decision:
    """Let a member take part in a challenge, or on a board, from now on; what it has on the board already counts."""
    member, state = decision.member, decision.member.of(BADGES)
    joined = replace(state, joined={name: decision.at, **state.joined})
    return score_all(decision.then(member=member.having(BADGES, joined)))


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

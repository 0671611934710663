"""How far a member is with a challenge: towards the next award that it can give. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from loyalty.badges.rules import (
    STREAKS,
    ChallengeRule,
    Goal,
    Tally,
    completions,
    last_met_on,
    times_met,
    value_of,
    value_on,
)


class Towards(NamedTuple):
    """What counts of one goal, and how much of it the next award takes; the same unit for both."""

    value: int
    target: int


def towards_next(rule: ChallengeRule, tallies: Sequence[Tally], *, given: int, on: date) -> tuple[Towards, ...]:
    """
    Return how far a member is with each goal of a challenge in a window on a day.

    Of a challenge in levels it is on the way to the level that it has not reached in this window, of one that repeats to the
    next time; what gives nothing more is as far as it goes.

    :param given: the awards of this window that the member has
    """
    times = times_met(rule, tallies)
    if rule.levels:
        return (_to_level(rule, tallies[0], times, max(times, given), on),)
    if rule.repeats and rule.is_rolling:
        return tuple(_since_last(rule, tallies, on))
    pairs = zip(rule.goals, tallies, strict=True)
    if rule.repeats:
        return tuple(_once_more(rule, goal, tally, max(times, given), on) for goal, tally in pairs)
    is_met = times > 0 and not (rule.is_any and len(rule.goals) > 1)
    return tuple(_once(rule, goal, tally, on, is_met=is_met) for goal, tally in pairs)


def _to_level(rule: ChallengeRule, tally: Tally, times: int, reached: int, on: date) -> Towards:
    value, targets = value_on(rule, rule.goals[0], tally, on), [level.target for level in rule.levels]
    if reached < len(targets):
        return Towards(value, targets[reached])
    if times < reached:  # a return left less than what had been given and was kept
        return Towards(value, targets[-1])
    return Towards(targets[-1] if rule.goals[0].metric in STREAKS else max(value, targets[-1]), targets[-1])


def _since_last(rule: ChallengeRule, tallies: Sequence[Tally], on: date) -> Iterable[Towards]:
    """Yield what the last days hold of each goal: what has met the challenge once counts no more."""
    last = last_met_on(rule, tallies, on)
    for goal, tally in zip(rule.goals, tallies, strict=True):
        left = {key: number for key, number in tally.items() if key[:10] > last}
        yield Towards(value_on(rule, goal, left, on), goal.target)


def _once_more(rule: ChallengeRule, goal: Goal, tally: Tally, times: int, on: date) -> Towards:
    had = completions(goal, tally)
    if goal.metric not in STREAKS:
        return Towards(value_of(goal.metric, tally), goal.target * (times + 1))
    if had > times:  # it is met, and waits for the others
        return Towards(goal.target, goal.target)
    run = value_on(rule, goal, tally, on)
    return Towards(run, goal.target * (times + 1 - had + run // goal.target))


def _once(rule: ChallengeRule, goal: Goal, tally: Tally, on: date, *, is_met: bool) -> Towards:
    value = value_on(rule, goal, tally, on)
    if goal.metric in STREAKS:  # a run that was long enough once is not to be run again
        return Towards(goal.target if value_of(goal.metric, tally) >= goal.target else value, goal.target)
    return Towards(max(value, goal.target) if is_met and rule.is_rolling else value, goal.target)

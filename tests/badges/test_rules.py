"""How much counts for a challenge, and how often it is met: the rules alone, by tables."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from loyalty.badges.rules import (
    UNIT,
    BadgeRule,
    ChallengeRule,
    CountedFact,
    Goal,
    Level,
    adds,
    plus,
    runs_of,
    times_met,
    value_on,
)
from loyalty.badges.windows import days_of, window_on
from loyalty.engine.basket import Basket, Line, Occasion
from loyalty.points.conditions import parse

KEY = UUID(int=7)


def challenge(*goals: Goal, **given: Any) -> ChallengeRule:
    return ChallengeRule(id=1, key=KEY, code="c", goals=goals, **given)


def order(on: str, *lines: Line, **given: Any) -> CountedFact:
    at = datetime.fromisoformat(on).replace(tzinfo=UTC)
    return CountedFact(at, at.date(), Occasion(at), points=given.pop("points", 0), basket=Basket(lines, **given))


def tallied(rule: ChallengeRule, *facts: CountedFact) -> list[dict[str, int]]:
    tallies: list[dict[str, int]] = [{} for _ in rule.goals]
    for fact in facts:
        tallies = [plus(tally, adds(rule, goal, fact)) for goal, tally in zip(rule.goals, tallies, strict=True)]
    return tallies


@pytest.mark.parametrize(
    ("kind", "day", "name", "first", "last"),
    [
        ("week", date(2026, 3, 29), "W2026-03-23", date(2026, 3, 23), date(2026, 3, 29)),
        ("week", date(2027, 1, 1), "W2026-12-28", date(2026, 12, 28), date(2027, 1, 3)),
        ("month", date(2028, 2, 29), "M2028-02-01", date(2028, 2, 1), date(2028, 2, 29)),
        ("quarter", date(2026, 11, 28), "Q2026-10-01", date(2026, 10, 1), date(2026, 12, 31)),
        ("year", date(2026, 11, 28), "Y2026-01-01", date(2026, 1, 1), date(2026, 12, 31)),
        ("rolling", date(2026, 11, 28), "", None, None),
        ("membership", date(2026, 11, 28), "", None, None),
    ],
)
def test_a_day_lies_in_a_window_of_the_calendar(
    kind: str, day: date, name: str, first: date | None, last: date | None
) -> None:
    assert window_on(kind, day) == name
    assert days_of(name) == (first, last)


def test_a_fixed_window_has_its_days_alone() -> None:
    first, last = date(2026, 11, 1), date(2026, 11, 30)

    assert window_on("fixed", date(2026, 11, 30), first, last) == "F2026-11-01/2026-11-30"
    assert window_on("fixed", date(2026, 12, 1), first, last) is None
    assert days_of("F2026-11-01/2026-11-30") == (first, last)
    assert days_of(window_on("fixed", first, first, None) or "") == (first, None)


FRESH = Line(Decimal("6.00"), "FRESH", "Meadow")
WINE = Line(Decimal("9.50"), "WINE", "Hill")
FREE = Line(Decimal(0), "GIFTS", "Ours")


@pytest.mark.parametrize(
    ("metric", "added"),
    [
        ("count", {"": 1}),
        ("spend", {"": 155_000}),
        ("points", {"": 15}),
        ("categories", {"FRESH": 1, "WINE": 1}),
        ("brands", {"Meadow": 1, "Hill": 1}),
        ("stores", {"S1": 1}),
        ("days", {"2026-11-28": 1}),
        ("day_streak", {"2026-11-28": 1}),
        ("week_streak", {"2026-11-23": 1}),
    ],
)
def test_an_order_adds_what_a_goal_counts(metric: str, added: dict[str, int]) -> None:
    rule = challenge(Goal(metric))

    assert adds(rule, rule.goals[0], order("2026-11-28", FRESH, WINE, FREE, store="S1", points=15)) == added


def test_only_the_lines_that_meet_the_condition_count_and_only_what_money_paid() -> None:
    goal = Goal("spend", condition=parse({"field": "category", "in": ["WINE"]}))
    rule = challenge(goal)

    assert adds(rule, goal, order("2026-11-28", FRESH, WINE)) == {"": 95_000}
    assert adds(rule, goal, order("2026-11-28", FRESH)) == {}
    assert adds(rule, goal, order("2026-11-28", FRESH, WINE, paid_with_points=Decimal("7.75"))) == {"": 47_500}
    assert adds(rule, Goal("count"), order("2026-11-28", FRESH, paid_with_points=Decimal(6))) == {}
    assert adds(rule, Goal("count"), order("2026-11-28", FREE)) == {}


def test_interactions_count_for_goals_of_their_kind() -> None:
    goal = Goal("count", interaction="review")
    at = datetime(2026, 11, 28, tzinfo=UTC)
    review = CountedFact(at, at.date(), Occasion(at), interaction="review")

    assert adds(challenge(goal), goal, review) == {"": 1}
    assert adds(challenge(goal), goal, order("2026-11-28", FRESH)) == {}
    assert adds(challenge(goal), Goal("count"), review) == {}


def test_runs_are_of_days_or_weeks_that_follow_each_other() -> None:
    days = dict.fromkeys(["2026-03-27", "2026-03-28", "2026-03-29", "2026-03-31"], 1)
    weeks = dict.fromkeys(["2026-03-16", "2026-03-23", "2026-03-30", "2026-04-13"], 2)

    assert runs_of("day_streak", days) == [3, 1]
    assert runs_of("week_streak", weeks) == [3, 1]


@pytest.mark.parametrize(
    ("given", "facts", "times"),
    [
        ({}, 2, 0),
        ({}, 3, 1),
        ({}, 7, 1),
        ({"repeats": True}, 5, 1),
        ({"repeats": True}, 7, 2),
        ({"levels": (Level(3, 10), Level(5, 20), Level(9, 0))}, 4, 1),
        ({"levels": (Level(3, 10), Level(5, 20), Level(9, 0))}, 9, 3),
    ],
)
def test_a_challenge_is_met_once_again_and_again_or_in_levels(given: dict[str, Any], facts: int, times: int) -> None:
    rule = challenge(Goal("count", 3), **given)

    assert times_met(rule, tallied(rule, *[order("2026-11-28", FRESH)] * facts)) == times


def test_goals_are_met_together_or_any_of_them() -> None:
    goals = Goal("count", 2), Goal("spend", 20 * UNIT)
    facts = [order("2026-11-28", FRESH), order("2026-11-29", FRESH)]

    every, some = challenge(*goals), challenge(*goals, is_any=True)
    assert times_met(every, tallied(every, *facts)) == 0
    assert times_met(some, tallied(some, *facts)) == 1
    assert times_met(every, tallied(every, *facts, order("2026-12-01", WINE))) == 1


def test_a_streak_repeats_within_one_run_and_over_several() -> None:
    rule = challenge(Goal("day_streak", 3), repeats=True)
    first = datetime(2026, 11, 1, tzinfo=UTC)
    days = [*range(7), 9, 10, 11, 14]
    facts = [order((first + timedelta(days=each)).date().isoformat(), FRESH) for each in days]

    assert times_met(rule, tallied(rule, *facts)) == 3


@pytest.mark.parametrize(
    ("days", "repeats", "times"),
    [
        (["2026-11-01", "2026-11-11"], False, 0),
        (["2026-11-01", "2026-11-10"], False, 1),
        (["2026-11-01", "2026-11-10", "2026-11-11"], True, 1),
        (["2026-11-01", "2026-11-10", "2026-11-11", "2026-11-20"], True, 2),
        (["2026-11-20", "2026-11-01", "2026-11-11", "2026-11-10"], True, 2),
    ],
)
def test_the_last_days_meet_a_challenge_in_whatever_order_they_are_told(
    days: list[str], *, repeats: bool, times: int
) -> None:
    rule = challenge(Goal("count", 2), window="rolling", window_days=10, repeats=repeats)

    assert times_met(rule, tallied(rule, *(order(day, FRESH) for day in days))) == times


def test_different_categories_of_the_last_days_count_once_each() -> None:
    rule = challenge(Goal("categories", 2), window="rolling", window_days=10)

    assert times_met(rule, tallied(rule, order("2026-11-01", FRESH), order("2026-11-03", FRESH))) == 0
    assert times_met(rule, tallied(rule, order("2026-11-01", WINE), order("2026-11-11", FRESH))) == 0
    assert times_met(rule, tallied(rule, order("2026-11-02", WINE), order("2026-11-11", FRESH))) == 1


def test_a_member_sees_the_run_that_goes_on_and_what_the_last_days_hold() -> None:
    streak, last = challenge(Goal("week_streak", 3)), challenge(Goal("count", 3), window="rolling", window_days=10)
    (weeks,) = tallied(streak, order("2026-11-12", FRESH), order("2026-11-18", FRESH))
    (days,) = tallied(last, order("2026-11-12", FRESH), order("2026-11-18", FRESH))

    assert [value_on(streak, streak.goals[0], weeks, date(2026, 11, day)) for day in (18, 29, 30)] == [2, 2, 0]
    assert [value_on(last, last.goals[0], days, date(2026, 11, day)) for day in (18, 21, 22, 28)] == [2, 2, 1, 0]


def test_a_badge_is_worth_its_points_once_each_time_or_with_each_level() -> None:
    once, again = BadgeRule(1, KEY, "b", points=5), BadgeRule(1, KEY, "b", "repeatable", points=5)
    levels = BadgeRule(1, KEY, "b", "levelled", (1, 3), points=5)

    assert [once.points_for(times) for times in (1, 2, 3)] == [5, 0, 0]
    assert [again.points_for(times) for times in (1, 2, 3)] == [5, 5, 5]
    assert [levels.points_for(times) for times in (1, 2, 3, 4)] == [5, 0, 5, 0]
    assert [levels.level(times) for times in (0, 1, 2, 3, 4)] == [0, 1, 1, 2, 2]

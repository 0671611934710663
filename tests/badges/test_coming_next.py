"""What a member is told to be on the way to is what the next award takes."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from loyalty.activity.versions import versions_of_program
from loyalty.badges.coming_next import towards_next
from loyalty.badges.overview import challenges_of
from loyalty.badges.rules import UNIT, Goal, Level
from tests import make
from tests.badges import game
from tests.badges.test_rules import FRESH, challenge, order, tallied

LEVELS = (Level(3, 10), Level(5, 20), Level(9, 0))
LAST_TEN: dict[str, Any] = {"window": "rolling", "window_days": 10}


def days(*numbers: int) -> list[str]:
    """Return days of November."""
    return [f"2026-11-{number:02}" for number in numbers]


@pytest.mark.parametrize(
    ("goal", "given", "on_days", "on", "told"),
    [
        # again and again: two of three were enough for the first award, the next one takes four in all
        (Goal("count", 2), {"repeats": True}, days(1, 2, 3), 3, (3, 4)),
        (Goal("spend", 10 * UNIT), {"repeats": True}, days(1, 2), 2, (12 * UNIT, 20 * UNIT)),
        # a run of seven has met three in a row twice, and meets it with nine again
        (Goal("day_streak", 3), {"repeats": True}, days(1, 2, 3, 4, 5, 6, 7), 7, (7, 9)),
        (Goal("day_streak", 3), {"repeats": True}, days(1, 2, 3, 4, 5, 6, 7, 9, 10), 10, (2, 3)),
        (Goal("day_streak", 3), {"repeats": True}, days(1, 2, 3), 5, (0, 3)),
        # met once it stays met, though the run is over
        (Goal("day_streak", 3), {}, days(1, 2, 3, 9), 9, (3, 3)),
        (Goal("day_streak", 3), {}, days(1, 2, 9), 9, (1, 3)),
        # levels: who has run three is on the way to five, and not to three once more
        (Goal("day_streak", 3), {"levels": LEVELS}, days(1, 2, 3, 9, 10), 10, (2, 5)),
        (Goal("day_streak", 3), {"levels": LEVELS}, days(*range(1, 13)), 20, (9, 9)),
        (Goal("count", 3), {"levels": LEVELS}, days(1, 2, 3, 4), 4, (4, 5)),
        (Goal("count", 3), {"levels": LEVELS}, days(*range(1, 13)), 12, (12, 9)),
        (Goal("count", 3), {"levels": LEVELS, **LAST_TEN}, days(1, 2, 3), 25, (0, 5)),
        # the last ten days: met once for all, or anew with what comes after
        (Goal("count", 3), LAST_TEN, days(1, 2, 3), 25, (3, 3)),
        (Goal("count", 3), LAST_TEN, days(1, 2), 25, (0, 3)),
        (Goal("count", 3), {"repeats": True, **LAST_TEN}, days(1, 2, 3), 4, (0, 3)),
        (Goal("count", 3), {"repeats": True, **LAST_TEN}, days(1, 2, 3, 4), 5, (1, 3)),
    ],
)
def test_it_is_the_way_to_the_next_award(
    goal: Goal, given: dict[str, Any], on_days: list[str], on: int, told: tuple[int, int]
) -> None:
    rule = challenge(goal, **given)
    tallies = tallied(rule, *(order(day, FRESH) for day in on_days))

    assert towards_next(rule, tallies, given=0, on=date(2026, 11, on)) == (told,)


def test_of_several_goals_those_that_are_met_wait_for_the_others() -> None:
    every = challenge(Goal("day_streak", 2), Goal("count", 5), repeats=True)
    tallies = tallied(every, *(order(day, FRESH) for day in days(1, 2, 9)))

    assert towards_next(every, tallies, given=0, on=date(2026, 11, 9)) == ((2, 2), (3, 5))


def test_what_was_given_and_kept_is_not_on_the_way_again() -> None:
    again, levels = challenge(Goal("count", 2), repeats=True), challenge(Goal("count", 3), levels=LEVELS)
    (left,) = tallied(again, order("2026-11-01", FRESH))  # of four, of which three came back

    assert towards_next(again, [left], given=2, on=date(2026, 11, 2)) == ((1, 6),)
    assert towards_next(levels, [left], given=1, on=date(2026, 11, 2)) == ((1, 5),)
    assert towards_next(levels, [left], given=3, on=date(2026, 11, 2)) == ((1, 9),)


@pytest.mark.django_db
def test_the_next_award_comes_with_what_a_member_was_told() -> None:
    club = game.program({"code": "streak", "metric": "day_streak", "target": "3", "repeats": True, "points": 30})
    ada = make.member(club)

    def told(day: str) -> tuple[str, str]:
        at = datetime.fromisoformat(f"{day}T18:00").replace(tzinfo=UTC)
        (found,) = challenges_of(ada, versions_of_program(club.pk), at=at)
        return found.goals[0].value, found.goals[0].target

    for day in days(1, 2, 3, 4):
        make.buys(ada, "10", at=make.on(day))

    assert game.awards_of(ada) == [("streak", "", 1, 30)]
    assert told("2026-11-04") == ("4", "6")
    make.buys(ada, "10", at=make.on("2026-11-05"))
    assert game.awards_of(ada) == [("streak", "", 1, 30)]
    make.buys(ada, "10", at=make.on("2026-11-06"))
    assert game.awards_of(ada) == [("streak", "", 1, 30), ("streak", "", 2, 30)]
    assert told("2026-11-06") == ("6", "9")

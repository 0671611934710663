"""Who meets a challenge for years is told what met it, and brings things back, by one look at what counts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from loyalty.activity.versions import versions_of_program
from loyalty.badges.account.causes import causes_of
from loyalty.badges.overview import awards_of
from loyalty.badges.rules import Goal
from loyalty.badges.state import HeldAward, Place
from loyalty.badges.steps.taking import _is_undone, _Met
from loyalty.memberships.models import Membership
from tests import make
from tests.badges import game
from tests.badges.test_rules import challenge

LAST_TEN: dict[str, Any] = {"window": "rolling", "window_days": 10}


class Read(dict[str, int]):
    """A tally that knows how often it was read through."""

    times = 0

    def items(self) -> Any:
        self.times += 1
        return super().items()


def test_a_return_looks_at_what_counts_once_for_all_awards_of_a_challenge() -> None:
    rule = challenge(Goal("count", 2), repeats=True, **LAST_TEN)
    days = {f"2026-11-{day:02}|": 1 for day in range(1, 25)}
    before, after = Read(days), Read({day: number for day, number in days.items() if "-24" not in day})
    held = [HeldAward(UUID(int=n), Place("c", ""), n, 1, True, None, "points", 5) for n in range(1, 13)]  # noqa: FBT003
    met = _Met([before], [after])

    undone = [each.number for each in held if _is_undone(each, rule, met)]

    assert undone == [12]  # 24 days met it twelve times, 23 eleven times
    assert (before.times, after.times) == (1, 1)


def orders_of(who: Membership) -> dict[int, list[str | None]]:
    """Return which orders met each award of a member."""
    awards = awards_of(who)
    found = causes_of(who, awards, versions_of_program(who.program_id))
    return {award.number: [each.order for each in found[award.pk]] for award in sorted(awards, key=lambda a: a.number)}


@pytest.mark.django_db
@pytest.mark.parametrize("given", [{"metric": "day_streak"}, {"metric": "count", **LAST_TEN}, {"metric": "count"}])
def test_each_award_of_one_window_names_what_met_it(given: dict[str, Any]) -> None:
    club = game.program({"code": "three", "target": "3", "repeats": True, "points": 5, **given})
    ada = make.member(club)
    bought = [make.buys(ada, "10", at=make.on("2026-03-01") + timedelta(days=day), name=f"A{day}") for day in range(9)]
    assert orders_of(ada) == {1: ["A0", "A1", "A2"], 2: ["A3", "A4", "A5"], 3: ["A6", "A7", "A8"]}

    make.returns(ada, bought[8], (1, "1"), at=make.on("2026-03-20"))

    assert orders_of(ada) == {1: ["A0", "A1", "A2"], 2: ["A3", "A4", "A5"]}


@pytest.mark.django_db
def test_one_order_may_meet_several_awards_and_levels_name_all_that_led_to_them() -> None:
    levels = [{"target": "20", "points": 1}, {"target": "50", "points": 2}]
    club = game.program(
        {"code": "again", "metric": "spend", "target": "10", "repeats": True, "points": 5},
        {"code": "levels", "metric": "spend", "target": "1", "levels": levels},
    )
    ada = make.member(club)
    for day, amount in enumerate(("8", "25", "20"), start=1):
        make.buys(ada, amount, at=make.on(f"2026-03-0{day}"), name=f"A{day}")

    awards = awards_of(ada)
    found = causes_of(ada, awards, versions_of_program(ada.program_id))
    told = {(each.challenge.code, each.number): [cause.order for cause in found[each.pk]] for each in awards}

    assert told == {
        ("again", 1): ["A1", "A2"], ("again", 2): ["A1", "A2"], ("again", 3): ["A1", "A2"],
        ("again", 4): ["A3"], ("again", 5): ["A3"],
        ("levels", 1): ["A1", "A2"], ("levels", 2): ["A1", "A2", "A3"],
    }  # fmt: skip

"""Two members who are one take part in a challenge since the first of both joined it: what the other one did since counts."""

from datetime import datetime
from typing import Any

import pytest

from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.nightly import advance_due
from loyalty.activity.replaying import replay
from loyalty.badges.account.joining import join_challenge
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.badges import game

pytestmark = pytest.mark.django_db
THREE = {"code": "three", "target": "3", "points": 50, "opt_in": True}
NOW = make.on("2026-06-20")


def merge(source: Membership, target: Membership, now: datetime = NOW) -> None:
    take_merge(
        target.program.retailer, source.customer.external_id, target.customer.external_id, reference="same", now=now
    )


def two(**more: Any) -> tuple[Program, Membership, Membership]:
    club = game.program({**THREE, **more})
    return club, make.member(club), make.member(club)


def buys(who: Membership, *days: int) -> list[Any]:
    return [make.buys(who, "10", at=make.on(f"2026-06-{day:02}")) for day in days]


def deviations(club: Program) -> list[Any]:
    """Live the pasts of all members again, once time has been carried out."""
    advance_due(club, day=NOW.date(), until=NOW, now=NOW)
    done = replay(club, now=NOW)
    assert (done.members > 0, done.skipped) == (True, 0)
    return done.deviations


def joins(who: Membership, day: int) -> None:
    assert join_challenge(who, "three", now=make.on(f"2026-06-{day:02}"))


@pytest.mark.parametrize("stays", [0, 1])
def test_what_the_other_one_did_since_the_first_joined_counts_whoever_stays(stays: int) -> None:
    club, *both = two()
    joiner, other = both
    buys(other, 1, 4)
    joins(joiner, 2)
    buys(joiner, 3, 5)

    merge(both[1 - stays], both[stays])

    assert game.progress_of(both[stays]) == {"three": (1, [{"": 3}])}
    assert game.awards_of(both[stays]) == [("three", "", 1, 50)]
    assert deviations(club) == []


def test_of_two_who_joined_each_fact_counts_once_since_the_earlier() -> None:
    club, ada, other = two(target="9")
    joins(ada, 6)
    joins(other, 2)
    buys(ada, 1, 3, 7)
    buys(other, 1, 4, 8)

    merge(other, ada)

    assert game.progress_of(ada) == {"three": (0, [{"": 4}])}
    assert deviations(club) == []


def test_what_comes_back_of_what_counts_only_since_the_merge_takes_the_award_with_it() -> None:
    _, ada, other = two()
    (bought,) = buys(other, 3)
    joins(ada, 2)
    buys(ada, 4, 5)
    merge(other, ada)
    assert game.awards_of(ada) == [("three", "", 1, 50)]

    make.returns(ada, bought, (1, "1"), at=NOW)

    assert (game.awards_of(ada), game.progress_of(ada)) == ([], {"three": (0, [{"": 2}])})


def test_a_chain_of_merges_counts_what_all_did_since_the_first_joined() -> None:
    club, ada, bob = two(target="9")
    cyd = make.member(club)
    joins(cyd, 2)
    for day, who in ((1, cyd), (3, ada), (4, bob), (5, cyd)):
        buys(who, day)

    merge(cyd, bob, make.on("2026-06-10"))
    buys(bob, 11)
    merge(bob, ada)
    make.buys(ada, "10", at=make.on("2026-06-06"), recorded=NOW)

    assert game.progress_of(ada) == {"three": (0, [{"": 5}])}
    assert deviations(club) == []


def test_interactions_count_of_the_one_whose_they_were_since_it_is_a_member() -> None:
    club, ada, other = two(target="9", interaction="review")
    joins(ada, 2)
    game.does(other, "review", make.on("2026-06-03"))
    leave(other, now=make.on("2026-06-04"))
    other = make.member(club, other.customer.external_id, since=make.on("2026-06-05"))
    game.does(other, "review", make.on("2026-06-06"))
    game.does(ada, "review", make.on("2026-06-06"))

    merge(other, ada)

    assert game.progress_of(ada) == {"three": (0, [{"": 2}])}


def test_windows_that_ended_long_ago_are_counted_too_and_give_nothing_any_more() -> None:
    _, ada, other = two(target="2", window="month")
    joins(ada, 2)
    buys(ada, 3)
    buys(other, 4)
    later = make.on("2026-09-01")
    for who in (ada, other):
        make.buys(who, "10", at=later)

    merge(other, ada, make.on("2026-09-02"))

    assert game.all_of(ada) == {"three M2026-06-01": (0, [{"": 2}]), "three M2026-09-01": (1, [{"": 2}])}


def test_who_joined_a_board_alone_is_counted_on_it_as_before() -> None:
    board = {"code": "spenders", "metric": "spend"}
    club = game.program({**THREE, "target": "9"}, boards=[board])
    ada, other = make.member(club), make.member(club)
    joins(ada, 2)
    buys(other, 1, 3)

    merge(other, ada)

    assert game.progress_of(ada) == {"spenders": (0, [{"": 200_000}]), "three": (0, [{"": 1}])}

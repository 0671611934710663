"""Leaderboards: who is where, ties, returns, names of one's own choice."""

from datetime import date, timedelta

import pytest

from customers.models import Customer, Erasure
from customers.privacy import erase
from loyalty.activity.versions import versions_of_program
from loyalty.badges.account.joining import (
    BadPseudonym,
    NoSuchBoard,
    PseudonymTaken,
    join_board,
    join_challenge,
    leave,
)
from loyalty.badges.boards import Among, Standings, standings
from loyalty.badges.models import BoardScore, Participation
from loyalty.badges.state import GAME
from loyalty.badges.windows import days_of, window_on
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.badges import game

pytestmark = pytest.mark.django_db

BOARD = {"code": "spenders", "metric": "spend", "window": "month"}
JUNE = "M2026-06-01"


def board(club: Program, member: Membership | None = None, window: str = JUNE) -> Standings:
    rule = versions_of_program(club.pk).versions[-1].of(GAME).boards[0]
    return standings(rule, club.pk, window, Among(), member=member.pk if member else None)


def lines(club: Program, window: str = JUNE) -> list[tuple[int | None, str, int]]:
    return [(line.rank, line.shown_as, line.score) for line in board(club, window=window).lines]


def test_ties_share_a_rank_the_first_to_reach_it_is_listed_first_and_a_return_reorders() -> None:
    club = game.program(boards=[BOARD])
    ada, bob, cleo = (make.member(club) for _ in range(3))
    for who, name in ((ada, "Ada"), (bob, "Bob"), (cleo, "Cleo")):
        join_board(who, "spenders", name, now=make.on("2026-06-01"))
    make.buys(bob, "30", at=make.on("2026-06-03"))
    first = make.buys(ada, "20", at=make.on("2026-06-04"))
    make.buys(ada, "10", at=make.on("2026-06-05"))
    make.buys(cleo, "12", at=make.on("2026-06-05"))
    assert lines(club) == [(1, "Bob", 300_000), (1, "Ada", 300_000), (3, "Cleo", 120_000)]

    make.returns(ada, first, (1, "1"), at=make.on("2026-06-06"))

    assert lines(club) == [(1, "Bob", 300_000), (2, "Cleo", 120_000), (3, "Ada", 100_000)]


def test_a_late_order_counts_for_when_it_occurred_whatever_the_order_of_telling() -> None:
    club = game.program(boards=[BOARD])
    ada, bob = make.member(club), make.member(club)
    for who, name in ((ada, "Ada"), (bob, "Bob")):
        join_board(who, "spenders", name, now=make.on("2026-06-01"))
    make.buys(ada, "10", at=make.on("2026-06-09"))
    make.buys(bob, "20", at=make.on("2026-06-08"))

    make.buys(ada, "10", at=make.on("2026-06-02"), recorded=make.on("2026-06-10"))

    found = board(club)
    assert [(line.rank, line.shown_as) for line in found.lines] == [(1, "Bob"), (1, "Ada")]
    assert [line.reached_at for line in found.lines] == [make.on("2026-06-08"), make.on("2026-06-09")]


def test_only_who_joined_is_shown_with_what_it_did_before_in_the_window() -> None:
    club = game.program(boards=[BOARD])
    ada, bob = make.member(club), make.member(club)
    make.buys(ada, "30", at=make.on("2026-06-02"))
    make.buys(bob, "10", at=make.on("2026-06-02"))
    assert lines(club) == []

    join_board(ada, "spenders", "  Ada   the Great ", now=make.on("2026-06-03"))
    join_board(bob, "spenders", "B.", now=make.on("2026-06-03"))

    assert lines(club) == [(1, "Ada the Great", 300_000), (2, "B.", 100_000)]
    assert leave(ada, "spenders", now=make.on("2026-06-04"))
    assert not leave(ada, "spenders", now=make.on("2026-06-04"))
    assert lines(club) == [(1, "B.", 100_000)]
    make.buys(ada, "1", at=make.on("2026-06-05"))
    join_board(ada, "spenders", "Ada", now=make.on("2026-06-06"))
    assert lines(club) == [(1, "Ada", 310_000), (2, "B.", 100_000)]


def test_each_window_has_its_own_scores() -> None:
    club = game.program(boards=[BOARD])
    ada = make.member(club)
    join_board(ada, "spenders", "Ada", now=make.on("2026-06-01"))

    make.buys(ada, "30", at=make.on("2026-06-30"))
    make.buys(ada, "10", at=make.on("2026-07-01"))

    assert lines(club) == [(1, "Ada", 300_000)]
    assert lines(club, "M2026-07-01") == [(1, "Ada", 100_000)]


def test_somebody_far_down_sees_its_own_rank() -> None:
    club = game.program(boards=[BOARD])
    start = make.on("2026-06-01")
    members = [make.member(club) for _ in range(25)]
    for place, who in enumerate(members):
        join_board(who, "spenders", f"M{place}", now=start)
        make.buys(who, str(100 - place), at=start + timedelta(hours=place))

    found = board(club, members[24])

    assert (len(found.lines), found.mine and found.mine.rank, found.mine and found.mine.score) == (20, 25, 760_000)
    assert board(club, make.member(club)).mine is None


@pytest.mark.parametrize(
    "name",
    [
        "", "x", "a@b.example", "a\uff20b.example", "a" * 31, "bad\u0000one", "\u202eevil", "a\u200bb", "\u3164\u3164",
        "\u2800\u2800", "\u0301\u0301", "ada" + "\u0301" * 6,
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    club = game.program(boards=[BOARD])
    ada = make.member(club)

    with pytest.raises(BadPseudonym):
        join_board(ada, "spenders", name, now=make.on("2026-06-01"))

    assert not Participation.objects.exists()


def test_a_name_is_one_members_on_a_board_and_may_be_changed() -> None:
    club = game.program(boards=[BOARD])
    ada, bob = make.member(club), make.member(club)
    assert join_board(ada, "spenders", "Queen", now=make.on("2026-06-01"))

    for name in ("QUEEN", "\uff31ueen", " Queen\u00a0"):
        with pytest.raises(PseudonymTaken):
            join_board(bob, "spenders", name, now=make.on("2026-06-01"))
    with pytest.raises(NoSuchBoard, match="spenders"):
        join_board(bob, "other", "Bob", now=make.on("2026-06-01"))

    assert not join_board(ada, "spenders", "Ada", now=make.on("2026-06-02"))
    assert [row.pseudonym for row in Participation.objects.all()] == ["Ada"]


def test_who_is_merged_is_on_the_board_once_with_both_scores() -> None:
    from loyalty.activity.account.merging import take_merge

    club = game.program(boards=[BOARD])
    ada, other = make.member(club), make.member(club)
    for who, name in ((ada, "Ada"), (other, "Other")):
        join_board(who, "spenders", name, now=make.on("2026-06-01"))
        make.buys(who, "10", at=make.on("2026-06-02"))

    take_merge(
        club.retailer, other.customer.external_id, ada.customer.external_id, reference="same", now=make.on("2026-06-03")
    )

    assert lines(club) == [(1, "Ada", 200_000)]
    assert BoardScore.objects.count() == 1


def test_what_one_joins_counts_from_then_on() -> None:
    club = game.program({"code": "two", "target": "2", "points": 9, "opt_in": True})
    ada = make.member(club)
    make.buys(ada, "10", at=make.on("2026-06-01"))

    assert join_challenge(ada, "two", now=make.on("2026-06-02"))
    assert not join_challenge(ada, "two", now=make.on("2026-06-02"))
    make.buys(ada, "10", at=make.on("2026-06-01T12:00"), recorded=make.on("2026-06-03"))
    make.buys(ada, "10", at=make.on("2026-06-03"))
    assert game.progress_of(ada) == {"two": (0, [{"": 1}])}
    bought = make.buys(ada, "10", at=make.on("2026-06-04"))
    assert game.awards_of(ada) == [("two", "", 1, 9)]

    make.returns(ada, bought, (1, "1"), at=make.on("2026-06-05"))
    assert game.awards_of(ada) == []


def test_who_was_erased_is_on_no_board_again_whatever_comes_back_of_its_orders() -> None:
    joined = {"code": "tea", "metric": "count", "target": "2", "opt_in": True, "points": 50}
    club = game.program(joined, boards=[BOARD])
    ada = make.member(club, "ada")
    join_board(ada, "spenders", "Ada", now=make.on("2026-06-01"))
    join_challenge(ada, "tea", now=make.on("2026-06-01"))
    bought = make.buys(ada, "30", "10", at=make.on("2026-06-02"))
    last = make.buys(ada, "5", at=make.on("2026-06-03"))
    customer = Customer.objects.get(pk=ada.customer_id)
    erase(customer, asked_by=Erasure.AskedBy.PERSON, reason="asked", now=make.on("2026-06-04"))

    make.returns(ada, bought, (2, "1"), at=make.on("2026-06-05"))
    assert len(game.awards_of(ada)) == 1
    make.returns(ada, last, (1, "1"), at=make.on("2026-06-05"))

    assert (lines(club), game.awards_of(ada)) == ([], [])


@pytest.mark.parametrize(
    ("window", "first"),
    [("week", "9999-12-27"), ("month", "9999-12-01"), ("quarter", "9999-10-01"), ("year", "9999-01-01")],
)
def test_the_last_window_of_all_time_ends_with_it(window: str, first: str) -> None:
    assert days_of(str(window_on(window, date.max))) == (date.fromisoformat(first), date.max)


@pytest.mark.parametrize("name", ["Élise", "Zoë-Ann 2", "نور", "สมศรี", "नमस्ते", "☺☺", "O’Neil & Co."])
def test_names_of_all_languages_are_shown(name: str) -> None:
    ada = make.member(game.program(boards=[BOARD]))

    join_board(ada, "spenders", name, now=make.on("2026-06-01"))

    assert Participation.objects.get().pseudonym == name

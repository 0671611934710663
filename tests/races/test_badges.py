"""Gifts, prizes, orders and names on a board, by many at once."""

from collections.abc import Callable
from functools import partial
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from customers.core.errors import DomainError
from loyalty.activity.intake import take_orders
from loyalty.badges.account.contests import finish_contests
from loyalty.badges.account.joining import join_board
from loyalty.badges.account.surprises import draw, explain, give, placed
from loyalty.badges.models import ChallengeAward, ContestFinish, ContestPrize, Participation, Surprise
from loyalty.points.models import Grant
from tests import make
from tests.badges import game
from tests.make import NOON

pytestmark = pytest.mark.usefixtures("committed_db")


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """Do all works at once, each in a thread of its own; return what each answered, or the code of its refusal."""
    barrier, found = Barrier(len(works)), []

    def run(work: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            found.append(work())
        except DomainError as refused:
            found.append(refused.code)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_eight_workers_give_the_same_hundred_of_three_hundred_once_and_never_more_than_the_budget() -> None:
    club = make.program()
    members = [make.member(club, since=NOON) for _ in range(300)]
    row = Surprise.objects.create(
        retailer=club.retailer, program=club, code="gift", name="A gift", seed=7, points=1, budget=100
    )

    assert set(at_once([partial(draw, row, author="ada", now=NOON)] * 8)) == {100}
    assert sum(at_once([partial(give, row, now=NOON)] * 8)) == 100

    expected = {number for _lot, number in placed(7, (each.number for each in members))[:100]}
    grants = Grant.objects.filter(source="surprises")
    assert {grant.membership.number for grant in grants} == expected
    assert grants.aggregate(Sum("given"))["given__sum"] == 100
    assert explain(row).is_as_drawn
    row.refresh_from_db()
    assert row.status == "given"


def test_a_contest_that_four_finish_at_once_gives_its_prizes_once() -> None:
    prizes = [{"rank": 1, "through": 1, "points": 100}]
    club = game.program(boards=[{"code": "june", "window": "month", "prizes": prizes}])
    ada = make.member(club)
    join_board(ada, "june", "Ada", now=make.on("2026-06-01"))
    make.buys(ada, "10", at=make.on("2026-06-02"))

    done = at_once([partial(finish_contests, club, now=make.on("2026-07-10"))] * 4)

    assert sorted(done) == [0, 0, 0, 1]
    assert (ContestFinish.objects.count(), ContestPrize.objects.count()) == (1, 1)
    assert make.spendable(ada, make.on("2026-07-11")) == 110


def test_orders_that_come_at_once_are_each_counted_and_meet_a_challenge_once() -> None:
    club = game.program({"code": "five", "target": "5", "points": 50}, {"target": "2", "repeats": True, "points": 1})
    ada = make.member(club)
    orders = [make.order(ada, "10", at=NOON) for _ in range(8)]

    at_once([partial(take_orders, club.retailer, [each], now=NOON) for each in orders])

    assert game.progress_of(ada) == {"five": (1, [{"": 8}]), "challenge1": (4, [{"": 8}])}
    assert ChallengeAward.objects.count() == 5


def test_of_eight_who_want_one_name_one_has_it() -> None:
    club = game.program(boards=[{"code": "buyers"}])
    members = [make.member(club) for _ in range(8)]

    found = at_once([partial(join_board, who, "buyers", "Queen", now=NOON) for who in members])

    assert sorted(map(str, found)) == ["True", *["pseudonym_taken"] * 7]
    assert Participation.objects.count() == 1

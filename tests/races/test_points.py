"""The same points asked for at once, from threads held at a barrier."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier, Thread

import pytest
from django.db import connection

from loyalty.activity.account.session import InsufficientPoints
from loyalty.activity.account.spending import HoldEnded, confirm, hold, redeem, release, time_out
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.points.models import BudgetShare, Entry
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.usefixtures("committed_db")


def together(works: list[Callable[[], object]]) -> None:
    """Do several things at once, from threads held at a barrier; what one of them raises fails the test."""
    barrier, raised = Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told below
            raised.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []


def ada_with_a_hundred() -> Membership:
    ada = make.member(make.program())
    make.buys(ada, "100.00", at=NOON - timedelta(days=1))
    return ada


def test_of_twenty_redemptions_of_a_whole_balance_at_once_one_succeeds() -> None:
    ada = ada_with_a_hundred()
    barrier = Barrier(20)
    results: list[str] = []

    def spend(turn: int) -> None:
        barrier.wait()
        try:
            redeem(ada, 100, reference=f"reward:{turn}", now=NOON)
            results.append("redeemed")
        except InsufficientPoints:
            results.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=spend, args=(turn,)) for turn in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == ["redeemed"] + ["refused"] * 19
    assert make.wallet_of(ada).available == 0


def test_of_confirm_release_and_time_out_at_once_one_wins() -> None:
    ada = ada_with_a_hundred()
    made, _ = hold(ada, 60, reference="till:1", now=NOON)
    barrier = Barrier(9)
    ends: list[str] = []

    def end(turn: int) -> None:
        barrier.wait()
        try:
            if turn % 3 == 0:
                ends.append(confirm(made.pk, now=NOON).status)
            elif turn % 3 == 1:
                ends.append(release(made.pk, now=NOON).status)
            else:
                time_out(ada.retailer, now=NOON + timedelta(hours=1))
        except HoldEnded:
            ends.append("refused")
        finally:
            connection.close()

    threads = [Thread(target=end, args=(turn,)) for turn in range(9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    made.refresh_from_db()
    assert make.wallet_of(ada).available == (40 if made.status == "confirmed" else 100)
    ended = Entry.objects.filter(cause__in=[f"confirm:{made.pk}", f"release:hold:{made.pk}"])
    assert [entry.kind for entry in ended] == ["redeem" if made.status == "confirmed" else "release"]


def test_a_hold_races_the_night_that_expires_its_points() -> None:
    """Either the hold comes first and keeps its points, or the night does and the hold is refused; never both."""
    end = datetime(2026, 6, 26, tzinfo=UTC)
    club = make.program(points={"expiry": "days", "expiry_count": 10})
    members = [make.member(club) for _ in range(10)]
    for who in members:
        make.buys(who, "100.00", at=NOON)
    held: list[int] = []

    def take(who: Membership) -> None:
        with suppress(InsufficientPoints):
            hold(who, 60, reference="till", now=end - timedelta(seconds=1))
            held.append(60)

    def night() -> None:
        run_nights(club, until=end.date(), now=end)

    together([*(partial(take, who) for who in members), night])

    wallets = [make.wallet_of(who) for who in members]
    assert sum(wallet.held for wallet in wallets) == sum(held)
    # What the night did not find to expire, because it was held or came back since, is in no wallet as available.
    run_nights(club, until=end.date() + timedelta(days=1), now=end + timedelta(days=1))
    assert [make.wallet_of(who).available for who in members] == [0] * 10


def test_a_return_races_redemptions_of_the_same_points() -> None:
    ada = make.member(make.program(points={"on_return": "allow_negative"}))
    bought = make.buys(ada, "100.00")
    spent: list[int] = []

    def spend(turn: int) -> None:
        with suppress(InsufficientPoints):
            redeem(ada, 30, reference=f"r{turn}", now=NOON)
            spent.append(30)

    together([*(partial(spend, turn) for turn in range(6)), lambda: make.returns(ada, bought, (1, "1"), at=NOON)])

    wallet = make.wallet_of(ada)
    assert (wallet.available, wallet.owed) == (0, sum(spent))


def test_a_budget_is_given_to_the_last_point_and_not_one_more() -> None:
    club = make.program(points={"budget": 300})
    members = [make.member(club) for _ in range(12)]
    given: list[int] = []

    def buy(who: Membership) -> None:
        for turn in range(4):
            answer = make.buys(who, "10.00", at=NOON + timedelta(minutes=turn))
            assert answer.decisions[0].order is not None
            given.append(answer.decisions[0].order.points)

    together([partial(buy, who) for who in members])

    shares = BudgetShare.objects.filter(program=club)
    assert (sum(given), sum(share.used for share in shares), sum(share.granted for share in shares)) == (300, 300, 300)

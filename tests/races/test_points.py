"""The same points asked for at once, from threads held at a barrier."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from loyalty.activity.desk import InsufficientPoints
from loyalty.activity.spending import HoldEnded, confirm, hold, redeem, release, time_out
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.usefixtures("committed_db")


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
                time_out(now=NOON + timedelta(hours=1))
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
    assert Entry.objects.filter(cause__endswith=f":hold:{made.pk}").count() == 1

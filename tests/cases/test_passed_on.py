"""Points that were passed on keep their end, in the ledger and in a past that is lived again."""

from datetime import timedelta

import pytest

from loyalty.activity.replaying import replay
from tests.cases.shop import Shop

pytestmark = pytest.mark.django_db

TWO_DAYS = {"pending_days": 0, "may_transfer": True, "expiry": "days", "expiry_count": 2}


@pytest.mark.parametrize("transfer", ["2026-03-01 12:00", "2026-03-02 00:00", "2026-03-03 23:59"])
@pytest.mark.parametrize(("now", "left"), [("2026-03-03 23:59", (20, 6)), ("2026-03-04 00:00", (0, 0))])
def test_a_replay_lets_them_end_with_those_that_were_kept(transfer: str, now: str, left: tuple[int, int]) -> None:
    shop = Shop(policy=TWO_DAYS)
    shop.member("ada")
    shop.member("bob")
    shop.adjust("ada", 26, "a", at="2026-03-01 09:00")
    shop.transfer("ada", "bob", 6, "t", at=transfer)
    shop.nights(now[:10])

    again = replay(shop.program, now=shop.at(now) + timedelta(seconds=2))

    assert (shop.balance("ada", at=now), shop.balance("bob", at=now)) == left
    assert again.deviations == []


def test_those_of_several_ends_keep_each_its_own() -> None:
    shop = Shop(policy=TWO_DAYS)
    shop.member("ada")
    shop.member("bob")
    shop.adjust("ada", 26, "a", at="2026-03-01 09:00")
    shop.adjust("ada", 10, "b", at="2026-03-02 09:00")
    shop.transfer("ada", "bob", 30, "t", at="2026-03-02 12:00")
    shop.nights("2026-03-04")

    again = replay(shop.program, now=shop.at("2026-03-04 00:00") + timedelta(seconds=2))

    assert (shop.balance("ada"), shop.balance("bob")) == (6, 4)
    assert again.deviations == []

"""Tiers that count what can be spent: buying and returning leaves a member as before, whatever gifts there were between."""

from typing import Any

import pytest

from loyalty.points.proof import prove
from tests.cases.shop import NEGATIVE, STOP, Rung, Shop

pytestmark = pytest.mark.django_db

FALLS: tuple[dict[str, Any], ...] = (
    {"downgrade": "at_once"},
    {"downgrade": "never"},
    {"downgrade": "grace", "grace_days": 20},
    {"downgrade": "period_end"},
)
SILVER = (Rung("base", "0"), Rung("silver", "40", gift=50))
GOLD = (*SILVER, Rung("gold", "90", gift=10))


def shop_of(tiers: tuple[Rung, ...], fall: dict[str, Any], policy: dict[str, Any] = STOP) -> Shop:
    shop = Shop(tiers=tiers, scheme={"basis": "balance"} | fall, policy={"pending_days": 0} | policy)
    shop.member("a")
    return shop


@pytest.fixture(params=FALLS, ids=lambda fall: str(fall["downgrade"]))
def fall(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def test_a_gift_does_not_hold_up_its_own_tier(fall: dict[str, Any]) -> None:
    shop = shop_of(SILVER, fall)
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    assert (shop.tier("a"), shop.balance("a")) == ("silver", 95)

    shop.give_back("r1", "o1", at="2026-02-02 12:00")

    assert (shop.tier("a"), shop.balance("a"), shop.protected_until("a")) == ("base", 0, None)
    assert prove().differences == []


def test_nor_with_what_others_have_given(fall: dict[str, Any]) -> None:
    shop = shop_of((Rung("base", "0"), Rung("silver", "60", gift=50)), fall)
    shop.order("o1", "a", "30", at="2026-02-01 12:00")
    shop.order("o2", "a", "40", at="2026-02-02 12:00")
    assert (shop.tier("a"), shop.balance("a")) == ("silver", 120)

    shop.give_back("r2", "o2", at="2026-02-03 12:00")

    assert (shop.tier("a"), shop.balance("a")) == ("base", 30)
    assert prove().differences == []


def test_nor_a_higher_one_to_which_it_led_in_the_night(fall: dict[str, Any]) -> None:
    shop = shop_of(GOLD, fall)
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.nights("2026-02-03")
    assert (shop.tier("a"), shop.balance("a")) == ("gold", 105)

    shop.give_back("r1", "o1", at="2026-02-03 12:00")

    assert (shop.tier("a"), shop.balance("a")) == ("base", 0)
    assert prove().differences == []


@pytest.mark.parametrize(("policy", "owed"), [(STOP, 0), (NEGATIVE, 50)])
def test_nor_where_it_was_spent(fall: dict[str, Any], policy: dict[str, Any], owed: int) -> None:
    shop = shop_of(SILVER, fall, policy)
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.redeem("a", 50, "x", at="2026-02-01 13:00")

    shop.give_back("r1", "o1", at="2026-02-02 12:00")
    assert (shop.tier("a"), shop.balance("a"), shop.owed("a")) == ("base", 0, owed)
    shop.reverse("a", "x", at="2026-02-02 13:00")

    assert (shop.tier("a"), shop.balance("a"), shop.owed("a"), shop.wallet("a").shortfall) == ("base", 0, 0, 0)


def test_a_tier_that_the_rest_of_the_order_reaches_stays_with_its_gift(fall: dict[str, Any]) -> None:
    shop = shop_of(GOLD, fall)
    shop.order("o1", "a", "50", "50", at="2026-02-01 12:00")
    assert (shop.tier("a"), shop.balance("a")) == ("gold", 160)

    shop.give_back("r1", "o1", at="2026-02-02 12:00", lines=[(2, "1")])

    # Silver's gift leads to gold, as it would have in the night.
    assert (shop.tier("a"), shop.balance("a")) == ("gold", 110)


def test_a_tier_that_another_order_reaches_stays_with_its_gift(fall: dict[str, Any]) -> None:
    shop = shop_of(SILVER, fall)
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.order("o2", "a", "45", at="2026-02-02 12:00")

    shop.give_back("r1", "o1", at="2026-02-03 12:00")

    assert (shop.tier("a"), shop.balance("a")) == ("silver", 95)


KEEPING = (FALLS[1], FALLS[2], FALLS[3])


@pytest.mark.parametrize("fall", KEEPING, ids=lambda fall: str(fall["downgrade"]))
def test_a_tier_that_is_kept_without_its_points_is_left_as_it_was(fall: dict[str, Any]) -> None:
    shop = shop_of((Rung("base", "0"), Rung("silver", "40"), Rung("gold", "90", gift=10)), fall)
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.redeem("a", 45, "x", at="2026-02-02 12:00")
    before = (shop.tier("a"), shop.balance("a"), shop.protected_until("a"))

    for turn in range(3):
        shop.order(f"g{turn}", "a", "95", at=f"2026-02-0{turn + 3} 12:00")
        assert shop.tier("a") == "gold"
        shop.give_back(f"b{turn}", f"g{turn}", at=f"2026-02-0{turn + 3} 18:00")

    assert (shop.tier("a"), shop.balance("a"), shop.protected_until("a")) == before


def test_a_gift_of_an_entry_that_was_left_since_goes_too() -> None:
    shop = shop_of(SILVER, FALLS[0])
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.redeem("a", 95, "x", at="2026-02-02 12:00")
    shop.nights("2026-02-04")
    assert shop.tier("a") == "base"
    shop.order("o2", "a", "200", at="2026-02-05 12:00")
    assert (shop.tier("a"), shop.balance("a")) == ("silver", 250)

    shop.give_back("r1", "o1", at="2026-02-06 12:00")

    assert (shop.tier("a"), shop.balance("a")) == ("silver", 155)
    assert prove().differences == []

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


def test_points_that_are_held_over_midnight_are_not_spent(fall: dict[str, Any]) -> None:
    shop = shop_of(SILVER, fall)
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    before = (shop.tier("a"), shop.protected_until("a"))

    for day in range(2, 5):
        shop.hold("a", 90, f"h{day}", at=f"2026-02-0{day} 23:55", minutes=15)
        shop.nights(f"2026-02-0{day + 1}")
        assert shop.tier("a") == "silver"
        shop.release("a", f"h{day}", at=f"2026-02-0{day + 1} 00:05")
    shop.nights("2026-02-09")

    assert (shop.tier("a"), shop.protected_until("a"), shop.balance("a")) == (*before, 95)
    assert shop.ways("a") == [("base", "silver")]


def test_a_hold_that_is_confirmed_after_midnight_is_spent_then() -> None:
    shop = shop_of(SILVER, FALLS[0])
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.hold("a", 90, "h", at="2026-02-02 23:55", minutes=15)
    shop.nights("2026-02-03")
    shop.confirm("a", "h", at="2026-02-03 00:05")
    assert shop.tier("a") == "silver"

    shop.nights("2026-02-04")

    assert shop.tier("a") == "base"


def test_a_grace_begins_when_a_hold_is_confirmed_and_not_when_it_is_made() -> None:
    shop = shop_of(SILVER, FALLS[2])
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.hold("a", 90, "h", at="2026-02-02 23:55", minutes=15)
    shop.nights("2026-02-03")
    shop.confirm("a", "h", at="2026-02-03 00:05")

    assert shop.protected_until("a") == "2026-02-23"


def test_held_points_of_others_count_for_nobody_and_what_is_over_does_not_either() -> None:
    shop = shop_of((Rung("base", "0"), Rung("silver", "60")), FALLS[0])
    shop.member("b")
    shop.household("a", "b", at="2026-01-05 12:00")
    shop.order("o1", "a", "50", at="2026-02-01 12:00")
    shop.order("o2", "b", "50", at="2026-02-01 12:00")
    shop.hold("a", 90, "h", at="2026-02-02 23:55", minutes=15)

    shop.nights("2026-02-03")

    assert (shop.tier("a"), shop.tier("b")) == ("base", "base")


def test_what_comes_and_goes_enters_no_tier_anew_by_night() -> None:
    shop = shop_of((Rung("base", "0"), Rung("silver", "40", gift=50)), FALLS[0])
    shop.order("o1", "a", "45", at="2026-02-01 12:00")

    for day in (2, 4, 6):
        shop.redeem("a", 90, f"x{day}", at=f"2026-02-0{day} 12:00")
        number = f"p{day}"
        shop.order(number, "a", "90", at=f"2026-02-0{day} 12:01", paid_with="90", redemptions=(f"x{day}",))
        shop.nights(f"2026-02-0{day + 1}")
        assert shop.tier("a") == "base"
        shop.give_back(f"r{day}", number, at=f"2026-02-0{day + 1} 12:00")
        shop.nights(f"2026-02-0{day + 2}")
        assert (shop.tier("a"), shop.balance("a")) == ("silver", 95)

    shop.give_back("r1", "o1", at="2026-02-09 12:00")
    assert (shop.tier("a"), shop.balance("a")) == ("base", 0)


def test_who_buys_again_enters_again() -> None:
    shop = shop_of(SILVER, FALLS[0])
    shop.order("o1", "a", "45", at="2026-02-01 12:00")
    shop.redeem("a", 95, "x", at="2026-02-02 12:00")
    shop.nights("2026-02-03")

    shop.order("o2", "a", "45", at="2026-02-04 12:00")

    assert (shop.tier("a"), shop.balance("a")) == ("silver", 95)

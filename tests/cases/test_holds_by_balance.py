"""Tiers by balance while points are held: a hold spends nothing before it is confirmed, whatever is decided meanwhile."""

from typing import Any

import pytest

from loyalty.activity.replaying import replay
from tests.cases.shop import Rung, Shop

pytestmark = pytest.mark.django_db
MONTH = 60 * 24 * 30


def by_balance(zone: str = "Europe/Paris", **fall: Any) -> Shop:
    """Return a shop whose silver is for who has 100 points; orders of it count twice."""
    tiers = [Rung("base", "0"), Rung("silver", "100", "2")]
    found = Shop(zone, tiers=tiers, scheme={"basis": "balance", "downgrade": "at_once"} | fall)
    found.member("ada")
    return found


def nothing_deviates(shop: Shop) -> bool:
    return replay(shop.program, now=shop.known.latest).deviations == []


@pytest.mark.parametrize("zone", ["Europe/Paris", "Pacific/Kiritimati", "America/St_Johns"])
@pytest.mark.parametrize("way", ["released", "timed out", "open"])
def test_an_order_while_points_are_held_raises_at_once(zone: str, way: str) -> None:
    shop = by_balance(zone)
    shop.order("o1", "ada", "90", at="2026-03-01 10:00")
    shop.hold("ada", 50, "cart", at="2026-03-01 11:00", minutes=MONTH if way == "open" else 60)

    shop.order("o2", "ada", "20", at="2026-03-01 11:10")  # 90 and 20 are 110
    shop.order("o3", "ada", "10", at="2026-03-01 11:20")
    if way == "released":
        shop.release("ada", "cart", at="2026-03-01 11:30")
    elif way == "timed out":
        shop.time_out(at="2026-03-01 12:00")

    assert (shop.changes("ada"), shop.gave("ada", "o3")) == ([("base", "silver", "2026-03-01 11:10")], 20)
    assert shop.balance("ada") == (80 if way == "open" else 130)
    shop.nights("2026-03-03")
    assert shop.ways("ada") == [("base", "silver")]
    assert nothing_deviates(shop)


def test_a_late_order_counts_what_is_held_too() -> None:
    shop = by_balance()
    shop.order("o1", "ada", "90", at="2026-03-01 10:00")
    shop.hold("ada", 50, "cart", at="2026-03-01 11:00", minutes=MONTH)

    shop.import_orders(shop.bought("o2", "ada", "20", at="2026-03-01 10:59"), now="2026-03-01 11:10")
    shop.decide_backlog(now="2026-03-01 11:11")

    assert shop.tier("ada") == "silver"


def test_what_is_confirmed_is_spent_and_falls_in_the_night() -> None:
    shop = by_balance()
    shop.order("o1", "ada", "90", at="2026-03-01 10:00")
    shop.hold("ada", 50, "cart", at="2026-03-01 11:00")
    shop.order("o2", "ada", "20", at="2026-03-01 11:10")

    shop.confirm("ada", "cart", at="2026-03-01 11:12")
    assert (shop.balance("ada"), shop.tier("ada")) == (60, "silver")
    shop.nights("2026-03-02")

    assert shop.changes("ada") == [("base", "silver", "2026-03-01 11:10"), ("silver", "base", "2026-03-02 00:00")]
    assert nothing_deviates(shop)


def test_what_is_redeemed_beside_a_hold_begins_no_grace_as_long_as_both_reach_the_tier() -> None:
    shop = by_balance(downgrade="grace", grace_days=10)
    shop.order("o1", "ada", "60", at="2026-03-01 10:00")
    shop.order("o2", "ada", "60", at="2026-03-01 10:30")
    shop.hold("ada", 60, "cart", at="2026-03-02 11:00", minutes=MONTH)  # all of the first order's

    shop.redeem("ada", 10, "r1", at="2026-03-02 12:00")
    assert (shop.tier("ada"), shop.protected_until("ada")) == ("silver", None)  # 60 and 50 are 110
    shop.redeem("ada", 11, "r2", at="2026-03-02 12:00")
    assert (shop.tier("ada"), shop.protected_until("ada")) == ("silver", "2026-03-12")  # 99


def test_what_others_hold_of_it_is_spent_until_it_comes_back() -> None:
    shop = by_balance()
    shop.member("bob")
    shop.household("ada", "bob", at="2026-03-01 09:00")
    for name in ("ada", "bob"):
        shop.order(f"{name}-1", name, "60", at="2026-03-01 10:00")
    shop.hold("ada", 80, "cart", at="2026-03-01 11:00")  # 20 of them are Bob's

    shop.order("bob-2", "bob", "59", at="2026-03-01 11:01")
    shop.order("ada-2", "ada", "39", at="2026-03-01 11:02")
    assert (shop.balance("ada"), shop.balance("bob")) == (39, 99)
    assert (shop.tier("ada"), shop.tier("bob")) == ("base", "base")  # 60 and 39; 40 and 59
    shop.order("ada-3", "ada", "1", at="2026-03-01 11:03")

    assert (shop.tier("ada"), shop.tier("bob")) == ("silver", "base")

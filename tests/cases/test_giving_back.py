"""What comes back to an order by a correction replaces what others gave in its place, as what comes back by a return does."""

from collections.abc import Callable
from typing import Any

import pytest

from loyalty.points.proof import prove
from tests import make
from tests.cases.shop import NEGATIVE, STOP, Rule, Shop

pytestmark = pytest.mark.django_db

MONTHS: dict[str, Any] = {"pending_days": 0, "expiry": "days", "expiry_count": 100}
ON = "2026-01-05 12:00"


def corrected(shop: Shop) -> None:
    shop.correct("o1", "a", make.line("0", sku="tea"), at=ON, now="2026-02-10 12:00")
    shop.correct("o1", "a", make.line("100", sku="tea"), at=ON, version=2, now="2026-02-11 12:00")


def corrected_in_steps(shop: Shop) -> None:
    for version, amount in enumerate(("60", "20", "70", "100"), start=1):
        shop.correct("o1", "a", make.line(amount, sku="tea"), at=ON, version=version, now=f"2026-02-1{version} 12:00")


def corrected_to_another_day_and_back(shop: Shop) -> None:
    shop.correct("o1", "a", make.line("0", sku="tea"), at=ON, now="2026-02-10 12:00")
    shop.correct("o1", "a", make.line("100", sku="tea"), at="2026-01-06 12:00", version=2, now="2026-02-11 12:00")
    shop.correct("o1", "a", make.line("100", sku="tea"), at=ON, version=3, now="2026-02-12 12:00")


@pytest.mark.parametrize("missing", [STOP, NEGATIVE], ids=["short", "owed"])
@pytest.mark.parametrize("change", [corrected, corrected_in_steps, corrected_to_another_day_and_back])
def test_points_of_other_orders_come_back_with_their_own_life(
    change: Callable[[Shop], None], missing: dict[str, Any]
) -> None:
    shop = Shop(policy=MONTHS | missing)
    shop.member("a")
    shop.order("o1", "a", make.line("100", sku="tea"), at=ON)
    shop.redeem("a", 100, "x", at="2026-01-06 12:00")
    shop.order("o2", "a", "80", at="2026-02-05 12:00")
    before = shop.usable_through("a")

    change(shop)

    assert shop.usable_through("a") == before == [("2026-05-16", 80)]
    assert (shop.owed("a"), shop.wallet("a").shortfall) == (0, 0)
    assert prove().differences == []


@pytest.mark.parametrize("missing", [STOP, NEGATIVE], ids=["short", "owed"])
def test_a_redemption_that_is_undone_between_two_corrections_leaves_no_more_and_no_less(
    missing: dict[str, Any],
) -> None:
    shop = Shop(policy=MONTHS | missing)
    shop.member("a")
    shop.order("o1", "a", make.line("100", sku="tea"), at=ON)
    shop.redeem("a", 100, "x", at="2026-01-06 12:00")
    shop.order("o2", "a", "80", at="2026-02-05 12:00")
    shop.correct("o1", "a", make.line("30", sku="tea"), at=ON, now="2026-02-10 12:00")

    shop.reverse("a", "x", at="2026-02-10 13:00")
    assert shop.usable_through("a") == [("2026-04-15", 30), ("2026-05-16", 80)]

    shop.correct("o1", "a", make.line("100", sku="tea"), at=ON, version=2, now="2026-02-11 12:00")
    assert shop.usable_through("a") == [("2026-04-15", 100), ("2026-05-16", 80)]
    assert prove().differences == []


def test_what_a_return_took_comes_back_by_a_correction() -> None:
    shop = Shop(rules=(Rule(),), policy=MONTHS | STOP)
    shop.member("a")
    shop.order("o1", "a", make.line("50", sku="tea"), make.line("50", sku="milk"), at=ON)
    shop.redeem("a", 100, "x", at="2026-01-06 12:00")
    shop.order("o2", "a", "80", at="2026-02-05 12:00")
    shop.give_back("r1", "o1", at="2026-02-06 12:00", lines=[(2, "1")])
    assert shop.usable_through("a") == [("2026-05-16", 30)]

    lines = (make.line("100", sku="tea"), make.line("50", sku="milk"))
    shop.correct("o1", "a", *lines, at=ON, now="2026-02-10 12:00")

    assert shop.usable_through("a") == [("2026-05-16", 80)]
    assert prove().differences == []


@pytest.mark.parametrize("redeemed", [100, 150, 200, 300])
@pytest.mark.parametrize("missing", [STOP, NEGATIVE], ids=["short", "owed"])
def test_a_redemption_of_two_orders_is_undone_after_both_came_back(missing: dict[str, Any], redeemed: int) -> None:
    shop = Shop(policy={"pending_days": 0} | missing)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 10:00")
    shop.order("o2", "a", "250", at="2026-02-02 10:00")
    shop.redeem("a", redeemed, "x", at="2026-02-03 10:00")
    shop.give_back("r1", "o1", at="2026-02-04 10:00")
    shop.give_back("r2", "o2", at="2026-02-04 11:00")

    shop.reverse("a", "x", at="2026-02-05 10:00")

    assert (shop.balance("a"), shop.owed("a"), shop.wallet("a").shortfall) == (0, 0, 0)
    assert prove().differences == []


@pytest.mark.parametrize("how", ["redeem", "hold"])
def test_no_more_settles_what_is_short_than_came_back(how: str) -> None:
    shop = Shop(policy={"pending_days": 0} | STOP)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 10:00")
    shop.redeem("a", 100, "x", at="2026-02-01 11:00")
    shop.give_back("r1", "o1", at="2026-02-02 10:00")
    shop.order("o2", "a", "80", at="2026-02-03 10:00")

    if how == "redeem":
        shop.redeem("a", 10, "y", at="2026-02-04 10:00")
        shop.reverse("a", "y", at="2026-02-04 11:00")
    else:
        shop.hold("a", 10, "y", at="2026-02-04 10:00")
        shop.release("a", "y", at="2026-02-04 10:05")

    assert (shop.balance("a"), shop.wallet("a").shortfall) == (70, 90)
    assert prove().differences == []


@pytest.mark.parametrize("is_owed", [False, True])
def test_a_correction_gives_no_points_back_that_stand_in_the_place_of_another_orders(is_owed: bool) -> None:  # noqa: FBT001 - drawn
    shop = Shop(policy=NEGATIVE if is_owed else STOP)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.redeem("a", 100, "r", at="2026-02-01 13:00")
    shop.order("o2", "a", "50", at="2026-02-02 12:00")
    shop.give_back("r1", "o1", at="2026-02-03 12:00")

    shop.correct("o2", "a", "60", at="2026-02-02 12:00", now="2026-02-04 12:00")
    assert (shop.balance("a"), shop.owed("a")) == ((0, 40) if is_owed else (10, 0))

    shop.reverse("a", "r", at="2026-02-05 12:00")
    assert (shop.balance("a"), shop.owed("a")) == (60, 0)
    assert prove().differences == []


@pytest.mark.parametrize("merged", [False, True], ids=["alone", "merged"])
@pytest.mark.parametrize("night", [False, True], ids=["without a night", "after a night"])
def test_what_repaid_a_return_comes_back_though_that_has_only_just_been_carried_out(
    *, night: bool, merged: bool
) -> None:
    """Points become active and repay what is owed as somebody looks, whose request then gives back what was owed."""
    shop = Shop(policy={"pending_days": 3, "expiry": "days", "expiry_count": 30} | NEGATIVE)
    shop.member("a")
    shop.order("o1", "a", make.line("20", sku="tea"), at="2026-01-05 12:00")
    shop.redeem("a", 5, "x", at="2026-01-20 12:00")
    shop.give_back("r1", "o1", at="2026-03-01 12:00")
    shop.order("o2", "a", "10", at="2026-03-02 12:00")
    assert (shop.owed("a"), shop.pending("a")) == (5, 10)
    if night:
        shop.nights("2026-03-08")
    who = "a"
    if merged:
        shop.member("b", since="2026-01-01 00:00", now="2026-03-10 12:00")
        shop.merge("a", "b", at="2026-03-10 12:00")
        who = "b"
        shop.redemptions["b", "x"] = shop.redemptions["a", "x"]

    shop.reverse(who, "x", at="2026-03-10 13:00")

    assert (shop.balance(who), shop.owed(who)) == (10, 0)
    shop.give_back("r2", "o2", at="2026-03-11 12:00")
    assert (shop.balance(who), shop.owed(who)) == (0, 0)
    assert prove().differences == []

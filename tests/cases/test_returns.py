"""After a return the member stands as if what came back had never been bought."""

from collections.abc import Callable
from typing import Any

import pytest

from loyalty.activity.account.session import InsufficientPoints
from loyalty.activity.explaining import said_by
from loyalty.points.models import Entry
from loyalty.tiers.models import Standing
from tests.cases.shop import NEGATIVE, STOP, Rule, Rung, Shop, Shortfall, line

pytestmark = pytest.mark.django_db

POLICIES = pytest.mark.parametrize("policy", [STOP, NEGATIVE], ids=["stop_at_zero", "allow_negative"])
THREE = (Rung("bronze", "0"), Rung("silver", "500"), Rung("gold", "1000"))
YEAR = {"window": "calendar_year"}


# 8. What another order alone had reached stays


@pytest.mark.parametrize(
    ("scheme", "protected"),
    [
        ({"downgrade": "never"}, None),
        # Judged on 1 January by the 500 of the year that ended, silver is kept through the next one.
        ({"downgrade": "period_end"}, "2027-12-31"),
        # From 1 January nothing counts any more: that day and a hundred more.
        ({"downgrade": "grace", "grace_days": 100}, "2027-04-11"),
    ],
)
@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Pacific/Auckland"])
def test_a_return_leaves_the_tier_that_another_order_gave_with_its_protection(
    zone: str, scheme: dict[str, Any], protected: str | None
) -> None:
    shop = Shop(zone, tiers=THREE, scheme=YEAR | scheme, since="2026-12-01 00:00")
    shop.member("ada")
    shop.order("december", "ada", "500.00", at="2026-12-10 12:00")
    shop.nights("2027-03-10")
    shop.order("march", "ada", "1000.00", at="2027-03-10 12:00")
    assert shop.tier("ada") == "gold"

    shop.give_back("r1", "march", at="2027-03-20 12:00")

    assert (shop.tier("ada"), shop.protected_until("ada"), shop.balance("ada")) == ("silver", protected, 500)
    assert shop.changes("ada") == [
        ("bronze", "silver", "2026-12-10 12:00"),
        ("silver", "gold", "2027-03-10 12:00"),
        ("gold", "silver", "2027-03-20 12:00"),
    ]


def test_a_return_in_parts_leaves_the_tier_that_another_order_gave() -> None:
    shop = Shop(tiers=THREE, scheme=YEAR | {"downgrade": "period_end"}, since="2026-12-01 00:00")
    shop.member("ada")
    shop.order("december", "ada", "620.00", at="2026-12-10 12:00")
    shop.nights("2027-03-10")
    shop.order("march", "ada", "700.00", "400.00", at="2027-03-10 12:00")

    shop.give_back("r1", "march", lines=[(2, "1")], at="2027-03-20 12:00")
    after_one = (shop.tier("ada"), shop.protected_until("ada"))
    shop.give_back("r2", "march", lines=[(1, "1")], at="2027-03-21 12:00")

    assert after_one == ("silver", "2027-12-31")
    assert (shop.tier("ada"), shop.protected_until("ada"), shop.balance("ada")) == ("silver", "2027-12-31", 620)


@pytest.mark.parametrize(
    ("back", "tier", "balance"),
    [
        (("b",), "gold", 210),  # 150 + 60 of the next day had reached gold without it
        (("c",), "gold", 210),
        (("a",), "silver", 120),
        (("b", "c"), "silver", 150),
        (("c", "b"), "silver", 150),
        (("a", "b", "c"), "bronze", 0),
    ],
)
def test_a_tier_that_a_later_order_alone_had_reached_stays(back: tuple[str, ...], tier: str, balance: int) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100"), Rung("gold", "200"))
    shop = Shop(tiers=tiers, scheme={"window": "rolling", "window_months": 12, "downgrade": "never"})
    shop.member("ada")
    shop.order("a", "ada", "150.00", at="2026-02-01 12:00")
    shop.order("b", "ada", "60.00", at="2026-02-10 12:00")
    shop.order("c", "ada", "60.00", at="2026-02-11 12:00")

    for day, number in enumerate(back, start=10):  # a year later: nothing of it is in the window any more
        shop.give_back(f"r-{number}", number, at=f"2027-02-{day} 12:00")

    assert (shop.tier("ada"), shop.balance("ada")) == (tier, balance)


def test_the_gift_of_a_tier_that_stays_stays() -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100"), Rung("gold", "200", gift=30))
    shop = Shop(tiers=tiers, scheme={"window": "lifetime", "downgrade": "at_once"})
    shop.member("ada")
    for number, amount, hour in (("a", "150.00", 9), ("b", "80.00", 10), ("c", "70.00", 11)):
        shop.order(number, "ada", amount, at=f"2026-02-10 {hour:02}:00")

    shop.give_back("r1", "b", at="2026-03-01 12:00")

    assert (shop.tier("ada"), shop.balance("ada")) == ("gold", 150 + 70 + 30)


# 9. Everything undone comes to nothing, in whatever order it is undone


def paid_with_its_own_points(policy: Shortfall, **given: Any) -> Shop:
    """A gives Ada 100 points, with which she pays B."""
    shop = Shop(policy=policy, **given)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.redeem("ada", 100, "r1", at="2026-03-02 12:00")
    shop.order("b", "ada", "5.00", paid_with="5.00", redemptions=["r1"], at="2026-03-02 12:00")
    return shop


@POLICIES
@pytest.mark.parametrize("back", [("a", "b"), ("b", "a")])
def test_two_orders_of_which_one_paid_the_other_come_to_nothing_when_both_come_back(
    policy: Shortfall, back: tuple[str, str]
) -> None:
    shop = paid_with_its_own_points(policy)

    for day, number in enumerate(back, start=10):
        shop.give_back(f"r-{number}", number, at=f"2026-03-{day} 12:00")

    assert (shop.balance("ada"), shop.owed("ada")) == (0, 0)


def ended_by_time_out(shop: Shop) -> None:
    shop.time_out(at="2026-03-05 12:00")


def ended_by_release(shop: Shop) -> None:
    shop.release("ada", "till", at="2026-03-05 12:00")


@POLICIES
@pytest.mark.parametrize("end", [ended_by_time_out, ended_by_release])
def test_held_points_that_come_back_settle_what_a_return_could_not_take(
    policy: Shortfall, end: Callable[[Shop], None]
) -> None:
    shop = Shop(policy=policy)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.hold("ada", 100, "till", at="2026-03-02 12:00", minutes=3_000)

    shop.give_back("r1", "a", at="2026-03-03 12:00")
    end(shop)

    assert (shop.balance("ada"), shop.owed("ada")) == (0, 0)


@POLICIES
def test_a_redemption_that_is_undone_settles_what_a_return_could_not_take(policy: Shortfall) -> None:
    shop = Shop(policy=policy)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.redeem("ada", 100, "r1", at="2026-03-02 12:00")

    shop.give_back("back", "a", at="2026-03-03 12:00")
    shop.reverse("ada", "r1", at="2026-03-04 12:00")

    assert (shop.balance("ada"), shop.owed("ada")) == (0, 0)


@POLICIES
def test_what_comes_back_settles_no_more_than_what_could_not_be_taken(policy: Shortfall) -> None:
    shop = Shop("America/New_York", "USD", policy=policy)
    shop.member("ada")
    shop.order("a", "ada", "60.00", "40.00", at="2026-03-01 22:00")
    shop.redeem("ada", 70, "r1", at="2026-03-02 22:00")

    shop.give_back("back", "a", lines=[(1, "1")], at="2026-03-03 22:00")  # 60 of which 30 are there
    shop.reverse("ada", "r1", at="2026-03-04 22:00")

    assert (shop.balance("ada"), shop.owed("ada")) == (40, 0)


@POLICIES
def test_two_redemptions_that_are_undone_settle_one_return(policy: Shortfall) -> None:
    shop = Shop(policy=policy)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.redeem("ada", 30, "r1", at="2026-03-02 12:00")
    shop.redeem("ada", 70, "r2", at="2026-03-02 13:00")
    shop.give_back("back", "a", at="2026-03-03 12:00")

    shop.reverse("ada", "r1", at="2026-03-04 12:00")
    after_one = shop.balance("ada")
    shop.reverse("ada", "r2", at="2026-03-05 12:00")

    assert (after_one, shop.balance("ada"), shop.owed("ada")) == (0, 0, 0)


def test_later_earnings_never_settle_a_shortfall_that_is_not_owed() -> None:
    shop = paid_with_its_own_points(STOP)
    shop.give_back("r-a", "a", at="2026-03-10 12:00")
    shop.order("c", "ada", "30.00", at="2026-03-11 12:00")
    kept = shop.balance("ada")

    shop.give_back("r-b", "b", at="2026-03-12 12:00")

    assert (kept, shop.balance("ada")) == (30, 30)


@POLICIES
def test_a_hold_that_is_confirmed_after_the_return_leaves_what_could_not_be_taken(policy: Shortfall) -> None:
    shop = Shop(policy=policy)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.hold("ada", 100, "till", at="2026-03-02 12:00", minutes=3_000)

    shop.give_back("r1", "a", at="2026-03-03 12:00")
    shop.confirm("ada", "till", at="2026-03-04 12:00", points=80)

    owed = 80 if policy == NEGATIVE else 0
    assert (shop.balance("ada"), shop.owed("ada")) == (0, owed)


def with_a_held_order(policy: Shortfall) -> Shop:
    """Ada has 100 points of A, which are held, and 50 of B, which can be spent for longer."""
    shop = Shop(policy={"expiry": "days", "expiry_count": 30} | policy)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.order("b", "ada", "50.00", at="2026-03-02 12:00")
    shop.hold("ada", 100, "till", at="2026-03-03 12:00", minutes=2_000)
    shop.give_back("r1", "a", at="2026-03-04 12:00")
    return shop


@POLICIES
@pytest.mark.parametrize("end", [ended_by_time_out, ended_by_release])
def test_an_orders_own_held_points_are_taken_before_those_of_other_orders(
    policy: Shortfall, end: Callable[[Shop], None]
) -> None:
    shop = with_a_held_order(policy)

    end(shop)

    assert (shop.usable_through("ada"), shop.owed("ada")) == ([("2026-04-01", 50)], 0)


@POLICIES
def test_where_an_orders_own_held_points_are_spent_those_of_other_orders_are_taken(policy: Shortfall) -> None:
    shop = with_a_held_order(policy)

    shop.confirm("ada", "till", at="2026-03-04 13:00")

    owed = 50 if policy == NEGATIVE else 0
    assert (shop.balance("ada"), shop.owed("ada")) == (0, owed)


# 10. Buying and returning never earns a gift twice

GIFT = (Rung("bronze", "0"), Rung("silver", "100", gift=50))


def buy_spend_and_return(shop: Shop, turn: int, spent: int) -> None:
    shop.order(f"o{turn}", "ada", "100.00", at=f"2026-03-{turn:02} 10:00")
    shop.redeem("ada", spent, f"r{turn}", at=f"2026-03-{turn:02} 11:00")
    shop.give_back(f"b{turn}", f"o{turn}", at=f"2026-03-{turn:02} 12:00")


@pytest.mark.parametrize("downgrade", ["at_once", "never"])
def test_a_gift_that_was_spent_is_not_given_again_where_a_shortfall_is_not_owed(downgrade: str) -> None:
    shop = Shop(tiers=GIFT, policy=STOP, scheme={"downgrade": downgrade})
    shop.member("ada")

    for turn in range(1, 6):
        buy_spend_and_return(shop, turn, 50)
    shop.order("kept", "ada", "100.00", at="2026-03-20 12:00")

    # Of the first gift 50 were spent and never taken back: that was her gift.
    assert (shop.tier("ada"), shop.balance("ada"), shop.owed("ada")) == ("silver", 100, 0)


def test_a_gift_that_was_taken_back_whole_is_given_with_the_next_entry() -> None:
    shop = Shop(tiers=GIFT, policy=STOP)
    shop.member("ada")
    for turn in range(1, 4):
        shop.order(f"o{turn}", "ada", "100.00", at=f"2026-03-{turn:02} 10:00")
        shop.give_back(f"b{turn}", f"o{turn}", at=f"2026-03-{turn:02} 12:00")

    shop.order("kept", "ada", "100.00", at="2026-03-20 12:00")

    assert (shop.tier("ada"), shop.balance("ada")) == ("silver", 150)


def test_a_gift_that_was_spent_is_owed_where_the_program_lets_members_owe() -> None:
    shop = Shop(tiers=GIFT, policy=NEGATIVE)
    shop.member("ada")

    buy_spend_and_return(shop, 1, 50)
    after_one = (shop.balance("ada"), shop.owed("ada"))
    buy_spend_and_return(shop, 2, 50)
    after_two = (shop.balance("ada"), shop.owed("ada"))
    shop.order("kept", "ada", "300.00", at="2026-03-20 12:00")

    # What she spent is what she owes. In the end: 300 earned, one gift of 50, a hundred spent.
    assert (after_one, after_two) == ((0, 50), (0, 100))
    assert (shop.balance("ada"), shop.owed("ada")) == (250, 0)


@POLICIES
def test_the_gifts_of_all_tiers_that_a_return_undoes_are_treated_alike(policy: Shortfall) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100", gift=20), Rung("gold", "200", gift=40))
    shop = Shop("Pacific/Auckland", "NZD", tiers=tiers, policy=policy)
    shop.member("ada")
    shop.order("a", "ada", "200.00", at="2026-03-01 12:00")
    shop.redeem("ada", 260, "all", at="2026-03-02 12:00")

    shop.give_back("b", "a", at="2026-03-03 12:00")

    owed = 260 if policy == NEGATIVE else 0
    assert (shop.tier("ada"), shop.balance("ada"), shop.owed("ada")) == ("bronze", 0, owed)


def test_what_was_spent_of_returned_gifts_is_repaid_before_anything_can_be_spent_again() -> None:
    shop = Shop(tiers=GIFT, policy=NEGATIVE)
    shop.member("ada")
    for turn in (1, 2):
        buy_spend_and_return(shop, turn, 75)  # 75 of 150, then 75 of 75

    shop.order("o3", "ada", "100.00", at="2026-03-10 10:00")

    assert (shop.balance("ada"), shop.owed("ada")) == (0, 0)  # 150 earned anew repay the 150 that were spent
    with pytest.raises(InsufficientPoints):
        shop.redeem("ada", 1, "r3", at="2026-03-10 11:00")


# 11. Buying and returning never lengthens a tier or a grace


@POLICIES
def test_a_higher_tier_that_was_returned_leaves_the_period_of_the_one_below(policy: Shortfall) -> None:
    scheme = {"window": "rolling", "window_months": 12, "downgrade": "period_end"}
    shop = Shop(tiers=THREE, scheme=scheme, policy=policy)
    shop.member("ada")
    shop.order("a", "ada", "500.00", at="2026-01-10 12:00")
    before = shop.protected_until("ada")

    shop.order("b", "ada", "500.00", at="2026-12-20 12:00")
    shop.give_back("r1", "b", at="2026-12-21 12:00")

    assert (before, shop.tier("ada"), shop.protected_until("ada")) == ("2027-01-09", "silver", "2027-01-09")


def test_a_period_that_was_not_lengthened_ends_on_its_day() -> None:
    scheme = {"window": "rolling", "window_months": 12, "downgrade": "period_end"}
    shop = Shop(tiers=THREE, scheme=scheme)
    shop.member("ada")
    shop.order("a", "ada", "500.00", at="2026-01-10 12:00")
    shop.order("b", "ada", "700.00", at="2026-12-20 12:00")
    shop.give_back("r1", "b", at="2026-12-21 12:00")

    shop.nights("2027-01-12")

    # On 9 January the window begins on 10 January: what gave silver counts on the period's last day, so it is kept.
    assert (shop.tier("ada"), shop.protected_until("ada")) == ("silver", "2028-01-09")
    assert shop.ways("ada") == [("bronze", "silver"), ("silver", "gold"), ("gold", "silver")]


def in_grace() -> Shop:
    """Ada's 500 of 10 January count through 9 February; her grace of twenty days runs through 2 March."""
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "grace", "grace_days": 20}
    shop = Shop(tiers=THREE, scheme=scheme)
    shop.member("ada")
    shop.order("a", "ada", "500.00", at="2026-01-10 12:00")
    shop.nights("2026-02-20")
    return shop


def test_a_grace_is_not_lengthened_by_what_is_bought_and_returned_in_it() -> None:
    shop = in_grace()
    assert shop.protected_until("ada") == "2026-03-02"

    for day in ("2026-02-20", "2026-02-25", "2026-03-01"):
        shop.order(f"o{day}", "ada", "500.00", at=f"{day} 12:00")
        shop.give_back(f"r{day}", f"o{day}", at=f"{day} 18:00")
    before = (shop.tier("ada"), shop.protected_until("ada"))
    shop.nights("2026-04-15")

    assert before == ("silver", "2026-03-02")
    assert shop.changes("ada") == [
        ("bronze", "silver", "2026-01-10 12:00"),
        ("silver", "bronze", "2026-03-03 00:00"),
    ]


def test_every_fifteen_days_bought_and_returned_is_no_way_to_keep_a_tier() -> None:
    shop = in_grace()

    for day in ("2026-02-20", "2026-03-07", "2026-03-22"):
        shop.nights(day)
        shop.order(f"o{day}", "ada", "500.00", at=f"{day} 12:00")
        shop.give_back(f"r{day}", f"o{day}", at=f"{day} 18:00")
    shop.nights("2026-04-15")

    assert shop.changes("ada")[1:] == [
        ("silver", "bronze", "2026-03-03 00:00"),
        ("bronze", "silver", "2026-03-07 12:00"),
        ("silver", "bronze", "2026-03-07 18:00"),
        ("bronze", "silver", "2026-03-22 12:00"),
        ("silver", "bronze", "2026-03-22 18:00"),
    ]


def test_what_was_bought_in_a_grace_and_comes_back_after_it_does_not_keep_the_tier() -> None:
    shop = in_grace()
    shop.order("b", "ada", "500.00", at="2026-02-28 12:00")
    shop.nights("2026-03-10")
    kept = shop.tier("ada")

    shop.give_back("r1", "b", at="2026-03-10 12:00")
    shop.nights("2026-03-11")

    assert (kept, shop.tier("ada"), shop.balance("ada")) == ("silver", "bronze", 500)


# 15. The bonus of the first order belongs to the first order that is left

WELCOME = (Rule(), Rule(code="welcome", kind="first_order", points="100", uses_multiplier=False))


@POLICIES
@pytest.mark.parametrize("parts", [[[(1, "2")]], [[(1, "1")], [(1, "1")]]])
def test_after_a_first_order_that_came_back_whole_the_next_one_is_the_first(
    policy: Shortfall, parts: list[list[tuple[int, str]]]
) -> None:
    shop = Shop(rules=WELCOME, policy=policy)
    shop.member("ada")
    shop.order("o1", "ada", line("10.00", quantity="2"), at="2026-03-01 12:00")
    assert shop.balance("ada") == 110
    for place, lines in enumerate(parts):
        shop.give_back(f"r{place}", "o1", lines=lines, at=f"2026-03-0{2 + place} 12:00")
    assert shop.balance("ada") == 0

    shop.order("o2", "ada", "10.00", at="2026-03-05 12:00")
    shop.order("o3", "ada", "10.00", at="2026-03-06 12:00")

    assert (shop.gave("ada", "o2"), shop.gave("ada", "o3"), shop.balance("ada")) == (110, 10, 120)


def test_a_first_order_that_comes_back_in_part_stays_the_first() -> None:
    shop = Shop(rules=WELCOME)
    shop.member("ada")
    shop.order("o1", "ada", "10.00", "20.00", at="2026-03-01 12:00")
    shop.give_back("r1", "o1", lines=[(2, "1")], at="2026-03-02 12:00")

    shop.order("o2", "ada", "5.00", at="2026-03-05 12:00")

    assert shop.balance("ada") == 115


def reported_the_other_way_round() -> Shop:
    """The order of 2 March is reported before that of 1 March."""
    shop = Shop("America/New_York", "USD", rules=WELCOME)
    shop.member("ada")
    shop.order("second", "ada", "20.00", at="2026-03-02 12:00")
    shop.order("first", "ada", "10.00", at="2026-03-01 12:00", now="2026-03-03 12:00")
    return shop


def test_of_two_orders_that_are_reported_the_other_way_round_one_has_the_bonus() -> None:
    assert reported_the_other_way_round().balance("ada") == 130


@pytest.mark.parametrize(("back", "left"), [("second", 10), ("first", 20)])
def test_the_bonus_goes_to_the_order_that_is_left(back: str, left: int) -> None:
    shop = reported_the_other_way_round()

    shop.give_back("r1", back, at="2026-03-04 12:00")

    assert shop.balance("ada") == left + 100


@pytest.mark.parametrize(("back", "left"), [("second", 10), ("first", 20)])
def test_the_bonus_is_not_lost_for_good(back: str, left: int) -> None:
    shop = reported_the_other_way_round()
    shop.give_back("r1", back, at="2026-03-04 12:00")

    shop.order("third", "ada", "7.00", at="2026-03-05 12:00")

    assert shop.balance("ada") == left + 7 + 100


def test_when_all_comes_back_no_bonus_is_left_and_the_next_order_has_it() -> None:
    shop = reported_the_other_way_round()
    for day, number in ((4, "first"), (5, "second")):
        shop.give_back(f"r-{number}", number, at=f"2026-03-0{day} 12:00")
    before = shop.balance("ada")

    shop.order("third", "ada", "7.00", at="2026-03-06 12:00")

    assert (before, shop.balance("ada")) == (0, 107)


# 18. However a return is split, its order keeps the lesser of what it gave and what is left of it would earn


def with_a_bonus_for_small_orders(most: str, bonus: str) -> tuple[Rule, Rule]:
    return Rule(), Rule(code="small", kind="per_order", points=bonus, condition={"field": "order_amount", "to": most})


@POLICIES
@pytest.mark.parametrize("split", [("3",), ("1", "2"), ("2", "1"), ("1", "1", "1")])
def test_a_split_return_keeps_what_the_whole_one_keeps(policy: Shortfall, split: tuple[str, ...]) -> None:
    shop = Shop(rules=with_a_bonus_for_small_orders("50.00", "100"), policy=policy)
    shop.member("ada")
    shop.order("o1", "ada", line("100.00", quantity="5"), at="2026-03-01 12:00")
    assert shop.balance("ada") == 100

    for place, pieces in enumerate(split):
        shop.give_back(f"r{place}", "o1", lines=[(1, pieces)], at=f"2026-03-0{2 + place} 12:00")

    # 40.00 are left and would earn 140: no more than the 100 that it gave.
    assert (shop.balance("ada"), shop.keeps("ada", "o1")) == (100, 100)


@pytest.mark.parametrize("split", [("5",), ("3", "2"), ("1", "2", "2"), ("4", "1")])
def test_what_comes_back_whole_keeps_nothing_however_it_was_split(split: tuple[str, ...]) -> None:
    shop = Shop(rules=with_a_bonus_for_small_orders("50.00", "100"))
    shop.member("ada")
    shop.order("o1", "ada", line("100.00", quantity="5"), at="2026-03-01 12:00")

    for place, pieces in enumerate(split):
        shop.give_back(f"r{place}", "o1", lines=[(1, pieces)], at=f"2026-03-0{2 + place} 12:00")

    assert (shop.balance("ada"), shop.keeps("ada", "o1")) == (0, 0)


def test_each_step_of_a_split_return_keeps_the_lesser() -> None:
    shop = Shop("Pacific/Auckland", "NZD", rules=with_a_bonus_for_small_orders("30.00", "15"))
    shop.member("ada")
    shop.order("o1", "ada", line("60.00", quantity="4"), at="2026-03-01 12:00")
    kept = [shop.balance("ada")]

    for place in range(4):
        shop.give_back(f"r{place}", "o1", lines=[(1, "1")], at=f"2026-03-0{2 + place} 12:00")
        kept.append(shop.balance("ada"))

    # 60, 45, then 30 + 15, then 15 + 15, then nothing.
    assert kept == [60, 45, 45, 30, 0]


def test_a_return_that_gives_back_what_an_earlier_one_took_gives_it_to_be_spent() -> None:
    shop = Shop(rules=with_a_bonus_for_small_orders("50.00", "100"))
    shop.member("ada")
    shop.order("o1", "ada", line("100.00", quantity="5"), at="2026-03-01 12:00")
    shop.give_back("r1", "o1", lines=[(1, "2")], at="2026-03-02 12:00")  # 60.00 are left: 60
    shop.give_back("r2", "o1", lines=[(1, "1")], at="2026-03-03 12:00")  # 40.00 are left: 100 again

    shop.redeem("ada", 100, "all", at="2026-03-04 12:00")

    assert shop.balance("ada") == 0


def test_an_order_that_was_rejected_whole_stays_at_nothing() -> None:
    shop = Shop(policy={"transaction_limit": 80})
    shop.member("ada")
    shop.order("o1", "ada", line("100.00", quantity="5"), at="2026-03-01 12:00")

    shop.give_back("r1", "o1", lines=[(1, "3")], at="2026-03-02 12:00")

    assert (shop.balance("ada"), shop.gave("ada", "o1"), shop.keeps("ada", "o1")) == (0, 0, 0)


# 20. Fractions are carried to the end and rounded once


@pytest.mark.parametrize(
    ("of", "rest", "paid", "rate", "points"),
    [
        ("10.00", "20.00", "20.00", "3", 10),  # 10 x 10 / 30 x 3
        ("10.00", "50.00", "40.00", "0.3", 1),  # 10 x 20 / 60 x 0.3
        ("7.00", "14.00", "14.00", "3", 7),  # 7 x 7 / 21 x 3
        ("7.00", "14.00", "13.99", "3", 7),  # 7 x 7.01 / 21 x 3 = 7.01
        ("7.00", "14.00", "14.01", "3", 6),  # 7 x 6.99 / 21 x 3 = 6.99
        ("1.00", "2.00", "1.00", "1.5", 1),  # 1 x 2 / 3 x 1.5
    ],
)
@pytest.mark.parametrize("order", ["tea first", "tea last"])
def test_the_share_of_a_line_that_was_paid_with_money_is_exact(
    of: str, rest: str, paid: str, rate: str, points: int, order: str
) -> None:
    tea = {"field": "category", "in": ["TEA"]}
    shop = Shop(rules=[Rule(code="tea", points=rate, condition=tea)])
    shop.member("ada")
    lines = [line(of, category="TEA"), line(rest, category="OTHER")]

    shop.order(
        "o1", "ada", *(lines if order == "tea first" else reversed(lines)), paid_with=paid, at="2026-03-01 12:00"
    )

    assert shop.gave("ada", "o1") == points


def test_the_share_that_was_paid_with_money_stays_exact_with_a_multiplier_and_after_a_return() -> None:
    tea = {"field": "category", "in": ["TEA"]}
    shop = Shop(rules=[Rule(code="tea", points="2", condition=tea)], tiers=[Rung("bronze", "0", times="1.5")])
    shop.member("ada")
    shop.order(
        "o1",
        "ada",
        line("10.00", category="TEA"),
        line("20.00"),
        line("30.00"),
        paid_with="20.00",
        at="2026-03-01 12:00",
    )
    assert shop.gave("ada", "o1") == 20  # 10 x 40 / 60 x 2 x 1.5

    shop.give_back("r1", "o1", lines=[(3, "1")], at="2026-03-02 12:00")

    assert shop.keeps("ada", "o1") == 10  # 10 x 10 / 30 x 2 x 1.5


# 26. A customer in two programs


def in_two_programs(**given: Any) -> tuple[Shop, Shop]:
    """Ada is in a first program; a second one, where she is enrolled later, decides her orders later."""
    first = Shop()
    first.member("ada")
    return first, Shop(beside=first, **given)


@pytest.mark.parametrize("decided", ["at once", "later"])
def test_a_return_counts_in_each_of_two_programs(decided: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100"))
    first, second = in_two_programs(tiers=tiers)
    if decided == "at once":
        second.member("ada")
    first.order("o1", "ada", "60.00", "40.00", at="2026-03-01 12:00")
    first.give_back("r1", "o1", lines=[(2, "1")], at="2026-03-02 12:00")
    if decided == "later":
        second.member("ada", since="2026-02-01 00:00", now="2026-03-03 12:00")
        second.decide_backlog(now="2026-03-03 13:00")

    assert [(shop.balance("ada"), shop.counted("ada")) for shop in (first, second)] == [(60, 60), (60, 60)]
    assert second.ways("ada") == [("bronze", "silver"), ("silver", "bronze")]


def test_two_returns_of_an_order_count_one_after_the_other_in_a_program_that_decides_them_later() -> None:
    first, second = in_two_programs(rules=with_a_bonus_for_small_orders("50.00", "100"))
    first.order("o1", "ada", "50.00", "30.00", "20.00", at="2026-03-01 12:00")
    first.give_back("r1", "o1", lines=[(2, "1")], at="2026-03-02 12:00")
    first.give_back("r2", "o1", lines=[(3, "1")], at="2026-03-03 12:00")

    second.member("ada", since="2026-02-01 00:00", now="2026-03-03 13:00")
    second.decide_backlog(now="2026-03-03 14:00")

    taken = [(each.kind, each.cause, each.points) for each in second.entries("ada")]
    assert taken[:2] == [("earn", "order:o1", 100), ("return", "return:r1", -30)]
    assert [(shop.balance("ada"), shop.counted("ada")) for shop in (first, second)] == [(50, 50), (100, 50)]


def test_an_order_that_came_back_whole_is_none_in_either_program() -> None:
    first, second = in_two_programs(
        rules=WELCOME, tiers=(Rung("bronze", "0"), Rung("silver", "2")), scheme={"basis": "orders"}
    )
    first.order("o1", "ada", "10.00", at="2026-03-01 12:00")
    first.give_back("r1", "o1", at="2026-03-02 12:00")
    first.order("o2", "ada", "10.00", at="2026-03-03 12:00")

    second.member("ada", since="2026-02-01 00:00", now="2026-03-04 12:00")
    second.decide_backlog(now="2026-03-04 13:00")

    assert (second.balance("ada"), second.counted("ada"), second.tier("ada")) == (110, 1, "bronze")


def test_points_of_an_interaction_live_as_long_as_the_tier_of_its_day_says() -> None:
    review = Rule(code="review", kind="per_interaction", interaction="review", points="25")
    tiers = (Rung("bronze", "0"), Rung("silver", "100", longer=1))
    shop = Shop(rules=[Rule(wallet="points"), review], tiers=tiers, policy={"expiry": "months", "expiry_count": 1})
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-01-20 12:00")

    shop.interaction("late", "ada", "review", at="2026-01-15 12:00", now="2026-01-25 12:00")
    shop.interaction("live", "ada", "review", at="2026-01-26 12:00")

    assert shop.usable_through("ada") == [("2026-02-15", 25), ("2026-02-20", 100), ("2026-03-26", 25)]


@pytest.mark.parametrize("zone", ["Europe/Paris", "Pacific/Auckland"])
def test_points_that_awaited_a_delivery_live_as_long_as_the_tier_of_their_orders_day_says(zone: str) -> None:
    tiers = (Rung("bronze", "0"), Rung("silver", "100", longer=1))
    policy = {"pending_event": "delivered", "expiry": "months", "expiry_count": 1}
    shop = Shop(zone, tiers=tiers, policy=policy)
    shop.member("ada")
    shop.order("o1", "ada", "30.00", at="2026-01-10 12:00")
    shop.order("o2", "ada", "100.00", at="2026-01-20 12:00")
    shop.order("o3", "ada", "7.00", at="2026-01-21 12:00")

    for number in ("o1", "o2", "o3"):
        shop.deliver(number, at="2026-01-25 12:00")

    assert shop.usable_through("ada") == [("2026-02-25", 130), ("2026-03-25", 7)]


# Own points that come back replace what was taken in their place


@POLICIES
@pytest.mark.parametrize("wait", ["2026-03-05 12:00", "2026-03-08 12:00"], ids=["usable", "expired"])
def test_a_redemption_that_is_undone_after_its_order_was_returned_leaves_the_others_as_they_were(
    policy: Shortfall, wait: str
) -> None:
    shop = Shop(policy={"expiry": "days", "expiry_count": 5} | policy)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.redeem("ada", 100, "r1", at="2026-03-02 12:00")
    shop.order("b", "ada", "60.00", at="2026-03-04 12:00")
    shop.give_back("back", "a", at="2026-03-04 13:00")
    during = (shop.balance("ada"), shop.owed("ada"))

    shop.reverse("ada", "r1", at=wait)

    assert during == (0, 40 if policy == NEGATIVE else 0)
    assert (shop.usable_through("ada"), shop.owed("ada")) == ([("2026-03-09", 60)], 0)


@POLICIES
def test_pending_points_of_others_are_pending_again_when_own_ones_come_back(policy: Shortfall) -> None:
    shop = Shop(policy={"pending_event": "delivered"} | policy)
    shop.member("ada")
    shop.order("a", "ada", "50.00", at="2026-03-01 12:00")
    shop.deliver("a", at="2026-03-01 13:00")
    shop.redeem("ada", 50, "r1", at="2026-03-02 12:00")
    shop.order("b", "ada", "30.00", at="2026-03-03 12:00")
    shop.give_back("back", "a", at="2026-03-04 12:00")
    shop.deliver("b", at="2026-03-05 12:00")  # while its points are taken

    shop.reverse("ada", "r1", at="2026-03-06 12:00")

    assert (shop.balance("ada"), shop.pending("ada"), shop.owed("ada")) == (30, 0, 0)


def test_what_repaid_a_debt_comes_back_when_own_points_do() -> None:
    shop = Shop(policy={"expiry": "days", "expiry_count": 5} | NEGATIVE)
    shop.member("ada")
    shop.order("a", "ada", "40.00", at="2026-03-01 12:00")
    shop.redeem("ada", 40, "r1", at="2026-03-01 13:00")
    shop.give_back("back", "a", at="2026-03-02 12:00")
    shop.order("b", "ada", "50.00", at="2026-03-05 12:00")  # of which 40 repay
    during = shop.balance("ada")

    shop.reverse("ada", "r1", at="2026-03-08 12:00")  # her own have expired since

    assert (during, shop.usable_through("ada")) == (10, [("2026-03-10", 50)])


@POLICIES
def test_what_three_orders_took_from_each_other_unwinds_link_by_link(policy: Shortfall) -> None:
    shop = Shop(policy=policy)
    shop.member("ada")
    for day, number in enumerate("abc", start=1):
        shop.order(number, "ada", "20.00", at=f"2026-03-0{day} 12:00")
        if number == "a":
            shop.redeem("ada", 20, "r1", at="2026-03-01 13:00")
    shop.give_back("back-a", "a", at="2026-03-04 12:00")  # takes b's
    shop.give_back("back-b", "b", at="2026-03-05 12:00")  # takes c's
    during = shop.balance("ada")

    shop.reverse("ada", "r1", at="2026-03-06 12:00")

    assert (during, shop.balance("ada"), shop.owed("ada")) == (0, 20, 0)
    shop.give_back("back-c", "c", at="2026-03-07 12:00")
    assert (shop.balance("ada"), shop.owed("ada")) == (0, 0)


# Gifts and what is undone


def test_a_gift_is_whole_again_when_all_that_was_done_with_its_order_is_undone() -> None:
    shop = Shop(tiers=GIFT, policy=STOP)
    shop.member("ada")
    buy_spend_and_return(shop, 1, 50)
    shop.reverse("ada", "r1", at="2026-03-02 12:00")

    shop.order("kept", "ada", "100.00", at="2026-03-20 12:00")

    assert (shop.balance("ada"), shop.owed("ada")) == (150, 0)


def test_a_gift_that_made_good_an_earlier_one_is_free_when_the_spending_is_undone_after_it() -> None:
    shop = Shop(tiers=GIFT, policy=STOP)
    shop.member("ada")
    buy_spend_and_return(shop, 1, 50)
    shop.order("kept", "ada", "100.00", at="2026-03-20 12:00")
    during = shop.balance("ada")

    shop.reverse("ada", "r1", at="2026-03-21 12:00")

    assert (during, shop.balance("ada"), shop.owed("ada")) == (100, 150, 0)


@pytest.mark.parametrize("first", [150, 120, 100, 50])
def test_a_gift_that_made_good_one_which_came_back_is_missing_no_more(first: int) -> None:
    """What is missing of the second order stays so, and is not counted as its gift's."""
    shop = Shop(tiers=GIFT, policy=STOP)
    shop.member("ada")
    buy_spend_and_return(shop, 1, first)  # the rest is taken back at once
    buy_spend_and_return(shop, 2, 100)
    shop.reverse("ada", "r1", at="2026-03-03 12:00")

    shop.order("kept", "ada", "100.00", at="2026-03-20 12:00")

    assert (shop.balance("ada"), shop.owed("ada")) == (150, 0)


def test_a_held_gift_is_taken_when_its_hold_ends() -> None:
    shop = Shop(tiers=GIFT, policy=NEGATIVE)
    shop.member("ada")
    shop.order("o1", "ada", "100.00", at="2026-03-01 10:00")
    shop.hold("ada", 150, "till", at="2026-03-01 11:00", minutes=3_000)

    shop.give_back("b1", "o1", at="2026-03-01 12:00")
    during = (shop.balance("ada"), shop.owed("ada"))
    shop.release("ada", "till", at="2026-03-02 12:00")

    assert (during, shop.balance("ada"), shop.owed("ada")) == ((0, 0), 0, 0)


def test_the_gift_of_an_entry_goes_with_the_order_that_gave_it_though_the_tier_has_been_left_since() -> None:
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "at_once"}
    shop = Shop(tiers=GIFT, policy=STOP, scheme=scheme)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.nights("2026-05-01")
    before = (shop.tier("ada"), shop.balance("ada"))

    shop.give_back("r1", "a", at="2026-05-01 12:00")

    assert (before, shop.tier("ada"), shop.balance("ada")) == (("bronze", 150), "bronze", 0)


def test_a_gift_stays_with_an_entry_that_another_order_would_have_made_later() -> None:
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "at_once"}
    shop = Shop(tiers=GIFT, policy=STOP, scheme=scheme)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.order("b", "ada", "110.00", at="2026-03-10 12:00")
    shop.nights("2026-05-01")

    shop.give_back("r1", "a", at="2026-05-01 12:00")

    assert (shop.tier("ada"), shop.balance("ada")) == ("bronze", 160)


# The bonus that is passed on


def passing(policy: dict[str, Any]) -> Shop:
    rules = (Rule(), Rule(points="50", code="welcome", kind="first_order"))
    shop = Shop(rules=rules, policy={"pending_days": 0} | policy)
    shop.member("ada")
    return shop


def test_the_bonus_that_is_passed_on_keeps_to_the_periods_limit() -> None:
    shop = passing({"period_limit": 100, "period": "month"})
    shop.order("a", "ada", "10.00", at="2026-03-01 12:00")
    shop.order("b", "ada", "30.00", at="2026-03-02 12:00")
    shop.order("c", "ada", "45.00", at="2026-03-03 12:00")  # of which 10 are left of 100

    shop.give_back("r1", "a", at="2026-03-04 12:00")

    assert (shop.keeps("ada", "b"), shop.keeps("ada", "c"), shop.balance("ada")) == (80, 10, 90)


def test_the_bonus_that_is_passed_on_rejects_no_order() -> None:
    shop = passing({"transaction_limit": 100})
    shop.order("a", "ada", "10.00", at="2026-03-01 12:00")
    shop.order("b", "ada", "60.00", "10.00", at="2026-03-02 12:00")
    shop.give_back("r1", "a", at="2026-03-03 12:00")
    passed = shop.keeps("ada", "b")

    shop.give_back("r2", "b", lines=[(2, "1")], at="2026-03-04 12:00")

    assert (passed, shop.keeps("ada", "b"), shop.balance("ada")) == (120, 110, 110)


def test_an_order_that_was_rejected_whole_gets_no_bonus_passed_on() -> None:
    shop = passing({"transaction_limit": 100})
    shop.order("a", "ada", "10.00", at="2026-03-01 12:00")
    shop.order("b", "ada", "101.00", at="2026-03-02 12:00")

    shop.give_back("r1", "a", at="2026-03-03 12:00")

    assert (shop.keeps("ada", "b"), shop.balance("ada")) == (0, 0)


def test_the_bonus_that_is_passed_on_to_an_order_that_was_delivered_can_be_spent() -> None:
    shop = passing({"pending_event": "delivered"})
    shop.order("a", "ada", "10.00", at="2026-03-01 12:00")
    shop.order("b", "ada", "30.00", at="2026-03-02 12:00")
    shop.deliver("b", at="2026-03-03 12:00")

    shop.give_back("r1", "a", at="2026-03-04 12:00")

    assert (shop.balance("ada"), shop.pending("ada")) == (80, 0)


def since(shop: Shop) -> str:
    found = Standing.objects.get(membership=shop.membership("ada")).since
    assert found is not None
    return shop.said(found)


@pytest.mark.parametrize(
    ("back", "tier", "at"), [([(2, "1")], "silver", "2026-01-01 10:00"), (None, "bronze", "2026-01-01 00:00")]
)
def test_on_the_day_of_joining_a_tier_is_held_since_it_would_have_been(
    back: list[tuple[int, str]] | None, tier: str, at: str
) -> None:
    shop = Shop(
        tiers=(Rung("bronze", "0"), Rung("silver", "100"), Rung("gold", "200")), scheme={"downgrade": "at_once"}
    )
    shop.member("ada")
    shop.order("a", "ada", "150.00", "100.00", at="2026-01-01 10:00")

    shop.give_back("r1", "a", lines=back, at="2026-01-01 11:00")

    assert (shop.tier("ada"), since(shop)) == (tier, at)


@pytest.mark.parametrize("basis", ["spend", "points"])
def test_a_tier_to_which_another_order_would_have_led_is_held_since_that_one(basis: str) -> None:
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("silver", "60")), scheme={"basis": basis, "window": "calendar_year"})
    shop.member("ada")
    shop.order("a", "ada", "58.00", "58.00", at="2026-03-22 04:01")
    shop.order("b", "ada", "10.00", at="2026-04-24 12:00")
    at_first = since(shop)

    shop.give_back("r1", "a", lines=[(1, "1")], at="2026-04-27 09:00")

    assert (shop.tier("ada"), at_first, since(shop)) == ("silver", "2026-03-22 04:01", "2026-04-24 00:00")


def test_who_has_lost_a_tier_again_stands_as_before_when_what_gave_it_comes_back() -> None:
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "at_once"}
    shop = Shop(tiers=GIFT, policy=STOP, scheme=scheme)
    shop.member("ada")
    shop.order("a", "ada", "100.00", at="2026-03-01 12:00")
    shop.nights("2026-05-01")

    shop.give_back("r1", "a", at="2026-05-01 12:00")

    assert (shop.tier("ada"), since(shop)) == ("bronze", "2026-01-01 00:00")


@pytest.mark.parametrize(
    ("lines", "tier", "at"),
    [
        # Without it only 138.00 of 4 February counted, until 4 April: silver then and bronze since.
        (None, "bronze", "2026-04-04 00:00"),
        # With 70.00 of it silver was kept until 21 May.
        ([(1, "1")], "bronze", "2026-05-21 00:00"),
    ],
)
def test_who_landed_softly_is_in_its_tier_since_it_would_have_been(
    lines: list[tuple[int, str]] | None, tier: str, at: str
) -> None:
    scheme = {"window": "rolling", "window_months": 2, "downgrade": "at_once", "soft_landing": True}
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("silver", "60"), Rung("gold", "140")), scheme=scheme)
    shop.member("ada")
    shop.order("a", "ada", "138.00", at="2026-02-04 12:00")
    shop.order("b", "ada", "30.00", "70.00", at="2026-03-21 12:00")
    shop.nights("2026-06-07")
    assert since(shop) == "2026-05-21 00:00"

    shop.give_back("r1", "b", lines=lines, at="2026-06-07 12:00")

    assert (shop.tier("ada"), since(shop)) == (tier, at)


@pytest.mark.parametrize("parts", [[None], [[(1, "1")], [(2, "1")]]])
def test_who_was_lifted_out_of_what_would_have_held_it_longer_came_down_as_late_as_without(
    parts: list[list[tuple[int, str]] | None],
) -> None:
    """Silver of 2 March is prolonged on 2 April, until 2 May; gold of 4 March ends a month before it, in nothing."""
    scheme = {"basis": "orders", "window": "rolling", "window_months": 1, "downgrade": "period_end"}
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("silver", "2"), Rung("gold", "4")), scheme=scheme)
    shop.member("ada")
    for number, at in (("a", "2026-03-02 04:01"), ("b", "2026-03-02 04:02"), ("c", "2026-03-03 00:01")):
        shop.order(number, "ada", "10.00", at=at)
    shop.order("d", "ada", "10.00", "10.00", at="2026-03-04 12:00")
    shop.nights("2026-06-14")
    assert (shop.tier("ada"), since(shop)) == ("bronze", "2026-04-04 00:00")

    for place, lines in enumerate(parts):
        shop.give_back(f"r{place}", "d", lines=lines, at=f"2026-06-{14 + place} 12:00")

    assert (shop.tier("ada"), since(shop)) == ("bronze", "2026-05-02 00:00")


@pytest.mark.parametrize("lines", [None, [(1, "1")]])
def test_who_was_kept_above_until_this_morning_came_down_in_the_night(lines: list[tuple[int, str]] | None) -> None:
    """Silver of 23 March ends on 23 April, but for the third order, which is returned that morning."""
    scheme = {"basis": "orders", "window": "rolling", "window_months": 1, "downgrade": "period_end"}
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("silver", "2"), Rung("gold", "4")), scheme=scheme)
    shop.member("ada")
    for number, at in (("a", "2026-03-11 12:00"), ("b", "2026-03-23 02:31"), ("c", "2026-04-15 22:31")):
        shop.order(number, "ada", "10.00", at=at)
    shop.nights("2026-04-23")
    assert (shop.tier("ada"), since(shop)) == ("silver", "2026-03-23 02:31")

    shop.give_back("r", "c", lines=lines, at="2026-04-23 06:31")

    assert (shop.tier("ada"), since(shop)) == ("bronze", "2026-04-23 00:00")


def test_a_return_raises_nobody_before_it_rose() -> None:
    scheme = {"window": "rolling", "window_months": 1, "downgrade": "at_once"}
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("gold", "100", times="2")), scheme=scheme)
    shop.member("ada")
    shop.order("late", "ada", "150.00", at="2026-03-13 05:00", now="2026-03-14 11:00")
    shop.order("b", "ada", "60.00", at="2026-03-14 11:10")
    shop.give_back("r1", "b", at="2026-03-14 11:20")
    before = shop.balance("ada")

    shop.order("later", "ada", "55.00", at="2026-03-13 05:10", now="2026-03-14 11:30")

    # Until the first of both was told, it had no gold.
    assert (shop.tier("ada"), shop.balance("ada") - before) == ("gold", 55)
    assert since(shop) == "2026-03-14 11:00"


def test_what_replaces_and_what_settles_says_so() -> None:
    shop = Shop(tiers=GIFT, policy=STOP)
    shop.member("ada")
    buy_spend_and_return(shop, 1, 50)
    shop.order("kept", "ada", "100.00", at="2026-03-20 12:00")
    shop.reverse("ada", "r1", at="2026-03-21 12:00")

    entries = [entry for entry in Entry.objects.order_by("id") if entry.kind == "repay"]

    assert [line for entry in entries for line in said_by(entry, {})] == [
        "50 points settled what earlier returns could not take",
        "50 points that came back replaced what a return had taken in their place",
        "50 points that came back replaced what a return had taken in their place",
    ]

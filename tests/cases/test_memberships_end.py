"""Memberships that end and begin anew, birth dates that change, first orders that a batch decides and undoes."""

from datetime import date, datetime, timedelta

import pytest

from customers.registration import CustomerFact, register
from loyalty.activity.account.leaving import leave, lost_by_leaving
from loyalty.activity.account.spending import NotARedemption
from loyalty.activity.replaying import replay
from loyalty.points.proof import prove
from tests.cases.shop import STOP, Rung, Shop
from tests.make import Rule

pytestmark = pytest.mark.django_db


def leaves(shop: Shop, name: str, at: str) -> None:
    leave(shop.membership(name), now=shop.at(at))


def comes_back(shop: Shop, name: str, at: str) -> None:
    shop.member(name, since=at, now=at)


def test_another_birth_date_gives_no_second_birthday_in_a_year() -> None:
    shop = Shop(rules=(Rule(), Rule(code="b", kind="birthday", points="30")))
    start = shop.at("2026-01-01 00:00")
    register(shop.retailer, [CustomerFact("a", birth_date=date(1990, 3, 1), identified_at=start)], now=start)
    shop.member("a")
    shop.nights("2026-03-02")
    register(shop.retailer, [CustomerFact("a", birth_date=date(1990, 3, 11))], now=shop.at("2026-03-03 00:00"))
    shop.decide_backlog(now="2026-03-03 00:00")

    shop.order("o1", "a", "10", at="2026-03-12 14:00")

    assert shop.balance("a") == 40


@pytest.mark.parametrize(("stays", "goes"), [("a", "b"), ("b", "a")])
def test_two_who_turn_out_to_be_one_have_one_birthday_and_one_anniversary_a_year(stays: str, goes: str) -> None:
    days = (Rule(code="b", kind="birthday", points="30"), Rule(code="j", kind="anniversary", points="7"))
    shop = Shop(rules=days, since="2025-01-01 00:00")
    for name, day in (("a", 1), ("b", 11)):
        joined = shop.at(f"2025-04-{day:02} 00:00")
        fact = CustomerFact(name, birth_date=date(1990, 3, day), identified_at=joined)
        register(shop.retailer, [fact], now=joined)
        shop.member(name, since=f"2025-04-{day:02} 00:00")
    shop.nights("2026-03-02")  # the birthday of the one

    shop.merge(goes, stays, at="2026-03-05 12:00")
    shop.nights("2026-04-30")
    assert shop.balance(stays) == 30 + 7
    shop.nights("2027-04-30")

    assert shop.balance(stays) == 2 * (30 + 7)


def test_a_batch_passes_the_bonus_of_a_first_order_on_that_it_decides_and_undoes() -> None:
    shop = Shop(rules=(Rule(), Rule(code="f", kind="first_order", points="100")))
    shop.member("a")
    first = shop.bought("o1", "a", "10", at="2026-02-01 12:00")
    second = shop.bought("o2", "a", "10", at="2026-02-02 12:00")
    shop.import_orders(first, second, now="2026-02-05 12:00")
    shop.import_returns(shop.brought_back("r1", "o1", at="2026-02-03 12:00"), now="2026-02-05 12:00")

    shop.decide_backlog(now="2026-02-05 13:00")

    assert shop.balance("a") == 110


def test_an_order_that_waited_while_its_member_left_gives_nothing() -> None:
    shop = Shop()
    shop.member("a")
    shop.import_orders(shop.bought("o1", "a", "100", at="2026-02-01 12:00"), now="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-02 12:00")
    shop.decide_backlog(now="2026-02-02 13:00")

    comes_back(shop, "a", "2026-02-03 12:00")

    assert shop.balance("a") == 0


def test_what_an_earlier_membership_bought_takes_nothing_from_the_new_one() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-02 12:00")
    comes_back(shop, "a", "2026-02-03 12:00")
    shop.order("o2", "a", "50", at="2026-02-04 12:00")

    shop.give_back("r1", "o1", at="2026-02-05 12:00")

    assert shop.balance("a") == 50


def test_of_an_order_of_an_earlier_membership_it_is_said_that_its_points_have_ended() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    before = shop.why("a", "o1").sentences
    leaves(shop, "a", "2026-02-02 12:00")
    comes_back(shop, "a", "2026-02-03 12:00")
    shop.order("o2", "a", "10", at="2026-02-04 12:00")

    assert [each for each in shop.why("a", "o1").sentences if each not in before] == [
        "What it gave ended with the membership."
    ]
    assert "What it gave ended with the membership." not in shop.why("a", "o2").sentences


def test_what_an_earlier_membership_redeemed_does_not_come_back_to_the_new_one() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.redeem("a", 60, "x", at="2026-02-01 13:00")
    leaves(shop, "a", "2026-02-02 12:00")
    comes_back(shop, "a", "2026-02-03 12:00")

    with pytest.raises(NotARedemption):
        shop.reverse("a", "x", at="2026-02-04 12:00")

    assert shop.balance("a") == 0


@pytest.mark.parametrize("is_back", [False, True], ids=["who has left", "who has come back"])
def test_a_lender_who_left_had_forfeited_what_was_lent(is_back: bool) -> None:  # noqa: FBT001 - a case
    shop = Shop()
    for name in ("a", "b"):
        shop.member(name)
    shop.household("a", "b", at="2026-01-02 00:00")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.redeem("b", 60, "x", at="2026-02-01 13:00")
    leaves(shop, "a", "2026-02-02 12:00")
    if is_back:
        comes_back(shop, "a", "2026-02-02 18:00")

    shop.reverse("b", "x", at="2026-02-03 12:00")
    if not is_back:
        comes_back(shop, "a", "2026-02-04 12:00")

    assert (shop.balance("a"), shop.balance("b")) == (0, 0)
    assert prove().differences == []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris"])
def test_who_leaves_and_comes_back_within_a_second_enters_its_tier_again(zone: str) -> None:
    shop = Shop(zone, tiers=[Rung("base", "0", gift=10)])
    shop.member("a", since="2026-03-01 10:00", now="2026-03-01 10:00")

    for tenth in (2, 6):
        leaves(shop, "a", f"2026-03-01 10:00:00.{tenth}00000")
        shop.member("a", since="2026-03-01 10:00", now=f"2026-03-01 10:00:00.{tenth + 2}00000")

    assert shop.balance("a", at="2026-03-01 10:01") == 10
    assert shop.kinds("a") == ["earn", "leave", "earn", "leave", "earn"]


def test_the_same_hour_of_two_clocks_is_two_instants() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", "a", "10", at="2026-10-25 00:30")
    summer = datetime(2026, 10, 25, 2, 30, tzinfo=shop.zone)
    winter = summer.replace(fold=1)

    leave(shop.membership("a"), now=summer)
    shop.member("a", since=summer + timedelta(minutes=10), now=summer + timedelta(minutes=10))
    shop.adjust("a", 5, "x", at=summer + timedelta(minutes=20))
    leave(shop.membership("a"), now=winter)

    assert shop.kinds("a") == ["earn", "leave", "adjust", "leave"]


def lost_by(shop: Shop, name: str, at: str) -> tuple[int, int]:
    """Let a member leave, and return what it was told before and after that it loses."""
    now, member = shop.at(at), shop.membership(name)
    before = lost_by_leaving(member, at=now).points["points"]
    return before, leave(member, now=now).points["points"]


def test_who_leaves_loses_nothing_of_what_others_lent() -> None:
    shop = Shop()
    for name, amount in (("a", "30"), ("b", "50")):
        shop.member(name)
        shop.order(f"o{name}", name, amount, at="2026-02-01 12:00")
    shop.household("a", "b", at="2026-02-01 13:00")
    shop.hold("a", 80, "till", at="2026-02-02 12:00", minutes=9_000)

    assert lost_by(shop, "a", "2026-02-03 12:00") == (30, 30)
    assert (shop.balance("a"), shop.balance("b")) == (0, 50)


def test_who_leaves_loses_nothing_that_is_over_or_that_a_return_has_claimed() -> None:
    shop = Shop(policy={"pending_days": 0, "expiry": "days", "expiry_count": 2})
    shop.member("a")
    shop.order("o1", "a", "40", at="2026-03-05 12:00")
    shop.hold("a", 40, "first", at="2026-03-07 12:00", minutes=9_000)
    shop.nights("2026-03-09")
    shop.order("o2", "a", "20", "5", at="2026-03-09 10:00")
    shop.hold("a", 25, "second", at="2026-03-09 11:00", minutes=9_000)
    shop.give_back("r2", "o2", at="2026-03-09 11:30", lines=[(1, "1")])

    assert lost_by(shop, "a", "2026-03-09 12:00") == (5, 5)


def test_what_comes_back_to_who_leaves_settles_first_what_returns_missed() -> None:
    shop = Shop(policy=STOP)
    shop.member("a")
    shop.order("o1", "a", "60", at="2026-02-01 10:00")
    shop.order("o2", "a", "40", at="2026-02-01 10:30")
    shop.redeem("a", 60, "x", at="2026-02-01 11:00")
    shop.hold("a", 40, "till", at="2026-02-01 12:00", minutes=9_000)
    shop.give_back("r1", "o1", at="2026-02-01 12:30")

    assert lost_by(shop, "a", "2026-02-01 13:00") == (0, 0)


@pytest.mark.parametrize("others", [(), ("1",)], ids=["who has nothing else", "who has something"])
def test_what_gifts_were_short_of_ends_with_the_membership(others: tuple[str, ...]) -> None:
    shop = Shop(tiers=[Rung("silver", "100", gift=50)], policy=STOP)
    shop.member("a")
    shop.order("o1", "a", "100", at="2026-02-01 12:00")
    shop.redeem("a", 150, "x", at="2026-02-02 12:00")
    shop.give_back("r1", "o1", at="2026-02-03 12:00")
    for amount in others:
        shop.order("o2", "a", amount, at="2026-02-03 13:00")
    leaves(shop, "a", "2026-02-04 12:00")
    comes_back(shop, "a", "2026-02-05 12:00")

    shop.order("o3", "a", "100", at="2026-02-06 12:00")

    assert shop.balance("a") == 150


def test_a_return_takes_no_gifts_of_an_earlier_membership_again() -> None:
    shop = Shop(tiers=(Rung("bronze", "0"), Rung("silver", "60", gift=5), Rung("gold", "140", gift=7)))
    shop.member("a")
    shop.order("o1", "a", "150", at="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-02 12:00")
    comes_back(shop, "a", "2026-02-02 12:01")
    shop.order("o2", "a", "97", at="2026-02-02 12:02")
    shop.order("o3", "a", "140", at="2026-02-04 12:00")

    shop.give_back("r3", "o3", at="2026-02-04 13:00")

    assert (shop.balance("a"), shop.tier("a")) == (102, "silver")
    assert prove().differences == []


def with_an_order_of_an_earlier_membership() -> Shop:
    """Return a shop whose member bought first in a membership that has ended."""
    shop = Shop(rules=(Rule(), Rule(code="f", kind="first_order", points="100")), policy=STOP)
    shop.member("a")
    shop.order("o1", "a", "80", at="2026-02-01 12:00")
    leaves(shop, "a", "2026-02-02 12:00")
    comes_back(shop, "a", "2026-02-03 12:00")
    return shop


def test_a_correction_of_an_earlier_memberships_order_gives_no_second_bonus_of_a_first_one() -> None:
    shop = with_an_order_of_an_earlier_membership()

    shop.correct("o1", "a", "50", at="2026-02-01 11:00", now="2026-02-04 12:00")
    shop.order("o2", "a", "10", at="2026-02-05 12:00")

    assert shop.balance("a") == 10
    assert prove().differences == []


def test_a_past_of_who_came_back_that_is_lived_again_has_no_second_bonus_of_a_first_order() -> None:
    shop = with_an_order_of_an_earlier_membership()
    shop.order("o2", "a", "10", at="2026-02-05 12:00")

    again = replay(shop.program, now=shop.at("2026-02-06 12:00"))

    assert (again.members, again.deviations) == (1, [])


def test_an_order_that_turns_out_to_be_of_the_new_membership_is_decided_for_it() -> None:
    shop = with_an_order_of_an_earlier_membership()

    shop.correct("o1", "a", "50", at="2026-02-03 13:00", now="2026-02-04 12:00")
    shop.order("o2", "a", "10", at="2026-02-05 12:00")

    assert (shop.gave("a", "o1"), shop.balance("a")) == (150, 160)
    assert prove().differences == []


def test_an_order_that_turns_out_to_be_of_an_earlier_membership_leaves_its_bonus_to_the_next() -> None:
    shop = with_an_order_of_an_earlier_membership()
    shop.correct("o1", "a", "50", at="2026-02-03 13:00", now="2026-02-04 12:00")
    shop.order("o2", "a", "10", at="2026-02-05 12:00")

    shop.correct("o1", "a", "50", at="2026-02-01 12:00", version=2, now="2026-02-06 12:00")

    assert (shop.gave("a", "o1"), shop.balance("a")) == (0, 110)
    assert prove().differences == []

"""Which order is a member's first: it is decided as that, by all of the rules and within all of the limits."""

import pytest

from loyalty.activity.models import OrderDecision
from loyalty.points.models import EarningGroup
from loyalty.points.proof import prove
from tests.cases.shop import Rule, Shop, line

pytestmark = pytest.mark.django_db

BASE = Rule()


def welcome(points: int, *, wallet: str = "points", group: str = "") -> Rule:
    return Rule(points=str(points), code="welcome", kind="first_order", wallet=wallet, group=group)


def test_a_bonus_that_is_passed_on_stays_within_the_limit_of_its_orders_day() -> None:
    shop = Shop(rules=[BASE, welcome(90)], policy={"pending_days": 0, "period_limit": 100, "period": "day"})
    shop.member("ada")
    shop.order("A", "ada", "5", at="2026-03-01 12:00")
    shop.order("B", "ada", "59", "1", at="2026-03-02 12:00")

    shop.give_back("RA", "A", at="2026-03-03 12:00")

    assert (shop.balance("ada"), shop.gave("ada", "B")) == (100, 100)
    shop.give_back("RB", "B", at="2026-03-04 12:00", lines=[(2, "1")])
    assert shop.balance("ada") == 100  # 59 and 90
    shop.give_back("RC", "B", at="2026-03-04 13:00", lines=[(1, "1")])
    assert shop.balance("ada") == 0


def test_a_bonus_that_is_passed_on_rejects_neither_its_order_nor_what_is_kept_of_it() -> None:
    shop = Shop(rules=[BASE, welcome(30)], policy={"pending_days": 0, "transaction_limit": 100})
    shop.member("ada")
    shop.order("A", "ada", "5", at="2026-03-01 12:00")
    shop.order("B", "ada", "79", "1", at="2026-03-02 12:00")

    shop.give_back("RA", "A", at="2026-03-03 12:00")
    assert shop.balance("ada") == 110

    shop.give_back("RB", "B", at="2026-03-04 12:00", lines=[(2, "1")])
    assert shop.balance("ada") == 109


def test_of_a_group_that_gives_its_best_only_the_better_rest_is_passed_on() -> None:
    shop = Shop()
    draft = shop.draft(rules=[Rule(group="g"), welcome(90, group="g")])
    EarningGroup.objects.create(version=draft, code="g")
    shop.publish_draft(draft, "2026-01-02 00:00")
    shop.member("ada", since="2026-01-03 00:00")
    shop.order("A", "ada", "5", at="2026-03-01 12:00")
    shop.order("B", "ada", "60", at="2026-03-02 12:00")
    assert shop.balance("ada") == 150

    shop.give_back("RA", "A", at="2026-03-03 12:00")

    assert shop.balance("ada") == 90


def test_an_order_keeps_what_rules_gave_that_give_nothing_to_first_ones() -> None:
    later = Rule(points="2", code="later", condition={"not": {"field": "is_first", "is": True}})
    shop = Shop(rules=[BASE, later])
    shop.member("ada")
    shop.order("A", "ada", "5", at="2026-03-01 12:00")
    shop.order("B", "ada", "50", "10", at="2026-03-02 12:00")

    shop.give_back("RA", "A", at="2026-03-03 12:00")
    assert shop.balance("ada") == 180

    shop.give_back("RB", "B", at="2026-03-04 12:00", lines=[(2, "1")])
    assert shop.balance("ada") == 150
    assert OrderDecision.objects.get(is_first=True, is_kept=True).points_kept == 150


@pytest.mark.parametrize("delivered", [True, False])
def test_a_bonus_that_awaits_a_delivery_is_active_where_its_order_was_delivered(delivered: bool) -> None:  # noqa: FBT001
    policy = {"pending_days": 0, "pending_event": "delivered", "expiry": "days", "expiry_count": 5}
    shop = Shop(rules=[BASE, welcome(100)], policy=policy)
    shop.member("ada")
    shop.order("A", "ada", "10", at="2026-03-01 12:00")
    shop.order("B", "ada", "20", at="2026-03-02 12:00")
    if delivered:
        shop.deliver("B", at="2026-03-03 12:00")

    shop.give_back("RA", "A", at="2026-03-20 12:00")

    assert (shop.balance("ada"), shop.pending("ada")) == ((100, 0) if delivered else (0, 120))
    if not delivered:
        shop.deliver("B", at="2026-03-21 12:00")
        assert shop.usable_through("ada") == [("2026-03-26", 120)]


def test_a_bonus_of_another_wallet_is_passed_on_too() -> None:
    shop = Shop(rules=[BASE, welcome(50, wallet="gold")], wallets={"gold": {"on_return": "stop_at_zero"}})
    shop.member("ada")
    shop.order("A", "ada", "10", at="2026-03-01 12:00")
    shop.order("B", "ada", "20", at="2026-03-02 12:00")

    shop.give_back("RA", "A", at="2026-03-03 12:00")

    assert (shop.balance("ada"), shop.balance("ada", wallet="gold")) == (20, 50)
    shop.give_back("RB", "B", at="2026-03-04 12:00")
    assert (shop.balance("ada"), shop.balance("ada", wallet="gold")) == (0, 0)
    assert prove().differences == []


def test_what_a_limit_cut_is_not_given_because_another_order_was_the_first() -> None:
    shop = Shop(rules=[BASE, welcome(10)], policy={"pending_days": 0, "period_limit": 100, "period": "month"})
    shop.member("ada")
    shop.order("A", "ada", "80", at="2026-03-01 12:00")
    shop.order("B", "ada", "50", at="2026-03-02 12:00")
    assert (shop.gave("ada", "A"), shop.gave("ada", "B")) == (90, 10)

    shop.give_back("RA", "A", at="2026-03-03 12:00")

    assert (shop.balance("ada"), shop.gave("ada", "B")) == (20, 20)


def two_who_are_one() -> Shop:
    """A shop in which ada and bob, who are one, have both got the bonus of their first orders, A and B."""
    shop = Shop(rules=[BASE, welcome(10)], policy={"pending_days": 0})
    shop.member("ada")
    shop.member("bob")
    shop.order("A", "ada", line("50", sku="a"), at="2026-03-01 12:00")
    shop.order("B", "bob", line("80", sku="b"), at="2026-03-02 12:00")
    shop.merge("bob", "ada", at="2026-03-03 12:00")
    assert shop.balance("ada") == 60 + 90
    return shop


@pytest.mark.parametrize(("number", "then"), [("A", "2026-03-01 12:00"), ("B", "2026-03-02 12:00")])
def test_a_correction_keeps_the_bonus_that_either_of_two_had_who_are_one(number: str, then: str) -> None:
    shop = two_who_are_one()

    shop.correct(number, "ada", "85", at=then, now="2026-03-04 12:00")

    assert shop.balance("ada") == 60 + 90 + (35 if number == "A" else 5)
    assert prove().differences == []


@pytest.mark.parametrize(("number", "then"), [("A", "2026-03-01 12:00"), ("B", "2026-03-02 12:00")])
def test_what_came_back_whole_and_was_more_all_along_has_its_own_bonus_again(number: str, then: str) -> None:
    shop = two_who_are_one()
    shop.give_back("R", number, at="2026-03-04 12:00")
    left = shop.balance("ada")

    same = line("50", sku="a") if number == "A" else line("80", sku="b")
    shop.correct(number, "ada", same, "7", at=then, now="2026-03-05 12:00")

    assert (left, shop.balance("ada")) == ((90, 107) if number == "A" else (60, 77))
    assert prove().differences == []


def test_a_bonus_that_was_passed_on_does_not_come_again_with_a_correction() -> None:
    shop = Shop(rules=[BASE, welcome(10)], policy={"pending_days": 0})
    shop.member("ada")
    shop.order("A", "ada", line("50", sku="a"), at="2026-03-01 12:00")
    shop.order("B", "ada", "80", at="2026-03-02 12:00")
    shop.give_back("R", "A", at="2026-03-03 12:00")
    assert shop.balance("ada") == 90

    shop.correct("A", "ada", line("50", sku="a"), "7", at="2026-03-01 12:00", now="2026-03-04 12:00")

    assert shop.balance("ada") == 97
    assert prove().differences == []


def test_a_bonus_that_the_next_order_has_got_does_not_come_again_with_a_correction() -> None:
    shop = Shop(rules=[BASE, welcome(10)], policy={"pending_days": 0})
    shop.member("ada")
    shop.order("A", "ada", line("50", sku="a"), at="2026-03-01 12:00")
    shop.give_back("R", "A", at="2026-03-02 12:00")
    shop.order("B", "ada", "80", at="2026-03-03 12:00")
    assert shop.balance("ada") == 90

    shop.correct("A", "ada", line("50", sku="a"), "7", at="2026-03-01 12:00", now="2026-03-04 12:00")

    assert shop.balance("ada") == 97
    assert prove().differences == []

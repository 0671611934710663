"""What is told late counts by the plan that its member had when it occurred, whether or not a night has carried out its end."""

import pytest

from tests import make
from tests.plans.shop import MAX, PLUS, PlanShop

pytestmark = pytest.mark.django_db

VISITS = (make.Rule(points="10", code="visit", kind="per_interaction", interaction="visit"),)


def with_plan_until_may(*rules: make.Rule) -> PlanShop:
    """Return a shop where ada had plus (twice the points) in April; no night has run since."""
    shop = PlanShop(PLUS, MAX, rules=rules or (make.Rule(),))
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.cancels("ada", at="2026-04-02 10:00")
    return shop


def test_an_order_that_is_told_after_the_plan_s_end() -> None:
    shop = with_plan_until_may()

    shop.order("A", "ada", "100", at="2026-04-30 23:59:59", now="2026-05-03 10:00")
    shop.order("B", "ada", "100", at="2026-05-01 00:00", now="2026-05-03 10:00")

    assert (shop.gave("ada", "A"), shop.gave("ada", "B")) == (200, 100)


@pytest.mark.parametrize("order", [1, -1])
def test_a_batch_over_the_plan_s_end(order: int) -> None:
    shop = with_plan_until_may()
    days = ("2026-04-30 23:59:59", "2026-05-01 00:00:20")
    facts = [shop.bought(day, "ada", "100", at=day) for day in days]

    shop.orders(*facts[::order], now="2026-05-10 10:00")

    assert [shop.gave("ada", day) for day in days] == [200, 100]


def test_a_batch_of_two_members_over_the_plan_s_end() -> None:
    shop = with_plan_until_may()
    shop.joins("bob", "plus", at="2026-04-02 12:00")
    shop.cancels("bob", at="2026-04-03 10:00")

    shop.orders(
        shop.bought("A", "ada", "100", at="2026-05-01 10:00"), shop.bought("B", "bob", "100", at="2026-05-01 10:00"),
        now="2026-05-03 10:00",
    )  # fmt: skip

    assert (shop.gave("ada", "A"), shop.gave("bob", "B")) == (100, 200)


def test_a_batch_over_a_change_that_the_period_s_end_brings() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "max", at="2026-04-01 10:00")
    shop.changes_plan("ada", "plus", at="2026-04-05 10:00")

    shop.orders(
        shop.bought("A", "ada", "100", at="2026-04-30 10:00"), shop.bought("B", "ada", "100", at="2026-05-02 10:00"),
        now="2026-05-03 10:00",
    )  # fmt: skip

    assert (shop.gave("ada", "A"), shop.gave("ada", "B")) == (300, 200)


def test_a_batch_over_the_end_of_the_grace() -> None:
    shop = PlanShop(PLUS)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.nights("2026-05-01")

    shop.orders(
        shop.bought("A", "ada", "100", at="2026-05-07 10:00"), shop.bought("B", "ada", "100", at="2026-05-08 10:00"),
        now="2026-05-09 10:00",
    )  # fmt: skip

    assert (shop.gave("ada", "A"), shop.gave("ada", "B")) == (200, 100)


def test_a_visit_that_is_told_after_the_plan_s_end() -> None:
    shop = with_plan_until_may(*VISITS)

    shop.visit("V", "ada", at="2026-04-30 23:00", now="2026-05-03 10:00")

    assert shop.balance("ada") == 20


def test_an_order_that_is_claimed_after_the_plan_s_end() -> None:
    shop = with_plan_until_may()
    shop.order("G", None, "100", at="2026-04-10 10:00")

    shop.claim("G", "ada", at="2026-05-05 10:00")

    assert shop.balance("ada") == 200


@pytest.mark.parametrize("who", ["ada", "bob"])
def test_an_order_that_is_corrected_after_the_plan_s_end(who: str) -> None:
    shop = with_plan_until_may()
    shop.order("A", who, "100", at="2026-04-20 10:00")

    shop.correct("A", "ada", "100", at="2026-04-25 10:00", version=2, now="2026-05-03 10:00")

    assert (shop.balance("ada"), shop.balance("bob")) == (200, 0)


def test_an_order_of_who_was_merged_since_by_the_plan_that_it_had() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("bob", "max", at="2026-03-01 10:00")
    shop.cancels("bob", at="2026-03-02 10:00")
    shop.nights("2026-04-02")
    shop.joins("ada", "plus", at="2026-04-03 10:00")
    shop.merge("bob", "ada", at="2026-04-11 10:00")

    told = {"A": "2026-03-05 10:00", "B": "2026-04-05 10:00", "C": "2026-02-25 10:00"}
    for number, at in told.items():
        shop.order(number, "bob", "100", at=at, now="2026-04-12 10:00")

    assert [shop.gave("ada", number) for number in told] == [300, 200, 100]


def test_an_order_of_who_was_merged_keeps_its_plan_when_it_is_corrected() -> None:
    shop = PlanShop(PLUS)
    shop.joins("bob", "plus", at="2026-04-01 10:00")
    shop.order("A", "bob", "100", at="2026-04-05 10:00")
    shop.merge("bob", "ada", at="2026-04-11 10:00")

    shop.correct("A", "bob", "100", at="2026-04-06 10:00", version=2, now="2026-04-12 10:00")

    assert shop.balance("ada") == 200


def test_an_order_of_who_was_merged_with_a_plan_where_the_one_who_stays_never_had_one() -> None:
    shop = PlanShop(PLUS)
    shop.joins("bob", "plus", at="2026-04-01 10:00")
    shop.ends("bob", at="2026-04-10 10:00")
    shop.merge("bob", "ada", at="2026-04-11 10:00")

    shop.order("A", "ada", "100", at="2026-04-05 10:00", now="2026-04-12 10:00")
    shop.order("B", "ada", "100", at="2026-04-12 10:00")

    assert (shop.gave("ada", "A"), shop.gave("ada", "B")) == (200, 100)

"""What all members are given together stays within the budget, whatever gives it, and nothing fails for it."""

from collections.abc import Callable

import pytest

from customers.models import UndecidedFact
from loyalty.points.models import BudgetShare, Entry
from tests.cases.shop import Rule, Shop

pytestmark = pytest.mark.django_db

BASE = Rule()
# The middle is worth nothing: so a return may give back what an earlier one took.
SMALL_OR_LARGE = Rule(
    points="100",
    code="band",
    kind="per_order",
    condition={"any": [{"field": "order_amount", "from": "55.00"}, {"field": "order_amount", "to": "25.00"}]},
)
MONTHLY = {"pending_days": 0, "budget": 100, "budget_period": "month"}
FOR_EVER = {"pending_days": 0, "budget": 100, "budget_period": "ever"}


def welcome(points: int) -> Rule:
    return Rule(points=str(points), code="welcome", kind="first_order")


def half_returned(budget: int) -> Shop:
    """Let Ada's order be returned in part, whereby it loses its 100 points, and Bob be given 100 of the budget."""
    shop = Shop(rules=[SMALL_OR_LARGE], policy={**MONTHLY, "budget": budget})
    for name in ("ada", "bob"):
        shop.member(name)
    shop.order("A", "ada", "20", "20", "20", at="2026-03-01 12:00")
    shop.give_back("R1", "A", at="2026-03-02 12:00", lines=[(3, "1")])
    shop.order("B", "bob", "60", at="2026-03-03 12:00")
    assert (shop.balance("ada"), shop.balance("bob")) == (0, 100)
    return shop


def told(shop: Shop) -> None:
    shop.give_back("R2", "A", at="2026-03-04 12:00", lines=[(2, "1")])


def imported(shop: Shop) -> None:
    shop.import_returns(shop.brought_back("R2", "A", at="2026-03-04 12:00", lines=[(2, "1")]))
    shop.decide_backlog(now="2026-03-04 13:00")


@pytest.mark.parametrize("way", [told, imported])
@pytest.mark.parametrize(("budget", "comes_back"), [(100, 0), (130, 30), (200, 100)])
def test_a_return_gives_back_what_the_budget_has_left_and_says_so(
    way: Callable[[Shop], None], budget: int, comes_back: int
) -> None:
    shop = half_returned(budget)

    way(shop)

    assert not UndecidedFact.objects.exists()
    assert (shop.balance("ada"), shop.keeps("ada", "A")) == (comes_back, comes_back)
    said = Entry.objects.filter(wallet=shop.wallet("ada"), kind="return").order_by("id").last()
    assert said is not None
    assert said.explanation.get("cut", 0) == 100 - comes_back


def test_what_a_budget_was_short_of_comes_back_with_a_later_return() -> None:
    shop = half_returned(100)
    shop.give_back("R2", "A", at="2026-03-04 12:00", lines=[(2, "1")])

    shop.give_back("RB", "B", at="2026-03-05 12:00")
    shop.give_back("R3", "A", at="2026-03-06 12:00", lines=[(1, "0.5")])

    assert (shop.balance("ada"), shop.balance("bob")) == (100, 0)


def test_a_first_order_bonus_is_passed_on_as_far_as_the_budget_goes() -> None:
    shop = Shop(rules=[BASE, welcome(10)], policy=FOR_EVER)
    for name in ("ada", "bob"):
        shop.member(name)
    shop.order("A", "ada", "10", at="2026-03-01 12:00")
    shop.publish("2026-03-02 00:00", rules=[BASE, welcome(100)])
    shop.order("B", "ada", "10", at="2026-03-02 12:00")
    shop.order("X", "bob", "1", at="2026-03-02 13:00")
    assert (shop.balance("ada"), shop.balance("bob")) == (30, 70)

    shop.give_back("RA", "A", at="2026-03-03 12:00")

    assert (shop.balance("ada"), shop.balance("bob")) == (30, 70)
    shop.give_back("RB", "B", at="2026-03-04 12:00")
    shop.order("Y", "bob", "500", at="2026-03-05 12:00")
    assert (shop.balance("ada"), shop.balance("bob")) == (0, 100)


@pytest.mark.parametrize("turned", [False, True], ids=["as told", "the other way round"])
def test_each_order_of_a_batch_has_the_budget_of_its_own_version(turned: bool) -> None:  # noqa: FBT001 - a case
    shop = Shop(policy=FOR_EVER)
    for name in ("ada", "bob"):
        shop.member(name)
    shop.publish("2026-03-02 00:00", policy={"budget": 1000})
    facts = [
        shop.bought("A", "ada", "500", at="2026-03-01 12:00"),
        shop.bought("B", "bob", "500", at="2026-03-02 12:00"),
    ]

    shop.orders(*(reversed(facts) if turned else facts), now="2026-03-02 13:00")

    assert (shop.balance("ada"), shop.balance("bob")) == (100, 500)
    shop.order("C", "ada", "500", at="2026-03-02 14:00")
    assert shop.balance("ada") == 500
    assert sum(BudgetShare.objects.values_list("used", flat=True)) == 1000


def test_a_return_under_an_earlier_budget_gives_room_to_the_later_one_of_its_batch() -> None:
    shop = Shop(policy={**FOR_EVER, "budget": 1000})
    for name in ("ada", "bob"):
        shop.member(name)
    shop.order("A", "ada", "80", "20", at="2026-03-01 12:00")
    shop.publish("2026-03-02 00:00", policy={"budget": 120})

    shop.import_returns(shop.brought_back("R", "A", at="2026-03-02 12:00", lines=[(1, "1")]))
    shop.import_orders(shop.bought("B", "bob", "500", at="2026-03-02 13:00"))
    shop.decide_backlog(now="2026-03-02 14:00")

    assert (shop.balance("ada"), shop.balance("bob")) == (20, 100)

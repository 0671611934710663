"""What a guest's order gives to whoever claims it later."""

import pytest

from customers.claiming import OrderOfAnother
from customers.models import OrderClaim
from customers.returning import UnknownOrder
from loyalty.points.proof import prove
from tests.cases.shop import Rule, Rung, Shop

pytestmark = pytest.mark.django_db


def test_a_claimed_order_counts_on_its_own_day() -> None:
    shop = Shop(
        tiers=(Rung("bronze", "0"), Rung("silver", "100", "2")),
        policy={"pending_days": 0, "expiry": "days", "expiry_count": 60},
    )
    shop.member("a")
    shop.order("o1", None, "130", at="2026-02-01 12:00")

    assert shop.claim("o1", "a", at="2026-03-01 12:00")

    assert (shop.balance("a"), shop.tier("a"), shop.counted("a")) == (130, "silver", 130)
    assert shop.usable_through("a") == [("2026-04-02", 130)]


def test_what_came_back_of_it_and_its_delivery_count_too() -> None:
    shop = Shop(policy={"pending_days": 0, "pending_event": "delivered"})
    shop.member("a")
    shop.order("o1", None, "80", "20", at="2026-02-01 12:00")
    shop.deliver("o1", at="2026-02-02 12:00")
    shop.give_back("r1", "o1", at="2026-02-03 12:00", lines=[(2, "1")])

    shop.claim("o1", "a", at="2026-03-01 12:00")
    assert (shop.balance("a"), shop.keeps("a", "o1")) == (80, 80)

    shop.give_back("r2", "o1", at="2026-03-02 12:00", lines=[(1, "1")])
    assert (shop.balance("a"), shop.keeps("a", "o1")) == (0, 0)
    assert prove().differences == []


def test_a_second_claim_changes_nothing_and_another_customer_is_refused() -> None:
    shop = Shop()
    for name in ("a", "b"):
        shop.member(name)
    shop.order("o1", None, "80", at="2026-02-01 12:00")

    claims = [shop.claim("o1", "a") for _ in range(2)]
    with pytest.raises(OrderOfAnother):
        shop.claim("o1", "b")

    assert claims == [True, False]
    assert (shop.balance("a"), shop.balance("b"), OrderClaim.objects.count()) == (80, 0, 1)


def test_who_is_no_member_gets_the_points_on_enrolling_since_then() -> None:
    shop = Shop()
    shop.order("o1", None, "80", at="2026-02-01 12:00")
    shop.register("a", since="2026-02-02 12:00")
    shop.claim("o1", "a", at="2026-02-02 12:00")

    shop.member("a", since="2026-01-15 12:00", now="2026-02-03 12:00")
    shop.decide_backlog(now="2026-02-03 13:00")

    assert shop.balance("a") == 80


def test_an_order_before_the_claimers_membership_gives_nothing() -> None:
    shop = Shop()
    shop.member("a", since="2026-02-10 12:00")
    shop.order("o1", None, "80", at="2026-02-01 12:00", now="2026-02-11 12:00")

    shop.claim("o1", "a")

    assert (shop.balance("a"), shop.why("a", "o1").reason) == (0, "not_a_member_then")


def test_a_claimed_first_order_has_the_bonus() -> None:
    shop = Shop(rules=(Rule(), Rule(code="f", kind="first_order", points="100")))
    shop.member("a")
    shop.order("o1", None, "80", at="2026-02-01 12:00")

    shop.claim("o1", "a")

    assert shop.balance("a") == 180


def test_a_guests_order_that_was_imported_is_claimed_too() -> None:
    shop = Shop()
    shop.member("a")
    shop.import_orders(shop.bought("o1", None, "80", at="2026-02-01 12:00"), now="2026-02-01 12:00")

    shop.claim("o1", "a", at="2026-02-02 12:00")
    shop.decide_backlog(now="2026-02-02 13:00")

    assert shop.balance("a") == 80


def test_an_order_that_is_not_known_cannot_be_claimed() -> None:
    shop = Shop()
    shop.member("a")

    with pytest.raises(UnknownOrder):
        shop.claim("o1", "a")


def test_a_claimed_order_stays_the_claimers_when_it_is_corrected_without_a_customer() -> None:
    shop = Shop()
    shop.member("a")
    shop.order("o1", None, "80", at="2026-02-01 12:00")
    shop.claim("o1", "a")

    shop.correct("o1", None, "50", at="2026-02-01 12:00")

    assert shop.balance("a") == 50

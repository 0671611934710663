"""Who takes over a plan that waits for its first payment, or never had it, keeps its own past: no change comes before another."""

from zoneinfo import ZoneInfo

import pytest

from loyalty.plans.models import PlanChange
from tests.plans.shop import MAX, PLUS, PlanShop

PARIS = ZoneInfo("Europe/Paris")
pytestmark = pytest.mark.django_db


def awaited_by_who_had_another() -> PlanShop:
    """Return a shop where ada had plus until 12 April, and since the merge has max, for which bob asked on the 10th, to pay."""
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.asks("bob", "max", at="2026-04-10 10:00")
    shop.ends("ada", at="2026-04-12 10:00")
    shop.merge("bob", "ada", at="2026-04-13 10:00")
    return shop


def changes(shop: PlanShop) -> list[tuple[str, str]]:
    """Return when ada's plan changed, and to which one, in the order in which that was told; empty for none."""
    rows = PlanChange.objects.filter(membership=shop.membership("ada")).select_related("to_plan").order_by("pk")
    return [
        (f"{row.occurred_at.astimezone(PARIS):%m-%d %H:%M}", row.to_plan.code if row.to_plan else "") for row in rows
    ]


def test_an_order_that_is_told_late_counts_by_the_plan_that_the_one_who_stays_had() -> None:
    shop = awaited_by_who_had_another()

    shop.order("A", "ada", "100", at="2026-04-11 10:00", now="2026-04-14 10:00")
    shop.order("B", "ada", "100", at="2026-04-12 12:00", now="2026-04-14 10:00")

    assert (shop.gave("ada", "A"), shop.gave("ada", "B")) == (200, 100)


def test_a_plan_that_goes_over_unpaid_begins_no_earlier_than_the_last_change_that_was_told() -> None:
    shop = awaited_by_who_had_another()

    shop.pays("ada", at="2026-04-11 10:00", told="2026-04-14 10:00")

    assert changes(shop) == [("04-01 10:00", "plus"), ("04-12 10:00", ""), ("04-12 10:00", "max")]
    assert shop.period_of("ada") == ("2026-04-12", "2026-05-12")


def test_orders_of_both_plans_count_by_the_plan_of_their_time_once_both_are_over() -> None:
    shop = awaited_by_who_had_another()
    shop.pays("ada", at="2026-04-11 10:00", told="2026-04-14 10:00")
    shop.ends("ada", at="2026-04-20 10:00")

    told = {"A": "2026-04-11 12:00", "B": "2026-04-15 10:00", "C": "2026-04-20 12:00"}
    for number, at in told.items():
        shop.order(number, "ada", "100", at=at, now="2026-04-21 10:00")

    assert [shop.gave("ada", number) for number in told] == [200, 300, 100]


def test_who_goes_and_never_paid_hides_no_plan_of_the_one_who_stays() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.asks("bob", "max", at="2026-04-01 10:00")
    shop.joins("ada", "plus", at="2026-04-02 10:00")
    shop.ends("ada", at="2026-04-07 10:00")
    shop.nights("2026-04-09")  # bob's is given up
    shop.merge("bob", "ada", at="2026-04-10 10:00")

    shop.order("A", "ada", "100", at="2026-04-05 10:00", now="2026-04-11 10:00")

    assert (shop.plan_of("ada").end_reason, shop.gave("ada", "A")) == ("unpaid", 200)


def test_a_plan_that_was_asked_for_and_never_begun_delays_no_other_one_s_first_payment() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.asks("bob", "max", at="2026-04-10 10:00")
    shop.asks("ada", "plus", at="2026-04-12 10:00")
    shop.cancels("ada", at="2026-04-12 11:00")
    shop.merge("bob", "ada", at="2026-04-13 10:00")

    shop.pays("ada", at="2026-04-11 10:00", told="2026-04-14 10:00")

    assert changes(shop) == [("04-11 10:00", "max")]
    assert shop.period_of("ada") == ("2026-04-11", "2026-05-11")

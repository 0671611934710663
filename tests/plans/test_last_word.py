"""What a member said last holds, and nothing holds that it has not paid; what was sold stays as it was sold."""

from decimal import Decimal

import pytest

from loyalty.plans.account.joining import When
from loyalty.plans.models import Invoice
from tests.plans.shop import MAX, PLUS, YEAR, PlanShop

pytestmark = pytest.mark.django_db


def test_who_cancelled_and_does_not_pay_an_upgrade_has_cancelled() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.cancels("ada", at="2026-04-05 10:00")
    shop.changes_plan("ada", "max", at="2026-04-11 10:00")

    shop.nights("2026-05-02")

    assert (shop.plan_of("ada").status, shop.plan_of("ada").end_reason) == ("ended", "cancelled")
    assert shop.bills("ada") == [("first", "10.00", "paid"), ("change", "10.00", "void")]


def test_who_wished_for_a_smaller_plan_and_does_not_pay_an_upgrade_gets_the_smaller_one() -> None:
    shop = PlanShop(PLUS, MAX, YEAR)
    shop.joins("ada", "max", at="2026-04-01 10:00")
    shop.changes_plan("ada", "plus", at="2026-04-05 10:00")
    shop.changes_plan("ada", "year", at="2026-04-11 10:00")

    shop.nights("2026-05-02")

    assert shop.code_of("ada") == "plus"
    assert shop.bills("ada")[-1] == ("renewal", "10.00", "open")


def test_who_pays_the_upgrade_goes_on_with_it() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.cancels("ada", at="2026-04-05 10:00")
    shop.changes_plan("ada", "max", at="2026-04-11 10:00")
    shop.pays("ada", at="2026-04-11 11:00")

    shop.nights("2026-05-01")

    assert shop.code_of("ada") == "max"
    assert shop.bills("ada")[-1] == ("renewal", "25.00", "open")


@pytest.mark.parametrize("says", ["cancels", "stays"])
def test_who_says_otherwise_after_asking_for_an_upgrade_is_not_asked_to_pay_it(says: str) -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.changes_plan("ada", "max", at="2026-04-11 10:00")

    if says == "cancels":
        shop.cancels("ada", at="2026-04-11 11:00")
    else:
        shop.changes_plan("ada", "plus", at="2026-04-11 11:00")

    assert shop.bills("ada")[-1] == ("change", "10.00", "void")
    assert shop.plan_of("ada").cancels is (says == "cancels")


def test_a_smaller_plan_that_is_offered_no_more_is_not_replaced_by_the_one_to_be_left() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "max", at="2026-04-01 10:00")
    shop.changes_plan("ada", "plus", at="2026-04-05 10:00")
    shop.offers(MAX, at="2026-04-10 00:00")

    shop.nights("2026-05-01")

    assert (shop.plan_of("ada").status, shop.plan_of("ada").end_reason) == ("ended", "withdrawn")
    assert shop.bills("ada") == [("first", "25.00", "paid")]


def test_a_month_that_was_sold_is_a_month_although_the_plan_is_a_year_s_now() -> None:
    shop = PlanShop(PLUS)
    shop.asks("ada", "plus", at="2026-04-01 10:00")
    shop.offers(PLUS | {"period": "year", "price": "100.00"}, at="2026-04-02 00:00")

    shop.pays("ada", at="2026-04-03 10:00")

    assert shop.period_of("ada") == ("2026-04-03", "2026-05-03")


def test_an_upgrade_in_a_month_that_was_sold_is_for_the_days_of_that_month() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.offers(PLUS | {"period": "year", "price": "100.00"}, MAX, at="2026-04-02 00:00")

    shop.changes_plan("ada", "max", at="2026-04-11 10:00")

    assert (shop.bill("ada").amount, str(shop.bill("ada").end_day)) == (Decimal("10.00"), "2026-05-01")


def test_a_year_that_is_paid_on_a_later_day_begins_on_that_day_for_the_price_that_was_told() -> None:
    shop = PlanShop(PLUS, YEAR)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.changes_plan("ada", "year", at="2026-04-11 10:00")

    shop.pays("ada", at="2026-04-13 10:00")

    change = Invoice.objects.get(kind="change")
    lines = [(line.amount, str(line.first_day), str(line.end_day)) for line in change.lines.order_by("amount")]
    assert shop.period_of("ada") == ("2026-04-13", "2027-04-13")
    assert (change.amount, shop.plan_of("ada").paid, shop.plan_of("ada").credit) == (
        Decimal("93.33"), Decimal("100.00"), Decimal("0.00"),
    )  # fmt: skip
    assert lines == [
        (Decimal("-6.67"), "2026-04-11", "2026-05-01"), (Decimal("100.00"), "2026-04-13", "2027-04-13"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "price", "left"), [("JPY", "1000", "667"), ("KWD", "1.000", "0.667"), ("EUR", "10.00", "6.67")]
)
def test_where_no_plan_is_offered_any_more_amounts_are_in_the_currency_s_decimals(
    currency: str, price: str, left: str
) -> None:
    shop = PlanShop(PLUS | {"price": price}, MAX | {"price": price}, currency=currency)
    shop.joins("ada", "max", at="2026-04-01 10:00")
    shop.joins("bob", "plus", at="2026-04-01 10:00")
    shop.offers(at="2026-04-10 00:00")

    shop.merge("bob", "ada", at="2026-04-11 10:00")
    credit = shop.plan_of("ada").credit
    shop.ends("ada", at="2026-04-11 11:00")

    assert credit == Decimal(left)
    assert sum(shop.went_back()) == 2 * Decimal(left)
    assert set(Invoice.objects.values_list("currency", flat=True)) == {currency}


def test_a_change_that_takes_place_at_once_takes_back_that_the_plan_was_to_end() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "max", at="2026-04-01 10:00")
    shop.cancels("ada", at="2026-04-05 10:00")

    shop.changes_plan("ada", "plus", when=When.NOW, at="2026-04-11 10:00")

    assert (shop.code_of("ada"), shop.plan_of("ada").cancels) == ("plus", False)

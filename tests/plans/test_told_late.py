"""A payment counts at its own instant, however late it is told, and only once: what is too much goes back by itself."""

from decimal import Decimal

import pytest

from loyalty.activity.replaying import replay
from loyalty.plans.account.joining import When as PlanWhen
from loyalty.plans.account.paying import OwedAsCredit, mark_paid, refund
from loyalty.plans.books import fee_books
from loyalty.plans.models import Invoice, PlanChange, Refund
from loyalty.plans.rules import NOTHING
from tests.plans.shop import MAX, PLUS, PlanShop

pytestmark = pytest.mark.django_db

TEN = Decimal("10.00")


def ended_unpaid(*, cancelled: bool = False) -> tuple[PlanShop, Invoice]:
    """Return a shop where ada's plan ended on 8 May, and the renewal of 1 May that nobody has told to be paid."""
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.nights("2026-05-01")
    bill = shop.bill("ada")
    if cancelled:
        shop.cancels("ada", at="2026-05-03 10:00")
    shop.nights("2026-05-09")
    return shop, bill


def test_who_cancelled_in_the_grace_ends_with_the_period_that_was_paid_in_time() -> None:
    shop, bill = ended_unpaid(cancelled=True)

    shop.pays("ada", bill=bill, at="2026-05-05 10:00", told="2026-05-10 10:00")
    restored = shop.code_of("ada"), shop.plan_of("ada").cancels
    shop.nights("2026-06-02")

    assert restored == ("plus", True)
    assert (shop.plan_of("ada").status, shop.plan_of("ada").end_reason) == ("ended", "cancelled")
    assert shop.bills("ada")[-1] == ("renewal", "10.00", "paid")


def test_who_was_merged_since_gets_the_plan_as_the_one_who_stays() -> None:
    shop, bill = ended_unpaid()
    shop.merge("ada", "bob", at="2026-05-10 10:00")

    shop.pays("bob", bill=bill, at="2026-05-03 10:00", told="2026-05-11 10:00")
    shop.order("A", "bob", "100", at="2026-05-12 10:00")

    assert (shop.gave("bob", "A"), shop.went_back()) == (200, [])


def test_who_was_merged_since_into_a_member_with_a_plan_gets_the_money_back() -> None:
    shop, bill = ended_unpaid()
    shop.joins("bob", "max", at="2026-05-09 12:00")
    shop.merge("ada", "bob", at="2026-05-10 10:00")

    shop.pays("bob", bill=bill, at="2026-05-03 10:00", told="2026-05-11 10:00")

    assert (shop.code_of("bob"), shop.went_back()) == ("max", [TEN])


@pytest.mark.parametrize("comes_back", [False, True])
def test_who_has_left_since_gets_the_money_back(comes_back: bool) -> None:  # noqa: FBT001 - one case of two
    shop, bill = ended_unpaid()
    shop.leaves("ada", at="2026-05-09 10:00")
    if comes_back:
        shop.member("ada", since="2026-05-09 12:00")

    shop.pays("ada", bill=bill, at="2026-05-03 10:00", told="2026-05-10 10:00")

    assert (shop.plan_of("ada").status, shop.went_back()) == ("ended", [TEN])


@pytest.mark.parametrize(("at", "begins"), [("2026-04-07 23:59:59", True), ("2026-04-08 00:00", False)])
def test_a_first_fee_that_was_paid_in_time_begins_the_plan_when_it_is_told(at: str, begins: bool) -> None:  # noqa: FBT001
    shop = PlanShop(PLUS)
    shop.asks("ada", "plus", at="2026-04-01 10:00")
    bill = shop.bill("ada")
    shop.nights("2026-04-09")

    shop.pays("ada", bill=bill, at=at, told="2026-04-09 10:00")

    if begins:
        assert (shop.code_of("ada"), shop.period_of("ada")) == ("plus", ("2026-04-09", "2026-05-09"))
        assert shop.went_back() == []
    else:
        assert (shop.code_of("ada"), shop.went_back()) == ("", [TEN])


def test_a_past_with_a_payment_that_was_told_late_is_lived_again_as_it_was_told() -> None:
    shop = PlanShop(PLUS)
    shop.asks("ada", "plus", at="2026-04-01 10:00")
    bill = shop.bill("ada")
    shop.order("A", "ada", "100", at="2026-04-05 10:00")

    shop.pays("ada", bill=bill, at="2026-04-04 10:00", told="2026-04-06 10:00")
    shop.order("B", "ada", "100", at="2026-04-07 10:00")
    shop.nights("2026-04-20")

    since = PlanChange.objects.values_list("occurred_at", flat=True).get()
    assert (shop.said(since), shop.gave("ada", "A"), shop.gave("ada", "B")) == ("2026-04-04 10:00", 100, 200)
    assert replay(shop.program, now=shop.at("2026-04-20 00:00")).deviations == []


def test_a_renewal_that_is_told_after_further_periods_is_made_good_from_now_on() -> None:
    shop, bill = ended_unpaid()

    shop.pays("ada", bill=bill, at="2026-05-03 10:00", told="2026-07-10 10:00")

    assert shop.code_of("ada") == "plus"
    assert shop.bills("ada")[1] == ("renewal", "10.00", "paid")


def test_an_invoice_that_is_paid_twice_gives_the_second_payment_back_once() -> None:
    shop = PlanShop(PLUS)
    shop.asks("ada", "plus", at="2026-04-01 10:00")
    bill = shop.bill("ada")
    mark_paid(bill.pk, reference="till 7", now=shop.at("2026-04-01 12:00"))

    told = [
        shop.pays("ada", bill=bill, at=at, reference=reference)
        for at, reference in (("2026-04-02 10:00", "r1"), ("2026-04-02 11:00", "r1"), ("2026-04-03 10:00", "r2"))
    ]

    books = fee_books(shop.program, since=shop.at("2026-04-01 00:00"), until=shop.at("2026-05-01 00:00"))
    assert told == [False, False, False]
    assert [(back.amount, back.invoice.provider_reference) for back in Refund.objects.order_by("asked_at")] == [
        (TEN, "r1"), (TEN, "r2"),
    ]  # fmt: skip
    assert (books.earned, books.credit_after, books.deferred_after) == (TEN, NOTHING, NOTHING)
    assert shop.period_of("ada") == ("2026-04-01", "2026-05-01")


def test_an_invoice_of_nothing_cannot_be_paid_twice() -> None:
    shop = PlanShop(PLUS)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.ends("ada", at="2026-04-11 10:00")
    credited = Invoice.objects.get(kind="ending")

    told = shop.pays("ada", bill=credited, at="2026-04-12 10:00", reference="r9")

    assert (told, shop.went_back()) == (False, [Decimal("6.67")])


def test_what_was_paid_too_late_and_once_more_goes_back_both() -> None:
    shop, bill = ended_unpaid()

    shop.pays("ada", bill=bill, at="2026-05-08 10:00", told="2026-05-10 10:00", reference="r1")
    shop.pays("ada", bill=bill, at="2026-05-09 10:00", told="2026-05-10 11:00", reference="r2")

    assert (shop.plan_of("ada").status, shop.went_back()) == ("ended", [TEN, TEN])


def test_what_was_paid_at_the_till_is_nobody_s_to_give_back_but_a_person_s() -> None:
    shop = PlanShop(PLUS)
    shop.asks("ada", "plus", at="2026-04-01 10:00")
    bill = shop.bill("ada")
    Invoice.objects.filter(pk=bill.pk).update(provider="test", provider_reference="waits")  # as asked, and not answered

    mark_paid(bill.pk, reference="till 7", now=shop.at("2026-04-01 12:00"))

    bill.refresh_from_db()
    assert (bill.provider, bill.provider_reference) == ("", "till 7")


def test_a_renewal_that_is_owed_is_not_asked_for_where_the_person_has_paid_the_same_plan() -> None:
    shop = PlanShop(PLUS)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.nights("2026-05-01")
    shop.joins("bob", "plus", at="2026-05-01 10:00")

    shop.merge("bob", "ada", at="2026-05-02 10:00")
    shop.nights("2026-05-09")

    assert (shop.code_of("ada"), shop.period_of("ada")) == ("plus", ("2026-05-01", "2026-06-01"))
    assert sorted(shop.bills("ada")) == [
        ("first", "10.00", "paid"), ("first", "10.00", "paid"), ("renewal", "10.00", "void"),
    ]  # fmt: skip


def test_a_renewal_of_the_larger_plan_is_asked_for_less_what_is_left_of_the_smaller_one() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "max", at="2026-04-01 10:00")
    shop.nights("2026-05-01")
    shop.joins("bob", "plus", at="2026-05-01 10:00")

    shop.merge("bob", "ada", at="2026-05-02 10:00")

    bill = shop.bill("ada")
    assert (bill.kind, bill.fee, bill.credit_used, bill.amount) == (
        "renewal", Decimal("25.00"), Decimal("9.68"), Decimal("15.32"),
    )  # fmt: skip
    assert (str(bill.unpaid_on), shop.plan_of("ada").credit) == ("2026-05-08", NOTHING)


def test_who_got_a_part_back_already_gets_no_more_than_was_paid_and_the_books_owe_nothing() -> None:
    shop = PlanShop(PLUS)
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    refund(Invoice.objects.get().pk, Decimal("4.00"), reason="late", author="sue", now=shop.at("2026-04-02 10:00"))

    shop.ends("ada", at="2026-04-11 10:00")

    books = fee_books(shop.program, since=shop.at("2026-04-01 00:00"), until=shop.at("2026-05-01 00:00"))
    assert shop.went_back() == [Decimal("4.00"), Decimal("6.00")]
    assert (books.credit_after, books.deferred_after) == (NOTHING, NOTHING)


def test_what_went_back_is_not_credited_as_well_and_what_was_credited_does_not_go_back() -> None:
    shop = PlanShop(PLUS, MAX)
    for name in ("ada", "bob"):
        shop.joins(name, "max", at="2026-04-01 10:00")
    of_ada, of_bob = (Invoice.objects.get(subscription__membership=shop.membership(name)) for name in ("ada", "bob"))

    refund(of_ada.pk, Decimal("15.00"), reason="late", author="sue", now=shop.at("2026-04-02 10:00"))
    shop.changes_plan("ada", "plus", at="2026-04-11 10:00", when=PlanWhen.NOW)  # of 25.00 for 30 days 20 are left
    shop.changes_plan("bob", "plus", at="2026-04-11 10:00", when=PlanWhen.NOW)
    now = shop.at("2026-04-12 10:00")
    with pytest.raises(OwedAsCredit) as refused:
        refund(of_bob.pk, Decimal("15.01"), reason="late", author="sue", now=now)
    refund(of_bob.pk, None, reason="late", author="sue", now=now)

    # Ada had 10.00 of 16.67 left to be credited, against 6.67; Bob is credited 10.00, and 15.00 are left of his fee.
    assert [f"{shop.plan_of(name).credit:f}" for name in ("ada", "bob")] == ["3.33", "10.00"]
    assert str(refused.value) == (
        "15.01 EUR are to be refunded; 15.00 can be: 10.00 of what was paid is the member’s credit, by which its next invoices "
        "are less. End the plan to give that back."
    )
    for name in ("ada", "bob"):
        shop.cancels(name, at="2026-04-13 10:00")
    shop.nights("2026-05-02")
    books = fee_books(shop.program, since=shop.at("2026-04-01 00:00"), until=shop.at("2026-06-01 00:00"))
    assert sorted(shop.went_back()) == [Decimal("3.33"), Decimal("10.00"), Decimal("15.00"), Decimal("15.00")]
    assert (books.credit_after, books.deferred_after) == (NOTHING, NOTHING)


def test_a_plan_whose_fee_went_back_leaves_no_credit_to_the_one_with_whom_it_is_merged() -> None:
    shop = PlanShop(PLUS, {**MAX, "trial_days": 90})
    shop.joins("ada", "plus", at="2026-04-01 10:00")
    shop.joins("bob", "max", at="2026-04-01 10:00")
    refund(Invoice.objects.get().pk, None, reason="late", author="sue", now=shop.at("2026-04-02 10:00"))

    shop.merge("ada", "bob", at="2026-04-11 10:00")

    shop.cancels("bob", at="2026-04-12 10:00")
    shop.nights("2026-07-02")
    books = fee_books(shop.program, since=shop.at("2026-04-01 00:00"), until=shop.at("2026-08-01 00:00"))
    assert (shop.plan_of("bob").end_reason, shop.went_back()) == ("cancelled", [Decimal("10.00")])
    assert (books.credit_after, books.deferred_after) == (NOTHING, NOTHING)


def test_what_was_paid_in_time_by_credit_that_went_back_is_forgone_and_the_books_owe_nothing() -> None:
    shop = PlanShop(PLUS, MAX)
    shop.joins("ada", "max", at="2026-04-01 10:00")
    shop.changes_plan("ada", "plus", at="2026-04-16 10:00", when=PlanWhen.NOW)  # 7.50 are credited
    shop.nights("2026-05-01")
    bill = shop.bill("ada")
    shop.nights("2026-05-09")

    shop.pays("ada", bill=bill, at="2026-05-05 10:00", told="2026-05-10 10:00")

    bill.refresh_from_db()
    assert (bill.amount, bill.credit_used, shop.code_of("ada")) == (Decimal("2.50"), NOTHING, "plus")
    assert sorted(line.amount for line in bill.lines.all()) == [Decimal("-7.50"), Decimal("10.00")]
    may = fee_books(shop.program, since=shop.at("2026-05-01 00:00"), until=shop.at("2026-06-01 00:00"))
    assert (may.credit_after, may.deferred_after, may.earned) == (NOTHING, NOTHING, Decimal("2.50"))
    assert shop.went_back() == [Decimal("7.50")]

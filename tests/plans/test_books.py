"""Fees in the books: deferred, earned by days, credited and refunded, in every decimal."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db.models import Sum

from loyalty.plans.account.joining import When, cancel, change, end
from loyalty.plans.account.paying import refund
from loyalty.plans.books import FeeBooks, fee_books
from loyalty.plans.models import Invoice, Refund, Subscription
from loyalty.programs.models import Program
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import joined, nights_until, pays

pytestmark = pytest.mark.django_db

TWO = ({"code": "plus", "price": "10.00"}, {"code": "max", "price": "25.00"})


def month(club: Program, first: str, end: str) -> FeeBooks:
    return fee_books(club, since=on(first), until=on(end))


def sums(books: FeeBooks) -> dict[str, str]:
    return {line.event: f"{line.debit:f}" for line in books.lines if line.debit}


def is_led_by_its_journal(books: FeeBooks) -> bool:
    """Tell whether the journal balances, and leads from what was deferred before to what is deferred after."""
    accounts: Counter[str] = Counter()
    for line in books.lines:
        accounts[line.account] += line.credit - line.debit  # type: ignore[assignment] # of decimals
    return sum(accounts.values()) == 0 and books.deferred_before + accounts["deferred_fees"] == books.deferred_after


def test_a_fee_is_earned_by_the_days_of_its_period() -> None:
    club = make_plans.program(*TWO)
    joined(make.member(club), at=on("2026-06-16T12:00"))

    june, july = month(club, "2026-06-01", "2026-07-01"), month(club, "2026-07-01", "2026-08-01")

    assert (sums(june), june.deferred_after) == ({"fees_paid": "10.00", "fees_earned": "5.00"}, Decimal("5.00"))
    assert (sums(july), july.deferred_before, july.deferred_after) == (
        {"fees_earned": "5.00"},
        Decimal("5.00"),
        Decimal(0),
    )
    assert is_led_by_its_journal(june)
    assert is_led_by_its_journal(july)


def test_credits_changes_and_refunds_are_in_the_journal() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, "max", at=on("2026-06-01T12:00"))
    change(ada, "plus", when=When.NOW, now=on("2026-06-16T12:00"))
    refund(
        Invoice.objects.get(kind="first").pk, Decimal("2.00"), reason="late", author="sue", now=on("2026-06-20T12:00")
    )

    june = month(club, "2026-06-01", "2026-07-01")
    nights_until(club, "2026-07-01")
    pays(ada, at=on("2026-07-02T12:00"))
    cancel(ada, now=on("2026-07-03T12:00"))
    nights_until(club, "2026-08-02")
    july = month(club, "2026-07-01", "2026-08-01")

    # 12.50 for 15 days of the larger plan, 5.00 for 15 of the smaller one
    assert sums(june) == {
        "fees_paid": "25.00", "fees_credited": "7.50", "fees_earned": "17.50", "fees_refunded": "2.00",
    }  # fmt: skip
    assert (june.deferred_after, june.credit_after) == (Decimal(0), Decimal("7.50"))
    assert sums(july) == {"fees_paid": "2.50", "credit_used": "7.50", "fees_earned": "10.00"}
    assert (july.deferred_after, july.credit_after) == (Decimal(0), Decimal(0))
    assert is_led_by_its_journal(june)
    assert is_led_by_its_journal(july)


def test_what_is_left_of_a_plan_that_staff_ended_is_earned_or_goes_back() -> None:
    club = make_plans.program(*TWO)
    ada, bob = make.member(club), make.member(club)
    for each in (ada, bob):
        joined(each, at=on("2026-06-01T12:00"))

    end(ada, refunds=False, now=on("2026-06-11T12:00"))
    end(bob, refunds=True, now=on("2026-06-11T12:00"))
    june = month(club, "2026-06-01", "2026-07-01")

    assert sums(june) == {
        "fees_paid": "20.00", "fees_credited": "6.67", "fees_earned": "13.33", "credit_refunded": "6.67",
    }  # fmt: skip
    assert (june.deferred_after, june.credit_after) == (Decimal(0), Decimal(0))


@pytest.mark.parametrize(("currency", "prices"), [("JPY", ("1000", "2501")), ("KWD", ("3.333", "8.125"))])
def test_months_add_up_in_every_currency(currency: str, prices: Any) -> None:
    owner = make.retailer(currency=currency)
    club = make_plans.program({"code": "plus", "price": prices[0]}, {"code": "max", "price": prices[1]}, owner=owner)
    ada = make.member(club)
    joined(ada, at=on("2026-01-31T12:00"))
    change(ada, "max", now=on("2026-02-07T12:00"))
    pays(ada, at=on("2026-02-09T12:00"))
    for day in ("2026-02-28", "2026-03-31", "2026-04-30"):
        nights_until(club, day)
        pays(ada, at=on(f"{day}T10:00"))
    change(ada, "plus", when=When.NOW, now=on("2026-05-10T12:00"))
    cancel(ada, now=on("2026-05-10T12:00"))
    nights_until(club, "2026-06-01")

    starts = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01", "2026-06-01"]
    months = [month(club, *pair) for pair in pairwise(starts)]
    paid = Invoice.objects.filter(status="paid").aggregate(all=Sum("amount"))["all"]
    credit = Subscription.objects.get().credit

    assert all(is_led_by_its_journal(each) for each in months)
    assert [each.deferred_before for each in months[1:]] == [each.deferred_after for each in months[:-1]]
    back = Refund.objects.aggregate(all=Sum("amount"))["all"]
    assert sum(each.earned for each in months) + back == paid
    assert (months[-1].deferred_after, credit) == (Decimal(0), Decimal(0))

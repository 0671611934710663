"""What a member's plan costs, gives, and when it begins and ends."""

from decimal import Decimal

import pytest

from loyalty.outbox.models import Event
from loyalty.plans.account.joining import change, join
from loyalty.plans.models import Invoice, InvoiceLine, PaidPlan
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import changes_of, gave, invoices_of, joined, nights_until, pays, plan_of

pytestmark = pytest.mark.django_db

TWO = ({"code": "plus", "price": "10.00", "multiplier": "2"}, {"code": "max", "price": "25.00", "multiplier": "3"})


def test_a_plan_begins_with_its_first_payment() -> None:
    ada = make.member(make_plans.program(*TWO))

    join(ada, "plus", now=on("2026-06-01T12:00"))
    before = make.buys(ada, "10.00", at=on("2026-06-01T13:00"))
    pays(ada, at=on("2026-06-01T14:00"))
    after = make.buys(ada, "10.00", at=on("2026-06-01T15:00"))

    assert (gave(before), gave(after)) == (10, 20)
    assert invoices_of(ada) == [("first", "10.00", "paid")]
    assert changes_of(ada) == [(None, "plus", on("2026-06-01T14:00"))]
    found = plan_of(ada)
    assert (found.status, str(found.first_day), str(found.end_day)) == (
        "active",
        "2026-06-01",
        "2026-07-01",
    )
    assert PaidPlan.objects.get(pk=found.plan_id).code == "plus"


def test_an_upgrade_on_the_eleventh_of_thirty_days_is_prorated_to_the_cent() -> None:
    ada = make.member(make_plans.program(*TWO))
    joined(ada, at=on("2026-06-01T12:00"))

    change(ada, "max", now=on("2026-06-11T09:00"))
    pays(ada, at=on("2026-06-11T09:05"))

    invoice = Invoice.objects.get(kind="change")
    lines = InvoiceLine.objects.filter(invoice=invoice).order_by("amount").values_list("amount", flat=True)
    assert [f"{amount:f}" for amount in lines] == ["-6.67", "16.67"]
    assert (invoice.amount, invoice.status) == (Decimal("10.00"), "paid")
    assert changes_of(ada) == [(None, "plus", on("2026-06-01T12:00")), ("plus", "max", on("2026-06-11T09:05"))]
    assert gave(make.buys(ada, "10.00", at=on("2026-06-12T09:00"))) == 30


def test_a_period_is_renewed_at_midnight_and_paid_within_its_grace() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))

    nights_until(club, "2026-07-03")
    pays(ada, at=on("2026-07-05T12:00"))
    nights_until(club, "2026-07-20")

    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "10.00", "paid")]
    assert plan_of(ada).status == "active"
    assert len(changes_of(ada)) == 1


def test_what_is_not_paid_stops_at_the_end_of_the_seventh_day_with_one_event() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))

    last = make.buys(ada, "10.00", at=on("2026-07-07T23:59:40"))
    first = make.buys(ada, "10.00", at=on("2026-07-08T00:00:20"))
    nights_until(club, "2026-07-20")

    assert (gave(last), gave(first)) == (20, 10)
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "10.00", "void")]
    found = plan_of(ada)
    assert (found.status, found.end_reason, found.ended_at) == ("ended", "unpaid", on("2026-07-08T00:00"))
    assert Event.objects.filter(type="plan.ended").count() == 1


def test_an_order_under_a_plan_is_returned_by_what_it_gave_after_the_plan_has_ended() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    bought = make.buys(ada, "10.00", "5.00", at=on("2026-06-20T12:00"))
    before = make.spendable(ada, on("2026-08-01T12:00"))
    nights_until(club, "2026-07-01")
    nights_until(club, "2026-08-01")

    make.returns(ada, bought, (2, "1"), at=on("2026-08-02T12:00"))
    partly = make.spendable(ada, on("2026-08-02T12:00"))
    make.returns(ada, bought, (1, "1"), at=on("2026-08-03T12:00"))

    assert (before, partly, make.spendable(ada, on("2026-08-03T12:00"))) == (30, 20, 0)
    assert plan_of(ada).status == "ended"


def test_an_order_that_is_told_late_counts_under_the_plan_of_its_own_time() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    nights_until(club, "2026-08-01")

    late = make.buys(ada, "10.00", at=on("2026-06-20T12:00"), recorded=on("2026-08-01T12:00"))
    earlier = make.buys(ada, "10.00", at=on("2026-05-20T12:00"), recorded=on("2026-08-01T12:00"))

    assert (gave(late), gave(earlier)) == (20, 10)


def test_a_trial_costs_nothing_once_and_then_the_fee() -> None:
    club = make_plans.program({"trial_days": 14, "multiplier": "2"})
    ada = make.member(club)

    join(ada, "plus", now=on("2026-06-01T12:00"))
    bought = make.buys(ada, "10.00", at=on("2026-06-14T23:00"))
    nights_until(club, "2026-06-16")

    assert gave(bought) == 20
    assert invoices_of(ada) == [("renewal", "10.00", "open")]
    found = plan_of(ada)
    assert (found.status, found.first_day, found.end_day) == (
        "active", on("2026-06-15").date(), on("2026-07-15").date(),
    )  # fmt: skip

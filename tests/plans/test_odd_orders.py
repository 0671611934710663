"""Changes, merges and versions in odd orders, which members that were drawn came to: small, with their numbers."""

from decimal import Decimal

import pytest

from loyalty.activity.account.merging import take_merge
from loyalty.activity.versions import versions_of_program
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import When, cancel, change, join
from loyalty.plans.account.paying import settle
from loyalty.plans.models import Invoice, PaidPlan, Refund, Subscription
from loyalty.plans.overview import state_of
from loyalty.programs.models import Program
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import invoices_of, joined, nights_until, pays, plan_of

pytestmark = pytest.mark.django_db

PLUS = {"code": "plus", "price": "10.00"}
MAX = {"code": "max", "price": "25.00"}


def bob_is_ada(at: str) -> None:
    bob = Membership.objects.get(customer__external_id="bob")
    take_merge(bob.retailer, "bob", "ada", reference="crm", now=on(at))


def follows(club: Program, at: str, *plans: dict[str, str]) -> None:
    """Let a version follow that was written anew, with other plans."""
    draft = open_draft(club, now=on(at))
    PaidPlan.objects.filter(version=draft).delete()
    make_plans.add_plans(draft, *plans)
    publish(draft, effective_from=on(at), now=on(at))


def test_who_had_a_trial_before_the_merge_has_no_second_one() -> None:
    club = make_plans.program(PLUS | {"trial_days": 14})
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    join(bob, "plus", now=on("2026-06-01T12:00"))
    cancel(bob, now=on("2026-06-02T12:00"))
    nights_until(club, "2026-06-20")
    bob_is_ada("2026-06-20T12:00")

    join(ada, "plus", now=on("2026-06-20T13:00"))

    assert invoices_of(ada) == [("first", "10.00", "open")]


def test_the_last_plan_of_a_merged_member_is_the_one_that_ended_last() -> None:
    club = make_plans.program(PLUS)
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    joined(bob, at=on("2026-06-01T12:00"))
    join(ada, "plus", now=on("2026-06-02T12:00"))
    cancel(ada, now=on("2026-06-03T12:00"))
    bob_is_ada("2026-06-04T12:00")
    for day in ("2026-07-01", "2026-07-08"):
        nights_until(club, day)

    settle(
        Invoice.objects.get(kind="renewal").pk,
        paid_at=on("2026-07-05T12:00"),
        reference="r",
        now=on("2026-07-09T12:00"),
    )

    open_one = Subscription.objects.get(ended_at=None)
    assert (open_one.membership_id, open_one.status, str(open_one.end_day)) == (ada.pk, "active", "2026-08-01")


def test_what_is_credited_to_a_trial_goes_back_of_the_fee_that_was_paid() -> None:
    club = make_plans.program(PLUS, MAX | {"trial_days": 30})
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    joined(bob, at=on("2026-06-01T12:00"))
    join(ada, "max", now=on("2026-06-11T12:00"))
    bob_is_ada("2026-06-11T13:00")
    credit = plan_of(ada).credit

    cancel(ada, now=on("2026-06-12T12:00"))
    nights_until(club, "2026-07-11")

    assert credit == Decimal("6.67")
    assert [(each.amount, each.invoice.subscription.membership) for each in Refund.objects.all()] == [(credit, ada)]


def test_a_change_that_is_paid_under_another_price_costs_what_was_quoted_by_the_days_that_are_left() -> None:
    club = make_plans.program(PLUS, MAX)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    change(ada, "max", now=on("2026-06-11T12:00"))
    follows(club, "2026-06-12T00:00", PLUS, MAX | {"price": "50.00"})

    pays(ada, at=on("2026-06-16T12:00"))

    # Of 16.67 and 6.67 for twenty days 12.50 and 5.00 are for the fifteen that are left.
    assert (plan_of(ada).paid, plan_of(ada).credit) == (Decimal("12.50"), Decimal("2.50"))


@pytest.mark.parametrize("at", ["2027-02-15T12:00", "2027-02-16T12:00"])
def test_a_month_that_ends_with_the_year_before_it_is_a_period_of_its_own(at: str) -> None:
    club = make_plans.program(PLUS, MAX, {"code": "year", "price": "100.00", "period": "year"})
    ada = make.member(club)
    joined(ada, "year", at=on("2026-03-15T12:00"))
    nights_until(club, "2027-02-15")

    change(ada, "plus", when=When.NOW, now=on(at))
    pays(ada, at=on(at))
    change(ada, "max", now=on("2027-02-22T12:00"))

    quoted = Invoice.objects.filter(subscription__membership=ada).order_by("pk").last()
    days = 21 if at == "2027-02-15T12:00" else 22
    assert quoted is not None
    assert quoted.fee == (Decimal(25) * days / 28).quantize(Decimal("0.01"))


def test_a_plan_that_comes_back_after_a_version_without_it_is_the_same_one() -> None:
    club = make_plans.program(PLUS, {"code": "year", "price": "100.00", "period": "year"})
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    follows(club, "2026-06-10T00:00", MAX)
    follows(club, "2026-06-20T00:00", PLUS, MAX)

    nights_until(club, "2026-07-01")

    assert (plan_of(ada).status, Subscription.objects.count()) == ("active", 1)


def test_a_first_fee_that_is_told_twice_pays_once() -> None:
    club = make_plans.program(PLUS)
    ada = make.member(club)
    join(ada, "plus", now=on("2026-06-01T12:00"))
    invoice = Invoice.objects.get()

    told = [settle(invoice.pk, paid_at=on("2026-06-01T13:00"), reference="r", now=on(at)) for at in
            ("2026-06-01T14:00", "2026-06-02T12:00")]  # fmt: skip

    assert told == [True, False]
    assert str(plan_of(ada).first_day) == "2026-06-01"


def test_a_plan_that_is_read_before_the_night_stands_as_the_night_leaves_it() -> None:
    club = make_plans.program(PLUS)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    versions, at = versions_of_program(club.pk), on("2026-07-05T12:00")

    read = state_of(ada, versions, at=at).due
    nights_until(club, "2026-07-05")
    left = state_of(ada, versions, at=at).due

    assert read is not None
    assert left is not None
    assert (str(read.until), read.amount) == (str(left.until), left.amount) == ("2026-07-08", Decimal("10.00"))

"""What leaving, coming back, merging, versions and pasts that are lived again do to plans."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from loyalty.activity.account.enrolment import enrol
from loyalty.activity.account.leaving import leave
from loyalty.activity.account.merging import take_merge
from loyalty.activity.replaying import replay
from loyalty.activity.simulation import simulate
from loyalty.activity.versions import versions_of_program
from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.outbox.models import Event
from loyalty.plans.account.joining import cancel, change, join, resume
from loyalty.plans.models import Invoice, PaidPlan, Subscription
from loyalty.plans.state import PLANS
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import changes_of, gave, invoices_of, joined, nights_until, plan_of

pytestmark = pytest.mark.django_db

TWO = ({"code": "plus", "price": "10.00", "multiplier": "2"}, {"code": "max", "price": "25.00", "multiplier": "3"})


def test_who_leaves_loses_the_plan_with_its_open_invoice() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    change(ada, "max", now=on("2026-06-11T09:00"))

    leave(ada, now=on("2026-06-12T12:00"))

    assert (plan_of(ada).status, plan_of(ada).end_reason) == ("ended", "left")
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("change", "10.00", "void")]
    assert changes_of(ada)[-1] == ("plus", None, on("2026-06-12T12:00"))
    assert list(Event.objects.filter(type="plan.ended").values_list("payload__reason", flat=True)) == ["left"]


def test_who_comes_back_begins_anew_and_has_no_second_trial() -> None:
    club = make_plans.program({"trial_days": 14, "multiplier": "2"})
    ada = make.member(club)
    join(ada, "plus", now=on("2026-06-01T12:00"))
    leave(ada, now=on("2026-06-05T12:00"))
    enrol(club, [(ada.customer_id, on("2026-06-10T12:00"))], source="web", now=on("2026-06-10T12:00"))
    ada.refresh_from_db()

    without = gave(make.buys(ada, "10.00", at=on("2026-06-10T13:00")))
    join(ada, "plus", now=on("2026-06-10T14:00"))

    assert without == 10
    assert [each.status for each in Subscription.objects.order_by("pk")] == ["ended", "awaiting"]
    assert invoices_of(ada) == [("first", "10.00", "open")]


def merged(at: str) -> tuple[Membership, Membership]:
    bob, ada = (Membership.objects.get(customer__external_id=name) for name in ("bob", "ada"))
    take_merge(ada.retailer, "bob", "ada", reference="crm", now=on(at))
    ada.refresh_from_db()
    return bob, ada


def test_the_plan_of_a_member_who_is_merged_goes_over_with_its_period() -> None:
    club = make_plans.program(*TWO)
    make.member(club, "ada")
    joined(make.member(club, "bob"), at=on("2026-06-01T12:00"))

    bob, ada = merged("2026-06-11T12:00")
    nights_until(club, "2026-07-01")

    found = plan_of(ada)
    assert (found.status, str(found.first_day), found.membership_id) == ("active", "2026-07-01", ada.pk)
    assert changes_of(bob)[-1] == ("plus", None, on("2026-06-11T12:00"))
    assert changes_of(ada) == [(None, "plus", on("2026-06-11T12:00"))]
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "10.00", "open")]
    assert gave(make.buys(ada, "10.00", at=on("2026-07-01T12:00"))) == 20


def test_of_two_plans_the_larger_one_stays_and_what_is_left_of_the_other_is_credited() -> None:
    club = make_plans.program(*TWO)
    joined(make.member(club, "ada"), at=on("2026-06-01T12:00"))
    joined(make.member(club, "bob"), "max", at=on("2026-06-06T12:00"))

    _, ada = merged("2026-06-11T12:00")

    found = plan_of(ada)
    assert (found.plan.code, found.status, found.credit) == ("max", "active", Decimal("6.67"))
    assert sorted(Subscription.objects.values_list("status", "end_reason")) == [("active", ""), ("ended", "merged")]
    nights_until(club, "2026-07-06")
    assert Invoice.objects.get(status="open").amount == Decimal("18.33")


def test_of_two_plans_the_larger_one_that_is_there_stays() -> None:
    club = make_plans.program(*TWO)
    joined(make.member(club, "ada"), "max", at=on("2026-06-01T12:00"))
    joined(make.member(club, "bob"), at=on("2026-06-06T12:00"))

    _, ada = merged("2026-06-16T12:00")

    found = Subscription.objects.get(status="active")
    assert (found.membership_id, found.plan.code, found.credit) == (ada.pk, "max", Decimal("6.67"))
    assert Subscription.objects.get(status="ended").membership_id == ada.pk
    assert changes_of(ada) == [(None, "max", on("2026-06-01T12:00"))]


def test_a_new_version_changes_the_price_with_the_next_period_and_benefits_at_once() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    draft = open_draft(club, now=on("2026-06-05T12:00"))
    PaidPlan.objects.filter(version=draft, code="plus").update(price=Decimal("12.00"), multiplier=4, code="plus-2")
    publish(draft, effective_from=on("2026-06-10T00:00"), now=on("2026-06-05T12:00"))

    before, after = (gave(make.buys(ada, "10.00", at=on(f"2026-06-{day}T12:00"))) for day in ("09", "11"))
    nights_until(club, "2026-07-01")

    assert (before, after) == (20, 40)
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "12.00", "open")]
    assert len(changes_of(ada)) == 1


def test_a_plan_that_is_offered_no_more_stays_as_it_was_sold_until_its_period_ends() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))
    draft = open_draft(club, now=on("2026-06-05T12:00"))
    PaidPlan.objects.filter(version=draft).delete()
    publish(draft, effective_from=on("2026-06-10T00:00"), now=on("2026-06-05T12:00"))

    during = gave(make.buys(ada, "10.00", at=on("2026-06-20T12:00")))
    after = gave(make.buys(ada, "10.00", at=on("2026-07-01T00:00:20")))

    assert (during, after) == (20, 10)
    assert (plan_of(ada).end_reason, plan_of(ada).ended_at) == ("withdrawn", on("2026-07-01T00:00"))


def test_what_is_cancelled_can_go_on() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    joined(ada, at=on("2026-06-01T12:00"))

    said = [
        cancel(ada, now=on("2026-06-20T12:00")),
        cancel(ada, now=on("2026-06-20T12:01")),
        resume(ada, now=on("2026-06-21T12:00")),
        resume(ada, now=on("2026-06-21T12:01")),
    ]
    nights_until(club, "2026-07-01")

    assert said == [True, False, True, False]
    assert invoices_of(ada)[-1] == ("renewal", "10.00", "open")


def test_a_plan_ends_at_midnight_of_the_programs_zone() -> None:
    club = make_plans.program(*TWO, zone="America/New_York")
    ada = make.member(club)
    joined(ada, at=on("2026-06-02T03:00"))  # the evening of the 1st in New York
    cancel(ada, now=on("2026-06-02T04:30"))

    last = gave(make.buys(ada, "10.00", at=on("2026-07-01T03:59:59")))
    first = gave(make.buys(ada, "10.00", at=on("2026-07-01T04:00:20")))

    assert (last, first, plan_of(ada).ended_at) == (20, 10, on("2026-07-01T04:00"))


def test_a_past_with_plans_comes_to_what_the_ledger_says() -> None:
    club = make_plans.program(*TWO)
    ada = make.member(club)
    make.buys(ada, "7.00", at=on("2026-05-20T12:00"))
    joined(ada, at=on("2026-06-01T12:00"))
    bought = make.buys(ada, "10.00", "5.00", at=on("2026-06-02T12:00"))
    change(ada, "max", now=on("2026-06-11T09:00"))
    make_plans.pays(ada, at=on("2026-06-11T09:00"))
    make.buys(ada, "10.00", at=on("2026-06-12T12:00"))
    cancel(ada, now=on("2026-06-20T12:00"))
    make.buys(ada, "3.00", at=on("2026-07-02T12:00"))
    make.returns(ada, bought, (2, "1"), at=on("2026-07-03T12:00"))

    replayed = replay(club, now=on("2026-07-04T12:00"))

    assert (replayed.deviations, replayed.members) == ([], 1)
    assert make.spendable(ada, on("2026-07-04T12:00")) == 7 + 20 + 30 + 3
    versions = versions_of_program(club.pk)
    (past,) = simulate(versions, until=on("2026-06-15T12:00"), observe=lambda _: None)
    assert past.member.of(PLANS).key == PaidPlan.objects.get(code="max").key


def test_a_program_without_plans_reads_and_writes_nothing_of_them() -> None:
    ada = make.member(make.program())
    make.buys(ada, "10.00", at=on("2026-06-01T11:00"))
    sent: list[str] = []

    def note(execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        sent.append(str(sql))
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        bought = make.buys(ada, "10.00", at=on("2026-06-01T12:00"))
        make.returns(ada, bought, (1, "1"), at=on("2026-06-01T13:00"))
        nights_until(ada.program, "2026-06-03")

    assert [sql for sql in sent if "plans_" in sql] == []
    assert len(sent) > 10

"""No worker runs, or the provider is not reached, for longer than the grace: nobody loses a plan that nobody tried to collect."""

from datetime import datetime

import pytest

from loyalty.activity.versions import versions_of_program
from loyalty.memberships.models import Membership
from loyalty.plans.account.collecting import collect_due
from loyalty.plans.account.joining import cancel, change, join
from loyalty.plans.models import Invoice
from loyalty.plans.overview import held_plan
from loyalty.plans.providers.port import Answer, Charge, NotReached
from loyalty.plans.providers.tryout import TryoutProvider
from tests import make
from tests.make import on
from tests.plans import make_plans
from tests.plans.make_plans import gave, invoices_of, joined, nights_until, pays, plan_of

pytestmark = pytest.mark.django_db

TWO = ({"code": "plus", "price": "10.00", "multiplier": "2"}, {"code": "max", "price": "25.00", "multiplier": "3"})


class Unreachable(TryoutProvider):
    """Answers nobody."""

    def charge(self, charge: Charge, *, now: datetime) -> Answer:
        raise NotReached


def collects(who: Membership, at: datetime, provider: TryoutProvider | None = None) -> None:
    chosen = provider or TryoutProvider("secret")
    collect_due(who.program.retailer, now=at, choose=lambda _: chosen)


def renewed(method: str) -> Membership:
    """Return a member whose plan was renewed on 1 July, and whom nobody has asked for the fee."""
    ada = make.member(make_plans.program(*TWO))
    joined(ada, at=on("2026-06-01T12:00"), method=method)
    nights_until(ada.program, "2026-07-01")
    return ada


def test_who_was_not_asked_for_the_fee_keeps_the_plan_beyond_the_grace_and_pays_when_asked() -> None:
    ada = renewed("pays")
    nights_until(ada.program, "2026-07-12")

    still = gave(make.buys(ada, "10.00", at=on("2026-07-12T12:00")))
    collects(ada, on("2026-07-12T13:00"))

    assert still == 20
    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "10.00", "paid")]
    assert (plan_of(ada).status, str(plan_of(ada).end_day)) == ("active", "2026-08-01")


def test_the_grace_counts_from_the_first_try() -> None:
    ada = renewed("declines")
    nights_until(ada.program, "2026-07-12")
    collects(ada, on("2026-07-12T13:00"))
    invoice = Invoice.objects.get(kind="renewal")
    tried = (plan_of(ada).status, str(invoice.unpaid_on), invoice.next_try_at)
    for day in (14, 16, 18):
        collects(ada, on(f"2026-07-{day}T14:00"))

    nights_until(ada.program, "2026-07-18")
    before = plan_of(ada).status
    nights_until(ada.program, "2026-07-19")

    assert tried == ("past_due", "2026-07-19", on("2026-07-14T13:00"))
    assert (before, plan_of(ada).status, plan_of(ada).end_reason) == ("past_due", "ended", "unpaid")
    assert plan_of(ada).ended_at == on("2026-07-19T00:00")


def test_a_provider_that_is_not_reached_costs_nobody_the_plan() -> None:
    ada = renewed("pays")
    for day in range(1, 12):
        collects(ada, on(f"2026-07-{day:02}T12:00"), Unreachable("secret"))
        nights_until(ada.program, f"2026-07-{day + 1:02}")
    before = plan_of(ada).status

    collects(ada, on("2026-07-12T12:00"))

    assert (before, plan_of(ada).status) == ("active", "active")
    assert Invoice.objects.get(kind="renewal").status == "paid"


def test_who_pays_by_hand_has_the_grace_that_is_told() -> None:
    ada = renewed("")

    nights_until(ada.program, "2026-07-08")

    assert (plan_of(ada).status, plan_of(ada).end_reason) == ("ended", "unpaid")


def test_who_pays_by_hand_has_time_for_what_was_issued_only_as_time_was_caught_up() -> None:
    ada = make.member(make_plans.program(*TWO))
    joined(ada, at=on("2026-06-01T12:00"))

    nights_until(ada.program, "2026-07-12")
    found = (plan_of(ada).status, str(Invoice.objects.get(kind="renewal").unpaid_on))
    nights_until(ada.program, "2026-07-15")

    assert found == ("active", "2026-07-15")
    assert (plan_of(ada).status, plan_of(ada).end_reason) == ("ended", "unpaid")


def test_a_period_in_which_nobody_tried_is_not_charged() -> None:
    ada = renewed("pays")

    nights_until(ada.program, "2026-08-01")
    collects(ada, on("2026-08-01T12:00"))

    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "10.00", "void"), ("renewal", "10.00", "paid")]
    assert (plan_of(ada).status, str(plan_of(ada).end_day)) == ("active", "2026-09-01")


def test_a_try_that_failed_at_the_period_s_end_ends_the_plan_with_it() -> None:
    ada = renewed("declines")
    nights_until(ada.program, "2026-07-30")
    collects(ada, on("2026-07-30T13:00"))

    nights_until(ada.program, "2026-08-01")

    assert invoices_of(ada) == [("first", "10.00", "paid"), ("renewal", "10.00", "void")]
    assert (plan_of(ada).end_reason, plan_of(ada).ended_at) == ("unpaid", on("2026-08-01T00:00"))


def test_nothing_ran_for_months_the_plan_goes_on_and_is_asked_for_once() -> None:
    ada = make.member(make_plans.program(*TWO))
    joined(ada, at=on("2026-06-01T12:00"), method="pays")
    versions = versions_of_program(ada.program_id)
    at = on("2026-09-15T12:00")

    seen = held_plan(ada, versions, at=at)
    make.buys(ada, "10.00", at=at)
    collects(ada, at)

    assert seen is not None
    assert (seen.status, str(seen.until)) == ("active", "2026-09-30")
    found = plan_of(ada)
    assert (found.status, str(found.first_day), str(found.end_day)) == ("active", "2026-09-01", "2026-10-01")
    assert [status for *_, status in invoices_of(ada)] == ["paid", "void", "void", "paid"]


def test_a_join_and_an_upgrade_wait_for_their_try_as_well() -> None:
    ada, bob = (make.member(club, name) for club in [make_plans.program(*TWO)] for name in ("ada", "bob"))
    join(ada, "plus", method="pays", now=on("2026-06-01T12:00"))
    joined(bob, at=on("2026-06-01T12:00"), method="pays")
    change(bob, "max", now=on("2026-06-02T12:00"))
    nights_until(ada.program, "2026-06-15")

    collects(ada, on("2026-06-15T12:00"))

    assert (plan_of(ada).status, str(plan_of(ada).first_day)) == ("active", "2026-06-15")
    assert (plan_of(bob).plan.code, plan_of(bob).status) == ("max", "active")


def test_who_cancels_while_nobody_collects_owes_nothing_more() -> None:
    ada = renewed("pays")
    cancel(ada, now=on("2026-07-05T12:00"))

    nights_until(ada.program, "2026-08-01")
    collects(ada, on("2026-08-01T12:00"))
    pays(ada, at=on("2026-08-01T12:00"))

    assert (plan_of(ada).status, plan_of(ada).end_reason) == ("ended", "cancelled")
    assert invoices_of(ada)[-1] == ("renewal", "10.00", "void")

"""What a member reads of its plan is what it pays and has."""

import re
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from loyalty.configuration.drafts import open_draft, publish
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import end, join
from loyalty.plans.models import Invoice, PaidPlan, Subscription
from tests import make
from tests.page.test_pages import home_of, known, signed_in, text_of
from tests.page.test_rewards_told import form_of
from tests.plans.make_plans import add_plans, joined

pytestmark = pytest.mark.django_db


def eve_of(*plans: dict[str, object]) -> Membership:
    """Return a member of a program with plans; one of 10.00 a month if none is given."""
    draft = make.version(make.retailer(language="en"))
    add_plans(draft, *(plans or ({},)))
    return known(make.published(draft, since=timezone.now() - timedelta(days=100)), "eve")


def dearer(eve: Membership, code: str, price: str) -> None:
    """Let a version begin now that asks another price for a plan."""
    now = timezone.now()
    draft = open_draft(eve.program, author="sue", now=now)
    PaidPlan.objects.filter(version=draft, code=code).update(price=Decimal(price))
    publish(draft, effective_from=now, now=now)


def test_nobody_joins_a_plan_for_another_price_than_it_was_told() -> None:
    eve = eve_of()
    browser, page = signed_in(eve), f"{home_of(eve)}plan/choose/plus"
    form = form_of(browser.get(page).content.decode())
    dearer(eve, "plus", "15.00")

    asked = browser.post(page, form)

    assert "What it costs has changed. Please look at it again." in text_of(asked)
    assert "To be paid 15.00 EUR" in text_of(asked)
    assert not Subscription.objects.exists()
    assert browser.post(page, form_of(asked.content.decode())).status_code == 302
    assert Invoice.objects.get().amount == Decimal("15.00")


def test_an_upgrade_that_costs_more_than_was_told_is_asked_again_and_one_of_the_same_price_is_not() -> None:
    eve = eve_of({}, {"code": "max", "price": "40.00"})
    joined(eve, at=timezone.now(), method="card")
    browser, page = signed_in(eve), f"{home_of(eve)}plan/choose/max"
    form = form_of(browser.get(page).content.decode())
    dearer(eve, "max", "70.00")

    asked = browser.post(page, form)

    assert "To be paid 60.00 EUR" in text_of(asked)  # 70.00 for the whole period, less the 10.00 that were paid for it
    assert Invoice.objects.filter(kind="change").count() == 0
    again = form_of(asked.content.decode())
    for _ in range(2):  # sent twice it is one request
        assert browser.post(page, again).status_code == 302
    assert [f"{each.amount:f}" for each in Invoice.objects.filter(kind="change")] == ["60.00"]


def told_of_plan(eve: Membership) -> list[str]:
    """Return what a member reads of the end of its period, on its card's page and on its plan's."""
    browser, found = signed_in(eve), []
    for page in ("", "plan"):
        said = re.search(
            r"(Paid|On trial|Ends|This period)\s+(runs )?(through|after)", text_of(browser.get(home_of(eve) + page))
        )
        found.append(said.group() if said else "")
    return found


def test_a_period_is_told_as_paid_where_it_was_paid() -> None:
    now = timezone.now()
    begun = datetime.combine((now - timedelta(days=33)).date(), time(12), UTC)
    trying, paying, owing, free = (
        eve_of({"trial_days": 90, "price": "10.00"}), eve_of(), eve_of({"grace_days": 27}), eve_of({"price": "0.00"})
    )  # fmt: skip
    join(trying, "plus", now=now)
    join(free, "plus", now=now)
    joined(paying, at=now)
    joined(owing, at=begun)  # a month has 31 days at most: the second one has begun, and nobody paid for it

    assert told_of_plan(trying) == ["On trial through"] * 2
    assert told_of_plan(paying) == ["Paid through"] * 2
    assert told_of_plan(owing) == ["This period runs through"] * 2
    assert told_of_plan(free) == ["This period runs through"] * 2


def test_a_trial_is_offered_to_who_has_had_none() -> None:
    eve = eve_of({"trial_days": 30, "price": "10.00"})
    browser, page = signed_in(eve), f"{home_of(eve)}plan"
    assert "30 days free to try, once" in text_of(browser.get(page))
    join(eve, "plus", now=timezone.now())
    end(eve, refunds=False, now=timezone.now())

    again = text_of(browser.get(page))

    assert "Join Plus" in again
    assert "free to try" not in again

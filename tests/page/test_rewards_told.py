"""What a member reads of its rewards is what a till says of them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from customers.core.calendar import local_date
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.rewards.redeeming import redeem_reward
from loyalty.memberships.models import Membership
from loyalty.rewards.models import RewardRedemption
from tests import make
from tests.page.test_pages import home_of, known, signed_in, text_of
from tests.rewards.shop import follow, reward

pytestmark = pytest.mark.django_db
TILL = {"kind": "pay_with_points", "codes": "generated"}


def eve_with(**given: Any) -> Membership:
    """Return a member with 1,000 points, in a program with one reward."""
    draft = make.version(make.retailer(language="en", zone="Europe/Paris"))
    reward(draft, **given)
    eve = known(make.published(draft, since=timezone.now() - timedelta(days=100)), "eve")
    adjust(eve, 1_000, reason="r", author="a", reference="r1", now=timezone.now() - timedelta(days=40))
    return eve


def test_a_reward_is_told_with_the_last_day_on_which_a_till_takes_it() -> None:
    now = timezone.now()
    eve = eve_with(valid_days=10)
    got = redeem_reward(eve, "five-off", reference="one", now=now)
    last = local_date(now, eve.program.tzinfo) + timedelta(days=10)
    browser = signed_in(eve)

    shown, listed = (text_of(browser.get(f"{home_of(eve)}{page}")) for page in (f"mine/{got.redemption.pk}", "rewards"))

    assert f"Good through {date_format(last, 'j F Y')}" in shown
    assert f"Five-Off Good through {date_format(last, 'j F Y')} issued" in listed


def test_a_reward_past_its_end_is_over_on_the_page_before_the_night_has_been() -> None:
    eve = eve_with(valid_days=10)
    got = redeem_reward(eve, "five-off", reference="one", now=timezone.now() - timedelta(days=12))
    browser = signed_in(eve)

    shown, listed, home = (
        text_of(browser.get(f"{home_of(eve)}{page}")) for page in (f"mine/{got.redemption.pk}", "rewards", "")
    )

    assert RewardRedemption.objects.get().status == "issued"  # the night has not been
    assert "Show this at the till" not in shown
    assert "Five-Off Expired" in shown
    assert "Yours, to use" not in listed
    assert "expired" in listed.split("What you have had")[1]
    assert "reward to use" not in home


def form_of(page: str) -> dict[str, str]:
    """Return what a page's form sends."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))


@pytest.mark.parametrize(
    ("kind", "changes", "sends"),
    [
        ({}, {"points": 800}, {}),
        (TILL | {"points": 100, "points_per_unit": 100}, {"points_per_unit": 200}, {"points": "500"}),
    ],
)  # fmt: skip
def test_a_price_that_changed_since_it_was_told_is_told_again_and_takes_nothing(
    kind: dict[str, Any], changes: dict[str, Any], sends: dict[str, str]
) -> None:
    eve = eve_with(**kind)
    browser, page = signed_in(eve), f"{home_of(eve)}rewards/five-off"
    form = form_of(browser.get(page).content.decode())
    follow(eve.program, timezone.now(), **changes)

    asked = browser.post(page, {**form, **sends})

    assert "What it costs, or gives, has changed. Please look at it again." in text_of(asked)
    assert not RewardRedemption.objects.exists()
    assert make.spendable(eve, timezone.now()) == 1_000
    again = form_of(asked.content.decode())
    assert browser.post(page, {**again, **sends}).status_code == 302
    assert RewardRedemption.objects.get().points == int(sends.get("points", 800))


def test_a_form_that_is_sent_twice_is_one_request_whatever_it_costs_by_then() -> None:
    eve = eve_with()
    browser, page = signed_in(eve), f"{home_of(eve)}rewards/five-off"
    form = form_of(browser.get(page).content.decode())
    first = browser.post(page, form)
    follow(eve.program, timezone.now(), points=800)

    second = browser.post(page, form)

    assert (first.status_code, second.status_code) == (302, 302)
    assert second.headers["Location"] == first.headers["Location"]
    assert RewardRedemption.objects.get().points == 500

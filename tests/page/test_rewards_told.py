"""What a member reads of its rewards is what a till says of them."""

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
from tests.rewards.shop import reward

pytestmark = pytest.mark.django_db
PARIS = "Europe/Paris"


def eve_with(points: int = 1_000, zone: str = PARIS, **given: Any) -> Membership:
    """Return a member with points, in a program with one reward."""
    draft = make.version(make.retailer(language="en", zone=zone))
    reward(draft, **given)
    eve = known(make.published(draft, since=timezone.now() - timedelta(days=100)), "eve")
    adjust(eve, points, reason="r", author="a", reference="r1", now=timezone.now() - timedelta(days=40))
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

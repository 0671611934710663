"""What a member reads of its tier is what it has, what keeps it, and how far the next one is."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from loyalty.memberships.models import Membership
from loyalty.tiers.models import Tier
from tests import make
from tests.page.test_pages import home_of, known, signed_in, text_of

pytestmark = pytest.mark.django_db
AGO = timedelta(days=800)


def eve_of(*, orders: int | None = None, **scheme: object) -> Membership:
    """Return a member since 800 days, in a program with silver from 100, and gold from 1,000 and maybe so many orders."""
    draft = make.version(
        make.retailer(language="en"), tiers=[("silver", "100", "1"), ("gold", "1000", "2")], scheme=scheme
    )
    Tier.objects.filter(version=draft, code="gold").update(also_orders=orders)
    make.member(make.published(draft, since=timezone.now() - AGO), "eve", since=timezone.now() - AGO)
    return known(draft.program, "eve")


def test_the_way_to_the_next_tier_is_that_of_what_is_missing_most() -> None:
    eve = eve_of(orders=10, window="rolling")
    make.buys(eve, "1200", at=timezone.now() - timedelta(days=1))

    page = signed_in(eve).get(home_of(eve))

    assert "9 more orders for Gold" in text_of(page)
    assert re.findall(r'<progress max="100" value="(\d+)"', page.content.decode()) == ["10"]  # one of ten orders


def test_a_member_reads_what_keeps_its_tier() -> None:
    eve = eve_of(window="membership_year", downgrade="period_end")  # her third year began 70 days ago
    make.buys(eve, "150", at=timezone.now() - timedelta(days=100))
    browser = signed_in(eve)
    asked = text_of(browser.get(home_of(eve)))
    assert "Yours through" in asked
    assert "100.00 EUR more to spend to keep Silver" in asked

    make.buys(eve, "60", at=timezone.now() - timedelta(days=2))
    assert "40.00 EUR more to spend to keep Silver" in text_of(browser.get(home_of(eve)))
    make.buys(eve, "40", at=timezone.now() - timedelta(days=1))

    kept = text_of(browser.get(home_of(eve)))
    assert "Yours through" in kept
    assert "to keep Silver" not in kept

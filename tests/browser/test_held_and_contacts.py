"""The queue of held reviews and a customer's contacts in a real browser: both languages, light and dark, narrow and wide."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from customers.facts import InteractionFact
from customers.models import Customer
from loyalty.activity.intake import take_interactions
from loyalty.activity.models import InteractionHold
from tests import make
from tests.activity.test_interaction_limits import club
from tests.browser.conftest import shot
from tests.browser.test_segments import DESK, PHONE, staff_of

LOOKS = [("en", PHONE, "light"), ("fr", PHONE, "dark"), ("fr", DESK, "light"), ("en", DESK, "dark")]


@pytest.fixture
def ada(site: str) -> Customer:
    """A customer who wrote seven reviews in seven minutes, and was in touch with support twice."""
    now = timezone.now()
    member = make.member(club(), "ada")
    facts = [
        InteractionFact(f"r{place}", "ada", "review", now - timedelta(minutes=10 - place), sku="SOAP")
        for place in range(7)
    ]
    facts += [
        InteractionFact(
            f"c{place}", "ada", "support", now - timedelta(days=place), topic=topic, outcome=outcome, comment=comment
        )
        for place, (topic, outcome, comment) in enumerate(
            [("delivery", "unsolved", "The parcel came two weeks late, and nobody called."), ("invoice", "solved", "")]
        )
    ]
    take_interactions(member.program.retailer, facts, now=now)
    return member.customer


@pytest.mark.slow
@pytest.mark.parametrize(("language", "screen", "scheme"), LOOKS)
def test_held_reviews_and_contacts_fit_every_screen_and_can_be_read(
    chromium: Any, site: str, ada: Customer, language: str, screen: dict[str, int], scheme: str
) -> None:
    User.objects.create_superuser("staff", password="a long password")
    page = staff_of(chromium, site, language, screen, scheme)
    held = InteractionHold.objects.order_by("pk").first()
    assert held is not None, "the sixth is held"
    addresses = {
        "held": "/admin/activity/interactionhold/",
        "held-one": f"/admin/activity/interactionhold/{held.pk}/change/",
        "contacts": f"/admin/customers/customer/{ada.pk}/change/",
    }

    for name, address in addresses.items():
        answer = page.goto(site + address, wait_until="networkidle")
        assert answer.status == 200, address
        assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"], address
        shot(page, f"{name}-{language}-{scheme}-{screen['width']}")

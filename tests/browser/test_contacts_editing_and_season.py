"""Contacts that staff note, two who edit one draft, the season and media costs: both languages and schemes, narrow and wide."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from analytics.models import MediaCost
from customers.facts import InteractionFact, OrderFact, line_of
from customers.models import Customer, Interaction, Retailer
from customers.recording import record_interactions, record_orders
from loyalty.campaigns.models import CampaignVersion
from loyalty.campaigns.publishing.managing import draft_of
from tests import make
from tests.analytics.what_pays.test_tables import campaign, controlled
from tests.analytics.what_pays.test_won import won
from tests.browser.conftest import shot
from tests.browser.test_segments import DESK, PHONE, staff_of
from tests.campaigns.make_campaigns import journey, says_by

LOOKS = [("en", PHONE, "light"), ("fr", PHONE, "dark"), ("fr", DESK, "light"), ("en", DESK, "dark")]


@pytest.fixture
def shop(site: str) -> Retailer:
    """A shop with two years of sales, an experiment with media costs, a customer with contacts, and a draft."""
    owner = make.retailer(zone="Europe/Paris")
    days = [date(2024, 1, 1) + timedelta(days=place) for place in range(0, 731, 3)]
    facts = [
        OrderFact(
            f"o{day}", datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            (line_of(sku="TEA", quantity=Decimal(1), net_amount=Decimal(10 + 3 * abs(day.month - 6))),),
        )
        for day in days
    ]  # fmt: skip
    record_orders(owner, facts, now=timezone.now())
    test = controlled(owner, "welcome-test")
    campaign(owner, "Welcome", test)
    won(test)
    MediaCost.objects.create(retailer=owner, experiment=test, what="leaflet", amount=1_600, currency="EUR")
    member = make.member(make.program(owner), "ada")
    calls = [
        InteractionFact(
            f"c{n}", "ada", "support", timezone.now() - timedelta(days=n), topic=topic, outcome=outcome, comment="Came late"
        )
        for n, (topic, outcome) in enumerate([("delivery", "unsolved"), ("Delivery", "solved"), ("size", "open")])
    ]  # fmt: skip
    record_interactions(owner, calls, now=timezone.now())
    draft_of(journey(member.program, {"kind": "contact", "topics": ["delivery"]}, says_by("email")))
    return owner


@pytest.mark.slow
@pytest.mark.parametrize(("language", "screen", "scheme"), LOOKS)
def test_pages_fit_every_screen_and_do_what_they_say(
    chromium: Any, site: str, shop: Retailer, language: str, screen: dict[str, int], scheme: str
) -> None:
    User.objects.create_superuser("staff", password="a long password")
    page = staff_of(chromium, site, language, screen, scheme)
    name = f"{language}-{scheme}-{screen['width']}"
    ada = Customer.objects.get(external_id="ada")
    pages: Mapping[str, str] = {
        "interactions": "customers/interaction/?topic=delivery",
        "season": "analytics/kpigoal/what-pays/?part=season",
        "season-weeks": "analytics/kpigoal/what-pays/?part=season&per=week",
        "won-with-media": "analytics/kpigoal/what-pays/?part=won",
        "media-costs": "analytics/mediacost/",
        "media-cost": "analytics/mediacost/add/",
        "contact": f"customers/customer/{ada.pk}/contact/",
    }

    for each, address in pages.items():
        answer = page.goto(f"{site}/admin/{address}", wait_until="networkidle")
        assert answer.status == 200, address
        assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"], address
        shot(page, f"{each}-{name}")
    _notes_a_contact(page, name)
    _edits_after_somebody_else(page, site, screen, name)


def _notes_a_contact(page: Any, name: str) -> None:
    page.fill("[name=topic]", "price")
    page.fill("[name=comment]", "First line\nsecond line")
    page.select_option("[name=outcome]", "solved")
    page.click("main button[type=submit], .panel button[type=submit]")
    shot(page, f"contact-shown-{name}")
    page.click("[name=confirmed]")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, f"customer-{name}")
    row = Interaction.objects.get(topic="price")
    assert (row.outcome, row.comment) == ("solved", "First line\nsecond line")


def _edits_after_somebody_else(page: Any, site: str, screen: dict[str, int], name: str) -> None:
    draft = CampaignVersion.objects.get(published_at=None, trigger__kind="contact")
    page.goto(f"{site}/admin/campaigns/campaignversion/{draft.pk}/change/", wait_until="networkidle")
    CampaignVersion.objects.filter(pk=draft.pk).update(again_after_days=30, tags=["spring"])
    page.fill("[name=again_after_days]", "7")
    page.click("[name=_continue]")
    page.wait_for_load_state("networkidle")
    shot(page, f"two-editors-{name}")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    draft.refresh_from_db()
    assert draft.again_after_days == 30
    page.click("[name=_continue]")
    page.wait_for_load_state("networkidle")
    draft.refresh_from_db()
    assert (draft.again_after_days, draft.tags) == (7, [])

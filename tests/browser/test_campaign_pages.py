"""Ready-made journeys and the start of a campaign in a real browser: both languages, light and dark, on a phone and at a desk."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from customers.models import Retailer
from loyalty.campaigns.journeys.candidates import Candidate
from loyalty.campaigns.journeys.entering import enter
from loyalty.campaigns.models import Campaign, Step
from loyalty.campaigns.publishing.managing import draft_of, publish
from tests import make
from tests.browser.conftest import shot
from tests.browser.test_recommendation_pages import looked_at
from tests.browser.test_segments import DESK, PHONE, staff_of
from tests.campaigns.make_campaigns import ada, channels, journey, says_by, waits
from tests.experiments.make_experiments import running

MADE = {"en": "Make a draft", "fr": "Créer un brouillon"}
SHOW = {"en": "Show what would happen", "fr": "Montrer ce qui se passerait"}


@pytest.fixture
def shop(site: str) -> Retailer:
    retailer = make.retailer(name="Épicerie du Port", zone="Europe/Paris")
    channels(retailer)
    club = make.program(retailer, tiers=[("silver", "100", "1")])
    type(club).objects.filter(pk=club.pk).update(name="Club du Port")
    for number in range(6):
        ada(
            club,
            f"m{number}",
            agrees=("email",) if number else (),
            email="" if number == 1 else f"m{number}@example.com",
        )
    return retailer


def moving(retailer: Retailer) -> Campaign:
    """Return a campaign with an experiment, whose first version a member is in, and which has a draft."""
    club = retailer.programs.get()
    now = timezone.now()
    held = running(retailer, club, "cart-holdout", at=now - timedelta(days=1))
    live = journey(
        club, {"kind": "cart"}, waits("PT4H"), says_by("email"), waits("P10D@10:00"), says_by("email"), since=now
    )
    Campaign.objects.filter(pk=live.pk).update(experiment=held, name="Abandoned cart")
    assert live.version is not None
    member = club.memberships.latest("pk")
    enter(live, live.version, [Candidate(member.customer_id, "cart:C1", None)], entered_at=now, now=now)
    draft = draft_of(live)
    Step.objects.filter(version=draft, position=2).update(wait="P3D@10:00")
    publish(draft, author="sue", now=now)
    draft_of(live)
    return live


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("screen", "scheme"), [(PHONE, "light"), (DESK, "light"), (DESK, "dark"), (PHONE, "dark")])
def test_a_ready_made_journey_is_one_click_and_its_start_says_what_is_known(
    chromium: Any, site: str, shop: Retailer, language: str, screen: dict[str, int], scheme: str
) -> None:
    User.objects.create_superuser("staff", password="a long password")
    picture = f"{language}-{scheme}-{screen['width']}"
    live = moving(shop)
    page = staff_of(chromium, site, language, screen, scheme)
    of_campaigns = f"{site}/admin/campaigns/campaign/"

    page.goto(of_campaigns)
    shot(page, f"campaigns-{picture}")
    looked_at(page, f"{of_campaigns}ready-made/", f"ready-made-{picture}", screen["width"], "#content")
    page.locator("details summary").first.click()
    page.locator(f"button:has-text('{MADE[language]}')").first.click()
    page.wait_for_url(f"{of_campaigns}*/change/")
    shot(page, f"campaign-{picture}")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    made = Campaign.objects.get(code="welcome")
    page.goto(f"{site}/admin/campaigns/campaignversion/{made.versions.get().pk}/change/")
    shot(page, f"draft-{picture}")

    for verb in ("publish", "move"):
        looked_at(page, f"{of_campaigns}{live.pk}/{verb}/", f"{verb}-asked-{picture}", screen["width"], ".panel")
        if verb == "publish":
            page.check("[name=confirms_few]")
        page.fill("[name=reason]", "autumn")
        page.locator(".panel button.primary").click()
        page.wait_for_selector("button[name=confirmed]")
        shot(page, f"{verb}-shown-{picture}")
        assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]

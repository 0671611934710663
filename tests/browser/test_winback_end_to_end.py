"""A win-back journey with a hold-out, from one click to what it did: built, previewed, published, read by members, and judged."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from analytics.experiments.looking import looked_at_tonight
from customers.models import Retailer
from loyalty.campaigns.journeys.advancing import advance_due
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.journeys.nights import find_on
from loyalty.campaigns.messages.sending import send
from loyalty.campaigns.models import Campaign, Entry, Message
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.experiments.running import end_due
from loyalty.memberships.models import Membership
from tests import make
from tests.browser.conftest import shot
from tests.browser.test_members_page import signs_in
from tests.browser.test_segments import DESK, PHONE, staff_of
from tests.campaigns.make_campaigns import ada
from tests.experiments.make_experiments import running

MEMBERS, GAIN = 240, 10
HALVES = (VariantFact("nothing", 5_000, is_control=True), VariantFact("message", 5_000, name="Message"))
LOCALES = {"en": "en-GB", "fr": "fr-FR"}
TITLES = {"en": "Win-back", "fr": "Reconquête"}
MADE = {"en": "Make a draft", "fr": "Créer un brouillon"}
SUBJECTS = {"en": "We miss you, ", "fr": "Vous nous manquez, "}
RESULT = {
    "en": r"Message: each customer brings .* more in 28 days than one of the control",
    "fr": r"Message .* 28 jours",
}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shop:
    """A shop of whose members all have stayed away for four months, and the hold-out that waits for a campaign."""

    owner: Retailer
    club: Any
    members: list[Membership]
    held: Experiment
    now: datetime


@pytest.fixture(params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shop(site: str, language: str) -> Shop:
    now = timezone.now()
    owner = make.retailer(name="Épicerie du Port", zone="Europe/Paris", language=language)
    club = make.program(owner, since=now - 200 * DAY)
    members = [ada(club, f"m{number}", agrees=()) for number in range(MEMBERS)]
    for number, each in enumerate(members):
        make.buys(each, f"{20 + number % 7}.00", at=now - 120 * DAY)
    held = running(
        owner, club, "win-back", at=now - DAY, layer="variant", form="variants", metric="revenue", variants=HALVES,
        window_days=28, duration_days=40,
    )  # fmt: skip
    return Shop(owner, club, members, held, now)


def builds(page: Any, site: str, shop: Shop, language: str) -> Campaign:
    """Make a draft of the ready-made journey, name its hold-out, look at it as a member reads it, and publish it."""
    page.goto(f"{site}/admin/campaigns/campaign/ready-made/")
    card = page.locator(
        ".panel", has=page.locator(f"h2:text-is('{TITLES[language]}'), h3:text-is('{TITLES[language]}')")
    )
    card.locator(f"button:has-text('{MADE[language]}')").click()
    page.wait_for_url(f"{site}/admin/campaigns/campaign/*/change/")
    page.select_option("#id_experiment", str(shop.held.pk))
    shot(page, f"winback-1-draft-{language}")
    page.click("button[name=_continue], input[name=_continue]")
    made = Campaign.objects.get(code="win-back")
    assert made.experiment == shop.held

    page.goto(f"{site}/admin/campaigns/campaign/{made.pk}/publish/")
    page.fill("[name=reason]", "autumn")
    page.locator(".panel button.primary").click()
    page.wait_for_selector("button[name=confirmed]")
    shot(page, f"winback-2-start-{language}")
    assert str(MEMBERS) in page.inner_text("main, #content")
    page.click("button[name=confirmed]")
    page.wait_for_url(f"{site}/admin/campaigns/campaign/*/change/")
    shot(page, f"winback-3-live-{language}")
    made.refresh_from_db()
    return made


def time_runs(shop: Shop, campaign: Campaign) -> None:
    """Let the next morning come, and five weeks: who was written to comes back for more than who was not."""
    morning = shop.now + DAY
    while advance_due(shop.owner, now=morning):
        pass
    assert find_on(campaign, morning.date(), now=morning) == MEMBERS
    noon = morning + DAY
    while advance_due(shop.owner, now=noon):
        pass
    while send(shop.owner, look_again=look_again, clock=lambda: noon):
        pass
    held_out = set(Entry.objects.filter(is_held_out=True).values_list("customer", flat=True))
    for number, each in enumerate(shop.members):
        spent = 20 + number % 7 + (0 if each.customer_id in held_out else GAIN)
        make.buys(each, f"{spent}.00", at=noon + DAY)
    over = shop.now + 45 * DAY
    assert end_due(shop.owner, now=over) == 1
    assert looked_at_tonight(shop.owner, now=over) == 1


@pytest.mark.slow
def test_a_win_back_with_a_hold_out_is_built_published_read_and_judged(
    shop: Shop, site: str, chromium: Any, language: str
) -> None:
    User.objects.create_superuser("staff", password="a long password")
    page = staff_of(chromium, site, language, DESK, "light")

    campaign = builds(page, site, shop, language)
    time_runs(shop, campaign)

    sent = Message.objects.filter(campaign=campaign)
    assert sent.count() == Entry.objects.filter(is_held_out=False).count() > MEMBERS / 3
    reader = next(each for each in shop.members if each.customer_id == sent.earliest("pk").customer_id)
    phone = chromium.new_context(viewport=PHONE, locale=LOCALES[language]).new_page()
    signs_in(phone, site, reader)
    phone.goto(f"{phone.url}messages")
    shot(phone, f"winback-4-inbox-{language}")
    assert SUBJECTS[language] + reader.customer.first_name in phone.inner_text("main")

    page.goto(f"{site}/admin/analytics/experimentlook/", wait_until="networkidle")
    page.locator("#content a:text-is('win-back'), main a:text-is('win-back')").first.click()
    page.wait_for_load_state("networkidle")
    shot(page, f"winback-5-result-{language}")
    assert re.search(RESULT[language], page.inner_text(".findings"))

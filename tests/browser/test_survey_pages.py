"""The question and the queue of low scores in a real browser: both languages, light and dark, on a phone and at a desk."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.utils import timezone

from loyalty.campaigns.feedback.links import token_of
from loyalty.campaigns.models import Answer, FollowUp, Invitation
from tests import make
from tests.browser.conftest import shot
from tests.browser.test_segments import DESK, PHONE, staff_of
from tests.campaigns.make_campaigns import ada, channels
from tests.campaigns.make_surveys import ask, asking, survey, unhappy

LOOKS = [("en", PHONE, "light"), ("fr", PHONE, "dark"), ("fr", DESK, "light"), ("en", DESK, "dark")]
SENDS = {"en": "Send my answer", "fr": "Envoyer ma réponse"}


@pytest.fixture
def asked(site: str) -> Invitation:
    owner = make.retailer(name="Épicerie du Port", zone="Europe/Paris", language="fr")
    channels(owner)
    member = ada(make.program(owner), language="fr")
    (found,) = ask(asking(member.program, survey(owner)), member, at=timezone.now())
    unhappy(ada(member.program, "bob"), "The parcel came two weeks late, and nobody called.", at=timezone.now())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("language", "screen", "scheme"), LOOKS)
def test_a_question_is_answered_by_keys_alone(
    chromium: Any, site: str, asked: Invitation, language: str, screen: dict[str, int], scheme: str
) -> None:
    context = chromium.new_context(viewport=screen, color_scheme=scheme)
    context.add_cookies([{"name": "django_language", "value": language, "url": site}])
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{site}/s/{token_of(asked.pk)}?score=8")

    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    assert Axe().run(page).response["violations"] == []
    shot(page, f"survey-{language}-{scheme}-{screen['width']}")
    page.focus("input[value='8']")
    page.keyboard.press("ArrowRight")
    page.fill("textarea", "Des gens aimables")
    page.click(f"text={SENDS[language]}")
    page.wait_for_load_state()

    assert Answer.objects.get(invitation=asked).score == 9
    assert Axe().run(page).response["violations"] == []
    shot(page, f"survey-thanks-{language}-{scheme}-{screen['width']}")
    assert said == []


@pytest.mark.slow
@pytest.mark.parametrize(("language", "screen", "scheme"), LOOKS)
def test_a_low_score_is_taken_and_closed(
    chromium: Any, site: str, asked: Invitation, language: str, screen: dict[str, int], scheme: str
) -> None:
    User.objects.create_superuser("staff", password="a long password")
    page = staff_of(chromium, site, language, screen, scheme)
    todo = FollowUp.objects.get()
    name = f"{language}-{scheme}-{screen['width']}"

    page.goto(f"{site}/admin/campaigns/followup/")
    assert page.evaluate("document.documentElement.scrollWidth") <= screen["width"]
    shot(page, f"followups-{name}")
    page.goto(f"{site}/admin/campaigns/followup/{todo.pk}/take/")
    page.click("section.panel button.primary")
    page.click("button[name=confirmed]")
    todo.refresh_from_db()
    assert (todo.state, todo.taken_by) == ("taken", "staff")
    shot(page, f"followup-{name}")
    page.goto(f"{site}/admin/campaigns/followup/{todo.pk}/close/")
    page.fill("textarea", "Called, and sent the parcel again")
    page.click("section.panel button.primary")
    shot(page, f"followup-close-{name}")
    page.click("button[name=confirmed]")

    todo.refresh_from_db()
    assert (todo.state, todo.note) == ("closed", "Called, and sent the parcel again")

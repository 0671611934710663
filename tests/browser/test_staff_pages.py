"""Where staff help somebody, in a real browser: the search by its keys, a member's page, and what the pages look like."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.models import Customer
from loyalty.access.models import StaffRole
from loyalty.activity.account.spending import hold, redeem
from loyalty.configuration.drafts import open_draft
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry
from tests import make
from tests.browser.conftest import shot
from tests.make import NOON

# The theme's own frame has no landmarks, but two that scroll by one name.
OF_THE_FRAME = {name: {"enabled": False} for name in ("landmark-one-main", "region", "landmark-unique")}
LOOKS = [("en", "light", 360), ("fr", "dark", 360), ("fr", "light", 1_300), ("en", "dark", 1_300)]
MAX_HEIGHT = 2_600  # pixels of a member's page, of which the first screen says what matters


@pytest.fixture
def ada(site: str) -> Membership:
    """A member with years of history, something held, and something that was redeemed."""
    owner = make.retailer(name="Épicerie du Port", zone="Europe/Paris")
    club = make.program(owner, tiers=[("bronze", "0", "1"), ("silver", "900", "1.5")], zone="Europe/Paris")
    found = make.member(club, "C-00123")
    who = {
        "first_name": "Élodie",
        "last_name": "Lovelace-Durand",
        "email": "elodie@example.org",
        "phone": "+33 6 12 34 56 78",
    }
    Customer.objects.filter(pk=found.customer_id).update(**who)
    for place in range(80):
        make.buys(found, "12.50", name=f"WEB/2026/{place:04}", at=NOON - timedelta(days=80 - place))
    redeem(found, 120, reference="till-7", now=NOON)
    hold(found, 50, reference="till-8", now=timezone.now(), life=timedelta(days=2))
    return Membership.objects.get(pk=found.pk)


def opened(ada: Membership, site: str, chromium: Any, look: tuple[str, str, int] | None = None) -> Any:
    """
    Return a page of a browser in which an owner is signed in.

    :param look: language, colours and width for pages that are measured, by a script that the policy would stop
    """
    language, scheme, width = look or ("en", "light", 1_300)
    user = User.objects.create_user(make.number("sue"), is_staff=True)
    StaffRole.objects.create(user=user, retailer=ada.program.retailer, role="owner")
    client = Client()
    client.force_login(user)
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=look is not None,
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
    )  # fmt: skip
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    return context.new_page()


def test_the_search_is_worked_by_keys_alone(ada: Membership, site: str, chromium: Any) -> None:
    page = opened(ada, site, chromium)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda told: asked.append(told.text) if "Content Security Policy" in told.text else None)
    page.goto(site + reverse("admin:points_entry_changelist"), wait_until="networkidle")

    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("lovelace")
    page.wait_for_selector("#search-hits a")
    shot(page, "search-dialog")
    page.keyboard.press("ArrowDown")
    assert "Lovelace" in page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.press("Escape")
    assert page.locator("#search").evaluate("dialog => dialog.open") is False

    page.keyboard.press("Control+k")
    page.keyboard.type("WEB/2026/0042")
    page.keyboard.press("Enter")
    page.wait_for_url("**/customers/order/**")
    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    page.context.close()


def test_hits_are_text_and_never_markup(ada: Membership, site: str, chromium: Any) -> None:
    Customer.objects.filter(pk=ada.customer_id).update(last_name="<img src=x onerror=document.title='owned'>")
    page = opened(ada, site, chromium)
    page.goto(site + reverse("admin:index"), wait_until="networkidle")

    page.locator("[data-search-open]").click()
    page.keyboard.type("<img")
    page.wait_for_selector("#search-hits a")

    assert "<img src=x" in page.locator("#search-hits").inner_text()
    assert page.title() != "owned"
    page.context.close()


@pytest.mark.parametrize(("language", "scheme", "width"), LOOKS)
def test_the_pages_of_staff_fit_and_can_be_read(
    ada: Membership, site: str, chromium: Any, language: str, scheme: str, width: int
) -> None:
    entry = Entry.objects.filter(kind="redeem").latest("pk")
    draft = open_draft(ada.program)
    member = reverse("admin:memberships_membership_change", args=[ada.pk])
    adjust = reverse("admin:memberships_membership_adjust", args=[ada.pk])
    pages = {
        "home": reverse("admin:index"), "found": f"{reverse('search')}?q=0042", "member": member, "adjust": adjust,
        "customer": reverse("admin:customers_customer_change", args=[ada.customer_id]),
        "order": reverse("admin:customers_order_change", args=[entry.wallet.entries.earliest("pk").order_id]),
        "entry": reverse("admin:points_entry_change", args=[entry.pk]),
        "plan": reverse("admin:programs_programversion_plan", args=[draft.pk]),
        "edit": reverse("admin:programs_programversion_change", args=[draft.pk]),
        "month-end": reverse("admin:programs_program_month_end", args=[ada.program_id]),
        "missing": "/admin/points/nothing/",
    }  # fmt: skip
    page, axe = opened(ada, site, chromium, (language, scheme, width)), Axe()
    found: dict[str, Any] = {}
    for name, path in pages.items():
        page.goto(site + path, wait_until="networkidle")
        shot(page, f"{name}-{language}-{scheme}-{width}")
        seen = axe.run(page, options={"rules": OF_THE_FRAME})
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found[name] = "wider than the screen"
        elif seen.violations_count:
            found[name] = [
                (each["id"], [node["html"][:150] for node in each["nodes"][:3]]) for each in seen.response["violations"]
            ]
        if name == "member":
            assert page.evaluate("document.documentElement.scrollHeight") <= MAX_HEIGHT * (2 if width < 1_000 else 1)
            assert page.locator(".member-head .button").first.bounding_box()["y"] < 900
    page.context.close()

    assert not found, "\n".join(f"{name}: {what}" for name, what in found.items())


def test_a_new_rule_is_open_and_opens_and_closes_by_keys(ada: Membership, site: str, chromium: Any) -> None:
    draft = open_draft(ada.program)
    page = opened(ada, site, chromium)
    page.goto(
        site + reverse("admin:programs_programversion_change", args=[draft.pk]) + "#earning_rules",
        wait_until="networkidle",
    )

    group = page.locator("#earning_rules-group")
    closed = group.locator(".row-opener").first
    assert closed.get_attribute("aria-expanded") == "false"
    closed.focus()
    page.keyboard.press("Enter")
    assert closed.get_attribute("aria-expanded") == "true"
    page.locator("#id_earning_rules-0-code").wait_for(state="visible")
    group.locator(".add-row a, a.add-row, .add-row button").first.click()
    new = page.locator("#id_earning_rules-1-code")
    new.wait_for(state="visible")
    shot(page, "edit-new-rule")
    page.context.close()

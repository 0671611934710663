"""What is suggested, in a real browser: the admin's page and the member's, both languages, light and dark, phone and desk."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.utils import timezone

from analytics.recommendations.running import recommend
from customers.cataloguing import ProductFact, record_products
from customers.models import Customer, Retailer
from loyalty.activity.account.enrolment import enrol
from loyalty.memberships.models import Membership
from tests import make
from tests.analytics.recommendations.shops import habitual, name
from tests.browser.conftest import shot
from tests.browser.test_members_page import signs_in
from tests.browser.test_segments import DESK, PHONE, staff_of
from tests.make import NOON

NAMES = {"P07": "Whole milk, 1 l", "BREAD": "Rye bread", "BUTTER": "Salted butter of Brittany, 250 g"} | {
    f"P{number:02}": f"Cheese of the house no. {number}" for number in range(8, 30)
}


@pytest.fixture
def shop(site: str) -> Retailer:
    retailer = habitual()
    Retailer.objects.filter(pk=retailer.pk).update(name="Épicerie du Port")
    record_products(retailer, [ProductFact(sku, name=words) for sku, words in NAMES.items()], now=NOON)
    recommend(retailer, now=NOON)
    return retailer


def joined(retailer: Retailer) -> Membership:
    since = timezone.now() - timedelta(days=1)
    club = make.published(make.version(retailer), since=since)
    ada = Customer.objects.get(retailer=retailer, external_id=name(8))
    ada.email, ada.first_name = "ada@example.com", "Ada"
    ada.save(update_fields=["email", "first_name"])
    enrol(club, [(ada.pk, since)], source="till", wording="yes", now=timezone.now())
    return Membership.objects.select_related("program", "retailer").get(customer=ada)


def looked_at(page: Any, address: str, picture: str, width: int, context: str) -> None:
    """Open a page, keep its picture, and hold that it fits and can be read."""
    page.goto(address)
    shot(page, picture)
    assert page.evaluate("document.documentElement.scrollWidth") <= width, picture
    found = Axe().run(page, context=context).response["violations"]
    wrong = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], each["nodes"][0]["html"]) for each in wrong] == []


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("screen", "scheme"), [(PHONE, "light"), (DESK, "dark"), (PHONE, "dark"), (DESK, "light")])
def test_recommendations_fit_every_screen_and_can_be_read(
    chromium: Any, site: str, shop: Retailer, language: str, screen: dict[str, int], scheme: str
) -> None:
    User.objects.create_superuser("staff", password="a long password")
    picture = f"{language}-{scheme}-{screen['width']}"

    staff = staff_of(chromium, site, language, screen, scheme)
    looked_at(
        staff, f"{site}/admin/analytics/recommendationrun/", f"recommendations-{picture}", screen["width"], ".panel"
    )
    member = joined(shop)
    locale = {"en": "en-GB", "fr": "fr-FR"}[language]
    page = chromium.new_context(viewport=screen, locale=locale, color_scheme=scheme).new_page()
    signs_in(page, site, member)
    home = f"{site}/my/{shop.slug}/{member.program.slug}/"
    for place, address in (("home", home), ("for-you", f"{home}for-you"), ("order", f"{home}orders/8-0")):
        looked_at(page, address, f"member-{place}-{picture}", screen["width"], "main")

"""The pages of segments and churn in a real browser: both languages, light and dark, on a phone and at a desk."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User

from analytics.segments.models import SegmentRun
from customers.models import Insight, Retailer
from tests import make
from tests.analytics.segments.shop import assigned, buy, days_ago, valued
from tests.analytics.segments.test_overview import two_runs
from tests.browser.conftest import shot

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1300, "height": 900}
TENTHS = [
    (0.04, 0.06),
    (0.09, 0.08),
    (0.15, 0.13),
    (0.22, 0.25),
    (0.31, 0.3),
    (0.42, 0.4),
    (0.55, 0.58),
    (0.68, 0.66),
    (0.8, 0.83),
    (0.93, 0.91),
]


@pytest.fixture
def shop(site: str) -> Retailer:
    shop = make.retailer(name="Épicerie du Port")
    for place in range(12):
        lines = make.line("20.00", category="WINE", brand="Own")
        facts = (make.order(f"w{place}", lines, at=days_ago(500 + 9 * day), is_gift=place % 2 == 0) for day in range(4))
        buy(shop, *facts)
    make.customer(shop, "zoe")
    _, last = two_runs(shop)
    Insight.objects.all().delete()
    worth = {f"w{place}": (f"{10 * place}.00", place % 3 == 0) for place in range(12)}
    names = {"ada": ("100", False), "bob": ("95", True), "cat": ("5", False), "dan": ("5", True), "eve": ("1", False)}
    run = valued(shop, **worth, **names)
    groups = [
        {"predicted": 1 - expected, "actual": 1 - actual, "customers": 40} for expected, actual in reversed(TENTHS)
    ]
    origins = [{"days": 90, "models": {"Pareto/NBD": {"buying": groups}}}]
    run.model, run.held_out = "Pareto/NBD", {"origins": origins, "days": 90, "value": {"bias": 0.04}}
    run.save()
    SegmentRun.objects.filter(pk=last.pk).delete()
    assigned(run)
    return shop


def staff_of(chromium: Any, site: str, language: str, screen: dict[str, int], scheme: str) -> Any:
    """Return a page of a browser in which a superuser is signed in."""
    locale = {"en": "en-GB", "fr": "fr-FR"}[language]
    context = chromium.new_context(viewport=screen, locale=locale, color_scheme=scheme)
    page = context.new_page()
    page.goto(f"{site}/admin/login/")
    page.fill("[name=login]", "staff")
    page.fill("[name=password]", "a long password")
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{site}/admin/")
    return page


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("screen", "scheme"), [(PHONE, "light"), (DESK, "light"), (DESK, "dark"), (PHONE, "dark")])
def test_segments_and_churn_fit_every_screen_and_can_be_read(
    chromium: Any, site: str, shop: Retailer, language: str, screen: dict[str, int], scheme: str
) -> None:
    User.objects.create_superuser("staff", password="a long password")
    page = staff_of(chromium, site, language, screen, scheme)

    for name, address in (("segments", "analytics/segmentrun/"), ("churn", "analytics/segmentrun/churn/")):
        page.goto(f"{site}/admin/{address}")
        page.wait_for_selector("canvas.chart")
        shot(page, f"{name}-{language}-{scheme}-{screen['width']}")

        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= screen["width"], name
        wrong = [
            each
            for each in Axe().run(page, context=".panel").response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        assert [(each["id"], each["nodes"][0]["html"]) for each in wrong] == []

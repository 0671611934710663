"""The part of a result on depths in a real browser: it fits, it can be read, its charts are drawn."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from analytics.experiments.looking import look
from tests import make
from tests.analytics.experiments.depth_shops import ENDED, MARGIN, bought_before, by_segment, cheaper, trying
from tests.browser.conftest import shot
from tests.browser.test_experiment_pages import OF_THE_FRAME, session_of


@pytest.fixture
def addresses(site: str) -> dict[str, str]:
    """The pages of an offer of which a depth was chosen, with a budget, and of a reward whose prices too few have seen."""
    chosen = by_segment(make.retailer(name="Épicerie du Port", margin_rate=MARGIN))
    prices = trying(make.retailer(name="Marché Vert", margin_rate=MARGIN), cheaper, count=600)
    bought_before(prices.retailer, 600)
    for each in (chosen, prices):
        look(each, now=ENDED)
    of = {each.pk: reverse("admin:analytics_experimentlook_of", args=[each.pk]) for each in (chosen, prices)}
    return {"chosen": f"{of[chosen.pk]}?budget=1000", "refused": of[prices.pk]}


def test_the_part_on_depths_fits_and_can_be_read(addresses: dict[str, str], site: str, chromium: Any) -> None:
    found = {}
    for language, scheme, width in (("en", "light", 1_300), ("fr", "light", 1_300), ("fr", "dark", 360)):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True,
            locale={"en": "en-GB", "fr": "fr-FR"}[language],
        )  # fmt: skip
        context.add_cookies([session_of(site)])
        page, axe = context.new_page(), Axe()
        for name, path in addresses.items():
            page.goto(site + path, wait_until="networkidle")
            shot(page, f"depths-{name}-{language}-{scheme}-{width}")
            seen = axe.run(page, options={"rules": OF_THE_FRAME})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                f"{name} is wider than the screen"
            )
            found[name] = (page.locator("canvas").count(), seen.generate_report() if seen.violations_count else "")
        context.close()

    assert found == {"chosen": (3, ""), "refused": (4, "")}

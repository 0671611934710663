"""What was promised beside what is kept, in a real browser: it fits, it can be read, its chart is drawn."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from analytics.experiments.looking import look
from tests import make
from tests.analytics.experiments.depth_shops import MARGIN
from tests.analytics.experiments.test_promise import OVER, half_are_given_it
from tests.browser.conftest import shot
from tests.browser.test_experiment_pages import OF_THE_FRAME, session_of


@pytest.fixture
def addresses(site: str) -> dict[str, str]:
    """The page of a hold-out, and that of the report of which it holds back the offers."""
    held, report = half_are_given_it(make.retailer(name="Épicerie du Port", margin_rate=MARGIN), expected=20.0)
    kept = look(held, now=OVER)
    of = {"hold-out": kept.pk, "report": report.pk}
    return {name: reverse("admin:analytics_experimentlook_change", args=[key]) for name, key in of.items()}


def test_the_part_on_a_promise_fits_and_can_be_read(addresses: dict[str, str], site: str, chromium: Any) -> None:
    found, wrong = {}, {}
    for language, scheme, width in (("en", "light", 1_300), ("fr", "dark", 360)):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True,
            locale={"en": "en-GB", "fr": "fr-FR"}[language],
        )  # fmt: skip
        context.add_cookies([session_of(site)])
        page, axe = context.new_page(), Axe()
        for name, path in addresses.items():
            page.goto(site + path, wait_until="networkidle")
            shot(page, f"promise-{name}-{language}-{scheme}-{width}")
            seen = axe.run(page, options={"rules": OF_THE_FRAME})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                f"{name} is wider than the screen"
            )
            kept = page.locator("#kept tbody tr").count()
            found[name] = kept
            if seen.violations_count:
                wrong[name, language, scheme, width] = seen.generate_report()
        context.close()

    assert wrong == {}
    assert found == {"hold-out": 1, "report": 1}

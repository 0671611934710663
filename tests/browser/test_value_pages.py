"""The page of customers' value, the card of its model and the report, in a real browser: they fit, and can be read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models import ValueRun
from analytics.reporting import value_report
from analytics.runs import compute_value
from customers.models import Retailer
from customers.recording import record_orders
from tests import make
from tests.browser.conftest import shot

START = datetime(2025, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS, CUSTOMERS = 450, 400
# The theme's own frame has no landmarks.
OF_THE_FRAME = {name: {"enabled": False} for name in ("landmark-one-main", "region")}
LOOKS = (("en", "light", 360), ("fr", "dark", 360), ("fr", "light", 1_300), ("en", "dark", 1_300))
OVERVIEW = "admin:analytics_valuerun_overview"


@pytest.fixture
def shop(site: str) -> Retailer:
    """A shop whose customers come, buy at rates of their own, and leave; valued twice, a season apart."""
    found = make.retailer(name="Épicerie du Port", margin_rate=Decimal("0.30"))
    rng = np.random.default_rng(7)
    facts = []
    for customer in range(CUSTOMERS):
        rate, leaves = rng.gamma(1.2, 1 / 20), rng.exponential(1 / rng.gamma(0.8, 1 / 150))
        at, mean = rng.uniform(0, DAYS * 0.8), rng.gamma(6.0, 4.0)
        until = min(DAYS, at + leaves)
        while at < until:
            amount = f"{rng.gamma(4.0, mean / 4.0) + 0.5:.2f}"
            facts.append(make.order(f"c{customer}", amount, at=START + timedelta(days=at)))
            at += rng.exponential(1 / rate)
    early = [fact for fact in facts if fact.occurred_at < START + timedelta(days=DAYS - 80)]
    record_orders(found, early, now=NOW)
    assert compute_value(found, now=NOW) is not None
    record_orders(found, [fact for fact in facts if fact not in early], now=NOW)
    assert compute_value(found, now=NOW) is not None
    return found


@pytest.fixture
def refused(site: str) -> Retailer:
    """A shop whose few orders carry no prediction."""
    found = make.retailer(name="Marché Vert")
    record_orders(found, [make.order(f"v{day}", "9.00", at=START + timedelta(days=day)) for day in range(9)], now=NOW)
    assert compute_value(found, now=NOW) is not None
    return found


def test_the_pages_fit_and_can_be_read(shop: Retailer, refused: Retailer, site: str, chromium: Any) -> None:
    run = ValueRun.objects.filter(retailer=shop).latest("pk")
    paths = {
        "value": f"{reverse(OVERVIEW)}?retailer={shop.slug}",
        "refused": f"{reverse(OVERVIEW)}?retailer={refused.slug}",
        "card": reverse("admin:analytics_valuerun_change", args=[run.pk]),
    }
    session, found = _session(site), []
    for language, scheme, width in LOOKS:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True,
            locale={"en": "en-GB", "fr": "fr-FR"}[language],
        )  # fmt: skip
        context.add_cookies([session])
        page, look = context.new_page(), f"{language}-{scheme}-{width}"
        for name, path in paths.items():
            page.goto(site + path, wait_until="networkidle")
            found.append(_seen(page, f"{name}-{look}", "canvas", {"rules": OF_THE_FRAME}))
        page.set_content(value_report(shop, now=NOW, language=language))
        found.append(_seen(page, f"report-{look}", "svg", None))
        context.close()

    drawn = {"value": 4, "refused": 0, "card": 3, "report": 4}
    assert found == [
        (f"{name}-{'-'.join(map(str, look))}", drawn[name], True, "") for look in LOOKS for name in (*paths, "report")
    ]


def _seen(page: Any, name: str, drawing: str, options: dict[str, Any] | None) -> tuple[str, int, bool, str]:
    """Return how many drawings a page has, whether it fits its window, and what makes it hard to use."""
    shot(page, name)
    seen = Axe().run(page, options=options)
    fits = page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    return name, page.locator(drawing).count(), fits, seen.generate_report() if seen.violations_count else ""


def _session(site: str) -> Any:
    client = Client()
    client.force_login(User.objects.create_superuser("sue"))
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}

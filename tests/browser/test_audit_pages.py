"""The pages of the data audit and of acquisition costs in a real browser: they fit, they can be read, their charts are drawn."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics import statistics
from analytics.acquisition.costs import CostFact, record_costs
from analytics.audit.running import audit
from customers.models import Customer, Retailer
from customers.recording import record_orders
from tests import make
from tests.analytics.audit.shops import line
from tests.browser.conftest import shot

START = datetime(2025, 1, 6, 9, tzinfo=UTC)
NOW = datetime(2026, 1, 3, tzinfo=UTC)
# The theme's own frame has no landmarks.
OF_THE_FRAME = {name: {"enabled": False} for name in ("landmark-one-main", "region")}
DAYS, CUSTOMERS = 360, 240
AUDIT, REPORT = "admin:analytics_auditrun_changelist", "admin:analytics_acquisitioncost_report"
BRING = "admin:analytics_acquisitioncost_bring_file"


@pytest.fixture
def blocked(site: str) -> Retailer:
    """A shop whose data do not carry acquisition costs: its customers are there from the start."""
    found = make.retailer(name="Épicerie du Port")
    facts = [
        make.order(f"c{place % 40}", "12.00", at=START + timedelta(days=place % 350, hours=place % 11))
        for place in range(700)
        if place % 350 != 100
    ]
    record_orders(found, [*facts, make.order(None, "9.00", at=START)], now=NOW)
    audit(found, now=NOW)
    return found


@pytest.fixture
def open_shop(site: str) -> Retailer:
    """A shop that knows where its customers came from, and what that cost."""
    found = make.retailer(name="Marché Vert", margin_rate=Decimal("0.3"))
    facts = []
    for place in range(CUSTOMERS):
        first = place * (DAYS - 10) // CUSTOMERS
        days = range(first, DAYS, 9 + place % 23)
        facts += [
            make.order(f"v{place}", line("24.00"), at=START + timedelta(days=day, hours=place % 11)) for day in days
        ]
    record_orders(found, facts, now=NOW)
    for place, channel in enumerate(("search", "leaflet", "friends", "search")):
        names = [f"v{each}" for each in range(place, CUSTOMERS, 4)]
        Customer.objects.filter(retailer=found, external_id__in=names).update(acquisition_channel=channel)
    statistics.refresh(found)
    months = [datetime(2025, month, 1, tzinfo=UTC).date() for month in range(1, 13)]
    costs = [CostFact("search", month, Decimal(150 + 20 * place)) for place, month in enumerate(months)]
    costs += [CostFact("leaflet", month, Decimal(400)) for month in months]
    record_costs(found, [*costs, CostFact("tv", months[5], Decimal(900))])
    audit(found, now=NOW)
    return found


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [("en", "light", 360), ("fr", "dark", 360), ("fr", "light", 1_300), ("en", "dark", 1_300)],
)
def test_the_pages_fit_and_can_be_read(
    blocked: Retailer, open_shop: Retailer, site: str, chromium: Any, language: str, scheme: str, width: int
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True,
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
    )  # fmt: skip
    context.add_cookies([_session(site)])
    page, axe, found = context.new_page(), Axe(), {}
    for name, path in (
        ("audit", f"{reverse(AUDIT)}?retailer={blocked.slug}"), ("blocked", f"{reverse(REPORT)}?retailer={blocked.slug}"),
        ("channels", f"{reverse(REPORT)}?retailer={open_shop.slug}"), ("file", reverse(BRING)),
    ):  # fmt: skip
        page.goto(site + path, wait_until="networkidle")
        shot(page, f"{name}-{language}-{scheme}-{width}")
        seen = axe.run(page, options={"rules": OF_THE_FRAME})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
        found[name] = (page.locator("canvas").count(), seen.generate_report() if seen.violations_count else "")
    context.close()

    assert found == {"audit": (2, ""), "blocked": (0, ""), "channels": (2, ""), "file": (0, "")}


def _session(site: str) -> Any:
    client = Client()
    client.force_login(User.objects.create_superuser("sue"))
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}

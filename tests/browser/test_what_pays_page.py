"""What pays in a real browser: both languages, light and dark, phone and desk; it fits, and can be read."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from analytics.statistics import rebuild
from customers.cataloguing import ProductFact, record_products
from customers.facts import OrderFact
from customers.models import Retailer
from customers.recording import record_orders
from tests import make
from tests.analytics.what_pays.test_tables import campaign, controlled, line, look
from tests.analytics.what_pays.test_won import won
from tests.browser.test_recommendation_pages import looked_at
from tests.browser.test_segments import DESK, PHONE, staff_of

NAMES = ("Whole milk, 1 l", "Rye bread", "Salted butter of Brittany, 250 g", "Cheese of the house", "Cider", "Oysters")


@pytest.fixture(scope="module")
def shop(site_to_read: str) -> Retailer:
    owner = make.retailer(name="Épicerie du Port", zone="Europe/Paris")
    rng, now, facts = np.random.default_rng(3), timezone.now(), []
    record_products(owner, [ProductFact(f"P{place}", name=name) for place, name in enumerate(NAMES)], now=now)
    for number in range(500):
        at = (now - timedelta(days=int(rng.integers(1, 80)))).replace(hour=int(rng.integers(7, 19)), minute=12)
        skus = rng.choice(len(NAMES), size=int(rng.integers(1, 4)), replace=False)
        lines = [
            line(f"P{sku}", f"{4 + 3 * sku}", f"{2 + sku}", discount=Decimal(int(sku == 2)), category="larder")
            for sku in skus
        ]
        facts.append(OrderFact(f"o{number}", at, tuple(lines), customer=f"c{number % 160}"))
    record_orders(owner, facts, now=now)
    rebuild(owner)
    winning, losing = controlled(owner, "win"), controlled(owner, "lose")
    campaign(owner, "Win-back of spring", winning)
    campaign(owner, "Birthday", losing)
    campaign(owner, "Welcome")
    won(winning, costs=(0.0, 50.0))
    look(losing, -2.0, 1.0)
    User.objects.create_superuser("staff", password="a long password")
    return owner


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("screen", "scheme"), [(PHONE, "light"), (DESK, "dark"), (PHONE, "dark"), (DESK, "light")])
def test_what_pays_fits_every_screen_and_can_be_read(
    chromium: Any, site_to_read: str, shop: Retailer, language: str, screen: dict[str, int], scheme: str
) -> None:
    picture = f"{language}-{scheme}-{screen['width']}"
    staff = staff_of(chromium, site_to_read, language, screen, scheme)

    for part in ("products", "moments", "campaigns", "won"):
        address = f"{site_to_read}/admin/analytics/kpigoal/what-pays/?part={part}"
        looked_at(staff, address, f"pays-{part}-{picture}", screen["width"], ".panel")


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
def test_who_was_won_stands_on_a_desk_without_scrolling(
    chromium: Any, site_to_read: str, shop: Retailer, language: str
) -> None:
    staff = staff_of(chromium, site_to_read, language, DESK, "light")
    staff.goto(f"{site_to_read}/admin/analytics/kpigoal/what-pays/?part=won")

    table = staff.locator(".scroll").first
    assert table.evaluate("table => table.scrollWidth - table.clientWidth") <= 0

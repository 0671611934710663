"""Funnels and the journey map in a real browser: both languages, light and dark, phone and desk; they fit, and can be read."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from customers.facts import InteractionFact
from customers.models import Customer, Insight, Retailer
from customers.recording import record_interactions, record_orders
from tests import make
from tests.browser.test_recommendation_pages import looked_at
from tests.browser.test_segments import DESK, PHONE, staff_of

CHANCES = (("visit", 1.0), ("product_view", 0.7), ("cart_abandoned", 0.4), ("order", 0.5))


@pytest.fixture(scope="module")
def shop(site_to_read: str) -> Retailer:
    """A shop with customers who come, look and leave, some of them after trouble."""
    owner = make.retailer(name="Épicerie du Port", margin_rate=Decimal("0.30"))
    rng, now = np.random.default_rng(11), timezone.now()
    interactions, orders = [], []
    for number in range(400):
        who, at = f"c{number}", now - timedelta(days=float(rng.uniform(12, 80)))
        for kind, chance in CHANCES:
            if rng.random() > chance:
                break
            at += timedelta(hours=float(rng.exponential(9)))
            if kind == "order":
                orders.append(make.order(who, f"{rng.gamma(3, 15) + 1:.2f}", at=at))
            else:
                channel = str(rng.choice(["web", "app", "store"]))
                interactions.append(InteractionFact(f"{kind}{number}", who, kind, at, channel=channel))
        if rng.random() < 0.15:
            interactions.append(InteractionFact(f"s{number}", who, "support", at + timedelta(hours=1)))
    record_interactions(owner, interactions, now=now)
    record_orders(owner, orders, now=now)
    for place, customer in enumerate(Customer.objects.filter(retailer=owner).order_by("external_id")):
        Insight.objects.create(
            customer=customer, run_id=1, as_of=now.date(), horizon_days=365, currency="EUR", historic_revenue=0,
            segment=("vip", "potential_loyal", "vip_at_risk")[place % 3], predicted_value=Decimal(40 + place % 90),
        )  # fmt: skip
    User.objects.create_superuser("staff", password="a long password")
    return owner


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(("screen", "scheme"), [(PHONE, "light"), (DESK, "dark"), (PHONE, "dark"), (DESK, "light")])
def test_funnels_and_the_map_fit_every_screen_and_can_be_read(
    chromium: Any, site_to_read: str, shop: Retailer, language: str, screen: dict[str, int], scheme: str
) -> None:
    picture = f"{language}-{scheme}-{screen['width']}"
    staff = staff_of(chromium, site_to_read, language, screen, scheme)

    counts, ways = f"{site_to_read}/admin/analytics/funnel/counts/", f"{site_to_read}/admin/analytics/funnel/map/"
    for name, address in (("funnel", counts), ("funnel-by", f"{counts}?by=channel"), ("map", ways)):
        looked_at(staff, address, f"{name}-{picture}", screen["width"], ".panel")

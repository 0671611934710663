"""The pages of experiments' results in a real browser: they fit, they can be read, their charts are drawn."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from numpy.typing import NDArray

from analytics.experiments.looking import look
from customers.facts import OrderFact
from customers.models import Retailer
from customers.recording import record_orders
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from tests import make
from tests.analytics.experiments.shops import CLOSED, DAY, line, persons
from tests.browser.conftest import shot
from tests.experiments.make_experiments import drafted, running
from tests.make import START

# The theme's own frame has no landmarks.
OF_THE_FRAME = {name: {"enabled": False} for name in ("landmark-one-main", "region")}
THIRD = (
    VariantFact("held-out", 3_000, is_control=True, name="Held out"),
    VariantFact("invited", 7_000, name="Invited to the program"),
)
CUSTOMERS = 900
ENDED = START + timedelta(days=121)


def winter(owner: Retailer) -> Experiment:
    given: dict[str, Any] = {"variants": THIRD, "window_days": 28, "duration_days": 120, "name": "Winter invitation"}
    return running(owner, make.program(owner), "winter", **given)


def shop_in_winter(owner: Retailer) -> Experiment:
    """Return an experiment among customers who had bought for four months, and what they bought in it."""
    chance = np.random.default_rng(5)
    habit = chance.gamma(2.0, 12.0, CUSTOMERS)

    def orders(day: int, more: NDArray[np.float64]) -> list[OrderFact]:
        spent = habit * chance.gamma(4.0, 0.25, CUSTOMERS) + more
        return [
            OrderFact(f"d{day}-{place}", START + day * DAY, (line(f"{amount + 1:.2f}"),), customer=f"c{place}")
            for place, amount in enumerate(spent)
        ]

    for day in (-120, -70, -40, -15):
        record_orders(owner, orders(day, np.zeros(CUSTOMERS)), now=START)
    started = winter(owner)
    rows = started.assignments.filter(variant__is_control=False).values_list("customer__external_id", flat=True)
    invited, names = set(rows), [f"c{place}" for place in range(CUSTOMERS)]
    record_orders(owner, orders(3, np.array([4.0 * (name in invited) for name in names])), now=CLOSED)
    return started


@pytest.fixture
def addresses(site: str) -> dict[str, str]:
    """A shop with an experiment that ended, one that is blocked, and one that is a draft: their pages."""
    owner = make.retailer(name="Épicerie du Port", margin_rate=Decimal("0.3"))
    ended = shop_in_winter(owner)
    look(ended, author="grace", now=CLOSED)
    first = look(ended, now=CLOSED + 40 * DAY)
    look(ended, now=ENDED)
    small = make.retailer(name="Marché Vert")
    persons(small, 60)
    blocked = running(
        small, make.program(small), "spring", form="no_benefits", name="Spring benefits", duration_days=90
    )
    look(blocked, now=ENDED)
    draft = drafted(owner, ended.program, "summer", variants=THIRD, form="no_benefits", name="Summer benefits")
    of = "admin:analytics_experimentlook_of"
    return {
        "all": f"{reverse('admin:analytics_experimentlook_changelist')}?retailer={owner.slug}",
        "ended": reverse(of, args=[ended.pk]),
        "look": reverse("admin:analytics_experimentlook_change", args=[first.pk]),
        "blocked": reverse(of, args=[blocked.pk]),
        "draft": reverse(of, args=[draft.pk]),
    }


@pytest.mark.parametrize(
    ("language", "scheme", "width"),
    [("en", "light", 360), ("fr", "dark", 360), ("fr", "light", 1_300), ("en", "dark", 1_300)],
)
def test_the_pages_fit_and_can_be_read(
    addresses: dict[str, str], site: str, chromium: Any, language: str, scheme: str, width: int
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True,
        locale={"en": "en-GB", "fr": "fr-FR"}[language],
    )  # fmt: skip
    context.add_cookies([session_of(site)])
    page, axe, found = context.new_page(), Axe(), {}
    for name, path in addresses.items():
        page.goto(site + path, wait_until="networkidle")
        shot(page, f"experiment-{name}-{language}-{scheme}-{width}")
        seen = axe.run(page, options={"rules": OF_THE_FRAME})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than the screen"
        found[name] = (page.locator("canvas").count(), seen.generate_report() if seen.violations_count else "")
    context.close()

    assert found == {"all": (0, ""), "ended": (2, ""), "look": (2, ""), "blocked": (0, ""), "draft": (0, "")}


def session_of(site: str) -> Any:
    """Return the cookie of somebody who may do everything."""
    client = Client()
    client.force_login(User.objects.filter(username="sue").first() or User.objects.create_superuser("sue"))
    return {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}

"""Pages of near misses, of roll-outs in stores and of capped discounts in a real browser: they fit, and can be read."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from analytics.experiments.looking import look
from analytics.experiments.planning import plan_from_data
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.running import Asked, ask, run_next
from loyalty.activity.near_misses import start_experiment
from loyalty.campaigns.offering.discounts import set_caps
from loyalty.campaigns.rules.discounts import DiscountCap
from tests import make
from tests.analytics.experiments.near_miss_shops import buy_again, members, spending
from tests.analytics.roll_outs.shops import BEGAN, NOW, WITH_IT, orders
from tests.browser.conftest import shot
from tests.browser.test_experiment_pages import OF_THE_FRAME, session_of
from tests.campaigns.make_offers import ask as ask_offer
from tests.campaigns.make_offers import club as club_with_offers
from tests.campaigns.make_offers import offer
from tests.experiments.make_experiments import even_salt
from tests.experiments.make_near_misses import RAISED, near_miss
from tests.make import NOON


@pytest.fixture
def addresses(site: str) -> dict[str, str]:
    """A draft and a result of near misses, roll-outs that were judged and refused, and caps with who is held back."""
    shop = make.retailer(name="Épicerie du Port")
    program = members(shop, spending(), at=NOON)
    draft = near_miss(program)
    raised = near_miss(program, "near-gold-2", salt=even_salt(shop, RAISED, "near"), missing_percent=9)
    plan_from_data(raised, author="Grace", now=NOON)
    started = start_experiment(raised, author="Grace", now=NOON)
    buy_again(started, at=NOON)
    look(started, now=NOON + timedelta(days=121))
    stores = make.retailer(name="Marché Vert")
    orders(stores, stores=14, effect=30)
    for asked in (Asked(["Nantes"], BEGAN), Asked(WITH_IT, BEGAN)):
        run = ask(stores, asked, author="Grace", now=NOW)
        RollOutRun.objects.filter(pk=run.pk).update(plan=run.plan | {"draws": 30})
        run_next(stores)
    refused, judged = RollOutRun.objects.order_by("pk").values_list("pk", flat=True)
    club = club_with_offers()
    set_caps(club, [DiscountCap(1, 30)], author="staff", now=NOON)
    ada, tens = make.member(club), offer(club)
    for because in ("a", "b"):
        ask_offer(tens, ada, because=because)
    return {
        "near-draft": reverse("admin:analytics_experimentlook_of", args=[draft.pk]),
        "near-look": reverse("admin:analytics_experimentlook_of", args=[started.pk]),
        "near-form": reverse("admin:experiments_experiment_change", args=[started.pk]),
        "near-add": reverse("admin:experiments_experiment_add"),
        "roll-out": reverse("admin:analytics_rolloutrun_change", args=[judged]),
        "roll-out-refused": reverse("admin:analytics_rolloutrun_change", args=[refused]),
        "caps": reverse("admin:campaigns_discountcap_changelist"),
        "cap-add": reverse("admin:campaigns_discountcap_add"),
        "refused-offers": reverse("admin:campaigns_offerrefusal_changelist"),
    }


SCREENS = (("en", "light", 1_300), ("fr", "light", 1_300), ("fr", "dark", 360), ("en", "dark", 1_300))
OF_DJANGO = frozenset({"near-form", "near-add", "caps", "cap-add", "refused-offers"})  # lists and forms of the theme


def test_the_pages_fit_and_can_be_read(addresses: dict[str, str], site: str, chromium: Any) -> None:
    charts, wrong = {}, {}
    for language, scheme, width in SCREENS:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True,
            locale={"en": "en-GB", "fr": "fr-FR"}[language],
        )  # fmt: skip
        context.add_cookies([session_of(site)])
        page, axe = context.new_page(), Axe()
        for name, path in addresses.items():
            page.goto(site + path, wait_until="networkidle")
            shot(page, f"{name}-{language}-{scheme}-{width}")
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                wrong[name, language, scheme, width] = "is wider than the screen"
            if name not in OF_DJANGO:
                seen = axe.run(page, options={"rules": OF_THE_FRAME})
                charts[name] = page.locator("canvas").count()
                if seen.violations_count:
                    wrong[name, language, scheme, width] = seen.generate_report()
        context.close()

    assert wrong == {}
    assert charts == {"near-draft": 1, "near-look": 3, "roll-out": 1, "roll-out-refused": 0}

"""The page of the uplift, that of the budget and the report, in a real browser: they fit, and can be read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from analytics.uplift_runs.report import uplift_report
from loyalty.programs.models import Program
from tests import make
from tests.analytics.uplift_runs.finished import finished, refused
from tests.browser.test_value_pages import LOOKS, OF_THE_FRAME, _seen, _session

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PAGE, BUDGET = "admin:analytics_upliftrun_changelist", "admin:analytics_upliftrun_budget"


@pytest.fixture
def clubs(site: str) -> dict[str, Program]:
    """Programs whose uplift was found and cannot be told; the first one was looked at before, the last one was refused."""
    shop = make.retailer(name="Épicerie du Port", margin_rate=Decimal("0.30"))
    found = {name: make.program(shop, since=datetime(2024, 1, 1, tzinfo=UTC)) for name in ("GOOD", "HIDDEN", "SHORT")}
    for name in ("GOOD", "HIDDEN"):
        make.member(found[name], f"ada-{name}", since=datetime(2025, 1, 1, tzinfo=UTC))
        finished(found[name], name, now=NOW, author="sue")
    finished(found["GOOD"], "GOOD", now=NOW + timedelta(days=1), author="sue")
    refused(found["SHORT"], "history_too_short", now=NOW, months=5.2, needed=13)
    return found


def test_the_pages_fit_and_can_be_read(clubs: dict[str, Program], site: str, chromium: Any) -> None:
    run = clubs["GOOD"].retailer.uplift_runs.filter(program=clubs["GOOD"]).latest("pk")
    paths = {
        f"uplift-{name.lower()}": f"{reverse(PAGE)}?program={club.pk}"
        for name, club in clubs.items()
        if name != "SHORT"
    }
    paths["uplift-budget"] = f"{reverse(BUDGET)}?program={clubs['GOOD'].pk}"
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
        page.set_content(uplift_report(run, now=NOW, language=language))
        found.append(_seen(page, f"uplift-report-{look}", "svg", None))
        context.close()

    drawn = {
        "uplift-good": 11, "uplift-hidden": 7, "uplift-budget": 0, "uplift-report": 11,
    }  # fmt: skip
    assert found == [
        (f"{name}-{'-'.join(map(str, look))}", drawn[name], True, "")
        for look in LOOKS
        for name in (*paths, "uplift-report")
    ]

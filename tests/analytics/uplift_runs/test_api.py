"""The uplift by API: measurements of one's own programs, one with all that it rests on, asked for and cancelled."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from analytics.uplift_runs.models import UpliftRun
from loyalty.programs.models import Program
from tests import make
from tests.analytics.uplift_runs.finished import finished, refused

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RUNS = "/api/v1/analytics/uplift"


def key(club: Program, *scopes: str) -> dict[str, Any]:
    return {"headers": {"authorization": f"Api-Key {make.key(club.retailer, *(scopes or ('analytics:read',)))}"}}


def post(client: Client, club: Program, path: str, body: dict[str, Any]) -> Any:
    return client.post(path, body, content_type="application/json", **key(club))


def test_runs_are_the_callers_own_the_newest_first_and_of_one_program(client: Client) -> None:
    club = make.program()
    other = make.program(club.retailer)
    found, later = finished(club, "NOTHING", now=NOW), refused(other, "nobody_joined", now=NOW)
    finished(make.program(), "NOTHING", now=NOW)

    both = client.get(RUNS, **key(club)).json()["results"]
    one = client.get(f"{RUNS}?program={club.slug}", **key(club)).json()["results"]

    assert [each["id"] for each in both] == [later.pk, found.pk]
    assert [(each["id"], each["grade"], each["program"]) for each in one] == [(found.pk, "C", club.slug)]
    assert one[0]["low"] < 0 < one[0]["high"]
    assert one[0]["answer"].startswith("No detectable uplift")
    assert both[0]["reason"].startswith("Nobody has joined")


def test_a_run_is_told_with_its_plan_its_gates_and_the_earlier_looks(client: Client) -> None:
    club = make.program()
    first, second = (finished(club, "HIDDEN", now=NOW) for _ in range(2))

    said = client.get(f"{RUNS}/{second.pk}", **key(club)).json()

    assert (said["grade"], said["effect"], said["low"], said["high"]) == ("D", None, None, None)
    assert said["earlier_looks"] == [first.pk]
    assert said["plan"]["plan"]["window_months"] == 6
    assert said["plan_digest"] == second.plan_digest
    assert {gate["code"] for gate in said["result"]["gates"] if not gate["passed"]} >= {"capture_jump"}
    assert [each["method"] for each in said["pictures"]["studies"]] == ["staggered", "imputation"]
    assert "a difference, not an effect of the program" in said["gap"]


def test_a_measurement_is_asked_for_and_cancelled(client: Client) -> None:
    club = make.program()
    body = {"program": club.slug, "window_months": 4, "lags": [1, 2], "cut": "2026-01-31"}

    asked = post(client, club, RUNS, body)
    run = UpliftRun.objects.get()
    cancelled = post(client, club, f"{RUNS}/{run.pk}/cancel", {})
    again = post(client, club, f"{RUNS}/{run.pk}/cancel", {})

    assert (asked.status_code, asked.json()["status"], asked.json()["grade"]) == (202, "asked", None)
    assert (run.plan["asked"]["window_months"], run.plan["asked"]["lags"], run.author) == (4, [1, 2], "key test")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert (again.status_code, again.json()["code"]) == (409, "uplift_run_is_over")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"program": "nowhere"}, 404),
        ({}, 400),
        ({"program": "{slug}", "window_months": 25}, 400),
        ({"program": "{slug}", "window": 3}, 400),
        ({"program": "{slug}", "lags": []}, 400),
        ({"program": "{slug}", "lags": [1, 1]}, 422),
        ({"program": "{slug}", "lags": [1] * 13}, 400),
        ({"program": "{slug}", "metric": "joy"}, 400),
        ({"program": "{slug}", "level": 1}, 400),
    ],
)
def test_what_cannot_be_planned_is_refused(client: Client, body: dict[str, Any], status: int) -> None:
    club = make.program()
    given = {name: value.format(slug=club.slug) if isinstance(value, str) else value for name, value in body.items()}

    answer = post(client, club, RUNS, given)

    assert (answer.status_code, UpliftRun.objects.count()) == (status, 0), answer.content


def test_another_retailers_run_is_not_there_and_another_scope_does_not_do(client: Client) -> None:
    run = finished(make.program(), "NOTHING", now=NOW)
    stranger = make.program()

    assert client.get(f"{RUNS}/{run.pk}", **key(stranger)).status_code == 404
    assert post(client, stranger, f"{RUNS}/{run.pk}/cancel", {}).status_code == 404
    assert client.get(RUNS, **key(stranger, "program:read")).status_code == 403

"""Programs by API: a draft is read, edited from the state that was read, checked, tried and published."""

import json
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from loyalty.planning.simulating import run_next
from loyalty.programs.models import Program, ProgramVersion
from tests import make

pytestmark = pytest.mark.django_db


class Caller:
    """A program owner's tool."""

    def __init__(self, client: Client, program: Program, *scopes: str) -> None:
        self.client, self.base = client, f"/api/v1/programs/{program.slug}"
        self.key = make.key(program.retailer, *scopes)

    def __call__(
        self, method: str, way: str, body: Any = None, *, kind: str = "application/json", **headers: str
    ) -> Any:
        data = body if isinstance(body, str) else json.dumps(body if body is not None else {})
        return self.client.generic(
            method, f"{self.base}{way}", data.encode(), content_type=kind,
            headers={"Authorization": f"Api-Key {self.key}"} | {name.replace("_", "-"): value for name, value in headers.items()},
        )  # fmt: skip


@pytest.fixture
def call(client: Client) -> Caller:
    club = make.program(tiers=[("bronze", "0", "1"), ("silver", "100", "1.5")])
    make.buys(make.member(club, "ada"), make.line("80.00", category="FRESH"))
    return Caller(client, club)


def test_a_draft_is_opened_edited_checked_planned_and_published(call: Caller) -> None:
    opened = call("POST", "/versions", {"note": "Silver for more"})
    read = call("GET", "/versions/2")
    document = read.json()
    document["tiers"][1]["threshold"] = "70"
    edited = call("PUT", "/versions/2", document, If_Match=read.headers["ETag"])
    checked = call("GET", "/versions/2/check").json()
    planned = call("GET", "/versions/2/plan").json()
    compared = call("GET", "/versions/2/compare/1").json()
    instant = (timezone.now() + timedelta(days=1)).isoformat()
    published = call("POST", "/versions/2/publish", {"effective_from": instant})
    again = call("PUT", "/versions/2", document, If_Match=edited.headers["ETag"])
    withdrawn = call("POST", "/versions/2/withdraw")

    assert (opened.status_code, opened.json()["number"], edited.status_code) == (201, 2, 200)
    assert edited.json() == [{"path": "tiers/silver/threshold", "before": "100", "after": "70"}]
    assert read.headers["ETag"] != edited.headers["ETag"]
    assert checked == {"publishable": True, "findings": []}
    assert (planned["moves"], planned["up"]["members"]) == ([{"from": "bronze", "to": "silver", "members": 1}], 1)
    assert {change["path"] for change in compared} == {"note", "tiers/silver/threshold"}
    assert (published.status_code, published.json()["status"]) == (200, "published")
    assert (again.status_code, again.json()["code"]) == (409, "not_a_draft")
    assert (withdrawn.status_code, withdrawn.json()["status"]) == (200, "withdrawn")
    events = call("GET", "/events").json()
    assert [event["action"] for event in events][:4] == ["withdrawn", "published", "edited", "created"]
    assert {event["author"] for event in events[:4]} == {"key test"}


def test_who_edits_from_an_older_state_is_told_to_read_again(call: Caller) -> None:
    call("POST", "/versions")
    read = call("GET", "/versions/2")
    document = read.json()
    document["note"] = "first"
    call("PUT", "/versions/2", document, If_Match=read.headers["ETag"])
    document["note"] = "second"

    stale = call("PUT", "/versions/2", document, If_Match=read.headers["ETag"])
    without = call("PUT", "/versions/2", document)
    retried = [
        call("PUT", "/versions/2", document, If_Match=etag, Idempotency_Key="edit-1").status_code
        for etag in (read.headers["ETag"], call("GET", "/versions/2").headers["ETag"])
    ]

    assert retried == [412, 200]
    assert (stale.status_code, stale.json()["code"]) == (412, "changed_meanwhile")
    assert (without.status_code, without.json()["code"]) == (428, "no_etag")
    assert ProgramVersion.objects.get(number=2).note == "second"


def test_a_document_goes_out_and_comes_in_as_yaml(call: Caller) -> None:
    call("POST", "/versions")
    read = call("GET", "/versions/2?as=yaml")
    text = read.content.decode().replace("threshold: '100'", "threshold: 90")

    edited = call("PUT", "/versions/2", text, kind="application/yaml", If_Match=read.headers["ETag"])
    broken = call("PUT", "/versions/2", "a: [", kind="application/yaml", If_Match=edited.headers["ETag"])

    assert read.headers["Content-Type"].startswith("application/yaml")
    assert yaml.safe_load(text)["tiers"][1]["threshold"] == 90
    assert edited.json() == [{"path": "tiers/silver/threshold", "before": "100", "after": "90"}]
    assert (broken.status_code, broken.json()["code"]) == (422, "unreadable_document")


def test_what_is_wrong_with_a_document_is_named_place_by_place(call: Caller) -> None:
    call("POST", "/versions")
    read = call("GET", "/versions/2")
    document = read.json()
    document["tiers"][1]["threshold"] = "-1"
    document["earning_rules"][0]["points"] = "0"

    answer = call("PUT", "/versions/2", document, If_Match=read.headers["ETag"])
    document["tiers"][1]["threshold"], document["earning_rules"][0]["points"] = "0", "1"
    kept = call("PUT", "/versions/2", document, If_Match=read.headers["ETag"])
    refused = call("POST", "/versions/2/publish", {"effective_from": (timezone.now() + timedelta(days=1)).isoformat()})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document")
    assert {each["pointer"] for each in answer.json()["errors"]} == {"/earning_rules/0/points", "/tiers/1/threshold"}
    assert kept.status_code == 200  # a draft may be wrong; it is not published
    assert (refused.status_code, refused.json()["code"]) == (422, "version_has_errors")
    assert [(each["pointer"], each["code"]) for each in refused.json()["errors"]] == [
        ("/tiers/bronze", "unreachable_tier")
    ]


def test_a_what_if_is_asked_for_and_its_result_kept(call: Caller) -> None:
    call("POST", "/versions")

    asked = call("POST", "/simulations", {"version": 2, "since": "2026-06-01", "until": "2026-06-30"})
    while run_next(now=timezone.now()):
        pass
    done = call("GET", f"/simulations/{asked.json()['id']}").json()
    late = call("DELETE", f"/simulations/{asked.json()['id']}")
    wrong = call("POST", "/simulations", {"version": 2, "since": "2026-06-01", "until": "2099-06-30"})

    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
    assert (done["status"], done["percent"], done["is_stale"], done["result"]["draft"]["net"]) == (
        "done",
        100,
        False,
        80,
    )
    assert (late.status_code, late.json()["code"]) == (409, "already_over")
    assert (wrong.status_code, wrong.json()["code"]) == (422, "no_past")
    assert [each["result"] for each in call("GET", "/simulations").json()] == [None]


@pytest.mark.parametrize(
    "condition",
    [{"field": "order_amount", "from": "NaN"}, {"field": "time", "from": "10:00+02:00"}, {"any": [{}] * 30_000}],
)
def test_a_condition_that_could_break_an_order_is_refused(call: Caller, condition: Any) -> None:
    call("POST", "/versions")
    read = call("GET", "/versions/2")
    document = json.loads(read.content)
    document["earning_rules"][0]["condition"] = condition

    edited = call("PUT", "/versions/2", document, If_Match=read.headers["ETag"])
    counted = call("POST", "/matches", {"condition": condition})

    assert (edited.status_code, edited.json()["code"]) == (422, "invalid_document")
    assert counted.status_code == 400
    assert call("GET", "/versions/2").json() == read.json()


def test_who_meets_a_condition_is_counted(call: Caller) -> None:
    condition = {"field": "category", "in": ["FRESH"]}

    found = call("POST", "/matches", {"condition": condition, "days": 3_660}).json()
    wrong = call("POST", "/matches", {"condition": {"field": "colour", "in": ["red"]}})

    assert (found["members"], found["orders"], found["lines"], found["amount"]) == (1, 1, 1, "80.00")
    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknown_field")


def test_programs_are_listed_and_created_once(client: Client, call: Caller) -> None:
    def ask(method: str, body: Any = None) -> Any:
        return client.generic(
            method, "/api/v1/programs", json.dumps(body or {}).encode(), content_type="application/json",
            headers={"Authorization": f"Api-Key {call.key}"},
        )  # fmt: skip

    made = ask("POST", {"slug": "club-two", "name": "Club Two"})
    again = ask("POST", {"slug": "club-two", "name": "Club Two"})
    nowhere = ask("POST", {"slug": "club-three", "name": "Club Three", "zone": "Europe/Lutetia"})

    assert (nowhere.status_code, [each["pointer"] for each in nowhere.json()["errors"]]) == (400, ["/zone"])
    assert (made.status_code, [version["status"] for version in made.json()["versions"]]) == (201, ["draft"])
    assert (again.status_code, again.json()["code"]) == (422, "program_exists")
    assert len(ask("GET").json()) == 2

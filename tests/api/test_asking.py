"""Query parameters of writes: what is not understood is refused, and nothing is done."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from customers.api.asking import DRY_RUN
from customers.models import Consent, Customer, Order
from loyalty.memberships.models import Household, Membership
from tests import make
from tests.access.test_matrix import api_endpoints, methods_of
from tests.api.test_integration import ORDER

pytestmark = pytest.mark.django_db

IN_PLACE = dict.fromkeys(
    (
        "entry_id",
        "hold_id",
        "invoice_id",
        "redemption_id",
        "referral_id",
        "message_id",
        "device_id",
        "survey_id",
        "offer_id",
        "event_id",
        "webhook_id",
    ),
    UUID(int=1),
)
ADJUSTMENT = {"points": 20, "reference": "a1", "reason": "test", "author": "Bo"}
WRITES = ("post", "put", "patch", "delete")


@pytest.fixture
def key() -> str:
    return make.key(make.member(make.program(), "ada").program.retailer)


def writes() -> list[tuple[str, str, set[str]]]:
    """Return each write of the API: method, address and the names of its query parameters."""
    found = []
    for path, operations in SchemaGenerator().get_schema(public=True)["paths"].items():  # type: ignore[no-untyped-call]
        for method in operations.keys() & set(WRITES):
            parameters = operations[method]["parameters"]
            places = {each["name"]: IN_PLACE.get(each["name"], 1) for each in parameters if each["in"] == "path"}
            names = {each["name"] for each in parameters if each["in"] == "query"}
            found.append((method, path.format(**places), names))
    return found


def send(client: Client, key: str, method: str, path: str, body: Any = None) -> Any:
    """Send something with a key, or, where a shopper does, with Ada's token."""
    is_mine = f"{path.partition('?')[0]}/".startswith("/api/v1/me/")
    token = make.token(Customer.objects.get(external_id="ada")) if is_mine else ""
    headers = {"authorization": f"Bearer {token}" if is_mine else f"Api-Key {key}"}
    return client.generic(
        method.upper(), path, json.dumps(body or {}), content_type="application/json", headers=headers
    )


def test_every_write_refuses_a_parameter_that_it_does_not_know(client: Client, key: str) -> None:
    for method, path, names in writes():
        answer = send(client, key, method, f"{path}?dryrun=true")

        said = answer.json()
        assert (answer.status_code, said["code"]) == (400, "unknown_parameter"), (method, path)
        assert said["errors"][0]["pointer"] == "/dryrun"
        assert all(name in said["detail"] for name in names)


def test_every_write_that_can_be_tried_out_wants_to_be_told_clearly(client: Client, key: str) -> None:
    dry = [(method, path) for method, path, names in writes() if "dry_run" in names]

    assert len(dry) == 93
    for method, path in dry:
        for query in ("maybe", "on", "", "true&dry_run=false"):
            said = send(client, key, method, f"{path}?dry_run={query}").json()
            assert (said["status"], said["code"]) == (400, "not_a_boolean"), (method, path, query)
            assert said["detail"] == "dry_run is true or false (1 or 0); nothing was done."
        inside = send(client, key, method, path, {"dry_run": True}).json()
        assert (inside["status"], inside["code"]) == (400, "parameter_in_body"), (method, path)


def test_a_dry_run_says_that_it_is_one_and_names_nothing_that_is_not_there(client: Client, key: str) -> None:
    ada = Membership.objects.get()
    base = f"/api/v1/members/{ada.number}"
    hold = {"points": 5, "reference": "h"}
    shared = {"members": [make.member(ada.program, "bob").number]}
    send(client, key, "post", f"{base}/adjustments", ADJUSTMENT)
    tried = [
        ("post", "/api/v1/orders", ORDER),
        ("put", "/api/v1/orders/A1", ORDER | {"version": 1}),
        ("post", "/api/v1/customers", {"external_id": "carl"}),
        ("post", "/api/v1/customers/ada/consents", {"purpose": "email", "granted": True, "source": "web"}),
        ("post", "/api/v1/enrolments", {"program": ada.program.slug, "customer": "carl"}),
        ("post", f"{base}/adjustments", ADJUSTMENT | {"reference": "a2"}),
        ("post", f"{base}/redemptions", hold),
        ("post", f"{base}/holds", hold),
        ("put", f"{base}/household", shared),
        ("post", f"{base}/leave", {}),
    ]

    for method, path, body in tried:
        answer = send(client, key, method, f"{path}?dry_run=true", body)
        said = answer.json()
        assert (answer.status_code, said["dry_run"]) == (200, True), (path, said)
        assert not {"id", "member_number"} & said.keys()
    batch = send(client, key, "post", "/api/v1/orders/batch?dry_run=true", {"orders": [ORDER]}).json()

    assert (batch["dry_run"], ["id" in row for row in batch["results"]]) == (True, [False])
    assert Customer.objects.count() == 2
    assert not Household.objects.exists()
    assert not Consent.objects.filter(purpose="email").exists()
    assert send(client, key, "post", "/api/v1/orders", ORDER).json().keys() >= {"id", "effects"}


def test_a_household_is_left_only_where_it_is_meant(client: Client, key: str) -> None:
    ada = Membership.objects.get()
    path = f"/api/v1/members/{ada.number}/household"
    send(client, key, "put", path, {"members": [make.member(ada.program, "bob").number]})

    tried = send(client, key, "delete", f"{path}?dry_run=1")
    there = send(client, key, "get", path)
    meant = send(client, key, "delete", path)

    assert (tried.status_code, tried.json()) == (200, {"dry_run": True})
    assert (there.status_code, meant.status_code) == (200, 204)


def test_what_was_not_understood_was_not_done(client: Client, key: str) -> None:
    ada = Membership.objects.get()

    send(client, key, "post", f"/api/v1/members/{ada.number}/leave?dry_run=maybe")
    send(client, key, "post", f"/api/v1/members/{ada.number}/leave", {"dry_run": True})
    send(client, key, "post", "/api/v1/orders?dry_run=on", ORDER)

    ada.refresh_from_db()
    assert (ada.left_at, Order.objects.count()) == (None, 0)


def test_a_word_for_no_is_as_good_as_silence(client: Client, key: str) -> None:
    for place, word in enumerate(("false", "0", "False")):
        answer = send(client, key, "post", f"/api/v1/orders?dry_run={word}", ORDER | {"number": f"A{place}"})
        assert answer.status_code == 201

    assert Order.objects.count() == 3


# Writes that are about no member, or of which there is nothing to try out.
OF_NO_MEMBER = {
    "signin-codes", "signin-confirm", "payment-notices", "token", "my-token", "programs", "versions", "version",
    "version-propose", "version-publish", "version-withdraw", "program-matches", "simulations", "simulation",
    "uplift-runs", "uplift-run-cancel", "roll-outs", "voucher-check", "receipts", "recommendation-runs",
    "campaign-check", "campaign-plan", "campaign-apply", "campaign-template",
    "offer-check", "offer-plan", "offer-apply",
}  # fmt: skip


def test_every_write_about_a_member_can_be_tried_out() -> None:
    found = set()
    for name, pattern in api_endpoints().items():
        view: Any = vars(pattern.callback)["view_class"]
        for method in methods_of(pattern) - {"GET"}:
            found |= set() if DRY_RUN in view.switches.get(method, ()) else {name}

    assert found - OF_NO_MEMBER == set()

"""Orders corrected and claimed by a shop's systems."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils import timezone

from customers.models import Order, OrderClaim, OrderRevision
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry
from tests import make

pytestmark = pytest.mark.django_db

ORDER = {
    "number": "A1",
    "customer": "ada",
    "occurred_at": "2026-06-15T14:00:00+02:00",
    "lines": [{"sku": "milk", "quantity": "2", "unit_price": "5.25", "category": "DAIRY"}],
}
LESS = {"version": 1, **ORDER, "lines": [{"sku": "milk", "quantity": "1", "unit_price": "5.25"}]}


def send(client: Client, method: str, path: str, body: Any, key: str, **headers: str) -> Any:
    return client.generic(
        method, f"/api/v1/{path}", json.dumps(body), content_type="application/json",
        headers={"authorization": f"Api-Key {key}"} | headers,
    )  # fmt: skip


@pytest.fixture
def key() -> str:
    """A key of a shop of whose club Ada is a member."""
    club = make.program()
    make.member(club, "ada")
    return make.key(club.retailer)


def test_an_order_is_corrected_and_the_answer_says_what_it_gives_now(client: Client, key: str) -> None:
    send(client, "POST", "orders", ORDER, key)

    answer = send(client, "PUT", "orders/A1", LESS, key)

    said = answer.json()
    assert (answer.status_code, said["status"], said["effects"][0]["points"]) == (200, "corrected", 5)
    assert said["effects"][0]["explanation"][0]["kept_before"] == 10
    assert OrderRevision.objects.get().content["lines"][0]["quantity"] == "2.000"


def test_the_answer_says_what_the_order_keeps_and_by_how_much_that_changed(client: Client, key: str) -> None:
    send(client, "POST", "orders", ORDER, key)
    back = {"number": "R1", "order_number": "A1", "occurred_at": "2026-06-15T15:00:00+02:00"}
    send(client, "POST", "returns", back | {"lines": [{"position": 1, "quantity": "1"}]}, key)
    dear = {"version": 1, **ORDER, "lines": [{"sku": "milk", "quantity": "2", "unit_price": "10.00"}]}

    said = [send(client, "PUT", f"orders/A1{asked}", dear, key).json() for asked in ("?dry_run=true", "")]

    assert said[0] | {"id": said[1]["id"]} == said[1] | {"dry_run": True}
    (effect,) = said[1]["effects"]
    assert (effect["points"], effect["points_kept"], effect["change"]) == (20, 10, 5)
    assert said[1]["former_effects"] == []


@pytest.mark.parametrize("customer", [None, "bob"])
def test_the_answer_says_what_the_former_customer_loses(client: Client, key: str, customer: str | None) -> None:
    send(client, "POST", "orders", ORDER, key)

    said = send(client, "PUT", "orders/A1", ORDER | {"version": 1, "customer": customer}, key).json()

    (former,) = said["former_effects"]
    assert (former["points"], former["points_kept"], former["change"]) == (0, 0, -10)
    assert said["effects"] == []


def test_the_same_correction_again_is_unchanged_and_an_older_one_a_conflict(client: Client, key: str) -> None:
    send(client, "POST", "orders", ORDER, key)
    answers = [
        send(client, "PUT", "orders/A1", body, key)
        for body in (LESS | {"version": 2}, LESS | {"version": 2}, ORDER | {"version": 2}, ORDER | {"version": 1})
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 409, 409]
    assert [answer.json()["status"] for answer in answers[:2]] == ["corrected", "unchanged"]
    assert answers[2]["Content-Type"] == "application/problem+json"
    assert (answers[2].json()["code"], Entry.objects.count()) == ("conflict", 2)


def test_an_order_that_is_not_known_is_made(client: Client, key: str) -> None:
    body = {name: value for name, value in LESS.items() if name != "number"}

    answer = send(client, "PUT", "orders/2026/0001", body, key)

    assert (answer.status_code, answer.json()["number"]) == (201, "2026/0001")
    assert answer.json()["effects"][0]["points"] == 5


def test_pending_is_what_an_order_gives_and_nobody_can_spend_yet(client: Client) -> None:
    club = make.program(points={"pending_days": 14})
    make.member(club, "ada")
    key, today = make.key(club.retailer), timezone.now().isoformat()
    order = ORDER | {"number": "A2", "occurred_at": today}
    more = order | {"lines": [{"sku": "a", "quantity": "1", "net_amount": "90.00"}], "version": 1}
    back = {"number": "R1", "order_number": "A2", "occurred_at": today, "lines": [{"position": 1, "quantity": "1"}]}

    answers = [
        send(client, "POST", "orders", ORDER, key),  # so late that its days are over
        send(client, "POST", "orders", order, key),
        send(client, "PUT", "orders/A2", more, key),
        send(client, "POST", "returns", back, key),
    ]

    effects = [answer.json()["effects"][0] for answer in answers]
    assert [(effect["points"], effect["pending"]) for effect in effects] == [(10, 0), (10, 10), (90, 90), (-90, -90)]
    assert [said["kind"] for said in effects[0]["explanation"]] == ["earn", "activate"]


def test_a_dry_run_says_what_a_correction_would_cause_and_leaves_no_trace(client: Client, key: str) -> None:
    send(client, "POST", "orders", ORDER, key)

    answer = send(client, "PUT", "orders/A1?dry_run=true", LESS, key)

    assert (answer.status_code, answer.json()["effects"][0]["points"]) == (200, 5)
    assert (OrderRevision.objects.count(), Entry.objects.count()) == (0, 1)
    assert Order.objects.get().version == 0


def test_an_order_leaves_its_member_and_comes_back(client: Client, key: str) -> None:
    send(client, "POST", "orders", ORDER, key)
    guests = {name: value for name, value in ORDER.items() if name != "customer"}
    send(client, "PUT", "orders/A1", guests | {"version": 1}, key)

    answers = [
        send(client, "PUT", f"orders/A1{asked}", ORDER | {"version": 2}, key) for asked in ("?dry_run=true", "", "")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["status"] for answer in answers] == ["corrected", "corrected", "unchanged"]
    assert [answer.json()["effects"][0]["points"] for answer in answers[:2]] == [10, 10]
    assert list(Entry.objects.order_by("id").values_list("kind", "available_change")) == [
        ("earn", 10), ("return", -10), ("earn", 10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "status", "pointer"),
    [
        ({"number": "B2"}, 400, "/number"),
        ({"number": []}, 400, "/number"),
        ({"version": 0}, 400, "/version"),
        ({"version": None}, 400, "/version"),
        ({"lines": []}, 400, "/lines"),
        ({"currency": "USD"}, 422, None),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, 400, "/occurred_at"),
        ({"occurred_at": "2099-01-01T00:00:00Z"}, 422, None),
    ],
)
def test_what_is_wrong_with_a_correction_is_named(
    client: Client, key: str, change: dict[str, Any], status: int, pointer: str | None
) -> None:
    send(client, "POST", "orders", ORDER, key)

    answer = send(client, "PUT", "orders/A1", LESS | change, key)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    if pointer:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert OrderRevision.objects.count() == 0


def test_one_key_and_one_correction_are_one_effect(client: Client, key: str) -> None:
    send(client, "POST", "orders", ORDER, key)

    answers = [send(client, "PUT", "orders/A1", LESS, key, **{"Idempotency-Key": "k"}) for _ in range(2)]

    assert [answer.json()["status"] for answer in answers] == ["corrected", "corrected"]
    assert answers[1]["Idempotent-Replayed"] == "true"


@pytest.mark.parametrize(
    "number", ["A1/claim", "claim/claim", "A1/related", "batch", "2026/7", "A1%2Fclaim", "A%3F1", "claim"]
)
def test_a_number_is_corrected_whatever_it_looks_like(client: Client, key: str, number: str) -> None:
    said = unquote(number)
    send(client, "POST", "orders", ORDER | {"number": said}, key)

    answer = send(client, "PUT", f"orders/{number}", LESS | {"number": said}, key)
    why = client.get(
        f"/api/v1/members/{Membership.objects.get().number}/orders/{number}",
        headers={"authorization": f"Api-Key {key}"},
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "corrected")
    assert (why.status_code, why.json()["order"]) == (200, said)


@pytest.mark.parametrize("number", ["A1", "A1/claim", "claim", "batch/claim", "2026/7"])
def test_a_number_is_claimed_whatever_it_looks_like(client: Client, key: str, number: str) -> None:
    send(client, "POST", "orders", ORDER | {"customer": "bob", "number": "other"}, key)
    send(client, "POST", "orders", ORDER | {"customer": None, "number": number}, key)

    answer = send(client, "POST", f"orders/{number}/claim", {"customer": "ada", "reference": "r"}, key)

    assert (answer.status_code, answer.json()["number"]) == (201, number)


def test_a_guests_order_is_claimed_once(client: Client, key: str) -> None:
    send(client, "POST", "orders", ORDER | {"customer": None}, key)
    claim = {"customer": "ada", "reference": "receipt 7"}
    send(client, "POST", "orders", ORDER | {"customer": "bob", "number": "A2"}, key)

    slip = send(client, "POST", "orders/A1/claim", claim | {"customer": "adda"}, key)
    dry = send(client, "POST", "orders/A1/claim?dry_run=true", claim, key)
    nobodys = Order.objects.get(number="A1").customer
    answers = [
        send(client, "POST", "orders/A1/claim", body, key) for body in (claim, claim, claim | {"customer": "bob"})
    ]

    assert (slip.status_code, slip.json()["code"]) == (404, "unknown_customer")
    assert (dry.json()["effects"][0]["points"], nobodys) == (10, None)
    assert [answer.status_code for answer in answers] == [201, 200, 409]
    assert [answer.json()["status"] for answer in answers[:2]] == ["claimed", "unchanged"]
    assert answers[0].json()["effects"][0]["points"] == 10
    assert answers[2].json()["code"] == "order_of_another"
    assert (OrderClaim.objects.count(), Entry.objects.count()) == (1, 1)


def test_a_claim_of_what_is_not_there_is_404_and_one_without_a_proof_400(client: Client, key: str) -> None:
    missing = send(client, "POST", "orders/A1/claim", {"customer": "ada", "reference": "r"}, key)
    unproved = send(client, "POST", "orders/A1/claim", {"customer": "ada"}, key)

    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_order")
    assert (unproved.status_code, unproved.json()["errors"][0]["pointer"]) == (400, "/reference")


def test_two_customers_are_merged_and_numbers_and_tokens_of_the_one_who_goes_lead_on(client: Client) -> None:
    club = make.program()
    ada, bob = make.member(club, "ada"), make.member(club, "bob")
    key, token = make.key(club.retailer), make.token(bob.customer)
    send(client, "POST", "orders", ORDER | {"customer": "bob"}, key)
    body = {"into": "ada", "reference": "case 7"}

    dry = send(client, "POST", "customers/bob/merge?dry_run=true", body, key)
    before = client.get(f"/api/v1/members/{bob.number}", headers={"authorization": f"Api-Key {key}"}).json()
    answers = [send(client, "POST", "customers/bob/merge", body, key) for _ in range(2)]

    assert dry.json() == answers[0].json() | {"dry_run": True}
    assert (before["member_number"], before["wallet"]["available"]) == (bob.number, 10)
    assert answers[0].json() == {
        "customer": "ada",
        "status": "merged",
        "orders": 1,
        "interactions": 0,
        "waiting": 0,
        "memberships": [
            {
                "program": club.slug,
                "member_number": ada.number,
                "merged_number": bob.number,
                "points": {"points": 10},
                "pending": {"points": 0},
                "tier": "",
            }
        ],
    }
    assert (answers[1].status_code, answers[1].json()["status"]) == (200, "unchanged")
    after = client.get(f"/api/v1/members/{bob.number}", headers={"authorization": f"Api-Key {key}"}).json()
    assert (after["member_number"], after["customer"], after["wallet"]["available"]) == (ada.number, "ada", 10)
    mine = client.get("/api/v1/me/wallet", headers={"authorization": f"Bearer {token}"}).json()
    assert [wallet["available"] for wallet in mine] == [10]


@pytest.mark.parametrize(
    ("source", "body", "status", "code"),
    [
        ("ada", {"into": "ada", "reference": "r"}, 422, "same_customer"),
        ("nobody", {"into": "ada", "reference": "r"}, 404, "unknown_customer"),
        ("ada", {"into": "nobody", "reference": "r"}, 404, "unknown_customer"),
    ],
)
def test_a_merge_that_cannot_be_is_refused(
    client: Client, key: str, source: str, body: dict[str, str], status: int, code: str
) -> None:
    answer = send(client, "POST", f"customers/{source}/merge", body, key)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_merge_without_a_proof_is_malformed(client: Client, key: str) -> None:
    answer = send(client, "POST", "customers/ada/merge", {"into": "ada"}, key)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/reference")


def test_open_holds_refuse_a_merge(client: Client) -> None:
    club = make.program()
    make.member(club, "ada")
    bob = make.member(club, "bob")
    key = make.key(club.retailer)
    send(client, "POST", "orders", ORDER | {"customer": "bob"}, key)
    send(client, "POST", f"members/{bob.number}/holds", {"points": 5, "reference": "till"}, key)

    answer = send(client, "POST", "customers/bob/merge", {"into": "ada", "reference": "r"}, key)

    assert (answer.status_code, answer.json()["code"]) == (409, "open_hold")
    assert "till" in answer.json()["detail"]

"""Answers that are kept for requests that come again say nothing of a person who was erased, and stay everybody else's."""

from typing import Any

import pytest
from django.test import Client

from customers.models import Erasure
from customers.privacy import erase
from loyalty.api.models import IdempotencyRecord
from loyalty.memberships.models import Membership
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
ADDRESS = "ada@example.org"  # as some shops make it the id of a customer


@pytest.fixture
def ada() -> Membership:
    return make.member(make.program(), ADDRESS)


def post(client: Client, credential: str, path: str, body: Any, key: str) -> Any:
    headers = {"authorization": credential, "idempotency-key": key}
    send = client.patch if path == "me/preferences" else client.post
    answer = send(f"/api/v1/{path}", body, content_type="application/json", headers=headers)
    assert answer.status_code in {200, 201, 410, 422}, answer.content
    return answer


def forget(ada: Membership) -> None:
    erase(ada.customer, asked_by=Erasure.AskedBy.PERSON, reason="asked for it", now=NOON)


def kept() -> dict[str, tuple[int, str]]:
    return {row.key: (row.status, bytes(row.body).decode()) for row in IdempotencyRecord.objects.all()}


def test_refusals_are_forgotten_whose_words_or_addresses_name_the_person(client: Client, ada: Membership) -> None:
    system = f"Api-Key {make.key(ada.program.retailer)}"
    post(client, system, f"members/{ada.number}/redemptions", {"points": 99, "reference": "r"}, "by number")
    post(client, system, f"customers/{ADDRESS}/merge", {"into": ADDRESS, "reference": "r"}, "by id")
    assert [status for status, _body in kept().values()] == [422, 422]

    forget(ada)

    assert kept() == {}


def test_a_consent_s_words_are_forgotten(client: Client, ada: Membership) -> None:
    system = f"Api-Key {make.key(ada.program.retailer)}"
    said = {"purpose": "email", "granted": True, "source": "web", "wording": "I, Ada Lovelace, agree"}
    answer = post(client, system, f"customers/{ADDRESS}/consents", said, "c")
    assert answer.json()["customer"] == ADDRESS

    forget(ada)

    status, body = kept()["c"]
    assert (status, "Lovelace" in body) == (410, False)


def test_what_a_shopper_was_answered_is_forgotten_whatever_it_says(client: Client, ada: Membership) -> None:
    mine = f"Bearer {make.token(ada.customer)}"
    said = post(client, mine, "me/preferences", {"agreed": {"email": True}}, "mine")
    assert ADDRESS not in said.content.decode()

    forget(ada)

    assert [status for status, _body in kept().values()] == [410]


def test_what_another_retailer_was_answered_of_its_own_customer_stays(client: Client, ada: Membership) -> None:
    other = make.member(make.program(), ADDRESS)
    system = f"Api-Key {make.key(other.program.retailer)}"
    order = {"number": "A1", "customer": ADDRESS, "occurred_at": "2026-06-15T12:00:00Z",
             "lines": [{"sku": "milk", "quantity": "1", "net_amount": "5"}]}  # fmt: skip
    person = {"external_id": ADDRESS, "email": ADDRESS}
    first = [post(client, system, "customers", person, "person"), post(client, system, "orders", order, "order")]
    refused = post(client, system, f"customers/{ADDRESS}/merge", {"into": ADDRESS, "reference": "r"}, "merge")

    forget(ada)

    again = [post(client, system, "customers", person, "person"), post(client, system, "orders", order, "order")]
    assert [each.content for each in again] == [each.content for each in first]
    assert [each["Idempotent-Replayed"] for each in again] == ["true", "true"]
    assert post(client, system, f"customers/{ADDRESS}/merge", {"into": ADDRESS, "reference": "r"}, "merge").content == (
        refused.content
    )

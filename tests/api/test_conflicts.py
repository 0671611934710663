"""What is compared is what is recorded, not how it was written; a conflict says what differs, and what is recorded."""

from typing import Any

import pytest
from django.test import Client

from customers.models import Interaction, Order, OrderEvent, Return
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.django_db

BACK = [{"position": 1, "quantity": "1"}]
RETURN = {"number": "R1", "order_number": "A1", "occurred_at": "2026-06-16T10:00:00Z", "lines": BACK}
VISIT = {"number": "V1", "customer": "ada", "kind": "visit", "occurred_at": "2026-06-15T12:00:00Z"}
SENT = {"order_number": "A1", "kind": "delivered", "occurred_at": "2026-06-17T12:00:00Z"}


@pytest.fixture
def key(client: Client) -> str:
    key = make.key(make.retailer())
    for path, body in (("orders", ORDER), ("returns", RETURN), ("interactions", VISIT), ("order-events", SENT)):
        assert call(client, key, path, body).status_code == 201
    return key


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("orders", ORDER | {"currency": "EUR"}),
        ("orders", ORDER | {"currency": "eur", "channel": None, "redemptions": []}),
        ("orders", ORDER | {"occurred_at": "2026-06-15T12:00:00Z"}),
        ("orders", ORDER | {"lines": [{"sku": "milk", "quantity": "2.0", "net_amount": "10.5", "category": "DAIRY"}]}),
        ("returns", RETURN | {"lines": [{"sku": "milk", "quantity": "1.000"}]}),
        ("returns", RETURN | {"lines": [{"sku": "milk", "position": 1, "quantity": "1"}]}),
        ("returns", RETURN | {"lines": [{"position": 1, "quantity": "0.5"}, {"sku": "milk", "quantity": "0.5"}]}),
        ("interactions", VISIT | {"occurred_at": "2026-06-15T14:00:00+02:00", "score": None, "sku": ""}),
        ("order-events", SENT | {"occurred_at": "2026-06-17T14:00:00+02:00"}),
    ],
)
def test_the_same_written_otherwise_is_the_same(client: Client, key: str, path: str, body: Any) -> None:
    answer = call(client, key, path, body)

    assert (answer.status_code, answer.json()["status"]) == (200, "unchanged"), answer.json()


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("orders", ORDER | {"store": "x", "customer": "bea"},
         {"/customer": "Recorded is ada, and this says bea.", "/store": "Recorded is nothing, and this says x."}),
        ("orders", ORDER | {"lines": [{"sku": "milk", "quantity": "2", "net_amount": "12", "category": "DAIRY"}]},
         {"/lines/0/net_amount": "Recorded is 10.5, and this says 12."}),
        ("orders", ORDER | {"lines": [*ORDER["lines"], *ORDER["lines"]]}, {"/lines": "Recorded is 1, and this says 2."}),
        ("returns", RETURN | {"lines": [{"sku": "milk", "quantity": "2"}]},
         {"/lines": "Recorded is 1: 1, and this says 1: 2."}),
        ("interactions", VISIT | {"kind": "review"}, {"/kind": "Recorded is visit, and this says review."}),
        ("order-events", SENT | {"occurred_at": "2026-06-18T12:00:00Z"},
         {"/occurred_at": "Recorded is 2026-06-17T12:00:00+00:00, and this says 2026-06-18T12:00:00+00:00."}),
    ],
)  # fmt: skip
def test_a_conflict_says_what_differs(client: Client, key: str, path: str, body: Any, told: dict[str, str]) -> None:
    answer = call(client, key, path, body)

    said = answer.json()
    assert (answer.status_code, said["code"]) == (409, "conflict")
    assert {error["pointer"]: error["detail"] for error in said["errors"]} == told
    assert all(words in said["detail"] for words in told.values())
    assert [kind.objects.count() for kind in (Order, Return, Interaction, OrderEvent)] == [1, 1, 1, 1]


def test_a_row_of_a_batch_says_it_too(client: Client, key: str) -> None:
    rows = call(client, key, "orders/batch", {"orders": [ORDER, ORDER | {"store": "x"}]}).json()["results"]

    assert [row["status"] for row in rows] == ["unchanged", "failed"]
    assert rows[1]["error"]["errors"][0]["pointer"] == "/store"

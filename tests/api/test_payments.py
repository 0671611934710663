"""What an order says that paid it is looked up when it comes in."""

from typing import Any

import pytest
from django.test import Client

from customers.models import Order
from loyalty.memberships.models import Membership
from tests import make
from tests.api.test_integration import ORDER, call

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Membership:
    ada = make.member(make.program(), "ada")
    make.buys(ada, "100.00")
    return ada


@pytest.fixture
def key(ada: Membership) -> str:
    return make.key(ada.program.retailer)


def order(*references: str, number: str = "P1", **given: Any) -> dict[str, Any]:
    return ORDER | {"number": number, "redemptions": list(references)} | given


def refusals(answer: Any) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


def test_a_redemption_that_is_done_pays_an_order_once(client: Client, key: str, ada: Membership) -> None:
    call(client, key, f"members/{ada.number}/redemptions", {"points": 10, "reference": "r1"})

    first, again, other = (call(client, key, "orders", order("r1", number=each)) for each in ("P1", "P1", "P2"))

    assert [each.status_code for each in (first, again, other)] == [201, 200, 422]
    assert refusals(other) == [("/redemptions/0", "redemption_pays_another")]
    assert other.json()["detail"] == "“r1” pays the order P1 already."


def test_what_there_is_not_or_is_anothers_pays_nothing(client: Client, key: str, ada: Membership) -> None:
    bob = make.member(ada.program, "bob")
    make.given(bob, 50, make.on("2026-06-01"))
    call(client, key, f"members/{bob.number}/redemptions", {"points": 10, "reference": "b1"})
    call(client, key, f"members/{ada.number}/redemptions", {"points": 10, "reference": "r1"})

    answers = [
        call(client, key, "orders", order("nothing", "r1")),
        call(client, key, "orders", order("b1")),
        call(client, key, "orders", order("r1", customer=None)),
        call(client, key, "orders", order("r1", customer="somebody-new")),
    ]

    assert [each.status_code for each in answers] == [422] * 4
    assert [refusals(each) for each in answers] == [
        [("/redemptions/0", "unknown_redemption")],
        [("/redemptions/0", "unknown_redemption")],
        [("/redemptions/0", "redemption_of_nobody")],
        [("/redemptions/0", "unknown_redemption")],
    ]
    assert not Order.objects.filter(number="P1").exists()


def test_what_is_held_or_undone_pays_nothing(client: Client, key: str, ada: Membership) -> None:
    base = f"members/{ada.number}"
    held = call(client, key, f"{base}/holds", {"points": 10, "reference": "h1"}).json()
    spent = call(client, key, f"{base}/redemptions", {"points": 10, "reference": "r1"}).json()
    call(client, key, f"{base}/redemptions/{spent['id']}/reverse", {})

    still = call(client, key, "orders", order("h1"))
    undone = call(client, key, "orders", order("r1"))
    call(client, key, f"holds/{held['id']}/confirm", {})
    confirmed = call(client, key, "orders", order("h1"))

    assert [refusals(each)[0][1] for each in (still, undone)] == ["redemption_still_held", "redemption_undone"]
    assert confirmed.status_code == 201


def test_a_row_of_a_batch_is_refused_by_itself(client: Client, key: str, ada: Membership) -> None:
    call(client, key, f"members/{ada.number}/redemptions", {"points": 10, "reference": "r1"})
    rows = [order("r1"), order("r1", number="P2"), order(number="P3"), order("x", number="P4")]

    results = call(client, key, "orders/batch", {"orders": rows}).json()["results"]

    assert [row["status"] for row in results] == ["created", "failed", "created", "failed"]
    assert results[1]["error"]["errors"][0]["code"] == "redemption_pays_another"


def test_a_correction_names_what_can_pay_it(client: Client, key: str, ada: Membership) -> None:
    call(client, key, "orders", order(number="P1"))
    body = order("x") | {"version": 1}

    answer = client.put(
        "/api/v1/orders/P1", body, content_type="application/json", headers={"authorization": f"Api-Key {key}"}
    )

    assert (answer.status_code, refusals(answer)) == (422, [("/redemptions/0", "unknown_redemption")])
    assert Order.objects.get(number="P1").redemptions == []

"""What has not happened yet is no fact: refused, but for what a clock may run ahead."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from customers.batches import OtherContent, Outcome, Status
from customers.checks import CLOCK_TOLERANCE, InvalidFact
from customers.facts import InteractionFact, OrderEventFact, ReturnFact, ReturnLineFact
from customers.importing.running import run_import
from customers.merging import merge
from customers.models import Consent, Customer, Interaction, Order, OrderEvent, Retailer, Return
from customers.recording import identify, record_interactions, record_order_events, record_orders, record_returns
from customers.registration import CustomerFact, record_consent, register
from loyalty.memberships.models import Membership
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
LATEST = NOON + CLOCK_TOLERANCE
BREAD = make.line("10.00", sku="bread")
SOON = LATEST + timedelta(microseconds=1)


def shop_with_an_order() -> Retailer:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", at=NOON - timedelta(days=1), name="A1")], now=NOON)
    return shop


def report(shop: Retailer, kind: str, at: datetime, *, now: datetime = NOON) -> Outcome[Any]:
    """Report one fact of a kind, at noon or later."""
    if kind == "order":
        return record_orders(shop, [make.order("bob", BREAD, at=at, name="A2")], now=now)[0]
    if kind == "return":
        fact = ReturnFact("R1", "A1", at, (ReturnLineFact(Decimal(1), 1),))
        return record_returns(shop, [fact], now=now)[0]
    if kind == "event":
        return record_order_events(shop, [OrderEventFact("A1", "delivered", at)], now=now)[0]
    return record_interactions(shop, [InteractionFact("I1", "bob", "visit", at)], now=now)[0]


@pytest.mark.parametrize("at", [SOON, NOON + timedelta(days=7), NOON.replace(year=2032)])
@pytest.mark.parametrize("kind", ["order", "return", "event", "interaction"])
def test_a_fact_of_the_future_is_refused_and_leaves_no_trace(kind: str, at: datetime) -> None:
    shop = shop_with_an_order()

    outcome = report(shop, kind, at)

    assert isinstance(outcome.error, InvalidFact)
    assert (outcome.error.column, outcome.error.code) == ("occurred_at", "in_the_future")
    counts = [model.objects.filter(retailer=shop).count() for model in (Order, Return, OrderEvent, Interaction)]
    assert counts == [1, 0, 0, 0]
    assert not Customer.objects.filter(retailer=shop, external_id="bob").exists()


@pytest.mark.parametrize("at", [NOON, NOON + timedelta(minutes=1), LATEST])
@pytest.mark.parametrize("kind", ["order", "return", "event", "interaction"])
def test_what_a_clock_that_runs_ahead_reports_is_recorded_as_of_now(kind: str, at: datetime) -> None:
    shop = shop_with_an_order()

    outcome = report(shop, kind, at)

    assert outcome.error is None
    assert outcome.fact.occurred_at == NOON
    models: dict[str, Any] = {"order": Order, "return": Return, "event": OrderEvent, "interaction": Interaction}
    assert models[kind].objects.get(pk=outcome.id).occurred_at == NOON


@pytest.mark.parametrize("kind", ["order", "return", "event", "interaction"])
def test_what_a_clock_that_ran_ahead_reported_is_known_again_later(kind: str) -> None:
    shop = shop_with_an_order()
    first = report(shop, kind, LATEST)

    again = report(shop, kind, LATEST, now=LATEST + timedelta(days=1))

    assert (again.status, again.id) == (Status.UNCHANGED, first.id)
    other = report(shop, kind, SOON, now=LATEST + timedelta(days=1))
    assert isinstance(other.error, OtherContent)


def test_such_an_order_is_known_again_under_the_name_of_a_customer_who_was_merged() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("bob", BREAD, at=LATEST, name="A2")], now=NOON)
    record_orders(shop, [make.order("ada", "10.00", at=NOON, name="A3")], now=NOON)
    merge(shop, "bob", "ada", reference="m", now=NOON)

    again, other = (
        record_orders(shop, [make.order("ada", BREAD, at=at, name="A2")], now=LATEST + timedelta(days=1))[0]
        for at in (LATEST, SOON)
    )

    assert again.status is Status.UNCHANGED
    assert isinstance(other.error, OtherContent)


def test_one_order_of_the_future_leaves_the_others_of_its_batch() -> None:
    shop = make.retailer()
    facts = [make.order("ada", "1.00", at=at) for at in (NOON, SOON, NOON)]

    outcomes = record_orders(shop, facts, now=NOON)

    assert [outcome.status.value for outcome in outcomes] == ["created", "failed", "created"]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("orders", "order_number,customer,occurred_at,sku,quantity,net_amount\nA2,a,{past},x,1,1\nA3,a,{next},x,1,1\n"),
        ("interactions", "number,customer,kind,occurred_at\nI1,a,visit,{past}\nI2,a,visit,{next}\n"),
        ("returns", "return_number,order_number,occurred_at,sku,quantity\nR1,A1,{past},s,0.5\nR2,A1,{next},s,0.5\n"),
    ],
)
def test_a_row_of_the_future_is_a_bad_row_of_its_file(kind: str, text: str) -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", make.line("10.00", sku="s"), name="A1")], now=NOON)
    content = text.format(past=NOON.isoformat(), next="2032-06-15T12:00:00Z")

    found = run_import(shop, kind, io.BytesIO(content.encode()), now=NOON)

    assert found.created == 1
    assert [(problem.line, problem.column) for problem in found.problems] == [(3, "occurred_at")]


def test_the_api_answers_422_with_the_field() -> None:
    shop = make.retailer()
    make.program(shop)
    record_orders(shop, [make.order("ada", "10.00", name="A1")], now=NOON)
    client = Client(headers={"authorization": f"Api-Key {make.key(shop)}"})
    ahead = (datetime.now(UTC) + timedelta(minutes=16)).isoformat()
    program = shop.programs.get().slug
    bodies: dict[str, dict[str, Any]] = {
        "orders": {
            "number": "A2",
            "occurred_at": ahead,
            "lines": [{"sku": "x", "quantity": "1", "net_amount": "1"}],
        },
        "returns": {
            "number": "R1",
            "order_number": "A1",
            "occurred_at": ahead,
            "lines": [{"position": 1, "quantity": "1"}],
        },
        "order-events": {"order_number": "A1", "kind": "delivered", "occurred_at": ahead},
        "interactions": {"number": "I1", "customer": "bob", "kind": "visit", "occurred_at": ahead},
        "customers": {"external_id": "bob", "identified_at": ahead},
        "customers/ada/consents": {"purpose": "email", "granted": True, "source": "till", "occurred_at": ahead},
        "enrolments": {"program": program, "customer": "bob", "occurred_at": ahead},
    }

    found = {}
    for path, body in bodies.items():
        answer = client.post(f"/api/v1/{path}", body, content_type="application/json")
        said = answer.json()
        found[path] = (answer.status_code, said["code"], [(e["pointer"], e["code"]) for e in said["errors"]])

    field = {path: "/identified_at" if path == "customers" else "/occurred_at" for path in bodies}
    assert found == {path: (422, "in_the_future", [(field[path], "in_the_future")]) for path in bodies}
    assert not Membership.objects.exists()
    assert not Consent.objects.exists()
    assert not Customer.objects.filter(external_id="bob").exists()


def test_a_row_of_a_batch_by_api_names_the_field() -> None:
    shop = make.retailer()
    client = Client(headers={"authorization": f"Api-Key {make.key(shop)}"})
    rows = [
        {"number": f"I{year}", "customer": "ada", "kind": "visit", "occurred_at": f"{year}-01-01T00:00:00Z"}
        for year in (2026, 2190)
    ]

    answer = client.post("/api/v1/interactions/batch", {"interactions": rows}, content_type="application/json")

    good, bad = answer.json()["results"]
    assert (good["status"], bad["status"], bad["error"]["status"]) == ("created", "failed", 422)
    assert bad["error"]["errors"][0]["pointer"] == "/occurred_at"


@pytest.mark.parametrize(
    ("fact", "column"),
    [
        (CustomerFact("ada", identified_at=SOON), "identified_at"),
        (CustomerFact("ada", birth_date=(NOON + timedelta(days=1)).date()), "birth_date"),
    ],
)
def test_a_customer_of_the_future_is_refused(fact: CustomerFact, column: str) -> None:
    shop = make.retailer()

    ada, bob = register(shop, [fact, CustomerFact("bob", identified_at=LATEST)], now=NOON)

    assert isinstance(ada.error, InvalidFact)
    assert (ada.error.column, bob.error) == (column, None)
    assert [customer.external_id for customer in Customer.objects.filter(retailer=shop)] == ["bob"]


def test_an_enrolment_and_a_consent_of_the_future_are_refused() -> None:
    shop = shop_with_an_order()
    ada = Customer.objects.get(retailer=shop)

    with pytest.raises(InvalidFact):
        identify(shop, [("bob", SOON)], now=NOON)
    with pytest.raises(InvalidFact):
        record_consent(ada, "email", granted=True, occurred_at=SOON, source="till", now=NOON)

    assert Customer.objects.filter(retailer=shop).count() == 1
    assert not Consent.objects.filter(customer=ada).exists()

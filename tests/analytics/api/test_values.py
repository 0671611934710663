"""What customers are worth, by API: filtered, ordered, page by page, as files, one customer with its history."""

import csv
import json
from base64 import b64encode
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from pyarrow import parquet

from analytics.models import ValueRun
from customers.models import Customer, Insight, Retailer
from customers.recording import record_orders
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db
CUT = date(2026, 6, 1)


def key(shop: Retailer, *scopes: str) -> dict[str, Any]:
    return {"headers": {"authorization": f"Api-Key {make.key(shop, *(scopes or ('analytics:read',)))}"}}


def valued(shop: Retailer, name: str, value: str | None, **given: Any) -> Customer:
    """Return a customer of whom something is written down."""
    customer = Customer.objects.create(retailer=shop, external_id=name, identified_at=NOON)
    predicted = {"predicted_value": value and Decimal(value), "historic_revenue": Decimal(10), "value_decile": 5}
    Insight.objects.create(
        customer=customer, run_id=1, as_of=CUT, horizon_days=365, currency="EUR", **{**predicted, **given}
    )
    return customer


@pytest.fixture
def shop() -> Retailer:
    found = make.retailer()
    valued(found, "ada", "120.50", value_decile=10, at_risk=False, probability_active=0.9)
    valued(found, "bob", "20.25", value_decile=3, at_risk=True, probability_active=0.2)
    valued(found, "eve", "120.50", value_decile=10, at_risk=True, probability_active=0.5)
    valued(found, "new", None, value_decile=1)
    valued(make.retailer(), "other", "999.00")
    return found


def names(client: Client, shop: Retailer, query: str) -> list[str]:
    answer = client.get(f"/api/v1/analytics/values?{query}", **key(shop))
    assert answer.status_code == 200, answer.content
    return [each["customer"] for each in answer.json()["results"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ordering=-value", ["ada", "eve", "bob"]), ("ordering=value", ["bob", "ada", "eve"]), ("decile=10", ["ada", "eve"]),
        ("at_risk=true", ["bob", "eve"]), ("min_value=20.25&max_value=100", ["bob"]), ("customer=eve", ["eve"]),
        ("at_risk=False", ["ada"]), ("customer=other", []),
        ("at_risk=0", ["ada"]), ("min_probability_active=0.5&at_risk=true", ["eve"]), ("", ["ada", "bob", "eve", "new"]),
    ],
)  # fmt: skip
def test_customers_are_found_by_what_they_are_worth(
    client: Client, shop: Retailer, query: str, expected: list[str]
) -> None:
    found = names(client, shop, query)

    assert (found if "ordering" in query else sorted(found)) == expected


def test_pages_in_an_order_neither_lose_nor_repeat_anybody(client: Client, shop: Retailer) -> None:
    address, found = "/api/v1/analytics/values?ordering=-value&page_size=1", []
    while address:
        page = client.get(address, **key(shop)).json()
        found += [each["customer"] for each in page["results"]]
        address = page["next"]

    assert found == ["ada", "eve", "bob"]


@pytest.mark.parametrize(
    ("query", "code", "name"),
    [
        ("decil=10", "unknown_parameter", "/decil"), ("decile=11", "invalid", "/decile"),
        ("min_value=much", "invalid", "/min_value"), ("min_value=-1e999999999", "invalid", "/min_value"),
        ("max_value=1e-200000", "invalid", "/max_value"), ("decile=5.5", "invalid", "/decile"),
        ("at_risk=maybe", "invalid", "/at_risk"), ("at_risk=yes", "invalid", "/at_risk"),
        ("ordering=name", "unknown_ordering", "/ordering"), ("min_value=1_000", "invalid", "/min_value"),
        ("max_value=1E5", "invalid", "/max_value"), ("min_probability_active=١", "invalid", "/min_probability_active"),
        ("decile=１", "invalid", "/decile"), ("min_value=99&min_value=1", "said_twice", "/min_value"),
        ("ordering=value&ordering=-value", "said_twice", "/ordering"), ("decile=10&decile=3", "said_twice", "/decile"),
        ("customer=ada&customer=bob", "said_twice", "/customer"), ("at_risk=0&at_risk=1", "said_twice", "/at_risk"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(client: Client, shop: Retailer, query: str, code: str, name: str) -> None:
    answer = client.get(f"/api/v1/analytics/values?{query}", **key(shop))

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (400, name, code)


@pytest.mark.parametrize("ordering", ["", "&ordering=value", "&ordering=-revenue", "&ordering=probability_of_buying"])
@pytest.mark.parametrize("position", ["abc", "NaN", "1e999999999", "\0"])
def test_a_cursor_of_something_else_is_refused(client: Client, shop: Retailer, ordering: str, position: str) -> None:
    cursor = b64encode(json.dumps([False, [position, "1"] if ordering else [position]]).encode()).decode()
    answer = client.get("/api/v1/analytics/values?" + urlencode({"cursor": cursor}) + ordering, **key(shop))

    assert answer.status_code == 404


def test_money_is_a_text_and_a_probability_a_number(client: Client, shop: Retailer) -> None:
    (said,) = client.get("/api/v1/analytics/values?customer=ada", **key(shop)).json()["results"]

    assert (said["predicted_value"], said["probability_active"], said["value_low"]) == ("120.50", 0.9, None)


def test_a_csv_file_has_everybody_and_no_formula(client: Client, shop: Retailer) -> None:
    valued(shop, "=1+1", "5.00")
    answer = client.get("/api/v1/analytics/values/file?ordering=-value", **key(shop))

    rows = list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined] # it streams
    assert [(row["customer"], row["predicted_value"]) for row in rows] == [
        ("ada", "120.50"), ("eve", "120.50"), ("bob", "20.25"), ("'=1+1", "5.00"),
    ]  # fmt: skip
    assert answer.headers["Content-Disposition"] == 'attachment; filename="values.csv"'


def test_a_parquet_file_has_exact_money_and_days(client: Client, shop: Retailer) -> None:
    answer = client.get("/api/v1/analytics/values/file?file=parquet", **key(shop))

    table = parquet.read_table(BytesIO(b"".join(answer.streaming_content)))  # type: ignore[attr-defined] # it streams
    rows = {row["customer"]: row for row in table.to_pylist()}
    assert set(rows) == {"ada", "bob", "eve", "new"}
    assert (rows["ada"]["predicted_value"], rows["ada"]["as_of"], rows["new"]["at_risk"]) == (
        Decimal("120.50"),
        CUT,
        None,
    )


def test_an_empty_file_has_its_header(client: Client) -> None:
    shop = make.retailer()

    found = [
        b"".join(client.get(f"/api/v1/analytics/values/file?file={kind}", **key(shop)).streaming_content)  # type: ignore[attr-defined]
        for kind in ("csv", "parquet")
    ]

    assert found[0].decode().startswith("customer,as_of,horizon_days,currency,")
    assert parquet.read_table(BytesIO(found[1])).num_rows == 0


def test_one_customers_purchases_count_at_once(client: Client, shop: Retailer) -> None:
    orders = [make.order("ada", "30.00", at=datetime(2026, 5, day, 12, tzinfo=UTC)) for day in (1, 9)]
    record_orders(shop, orders, now=NOON)

    said = client.get("/api/v1/analytics/customers/ada", **key(shop)).json()

    assert said["customer"] == "ada"
    assert (said["statistics"]["purchase_days"], said["statistics"]["total_value"]) == (2, "60.00")
    assert (said["value"]["predicted_value"], said["history"]) == ("120.50", [])
    assert client.get("/api/v1/analytics/customers/other", **key(shop)).status_code == 404


def test_runs_are_listed_with_their_reasons_and_one_has_its_card(client: Client, shop: Retailer) -> None:
    run = ValueRun.objects.create(
        retailer=shop, status="refused", code="needs_customers", details={"customers": 3, "needed": 100}, ran_at=NOON,
        data_cut=CUT, currency="EUR", customers=3,
    )  # fmt: skip

    (said,) = client.get("/api/v1/analytics/runs", **key(shop)).json()["results"]
    card = client.get(f"/api/v1/analytics/runs/{run.pk}", **key(shop)).json()

    assert (said["status"], said["reason"]) == ("refused", "Customers who bought: 3. A prediction needs 100.")
    assert (card["id"], card["parameters"], card["bias"]) == (run.pk, {}, None)
    assert client.get(f"/api/v1/analytics/runs/{run.pk}", **key(make.retailer())).status_code == 404


def test_a_page_costs_as_many_statements_whatever_its_size(
    client: Client, shop: Retailer, django_assert_num_queries: Any
) -> None:
    given = key(shop)
    client.get("/api/v1/analytics/values", **given)
    for place in range(20):
        valued(shop, f"more{place}", "1.00")

    with django_assert_num_queries(2):  # what is not shown of them, and they
        assert len(client.get("/api/v1/analytics/values?page_size=200", **given).json()["results"]) == 24

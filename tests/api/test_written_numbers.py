"""Numbers are taken as they are written, names have one line: the same by API as by file."""

import json

import pytest
from django.test import Client

from customers.models import Customer, Order, OrderLine
from tests import make

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/orders"


@pytest.fixture
def key() -> dict[str, str]:
    return {"Authorization": f"Api-Key {make.key(make.retailer())}"}


def _order(**line: object) -> dict[str, object]:
    return {
        "number": "A1", "occurred_at": "2026-06-01T10:00:00Z",
        "lines": [{"sku": "a", "quantity": 1, "net_amount": "10.00", **line}],
    }  # fmt: skip


@pytest.mark.parametrize("written", ["1_0", "1e3", "1E+2", "١٢", "１２", "0x10", "1,5", "1 000", "--1", ".", "+", ""])
@pytest.mark.parametrize("field", ["quantity", "net_amount", "unit_cost"])
def test_a_text_that_only_a_machine_would_read_as_a_number_is_refused(
    client: Client, key: dict[str, str], written: str, field: str
) -> None:
    answer = client.post(ADDRESS, _order(**{field: written}), content_type="application/json", headers=key)

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, f"/lines/0/{field}")
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("written", "kept"), [("10", "10.00"), ("010.50", "10.50"), ("+1.", "1.00"), (".5", "0.50"), (" 2 ", "2.00")]
)
def test_a_plain_number_is_taken(client: Client, key: dict[str, str], written: str, kept: str) -> None:
    answer = client.post(ADDRESS, _order(net_amount=written), content_type="application/json", headers=key)

    assert answer.status_code == 201, answer.content
    assert str(OrderLine.objects.get().net_amount) == kept


@pytest.mark.parametrize("written", ["1e-400", "10.000000000000000001", "99999999999.999999999999"])
def test_a_number_that_json_would_round_is_refused(client: Client, key: dict[str, str], written: str) -> None:
    body = json.dumps(_order()).replace('"10.00"', written)

    answer = client.post(ADDRESS, body, content_type="application/json", headers=key)

    words = f"The number {written} has more digits than JSON's numbers keep. Send it as a text."
    assert (answer.status_code, answer.json()["detail"]) == (400, words)
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("written", "kept"), [("10.1", "10.10"), ("1e1", "10.00"), ("2.5E0", "2.50"), ("10.00000000000000000", "10.00")]
)
def test_a_number_of_json_is_taken(client: Client, key: dict[str, str], written: str, kept: str) -> None:
    body = json.dumps(_order()).replace('"10.00"', written)

    answer = client.post(ADDRESS, body, content_type="application/json", headers=key)

    assert answer.status_code == 201, answer.content
    assert str(OrderLine.objects.get().net_amount) == kept


@pytest.mark.parametrize("sign", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("field", ["number", "customer", "store"])
def test_a_name_of_two_lines_is_refused(client: Client, key: dict[str, str], sign: str, field: str) -> None:
    body = _order() | {field: f"A{sign}1"}

    answer = client.post(ADDRESS, body, content_type="application/json", headers=key)

    (error,) = answer.json()["errors"]
    assert (error["pointer"], error["code"]) == (f"/{field}", "text_with_line_break")
    assert not Order.objects.exists()


@pytest.mark.parametrize(("written", "told"), [("17850.0", "17850.0"), ("1e2", "100.0"), ("-0.0", "-0.0")])
@pytest.mark.parametrize("field", ["number", "customer", "store", "redemptions"])
def test_a_number_with_a_point_is_no_name(
    client: Client, key: dict[str, str], field: str, written: str, told: str
) -> None:
    value = f"[{written}]" if field == "redemptions" else written
    body = json.dumps({**_order(), field: "HERE"}).replace('"HERE"', value)

    answer = client.post(ADDRESS, body, content_type="application/json", headers=key)

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (400, f"/{field}", "no_text")
    if field != "redemptions":
        assert error["detail"] == f"“{told}” is a number with a point or an exponent. Send it as a text."
    assert not Order.objects.exists()


def test_a_whole_number_is_the_name_that_it_spells(client: Client, key: dict[str, str]) -> None:
    person = {"external_id": 17850, "phone": 33612345678}

    taken = client.post("/api/v1/customers", person, content_type="application/json", headers=key)
    other = client.post("/api/v1/customers", {"external_id": 17850.0}, content_type="application/json", headers=key)

    assert (taken.status_code, taken.json()["external_id"]) == (201, "17850")
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (400, "/external_id")
    assert Customer.objects.count() == 1

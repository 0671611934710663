"""Pages of a list: every row is shown once, however many stand at one instant, and whatever is written meanwhile."""

from base64 import b64encode
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import Order, Retailer
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Retailer:
    return make.retailer()


@pytest.fixture
def reader(shop: Retailer) -> Client:
    return Client(headers={"Authorization": f"Api-Key {make.key(shop)}"})


def _record(shop: Retailer, numbers: Any) -> None:
    """Record orders of one instant, as of a file that tells no times of day."""
    Order.objects.bulk_create(
        Order(
            retailer=shop,
            number=number,
            occurred_at=NOON,
            recorded_at=NOON,
            local_date=NOON.date(),
            currency="EUR",
            net_amount=0,
            content_hash=b"",
        )
        for number in numbers
    )


def _walk(client: Client, address: str, link: str = "next") -> list[list[str]]:
    pages = []
    next_one: str | None = address
    while next_one:
        body = client.get(next_one).json()
        pages.append([row["number"] for row in body["results"]])
        next_one = body[link]
        assert len(pages) < 50, "the pages lead in circles"
    return pages


def test_orders_of_one_instant_are_each_shown_once(shop: Retailer, reader: Client) -> None:
    numbers = [f"A{place:04}" for place in range(2_101)]
    _record(shop, numbers)

    pages = _walk(reader, "/api/v1/orders?page_size=200")

    shown = [number for page in pages for number in page]
    assert len(pages) == 11
    assert sorted(shown) == numbers


def test_what_is_written_meanwhile_hides_nothing(shop: Retailer, reader: Client) -> None:
    _record(shop, [f"A{place}" for place in range(6)])
    first = reader.get("/api/v1/orders?page_size=2").json()
    _record(shop, ["B1", "B2", "B3"])

    pages = _walk(reader, first["next"])

    shown = [row["number"] for row in first["results"]] + [number for page in pages for number in page]
    assert {f"A{place}" for place in range(6)} <= set(shown)
    assert len(shown) == len(set(shown))


def test_the_way_back_shows_the_same_pages(shop: Retailer, reader: Client) -> None:
    _record(shop, [f"A{place}" for place in range(7)])
    there = _walk(reader, "/api/v1/orders?page_size=3")
    second = reader.get("/api/v1/orders?page_size=3").json()["next"]
    last = reader.get(reader.get(second).json()["next"]).json()

    back = _walk(reader, last["previous"], "previous")

    assert back == [there[1], there[0]]
    assert _walk(reader, reader.get(last["previous"]).json()["next"]) == [there[2]]


def test_behind_the_last_row_there_is_nothing_and_a_way_back(shop: Retailer, reader: Client) -> None:
    _record(shop, ["A1", "A2"])
    second = reader.get("/api/v1/orders?page_size=1").json()["next"]
    Order.objects.filter(number=reader.get(second).json()["results"][0]["number"]).delete()

    gone = reader.get(second).json()

    assert (gone["results"], gone["next"]) == ([], None)
    assert len(reader.get(gone["previous"]).json()["results"]) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"", b"x", b"[]", b"{}", b"1", b'[false, ["2026-01-01"]]', b'[false, ["2026-01-01", "x"]]', b"[false, [1, 2]]",
        b'[false, ["9999-99-99", "01a22411-7d1e-7c55-b0a3-5f6e7d8c9b0a"]]', b'[false, "ab"]', b"[false, [null, null]]",
        b"p=2026-01-01", b"\xff", b"[" * 1_500, b'{"a":' * 1_500, b"[true," * 1_500,
    ],
)  # fmt: skip
def test_a_cursor_that_is_none_is_refused(reader: Client, said: bytes) -> None:
    answered = reader.get("/api/v1/orders", {"cursor": b64encode(said).decode() or "!!!"})

    assert (answered.status_code, answered.json()["detail"]) == (404, "Invalid cursor")


def test_a_page_of_orders_is_found_by_their_index(shop: Retailer, reader: Client) -> None:
    _record(shop, ["A1", "A2", "A3"])

    with CaptureQueriesContext(connection) as told:
        reader.get(reader.get("/api/v1/orders?page_size=1").json()["next"])

    assert any('ROW("customers_order"."occurred_at", "customers_order"."id") < ' in one["sql"] for one in told)

"""Values by API: what kind of customer somebody is, filtered by it, and in files."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.test import Client

from customers.models import Retailer
from tests import make
from tests.analytics.segments.shop import assigned, buy, days_ago, valued

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Retailer:
    shop = make.retailer()
    for who in ("ada", "bob", "cat", "dan", "eve"):
        lines = make.line("10.00", category="WINE", brand="Own")
        buy(shop, *(make.order(who, lines, at=days_ago(400 + day), is_gift=who == "bob") for day in range(3)))
    worth = {"ada": ("100", False), "bob": ("10", False), "cat": ("9", True), "dan": ("8", False), "eve": ("7", False)}
    assigned(valued(shop, **worth))
    return shop


def asked(client: Client, shop: Retailer, address: str) -> Any:
    return client.get(f"/api/v1/analytics/values{address}", headers={"authorization": f"Api-Key {make.key(shop)}"})


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ("?segment=vip", {"ada"}),
        ("?segment=vip&segment=low_value_at_risk", {"ada", "cat"}),
        ("?tag=gift_buyer&segment=loyal_low_value", {"bob"}),
        ("?life_stage=lost", {"cat"}),
        ("?favourite_category=WINE&segment=vip", {"ada"}),
    ],
)
def test_values_are_filtered_by_kinds(client: Client, shop: Retailer, filters: str, names: set[str]) -> None:
    found = asked(client, shop, filters).json()["results"]

    assert {row["customer"] for row in found} == names


def test_an_answer_and_a_file_say_the_kind(client: Client, shop: Retailer) -> None:
    (ada,) = asked(client, shop, "?segment=vip").json()["results"]
    file = b"".join(asked(client, shop, "/file?segment=loyal_low_value&tag=gift_buyer").streaming_content).decode()

    kind = ("segment", "tags", "life_stage", "rfm", "favourite_category", "favourite_brand")
    assert [ada[name] for name in kind] == [
        "vip",
        ["category_lover", "brand_lover"],
        "established",
        "111",
        "WINE",
        "Own",
    ]
    (bob,) = csv.DictReader(StringIO(file.lstrip("\ufeff")))
    assert [bob[name] for name in kind] == [
        "loyal_low_value", "gift_buyer category_lover brand_lover", "established", "111", "WINE", "Own",
    ]  # fmt: skip


@pytest.mark.parametrize("filters", ["?segment=gold", "?tags=gift_buyer", "?life_stage=never_bought"])
def test_a_kind_that_there_is_not_is_refused(client: Client, shop: Retailer, filters: str) -> None:
    assert asked(client, shop, filters).status_code == 400

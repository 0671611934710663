"""What pays as staff and systems see it: the page, its files and the API."""

import csv
import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from analytics import statistics
from analytics.audit.running import audit
from analytics.uplift.results import Reason
from analytics.what_pays.page import page
from customers.facts import OrderFact
from customers.models import Retailer
from customers.recording import record_orders
from tests import make
from tests.analytics.what_pays.test_tables import campaign, controlled, line, look

pytestmark = pytest.mark.django_db
PAGE = "/admin/analytics/kpigoal/what-pays/"


@pytest.fixture
def shop() -> Retailer:
    owner = make.retailer(zone="UTC")
    facts = [
        OrderFact(f"o{place}", timezone.now() - timedelta(days=place), (line("TEA", "10.00", "4"),), customer="ada")
        for place in (3, 5)
    ]
    record_orders(owner, facts, now=timezone.now())
    winning, blocked = controlled(owner, "win"), controlled(owner, "blocked")
    campaign(owner, "win-back", winning)
    campaign(owner, "birthday", blocked)
    campaign(owner, "welcome")
    look(winning, 1.0, 3.0, costs=(0.0, 50.0))
    look(blocked, 1.0, 3.0, blocked=Reason("nobody_long_enough", {"customers": 7.0}))
    return owner


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


def test_the_page_answers_in_both_languages(shop: Retailer, staff: Client) -> None:
    for language in ("en", "fr"):
        for query in ("", "?part=moments", "?part=campaigns", "?part=no&days=no", "?days=365"):
            assert staff.get(PAGE + query, headers={"accept-language": language}).status_code == 200, query


def test_the_page_says_what_it_rests_on(shop: Retailer) -> None:
    (row,) = page(shop, {}, now=timezone.now())["rows"]

    assert (row["name"], row["orders"], row["customers"], row["margin"], row["repeat"]) == (
        "TEA", "2", "1", "12.00", "100.0\u00a0%",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("currency", "sold", "drawn", "told"),
    [("KWD", "10.125", 3.392, "3.392"), ("EUR", "10.12", 3.39, "3.39"), ("JPY", "101", 34, "34")],
)
def test_a_chart_of_products_draws_what_its_table_says(currency: str, sold: str, drawn: float, told: str) -> None:
    """A rate of 33.5 % leaves 3.391875 of 10.125, 3.3902 of 10.12 and 33.835 of 101."""
    owner = make.retailer(zone="UTC", currency=currency, margin_rate=Decimal("0.335"))
    record_orders(owner, [make.order("ada", sold, at=timezone.now() - timedelta(days=2))], now=timezone.now())

    chart = page(owner, {}, now=timezone.now())["chart"]

    assert json.loads(chart["data"])["datasets"][0]["data"] == [drawn]
    assert chart["rows"][0][1] == f"{told}\u00a0{currency}"


def test_who_is_new_to_a_product_is_told_by_no_door_where_the_data_do_not_say_when_customers_came(
    shop: Retailer, staff: Client
) -> None:
    statistics.refresh(shop)
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}"}

    def told() -> tuple[str, str, float | None, str]:
        found = page(shop, {}, now=timezone.now())
        text = staff.get(f"{PAGE}file/", headers={"accept-language": "en"}).content.decode()
        by_api = staff.get("/api/v1/analytics/products", headers=headers).json()["products"]
        (row,) = csv.DictReader(StringIO(text))
        return found["rows"][0]["new"], row["new_share"], by_api[0]["new_share"], found["no_new"]

    assert told() == ("100.0\u00a0%", "1.0", 1.0, "")

    audit(shop, now=timezone.now())

    *figures, why = told()
    assert figures == ["-", "", None]
    assert why.startswith("Cohorts: not shown")
    assert why in staff.get(PAGE, headers={"accept-language": "en"}).content.decode()


def test_campaigns_without_a_control_say_why(shop: Retailer) -> None:
    found = page(shop, {"part": "campaigns"}, now=timezone.now())
    (measured,) = found["measured"]
    reasons = {each["name"]: each["why"] for each in found["unmeasured"]}

    assert (measured["names"], measured["pays"], measured["per_unit"], measured["per_unit_range"]) == (
        "win-back", True, "4.00", "2.00 … 6.00",
    )  # fmt: skip
    assert reasons["welcome"].startswith("It has no control")
    assert reasons["birthday"].startswith("Nobody has been in it for a whole window yet. 7 customers")


def test_nobody_without_the_right_sees_it(shop: Retailer, client: Client) -> None:
    client.force_login(User.objects.create_user("tom", is_staff=True))

    assert [client.get(each).status_code for each in (PAGE, f"{PAGE}file/")] == [403, 403]


def test_an_empty_shop_has_no_file(staff: Client) -> None:
    make.retailer()

    assert "key figures begin with the first one" in staff.get(PAGE).content.decode()
    assert staff.get(f"{PAGE}file/").status_code == 302


@pytest.mark.parametrize(
    ("part", "name", "expected"),
    [("products", "sku", ["TEA"]), ("moments", "orders", ["1", "1"]),
     ("campaigns", "measured", ["yes", "no_control", "blocked"])],
)  # fmt: skip
def test_each_part_is_a_file(shop: Retailer, staff: Client, part: str, name: str, expected: list[str]) -> None:
    text = staff.get(f"{PAGE}file/?part={part}", headers={"accept-language": "en"}).content.decode()

    assert [row[name] for row in csv.DictReader(StringIO(text))] == expected


def test_by_api(shop: Retailer, client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(shop, 'analytics:read')}", "accept-language": "en"}
    sold, when, campaigns = (
        client.get(f"/api/v1/analytics/{part}", headers=headers).json() for part in ("products", "moments", "campaigns")
    )

    assert [(each["sku"], each["margin"], each["repeat_rate"]) for each in sold["products"]] == [("TEA", 12.0, 1.0)]
    assert sum(each["orders"] for each in when["moments"]) == 2
    assert [(each["campaigns"], each["pays"], each["per_unit"]) for each in campaigns["measured"]] == [
        (["win-back"], True, 4.0)
    ]
    assert {each["campaign"]: each["code"] for each in campaigns["unmeasured"]} == {
        "welcome": "no_control", "birthday": "blocked",
    }  # fmt: skip
    assert client.get("/api/v1/analytics/products?days=7", headers=headers).status_code == 400


def test_by_api_of_a_shop_without_orders(client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(make.retailer(), 'analytics:read')}"}

    assert client.get("/api/v1/analytics/products", headers=headers).json()["products"] == []
    assert client.get("/api/v1/analytics/moments", headers=headers).json()["first"] is None

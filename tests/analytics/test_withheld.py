"""What the audit says that the data do not carry is told of no customer: neither by pages nor by files nor by API."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from analytics.models import AuditRun, CustomerValue, ValueRun
from analytics.uplift.results import Range
from analytics.uplift_runs.storing import as_json
from analytics.uplift_runs.worth import Ahead, Cost, Worth
from analytics.writing import PLACES, close_partition, open_partition
from customers.facts import InteractionFact
from customers.models import Customer, Insight, Retailer
from customers.recording import record_interactions, record_orders
from tests import make
from tests.analytics.dashboards import shops
from tests.analytics.uplift_runs.finished import finished
from tests.make import NOON

pytestmark = pytest.mark.django_db
WORDS = "Predicted value: not shown, for the data do not carry it."
BEFORE = {"data_cut": "2026-05-30", "model": "Pareto/NBD", "customers": 2, "total_value": "90.00", "factor": 1.0}
FRENCH = "Valeur prédite\N{NO-BREAK SPACE}: non affiché, car les données ne le permettent pas."


def shop() -> Retailer:
    """Return a shop of two customers with values, which its run keeps as well."""
    found = make.retailer()
    run = shops.run_of(found, card={"activation": {"code": "activated", "values": {}}, "change": BEFORE})
    shops.valued(found, run, [Decimal(77), Decimal(55)])
    open_partition(run)
    close_partition(run)
    CustomerValue.objects.bulk_create(
        CustomerValue(
            id=(run.pk << PLACES) + place, run=run, customer=customer, historic_revenue=10, historic_margin=5,
            formula_value=Decimal(33), predicted_value=Decimal(77), value_decile=10,
        )
        for place, customer in enumerate(Customer.objects.filter(retailer=found))
    )  # fmt: skip
    return found


NUMBERS = {
    "history_days": {"days": 20, "first": "2026-05-01", "last": "2026-05-20"},
    "buyers": {"customers": 3, "again": 1, "share": 0.3},
}


def audited(of: Retailer, *, level: int = 3, check: str = "history_days") -> Retailer:
    """Let an audit find something: level 3 blocks what it weighs on, 2 asks for care."""
    finding = {"check": check, "level": level, "numbers": NUMBERS[check], "examples": []}
    AuditRun.objects.create(
        retailer=of, ran_at=NOON, first_day=date(2026, 5, 1), last_day=shops.CUT, orders=1, customers=1,
        findings=[finding], hours=[], months=[],
    )  # fmt: skip
    return of


def asks(client: Client, of: Retailer, path: str, **headers: str) -> Any:
    given = {"authorization": f"Api-Key {make.key(of, 'analytics:read')}", **headers}
    return client.get(f"/api/v1/analytics/{path}", headers=given)


@pytest.fixture
def sue(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


def page(client: Client, address: str) -> str:
    return unescape(client.get(address, follow=True).content.decode()).replace("\u00a0", " ")


def test_values_by_the_api_say_why_they_are_not_shown(client: Client) -> None:
    blocked = audited(shop())

    first, _second = asks(client, blocked, "values").json()["results"]

    assert [first[name] for name in ("predicted_value", "value_if_active", "at_risk", "value_decile")] == [None] * 4
    assert first["not_shown"].startswith(WORDS)
    assert first["historic_revenue"] == "10.00"
    french = asks(client, blocked, "values", **{"accept-language": "fr"}).json()["results"][0]
    assert french["not_shown"].startswith(FRENCH)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_what_is_only_to_be_read_with_care_is_shown(client: Client, level: int) -> None:
    found = asks(client, audited(shop(), level=level), "values?ordering=-value").json()["results"]

    assert [(each["predicted_value"], each["not_shown"]) for each in found] == [("77.00", None), ("55.00", None)]


def test_another_retailers_audit_hides_nothing(client: Client) -> None:
    audited(make.retailer())

    assert asks(client, shop(), "values").json()["results"][0]["not_shown"] is None


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("min_value=1", "min_value"), ("decile=10", "decile"), ("at_risk=true", "at_risk"), ("ordering=-value", "ordering"),
        ("max_probability_of_buying=0.5", "max_probability_of_buying"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["values", "values/file"])
def test_nobody_is_found_by_what_is_not_shown(client: Client, path: str, query: str, name: str) -> None:
    answer = asks(client, audited(shop()), f"{path}?{query}")

    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["pointer"]) == (400, "not_shown", f"/{name}")
    assert error["detail"].startswith(WORDS)


def test_a_file_of_values_says_why_they_are_not_shown(client: Client) -> None:
    answer = asks(client, audited(shop()), "values/file?ordering=-revenue")

    rows = list(csv.DictReader(StringIO(b"".join(answer.streaming_content).decode())))
    assert [(row["predicted_value"], row["value_decile"], row["historic_revenue"]) for row in rows] == [
        ("", "", "10")
    ] * 2
    assert {row["not_shown"][: len(WORDS)] for row in rows} == {WORDS}


def test_one_customer_and_what_earlier_runs_said_are_not_shown(client: Client) -> None:
    said = asks(client, audited(shop()), "customers/v0").json()

    (past,) = said["history"]
    assert (said["value"]["predicted_value"], past["predicted_value"], past["value_decile"]) == (None, None, None)
    assert past["formula_value"] is None  # so short a history carries no formula either
    assert past["not_shown"].startswith(WORDS)


def test_what_does_not_rest_on_a_model_is_shown_where_only_models_are_not_carried(client: Client) -> None:
    (past,) = asks(client, audited(shop(), check="buyers"), "customers/v0").json()["history"]

    assert (past["predicted_value"], past["value_decile"], past["formula_value"]) == (None, None, "33.00")
    assert past["not_shown"].count("not shown") == 1


def test_a_later_audit_that_finds_nothing_shows_them_again(client: Client) -> None:
    found = audited(audited(shop()), level=0)

    assert asks(client, found, "values?ordering=-value").json()["results"][0]["predicted_value"] == "77.00"


def test_a_runs_card_keeps_its_checks_and_says_why_the_sum_is_not_shown(client: Client) -> None:
    blocked = audited(shop())
    run = ValueRun.objects.get()

    (listed,) = asks(client, blocked, "runs").json()["results"]
    card = asks(client, blocked, f"runs/{run.pk}").json()

    assert (listed["total_value"], card["total_low"], card["bias"]) == (None, None, 0.05)
    assert card["card"] == {"change": {**BEFORE, "total_value": None}}
    assert card["not_shown"].startswith(WORDS)


def test_the_admin_lists_no_values_and_says_why(sue: Client) -> None:
    blocked, other = audited(shop()), shop()

    listed = page(sue, reverse("admin:analytics_customervalue_changelist"))

    assert f"{blocked}: {WORDS}" in listed
    assert f"{other}: " not in listed
    assert listed.count("77.00") == 2  # of the other's two


def test_the_admins_card_of_a_run_says_why_the_sum_is_not_shown(sue: Client) -> None:
    audited(shop())
    run = ValueRun.objects.get()

    card = page(sue, reverse("admin:analytics_valuerun_change", args=[run.pk]))
    listed = page(sue, reverse("admin:analytics_valuerun_changelist"))

    assert WORDS in card
    assert [amount for amount in ("200.00", "150.00", "90.00") if amount in card + listed] == []


def test_the_admins_customers_and_their_file_say_why_values_are_not_shown(sue: Client) -> None:
    audited(shop())
    ada = Customer.objects.get(external_id="v0")
    address = reverse("admin:customers_customer_changelist")

    listed, own = page(sue, address), page(sue, reverse("admin:customers_customer_change", args=[ada.pk]))
    file = sue.post(address, {"action": "export", "_selected_action": [ada.pk]}).content.decode()

    assert WORDS in listed
    assert WORDS in own
    assert "77.00" not in listed + own
    (row,) = csv.DictReader(StringIO(file))
    assert (row["insight__predicted_value"], row["insight__value_decile"], row["insight__at_risk"]) == ("", "", "")
    assert (row["insight__historic_revenue"], row["not_shown"][: len(WORDS)]) == ("10", WORDS)
    assert "v0" not in page(sue, f"{address}?insight__value_decile=10")


def names(of: Client, query: str) -> list[str]:
    """Return the external ids of the admin's customers, from the top."""
    rows = of.get(f"{reverse('admin:customers_customer_changelist')}?{query}").context["cl"].result_list
    return [customer.external_id for customer in rows]


@pytest.mark.parametrize("name", ["predicted", "active", "decile"])
def test_the_order_of_the_admins_customers_tells_no_value_that_is_not_shown(sue: Client, name: str) -> None:
    ours, other = shop(), shop()
    column = 1 + list(admin.site.get_model_admin(Customer).list_display).index(name)  # after the box to tick
    for place, customer in enumerate(Customer.objects.order_by("pk")):
        Insight.objects.filter(pk=customer.pk).update(
            predicted_value=100 - place, probability_active=0.9 - place / 10, value_decile=10 - place
        )
        Customer.objects.filter(pk=customer.pk).update(external_id=f"c{place}", retailer=(ours, other)[place % 2])
    before = (names(sue, f"o={column}"), names(sue, f"o=-{column}"))
    new = Customer.objects.create(retailer=other, external_id="new", identified_at=timezone.now())
    without = (names(sue, f"o={column}")[-1], names(sue, f"o=-{column}")[-1])
    new.delete()
    audited(ours)

    assert before == (["c3", "c2", "c1", "c0"], ["c0", "c1", "c2", "c3"])
    assert without == ("new", "new")  # of whom no value is known
    assert names(sue, f"o={column}") == ["c3", "c1", "c2", "c0"]  # the others, and ours by the keys of their rows
    assert names(sue, f"o=-{column}") == ["c1", "c3", "c2", "c0"]
    assert names(sue, "o=-1") == ["c3", "c2", "c1", "c0"]
    assert WORDS in page(sue, f"{reverse('admin:customers_customer_changelist')}?o={column}")


@pytest.mark.parametrize(
    "query", ["insight__value_decile=10", "insight__at_risk__exact=1", "insight__at_risk__isnull=1"]
)
def test_the_admins_customers_who_are_not_found_by_values_are_told_why(sue: Client, query: str) -> None:
    audited(shop())

    listed = page(sue, f"{reverse('admin:customers_customer_changelist')}?{query}")

    assert WORDS in listed
    assert names(sue, query) == []


def test_no_count_beside_a_filter_tells_of_somebody_who_is_searched(sue: Client) -> None:
    audited(shop())

    listed = page(sue, f"{reverse('admin:customers_customer_changelist')}?q=v0&_facets=True")

    assert "10 (1)" not in listed


def test_the_order_of_runs_tells_no_sum_that_is_not_shown(sue: Client) -> None:
    blocked = shop()
    shops.run_of(blocked, total_value=Decimal(900))
    shops.run_of(blocked, total_value=Decimal(20))
    address = reverse("admin:analytics_valuerun_changelist")

    def sums() -> list[int]:
        return [run.pk for run in sue.get(f"{address}?o=-5").context["cl"].result_list]

    newest_first = sorted((run.pk for run in ValueRun.objects.all()), reverse=True)
    assert sums() != newest_first
    audited(blocked)
    assert sums() == newest_first


def stopped(of: Retailer) -> Retailer:
    """Let both customers have visited forty days ago, and done nothing since; a guest buys."""
    seen = timezone.now() - timedelta(days=40)
    facts = [
        InteractionFact(make.number("visit"), customer.external_id, "visit", seen)
        for customer in Customer.objects.filter(retailer=of)
    ]
    record_interactions(of, facts, now=timezone.now())
    record_orders(of, [make.order(None, "9.00", at=timezone.now())], now=timezone.now())
    return of


PATHS = ("funnels/visit-to-order?days=90", "journey-map?days=90")


def test_what_who_stopped_is_worth_is_told_by_no_door(client: Client, sue: Client) -> None:
    found = stopped(shop())
    headers = {"authorization": f"Api-Key {make.key(found, 'analytics:read')}", "accept-language": "en"}

    def told() -> list[str]:
        by_api = [client.get(f"/api/v1/analytics/{path}", headers=headers).content.decode() for path in PATHS]
        query = f"retailer={found.slug}&days=90"
        paths = ("counts/", "counts/file/", "map/", "map/file/")
        by_admin = [
            sue.get(f"/admin/analytics/funnel/{path}?{query}", headers={"accept-language": "en"}) for path in paths
        ]
        return [*by_api, *(unescape(each.content.decode()) for each in by_admin)]

    assert all("66.0" in each for each in told())  # the mean of 77 and 55
    assert not any(WORDS in each for each in told())

    audited(found)

    assert not any("66.0" in each for each in told())
    assert all(WORDS in each for each in told())


def test_what_members_are_predicted_to_bring_is_told_by_no_uplift(client: Client, sue: Client) -> None:
    club = make.program(shop())
    run = finished(club, "NOTHING", now=NOON)
    days, cost = (date(2026, 1, 1), date(2026, 5, 31)), Cost(9.0, 0.0, 0.0, 0.0, 0.0, None)
    ahead = Ahead(365, 1, 4321.0, Range(864.0, 1.0, 800.0, 900.0))
    run.worth = as_json(Worth("EUR", *days, 5.0, 1, 5.0, cost, None, None, None, ahead, "no_margin"))
    run.save()

    def told() -> tuple[dict[str, Any], str]:
        by_api = asks(client, club.retailer, f"uplift/{run.pk}").json()["worth"]
        return by_api, page(sue, f"/admin/analytics/upliftrun/{run.pk}/change/")

    before, on_page = told()
    assert (before["ahead"]["value"], before["cost"]["rewards"], "4,321 EUR" in on_page) == (4321.0, 9.0, True)

    audited(club.retailer)

    after, on_page = told()
    assert (after["ahead"], after["cost"]["rewards"], "4,321 EUR" in on_page) == (None, 9.0, False)

"""The board of customers won: what one cost who would not have come anyway, and of what nobody knows, and why."""

import csv
from dataclasses import replace
from datetime import timedelta
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics import statistics
from analytics.dashboards.acquisition import page as acquisition_page
from analytics.experiments.models import ExperimentLook
from analytics.experiments.results import ArmResult, ArmWon
from analytics.uplift.results import Reason
from analytics.what_pays.table import WON_COLUMNS
from analytics.what_pays.won import customers_won
from analytics.what_pays.won_page import NOT_KNOWN, TOLD
from customers.models import Retailer
from customers.recording import record_orders
from loyalty.access.models import StaffRole
from loyalty.experiments.models import Experiment
from loyalty.referrals.models import ReferralPolicy
from tests import make
from tests.analytics.what_pays.test_tables import NOW, campaign, controlled, look

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Retailer:
    return make.retailer(zone="Europe/Paris", language="en")


def won(
    of: Experiment, *, came: int = 100, control: int = 20, cost: float = 3_000.0, n: int = 1_000, n_control: int = 1_000,
    unknown: int = 0, **given: Any,
) -> ExperimentLook:  # fmt: skip
    """Keep a look at an experiment of which so many of those who had not bought yet came."""
    seen = look(of, 1.0, 3.0, **given)
    counts = {
        True: ArmWon("", n_control, control, 0.0, 0.0, 0.0, 0), False: ArmWon("", n, came, cost - 100, 60.0, 40.0, unknown),
    }  # fmt: skip
    arms: list[ArmResult] = list(seen.result.arms)
    told = replace(seen.result, won=[replace(counts[each.is_control], code=each.code) for each in arms])
    copied = {each.name: getattr(seen, each.name) for each in seen._meta.fields if each.name not in {"id", "numbers"}}
    return ExperimentLook.objects.create(**copied, numbers=told.as_json())


def whys(owner: Retailer) -> dict[str, str]:
    found = customers_won(owner)
    told = {", ".join(each.names): each.won.why for each in found.told}
    return told | {each.name or f"referrals of {each.program}": each.why for each in found.not_known}


def test_campaigns_and_experiments_are_told_by_what_they_won(shop: Retailer) -> None:
    tests = {name: controlled(shop, name) for name in ("one", "two", "three", "four", "five", "six", "seven")}
    for name, test in tests.items():
        campaign(shop, name.title(), test)
    alone, nobody = controlled(shop, "alone"), controlled(shop, "nobody")
    campaign(shop, "Plain")
    draft = make.version(shop)
    ReferralPolicy.objects.create(version=draft, friend_points=100)
    make.published(draft)
    won(tests["one"])
    won(tests["two"], came=20)
    won(tests["three"], came=1, control=90)
    won(tests["four"], n=99, n_control=99, came=50, control=1)
    won(tests["five"], n=1_000, n_control=700)
    won(tests["six"], is_final=False)
    look(tests["seven"], 1.0, 3.0, blocked=Reason("sample_ratio", {"p": 0.0001}))
    won(alone, cost=1_000.0)
    look(nobody, 1.0, 3.0)

    assert whys(shop) == {
        "One": "", "Two": "not_shown", "Three": "fewer_came", "Four": "too_few", "Five": "arms_broken", "Six": "not_ended",
        "Seven": "blocked", "alone": "", "Plain": "no_control", "referrals of Club": "no_control",
    }  # fmt: skip
    first, second, *_rest = customers_won(shop).told
    assert (first.names, second.names) == (("alone",), ("One",))  # the cheapest first
    assert second.won.each is not None
    assert (round(second.won.each.value, 6), second.won.of_all) == (37.5, 30.0)


def test_a_campaign_that_has_started_without_a_look_is_not_known(shop: Retailer) -> None:
    test = controlled(shop, "late")
    campaign(shop, "Late", test)

    assert whys(shop) == {"Late": "not_looked"}
    look(test, 1.0, 3.0)
    assert whys(shop) == {"Late": "not_counted"}


def test_another_retailers_are_not_among_them(shop: Retailer) -> None:
    theirs = controlled(make.retailer(), "theirs")
    campaign(theirs.retailer, "Theirs", theirs)
    won(theirs)

    found = customers_won(shop)

    assert (found.told, found.not_known) == ([], [])


@pytest.mark.parametrize("count", [1, 10])
def test_as_many_statements_for_ten_as_for_one(shop: Retailer, count: int, django_assert_num_queries: Any) -> None:
    for place in range(count):
        test = controlled(shop, f"t{place}")
        campaign(shop, f"T{place}", test)
        won(test)

    with django_assert_num_queries(7):
        assert len(customers_won(shop).told) == count


@pytest.fixture
def staff(client: Client, shop: Retailer) -> Client:
    user = User.objects.create_user("analyst", is_staff=True)
    StaffRole.objects.create(user=user, retailer=shop, role="analyst")
    client.force_login(user)
    return client


def test_the_board_shows_it_with_its_interval_and_the_rest_with_why(shop: Retailer, staff: Client) -> None:
    test, other = controlled(shop, "one"), controlled(shop, "two")
    campaign(shop, "Welcome", test)
    campaign(shop, "Spring", other)
    campaign(shop, "Plain")
    won(test)
    won(other, n=99, n_control=99)

    answer = staff.get(reverse("admin:analytics_kpigoal_what_pays"), {"part": "won"})

    page = unescape(answer.content.decode()).replace("\u00a0", " ")
    assert answer.status_code == 200
    for words in (
        "It won customers who would not have come without it.", "100 / 1,000", "20 / 1,000", "8.0 %", "6.0 % … 10.1 %",
        "60 … 101", "37.50 EUR", "29.60 EUR … 50.13 EUR", "30.00 EUR", "Not known: no control.",
        "Not known: the smallest arm has 99 customers who had not bought yet, and 100 are needed.",
    ):  # fmt: skip
        assert words in page, words


def test_the_file_has_a_row_for_each(shop: Retailer, staff: Client) -> None:
    test = controlled(shop, "one")
    campaign(shop, "Welcome", test)
    campaign(shop, "Plain")
    won(test)

    answer: Any = staff.get(reverse("admin:analytics_kpigoal_what_pays_file"), {"part": "won"})

    text = b"".join(answer).decode("utf-8-sig")
    head, first, second = csv.reader(StringIO(text))
    assert tuple(head) == WON_COLUMNS
    row = dict(zip(head, first, strict=True))
    assert (row["name"], row["variant"], row["says"], row["came"], row["control_came"]) == (
        "Welcome", "in", "won", "100", "20",
    )  # fmt: skip
    assert (float(row["cost_per_won"]), float(row["cost_per_customer"]), float(row["won"])) == (37.5, 30.0, 80.0)
    assert second[:3] == ["Plain", "", "no_control"]
    assert set(second[3:]) == {""}


def test_amounts_are_in_the_currency_of_their_look(shop: Retailer, staff: Client) -> None:
    test = controlled(shop, "one")
    won(test)
    Retailer.objects.filter(pk=shop.pk).update(currency="CHF")

    page = unescape(staff.get(reverse("admin:analytics_kpigoal_what_pays"), {"part": "won"}).content.decode())
    may = {"Authorization": f"Api-Key {make.key(shop, 'analytics:read')}"}
    (one,) = Client().get("/api/v1/analytics/customers-won", headers=may).json()["won"]

    assert ("37.50 EUR" in page.replace("\u00a0", " "), one["currency"]) == (True, "EUR")


def test_systems_read_it_too(shop: Retailer, client: Client) -> None:
    test = controlled(shop, "one")
    campaign(shop, "Welcome", test)
    campaign(shop, "Plain")
    won(test)
    may = {"Authorization": f"Api-Key {make.key(shop, 'analytics:read')}"}

    said = client.get("/api/v1/analytics/customers-won", headers=may).json()

    (one,) = said["won"]
    assert (one["currency"], one["names"], one["says"], one["cost"], one["cost_per_customer"]) == (
        "EUR", ["Welcome"], "won", 3_000.0, 30.0,
    )  # fmt: skip
    assert one["cost_per_won"] == {
        "value": pytest.approx(37.5), "low": pytest.approx(29.604, abs=1e-3), "high": pytest.approx(50.132, abs=1e-3),
    }  # fmt: skip
    assert [(each["name"], each["code"]) for each in said["not_known"]] == [("Plain", "no_control")]
    others = {"Authorization": f"Api-Key {make.key(shop, 'members:read')}"}
    assert client.get("/api/v1/analytics/customers-won", headers=others).status_code == 403


def test_every_code_has_words() -> None:
    judged = {"", "not_shown", "fewer_came", "cost_unknown", "costs_nothing"}
    assert set(TOLD) == judged
    assert set(NOT_KNOWN) == {
        "no_control", "not_started", "not_looked", "not_counted", "not_ended", "arms_broken", "too_few"
    }  # fmt: skip


def test_beside_the_cost_of_a_customer_stands_what_one_cost_who_would_not_have_come_only_where_an_experiment_says_so() -> (
    None
):
    owner = make.retailer(language="en")
    record_orders(
        owner,
        [make.order("a", "20.00", at=make.START), make.order("b", "20.00", at=make.START + timedelta(days=70))],
        now=NOW,
    )
    statistics.refresh(owner)
    test, other = controlled(owner, "one"), controlled(owner, "two")
    campaign(owner, "Welcome", test)
    campaign(owner, "Spring", other)
    won(other, came=20)
    assert acquisition_page(owner, now=NOW)["won"] == []

    won(test)

    (said,) = acquisition_page(owner, now=NOW)["won"]
    assert said.replace("\u00a0", " ") == (
        "Welcome: one who would not have come anyway cost 37.50 EUR (29.60 EUR … 50.13 EUR); one who came, 30.00 EUR. "
        "By its experiment."
    )

"""The page of what customers are worth, the card of a model, and the report that the page sends."""

import sys
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.urls import reverse

from loyalty.admin_theme.theme import navigation
from tests import make
from tests.analytics.dashboards import shops
from tests.analytics.dashboards.test_report import Reader

pytestmark = pytest.mark.django_db
PAGE, REPORT = "admin:analytics_valuerun_overview", "admin:analytics_valuerun_report"
CARD = "admin:analytics_valuerun_change"


@pytest.fixture
def sue(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("sue"))
    return client


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Customer value", "310.00 EUR", "4 customers at risk", "75 %", "Net revenue per customer", "March 2026"],
        ),
        ("fr", ["Valeur des clients", "200,00 EUR", "310,00 EUR", "4 clients à risque", "Qui rachète", "mars 2026"]),
    ],
)
def test_the_page_shows_figures_charts_and_tables(sue: Client, language: str, words: list[str]) -> None:
    shop = shops.shop()

    answer = sue.get(f"{reverse(PAGE)}?retailer={shop.slug}", headers={"accept-language": language})

    page = unescape(answer.content.decode()).replace("\u00a0", " ").replace("\u202f", " ")
    assert [word for word in words if word.lower() not in page.lower()] == []
    assert (page.count("<canvas"), page.count('<table class="plain-table"'), page.count('class="heat-map"')) == (
        4,
        4,
        2,
    )


def test_a_shop_without_a_run_says_so(sue: Client) -> None:
    shop = make.retailer()

    page = sue.get(f"{reverse(PAGE)}?retailer={shop.slug}").content.decode()

    assert "No value has been computed yet." in page
    assert "<canvas" not in page


def test_without_the_packages_the_page_says_what_is_missing(sue: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shops.shop()
    monkeypatch.setitem(sys.modules, "vl_convert", None)

    answer: Any = sue.get(f"{reverse(REPORT)}?retailer={shop.slug}", follow=True)

    assert "pip install" in answer.content.decode()


def test_the_page_sends_the_report_in_the_readers_language(sue: Client) -> None:
    shop = shops.shop()

    answer = sue.get(f"{reverse(REPORT)}?retailer={shop.slug}", headers={"accept-language": "fr"})

    assert answer.headers["Content-Disposition"] == f'attachment; filename="value-{shop.slug}.html"'
    assert Reader(answer.content.decode()).language == "fr"


@pytest.mark.parametrize("open_page", [PAGE, "admin:analytics_valuerun_changelist"])
def test_the_page_that_is_open_stands_out_alone_in_the_menu(rf: RequestFactory, open_page: str) -> None:
    request = rf.get(reverse(open_page))
    request.user = User.objects.create_superuser("sue")

    pages = [item for group in navigation(request) for item in group["items"]]

    assert [item["link"] for item in pages if item["active"](request)] == [reverse(open_page)]


def test_the_card_of_a_model_has_charts_beside_its_tables(sue: Client) -> None:
    run = shops.run_of(make.retailer())
    run.card["frequencies"] = [
        {"repeats": 0, "actual": 12, "expected": 11.5},
        {"repeats": 1, "actual": 8, "expected": 8.5},
    ]
    run.save(update_fields=["card"])

    page = unescape(sue.get(reverse(CARD, args=[run.pk])).content.decode())

    assert page.count("<canvas") == 3
    assert [part for part in ("[11.5, 8.5]", "[12.5, 22.0]", "[1.25]") if part not in page] == []


def test_the_card_of_a_model_has_days_as_its_reader_writes_them(sue: Client) -> None:
    run = shops.run_of(make.retailer())
    run.card["change"] = {"data_cut": "2026-05-01", "model": "", "customers": 1, "total_value": "1", "factor": 1.0}
    failed = {"Pareto/NBD": {"failed": {"code": "flat", "values": {}}}}
    run.held_out["origins"] = [
        {"at": "2026-02-03", "days": 90, "customers": 9, "models": failed, "plain_deviance": 1.0}
    ]
    run.save(update_fields=["card", "held_out"])

    page = unescape(sue.get(reverse(CARD, args=[run.pk]), headers={"accept-language": "fr"}).content.decode())

    assert ("<td>1er mai 2026</td>" in page, "<td>3 février 2026</td>" in page) == (True, True)
    assert ("2026-05-01" in page, "2026-02-03" in page) == (False, False)

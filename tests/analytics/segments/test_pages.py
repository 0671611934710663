"""The pages of segments and churn, thresholds, and customers found and taken along by their segments."""

import csv
import re
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from analytics.models import AuditRun, ValueRun
from analytics.segments.models import SegmentRun, SegmentSettings
from analytics.segments.rules import Thresholds
from customers.models import Insight, Retailer
from tests import make
from tests.analytics.segments.shop import CUT, assigned, buy, days_ago, send_back, valued
from tests.analytics.segments.test_overview import GROUPS, two_runs
from tests.make import NOON

pytestmark = pytest.mark.django_db
SEGMENTS, CHURN = "admin:analytics_segmentrun_changelist", "admin:analytics_segmentrun_churn"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("staff"))
    return client


@pytest.fixture
def shop() -> Retailer:
    shop = make.retailer()
    _, last = two_runs(shop)
    origins = [{"days": 90, "customers": 40, "models": {"Pareto/NBD": {"buying": GROUPS, "brier": 0.16}}}]
    last.run.model, last.run.held_out = "Pareto/NBD", {"origins": origins, "days": 90, "value": {"bias": 0.1}}
    last.run.save()
    return shop


def page(staff: Client, name: str, language: str = "en", **given: Any) -> str:
    answer = staff.get(f"{reverse(name)}?{urlencode(given)}", headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize("name", [SEGMENTS, CHURN])
def test_without_a_run_each_page_says_so(staff: Client, name: str) -> None:
    make.retailer()

    assert "Nobody has been assigned to a segment yet." in page(staff, name)


def test_the_page_of_segments_says_who_how_many_what_they_are_worth_and_who_moved(
    staff: Client, shop: Retailer
) -> None:
    text = page(staff, SEGMENTS)

    assert "Among the 20 % who are worth most if they stay, and not at risk." in text
    assert "Call or write in person now" in text
    assert "not known: nothing of it is reported" in text
    assert "had not bought" in text
    assert f"{reverse('admin:customers_customer_changelist')}?insight__segment__exact=vip" in text


def test_an_earlier_run_is_shown_without_one_before_it(staff: Client, shop: Retailer) -> None:
    earlier = shop.value_runs.order_by("pk").first()
    assert earlier is not None

    text = page(staff, SEGMENTS, run=earlier.pk, before="x")

    assert "There is no earlier run yet to compare with" in text


def test_without_a_prediction_both_pages_say_so(staff: Client) -> None:
    shop = make.retailer()
    buy(shop, make.order("ada", "10.00", at=days_ago(9)))
    assigned(valued(shop))

    assert "Nothing could be predicted from these data." in page(staff, SEGMENTS)
    assert "No prediction: these data cannot carry one" in page(staff, CHURN)


def test_the_page_of_churn_shows_what_was_expected_and_what_came(staff: Client, shop: Retailer) -> None:
    text = page(staff, CHURN)

    assert "45.0 % of 40 customers were expected not to buy; 50.0 % did not." in text
    assert ">bob</a>" in text
    assert "Expected churn by type" in text


def test_thresholds_are_changed_and_refused_in_words(staff: Client, shop: Retailer) -> None:
    address = reverse("admin:analytics_segmentsettings_add")
    usual = asdict(Thresholds())
    said = {**usual, "retailer": shop.pk, "top_percent": 60, "overdue_gaps": 5}

    refused = staff.post(address, said).content.decode()
    assert "less than or equal to 50" in refused
    assert "Who is lost has waited at least as long as who is at risk." in refused
    answer = staff.post(address, {**usual, "retailer": shop.pk, "top_percent": 10})

    assert answer.status_code == 302
    assert SegmentSettings.objects.get().top_percent == 10


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"insight__segment__exact": "vip"}, ["ada"]),
        ({"tag": "gift_buyer"}, ["cat"]),
        ({"tag": "nonsense"}, ["ada", "bob", "cat", "dan", "eve", "zoe"]),
        ({"stage": "new"}, ["eve"]),
        ({"stage": "never_bought"}, ["zoe"]),
        ({"insight__at_risk__exact": 1}, ["bob"]),
        ({"insight__value_decile": 10}, ["ada"]),
    ],
)
def test_customers_are_found_and_taken_along_by_their_segments(
    staff: Client, shop: Retailer, asked: dict[str, Any], names: list[str]
) -> None:
    make.customer(shop, "zoe")
    Insight.objects.filter(customer__external_id="cat").update(tags=["gift_buyer", "brand_lover"])
    Insight.objects.filter(customer__external_id="bob").update(at_risk=True)
    Insight.objects.filter(customer__external_id="ada").update(value_decile=10)
    address = f"{reverse('admin:customers_customer_changelist')}?{urlencode(asked)}"
    found = staff.get(address).context["cl"].queryset
    assert sorted(each.external_id for each in found) == names

    sent = {"action": "export", "_selected_action": [str(each.pk) for each in found]}
    rows = list(csv.DictReader(StringIO(staff.post(address, sent).content.decode())))

    assert sorted(row["external_id"] for row in rows) == names
    assert {row["insight__tags"] for row in rows} <= {"", "gift_buyer brand_lover"}


@pytest.mark.parametrize(
    ("tags", "second"),
    [
        ([], None),
        (["gift_buyer"], ("gift buyer", "gift\u00a0buyer")),
        (
            ["gift_buyer", "brand_lover", "serial_returner"],
            ("gift buyer, brand lover, serial returner", "gift\u00a0buyer\u00a0+2"),
        ),
    ],
)
def test_a_list_of_customers_shows_the_type_and_one_tag_with_how_many_more(
    staff: Client, shop: Retailer, tags: list[str], second: tuple[str, str] | None
) -> None:
    ada = Insight.objects.filter(customer__external_id="ada")
    ada.update(segment="vip_at_risk", tags=tags)

    text = staff.get(f"{reverse('admin:customers_customer_changelist')}?q=ada").content.decode()

    (cell,) = re.findall(r'<td class="field-segment[^>]*>(.*?)</td>', text, re.DOTALL)
    told = re.search(r'<span class="text-xs" title="([^"]+)">([^<]+)</span>', cell)
    assert "VIP\u00a0at\u00a0risk" in cell
    assert (told.groups() if told else None) == second


def test_who_bought_since_the_last_run_did_not_never_buy(staff: Client, shop: Retailer) -> None:
    make.customer(shop, "zoe")
    buy(
        shop, make.order("new", "10.00", at=days_ago(0)), make.order("back", "10.00", at=days_ago(1), name="b"),
        make.order("points", "10.00", at=days_ago(1), paid_with_points=Decimal(10)),
        make.order("part", "10.00", at=days_ago(1), name="p"),
    )  # fmt: skip
    send_back(shop, "b")
    send_back(shop, "p", quantity="0.5")

    address = f"{reverse('admin:customers_customer_changelist')}?stage=never_bought"
    found = staff.get(address).context["cl"].queryset

    assert sorted(each.external_id for each in found) == ["back", "points", "zoe"]


def test_lists_are_of_the_retailer_whose_page_leads_there(staff: Client, shop: Retailer) -> None:
    other = make.retailer(name="another")
    Insight.objects.create(customer=make.customer(other, "ada"), **known(segment="vip", at_risk=True))
    Insight.objects.filter(customer__external_id="bob").update(at_risk=True)

    answer = staff.get(reverse(SEGMENTS), {"retailer": shop.slug})
    churn = staff.get(reverse(CHURN), {"retailer": shop.slug})

    vips = next(row for row in answer.context["groups"][0]["rows"] if row["row"].what.code == "vip")
    assert [each.customer.retailer for each in of_list(staff, vips["list"])] == [shop]
    assert [each.customer.external_id for each in of_list(staff, churn.context["list"])] == ["bob"]


def known(**said: Any) -> dict[str, Any]:
    return {"run_id": 1, "as_of": CUT, "horizon_days": 365, "currency": "EUR", "historic_revenue": 1, **said}


def of_list(staff: Client, address: str) -> list[Insight]:
    found = staff.get(address).context["cl"].queryset
    return list(Insight.objects.filter(customer__in=found).select_related("customer__retailer"))


def test_a_runs_own_address_is_of_its_retailer(staff: Client, shop: Retailer) -> None:
    make.retailer(name="a first one")
    run = SegmentRun.objects.latest("pk")

    answer = staff.get(reverse("admin:analytics_segmentrun_change", args=[run.pk]))

    assert (answer.context["retailer"], answer.context["run"]) == (shop, run)


def test_pages_begin_with_the_run_that_was_written_down_last(staff: Client, shop: Retailer) -> None:
    earlier, last = SegmentRun.objects.order_by("pk")
    SegmentRun.objects.filter(pk=earlier.pk).update(data_cut=last.data_cut + timedelta(days=1))  # moved since

    first = staff.get(reverse(SEGMENTS)).context
    other = staff.get(reverse(SEGMENTS), {"run": earlier.pk}).context
    ValueRun.objects.filter(pk=last.pk).update(is_current=False)  # looked at a day before
    then = staff.get(reverse(SEGMENTS)).context

    assert [each["run"] for each in (first, other, then)] == [last, earlier, earlier]
    assert [any(row["list"] for row in each["groups"][0]["rows"]) for each in (first, other, then)] == [
        True,
        False,
        True,
    ]


def test_what_the_audit_blocks_is_not_shown_by_segment_nor_as_churn(staff: Client, shop: Retailer) -> None:
    numbers = {"days": 28, "count": 9, "whole": 100, "share": 0.09, "before_share": 0.8}
    lately = {"check": "identified_lately", "level": 3, "numbers": numbers, "examples": []}
    AuditRun.objects.create(
        retailer=shop, ran_at=NOON, first_day=days_ago(500), last_day=CUT, orders=1, customers=1, findings=[lately], hours=[],
        months=[],
    )  # fmt: skip
    said = (
        "Predicted value: not shown, for the data do not carry it. Orders of the last 28 days with a customer: 9 of 100"
    )

    segments, churn = page(staff, SEGMENTS), page(staff, CHURN)

    assert (said in segments, said in churn) == (True, True)
    assert ("Revenue to date by type" in segments, "revenue (EUR)" in segments) == (True, True)
    assert [words for words in ("value (EUR)", ">at stake<", "Value by type") if words in segments] == []
    assert [words for words in ("<canvas", "plain-table", "bob") if words in churn] == []

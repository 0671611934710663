"""What channels cost and bring: from what retailers enter, import and report, to the page."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from analytics import statistics
from analytics.acquisition.costs import CostFact, record_costs
from analytics.acquisition.reading import Margin, acquisition, margin_of
from analytics.audit.running import audit, latest
from analytics.dashboards.acquisition import page
from analytics.kpis.board import board
from analytics.models import AcquisitionCost, AuditRun, CustomerStatistics
from customers.facts import OrderFact, ReturnFact, ReturnLineFact
from customers.models import Customer, Order, Retailer
from customers.recording import record_orders, record_returns
from loyalty.access.models import StaffRole
from tests import make
from tests.analytics.audit.shops import line

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
REPORT, LIST = "admin:analytics_acquisitioncost_report", "admin:analytics_acquisitioncost_changelist"
BRING, ADD = "admin:analytics_acquisitioncost_bring_file", "admin:analytics_acquisitioncost_add"


def buys(who: str, day: str, amount: str, name: str = "") -> OrderFact:
    at = datetime.fromisoformat(f"{day}T10:00:00+00:00")
    return OrderFact(name or make.number("o"), at, (line(amount, unit_cost=None),), who)


@pytest.fixture
def shop() -> Retailer:
    """
    Ada came in March by search, Bob in March and Cyd in April by a leaflet; margin is half of revenue.

    Until the end of May: June has begun and is not over.
    """
    found = make.retailer(name="Port", margin_rate=Decimal("0.5"))
    facts = [
        buys("ada", "2026-03-02", "40.00"), buys("ada", "2026-03-30", "20.00", "back"), buys("ada", "2026-05-01", "60.00"),
        buys("bob", "2026-03-15", "10.00"), buys("cyd", "2026-04-15", "30.00"), buys("cyd", "2026-06-01", "99.00"),
    ]  # fmt: skip
    record_orders(found, facts, now=NOW)
    record_returns(found, [ReturnFact("r1", "back", NOW, (ReturnLineFact(Decimal("0.5"), 1),))], now=NOW)
    for name, channel in (("ada", "Search"), ("bob", "leaflet"), ("cyd", "leaflet ")):
        Customer.objects.filter(external_id=name).update(acquisition_channel=channel)
    statistics.refresh(found)
    return found


@pytest.fixture
def as_role(shop: Retailer) -> Callable[[str], Client]:
    def sign_in(role: str) -> Client:
        user = User.objects.create_user(role, is_staff=True)
        StaffRole.objects.create(user=user, retailer=shop, role=role)
        client = Client()
        client.force_login(user)
        return client

    return sign_in


def spends(shop: Retailer, channel: str, month: int, amount: str) -> None:
    record_costs(shop, [CostFact(channel, date(2026, month, 1), Decimal(amount))])


def test_costs_and_margins_by_channel(shop: Retailer, django_assert_num_queries: Any) -> None:
    spends(shop, "search", 3, "30.00")
    spends(shop, "Leaflet", 3, "8.00")
    spends(shop, "tv", 4, "500.00")
    spends(shop, "search", 6, "1000.00")  # not over yet

    with django_assert_num_queries(5):
        found = acquisition(shop, None, now=NOW)

    assert found is not None
    assert (found.since, found.until, found.margin) == (date(2026, 3, 1), date(2026, 6, 1), Margin(0.5, "rate"))
    leaflet, search, tv = found.channels
    assert (leaflet.name, leaflet.spent, leaflet.customers, leaflet.cost.value) == ("leaflet", 8.0, 2, 4.0)
    assert (leaflet.margin.tolist(), leaflet.payback.period) == ([10.0, 0.0, 0.0], 0)
    assert (search.name, search.spent, search.customers, search.cost.value) == ("search", 30.0, 1, 30.0)
    assert (search.margin.tolist(), search.payback.period) == ([25.0, 0.0, 30.0], 2)
    assert (tv.name, tv.spent, tv.customers) == ("tv", 500.0, 0)


def test_a_month_counts_when_it_is_over_whatever_was_ordered_on_its_last_day(shop: Retailer) -> None:
    spends(shop, "leaflet", 6, "50.00")
    last = datetime(2026, 6, 30, 11, tzinfo=UTC)
    record_orders(shop, [buys("dan", "2026-06-30", "10.00")], now=last)
    Customer.objects.filter(external_id="dan").update(acquisition_channel="leaflet")
    statistics.refresh(shop)

    running, over = (acquisition(shop, None, now=now) for now in (last, datetime(2026, 7, 1, tzinfo=UTC)))

    assert running is not None
    assert over is not None
    assert (running.until, over.until) == (date(2026, 6, 1), date(2026, 7, 1))
    assert [(each.name, each.spent, each.customers) for each in running.channels] == [
        ("leaflet", 0.0, 2),
        ("search", 0.0, 1),
    ]
    assert [(each.name, each.spent, each.customers) for each in over.channels] == [
        ("leaflet", 50.0, 3),
        ("search", 0.0, 1),
    ]


def test_what_was_spent_and_won_nobody_is_in_no_customers_cost_on_the_board_either(shop: Retailer) -> None:
    spends(shop, "leaflet", 3, "8.00")
    spends(shop, "search", 3, "30.00")
    spends(shop, "tv", 4, "500.00")

    found = board(shop, now=NOW)

    assert found is not None
    (cost,) = found.series["acquisition_cost", ""].points
    assert (round(cost.value or 0, 4), cost.n) == (12.6667, 3)  # 38 for the three whom leaflets and search brought


def test_the_boards_payback_is_that_of_all_channels_with_a_cost_together(shop: Retailer) -> None:
    """They cost 12.67 each and brought 25, 5 and 15 in their first month, 15 on average: search alone takes until month 2."""
    spends(shop, "leaflet", 3, "8.00")
    spends(shop, "search", 3, "30.00")

    assert payback_told(shop) == [(0, 3)]

    spends(shop, "search", 3, "52.00")  # 20 each: after 15, 0 and (30 + 0) / 2 of those who have lived a third month

    assert payback_told(shop) == [(2, 3)]


def test_no_payback_is_told_where_no_margin_is_known(shop: Retailer) -> None:
    spends(shop, "search", 3, "30.00")
    assert payback_told(shop) == [(2, 1)]

    Retailer.objects.filter(pk=shop.pk).update(margin_rate=None)

    assert payback_told(Retailer.objects.get(pk=shop.pk)) is None


def payback_told(shop: Retailer) -> list[tuple[float | None, int]] | None:
    found = board(shop, now=NOW)
    assert found is not None
    told = found.series.get(("payback", ""))
    return None if told is None else [(each.value, each.n) for each in told.points]


def test_a_sample_says_what_customers_bring() -> None:
    shop = make.retailer(margin_rate=Decimal("0.5"))
    facts = [buys(f"c{place}", "2026-03-02", "40.00") for place in range(60)]
    record_orders(shop, [*facts, buys("late", "2026-04-30", "1.00")], now=NOW)
    Customer.objects.filter(external_id="late").update(acquisition_channel="tv")
    statistics.refresh(shop)

    found = acquisition(shop, None, now=NOW, max_customers=20)

    assert found is not None
    unknown = found.channels[0]
    assert (found.every, unknown.name, unknown.customers, unknown.margin.round(6).tolist()) == (4, "", 60, [20.0, 0.0])


def test_what_is_paid_with_points_is_no_revenue(shop: Retailer) -> None:
    Order.objects.filter(customer__external_id="bob").update(paid_with_points=4)
    found = acquisition(shop, None, now=NOW)

    assert found is not None  # goods of 40 leave 20, less 4 that points paid, of two customers
    assert [channel.margin.tolist() for channel in found.channels if channel.name == "leaflet"] == [[8.0, 0.0, 0.0]]


def test_what_comes_back_takes_its_part_of_what_was_paid_with_points(shop: Retailer) -> None:
    bought = OrderFact(
        number="both", occurred_at=datetime(2026, 3, 10, 12, tzinfo=UTC), lines=(line("50.00"), line("50.00")),
        customer="zoe", paid_with_points=Decimal("50.00"),
    )  # fmt: skip
    record_orders(shop, [bought], now=NOW)
    back = ReturnFact("back", "both", datetime(2026, 3, 11, 12, tzinfo=UTC), (ReturnLineFact(Decimal(1), 1),))
    record_returns(shop, [back], now=NOW)
    statistics.refresh(shop)
    found = acquisition(shop, None, now=NOW)

    assert found is not None
    assert CustomerStatistics.objects.get(customer__external_id="zoe").total_value == 25
    assert [channel.margin.tolist() for channel in found.channels if not channel.name] == [
        [0.0, 0.0, 0.0]
    ]  # 50 x .50 - 25


def test_costs_of_customers_count_where_nothing_was_entered(shop: Retailer) -> None:
    Customer.objects.filter(external_id__in=["ada", "bob", "cyd"]).update(acquisition_cost=7)
    spends(shop, "leaflet", 3, "1.00")

    found = acquisition(shop, None, now=NOW)

    assert found is not None
    assert {channel.name: channel.spent for channel in found.channels} == {"leaflet": 8.0, "search": 7.0}


def test_months_of_whom_nobody_knows_whether_they_are_new_are_left_out(shop: Retailer) -> None:
    audit(shop, now=NOW)

    found = acquisition(shop, latest(shop.pk), now=NOW)

    assert found is not None
    assert (found.since, found.left_out, [channel.name for channel in found.channels]) == (
        date(2026, 4, 1),
        True,
        ["leaflet"],
    )


def test_margin_is_by_the_lines_where_they_carry_costs() -> None:
    shop = make.retailer()
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    record_orders(shop, [OrderFact("o1", at, (line("10.00", unit_cost=Decimal("6.5")),), "ada")], now=NOW)
    audit(shop, now=NOW)

    assert margin_of(shop, latest(shop.pk)) == Margin(0.35, "lines")
    assert margin_of(shop, None) == Margin(1.0, "none")


def test_costs_are_replaced_and_counted_once(shop: Retailer) -> None:
    facts = [CostFact("Search", date(2026, 3, 1), Decimal("30.00")), CostFact("tv", date(2026, 3, 1), Decimal(5))]

    changed = [record_costs(shop, facts), record_costs(shop, facts)]
    again = record_costs(
        shop, [CostFact("search", date(2026, 3, 1), Decimal(31)), CostFact("search", date(2026, 3, 1), Decimal(32))]
    )

    assert (changed, again) == ([2, 0], 1)
    kept = AcquisitionCost.objects.order_by("channel").values_list("channel", "month", "amount", "currency")
    march = date(2026, 3, 1)
    assert list(kept) == [("search", march, Decimal(32), "EUR"), ("tv", march, Decimal(5), "EUR")]


def bring(client: Client, shop: Retailer, text: str) -> str:
    file = SimpleUploadedFile("costs.csv", text.encode())
    answer = client.post(reverse(BRING), {"retailer": shop.pk, "file": file}, follow=True)
    return unescape(answer.content.decode())


def test_a_file_of_costs_is_taken_as_french_excel_writes_it(as_role: Callable[[str], Client], shop: Retailer) -> None:
    text = "channel;month;amount\nsearch;2026-03;1 030,50\ntv;15/04/2026;8\n"

    page = bring(as_role("manager"), shop, text)

    assert "2 costs are new or changed, of 2 rows." in page
    kept = AcquisitionCost.objects.order_by("channel").values_list("channel", "month", "amount")
    assert list(kept) == [("search", date(2026, 3, 1), Decimal("1030.50")), ("tv", date(2026, 4, 1), 8)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("search,2026-13,1", "“2026-13” is no month such as 2026-10."),
        (",2026-03,1", "The cell is empty."),
        ("search,2026-03,", "The cell is empty."),
        ("search,2026-03,-1", "negative"),
        ("search,2026-03,1.0055", "2 decimals"),
        ("search,soon,1", "“soon” is no date"),
        ("search,,1", "The cell is empty."),
    ],
)
def test_a_file_with_a_bad_row_changes_nothing(
    as_role: Callable[[str], Client], shop: Retailer, row: str, reason: str
) -> None:
    page = bring(as_role("owner"), shop, f"channel,month,amount\ntv,2026-03,5\n{row}\n")

    assert reason in page
    assert "Nothing was changed" in page
    assert AcquisitionCost.objects.count() == 0


def test_a_file_that_is_none_says_why(as_role: Callable[[str], Client], shop: Retailer) -> None:
    assert "These columns are missing: amount" in bring(as_role("owner"), shop, "channel,month\n")


def test_a_cost_is_entered_for_any_day_of_its_month(as_role: Callable[[str], Client], shop: Retailer) -> None:
    client = as_role("owner")
    said = {"retailer": shop.pk, "channel": " search ", "month": "2026-03-17", "amount": "12.50"}

    answer = client.post(reverse(ADD), said)
    twice = client.post(reverse(ADD), said | {"channel": "SEARCH"})
    wrong = client.post(reverse(ADD), said | {"channel": "tv", "amount": "1.005"})

    assert answer.status_code == 302
    kept = AcquisitionCost.objects.values_list("channel", "month", "amount", "currency")
    assert list(kept) == [("search", date(2026, 3, 1), Decimal("12.50"), "EUR")]
    assert (twice.status_code, wrong.status_code) == (200, 200)


def test_the_page_shows_the_reason_in_the_place_of_figures(as_role: Callable[[str], Client], shop: Retailer) -> None:
    audit(shop, now=NOW)

    page = unescape(as_role("analyst").get(reverse(REPORT)).content.decode())

    assert "Acquisition cost and payback: not shown, for the data do not carry it." in page
    assert "<canvas" not in page


def test_the_page_shows_channels_with_charts_and_their_basis(as_role: Callable[[str], Client], shop: Retailer) -> None:
    spends(shop, "search", 3, "30.00")
    spends(shop, "tv", 4, "500.00")

    page = unescape(as_role("auditor").get(reverse(REPORT)).content.decode())

    assert page.count("<canvas") == 2
    assert page.count('<table class="plain-table"') == 3
    for words in (
        "in month 2",
        "costs nothing",
        "Unattributed: 500.00 EUR",
        "Margin: 50\xa0% of what was bought and kept, the retailer’s rate",
    ):
        assert words in page


def test_amounts_have_the_decimals_of_their_currency(as_role: Callable[[str], Client], shop: Retailer) -> None:
    Retailer.objects.filter(pk=shop.pk).update(currency="JPY")
    Order.objects.filter(retailer=shop).update(currency="JPY")
    spends(shop, "search", 3, "30")
    spends(shop, "leaflet", 3, "3")
    spends(shop, "tv", 4, "5000")
    shop.refresh_from_db()

    found = page(shop, now=NOW)

    rows = {row["name"]: [row[name] for name in ("spent", "cost", "brought", "highest")] for row in found["channels"]}
    assert rows["search"] == ["30", "30", "55", "55"]
    assert rows["leaflet"] == ["3", "2", "10", "10"]  # 3 for two of them is 1.5
    assert found["unattributed"] == "5,000"
    assert found["charts"][0]["rows"][0][1:] == ("3", "30")


def test_who_only_looks_changes_nothing(as_role: Callable[[str], Client], shop: Retailer) -> None:
    client = as_role("auditor")

    assert client.get(reverse(BRING)).status_code == 403
    assert client.post(reverse(ADD), {}).status_code == 403
    assert as_role("support").get(reverse(REPORT)).status_code == 403


def test_another_retailers_costs_are_not_there(as_role: Callable[[str], Client], shop: Retailer) -> None:
    other = make.retailer(name="Harbour")
    spends(other, "harbour-channel", 3, "1.00")
    client = as_role("owner")

    page = bring(client, other, "channel,month,amount\nsearch,2026-03,1\n")

    assert "Select a valid choice" in page
    assert "harbour-channel" not in client.get(reverse(LIST)).content.decode()
    assert "Harbour" not in client.get(f"{reverse(REPORT)}?retailer={other.slug}").content.decode()
    assert AuditRun.objects.count() == 0

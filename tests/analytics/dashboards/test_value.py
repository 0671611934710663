"""The figures of what customers are worth, to the cent, and what stands in their place."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from analytics import statistics
from analytics.dashboards import figures_value
from analytics.dashboards.figures_value import Bar, Percent, Risk
from analytics.dashboards.value import overview
from analytics.models import AuditRun
from customers.facts import ReturnFact, ReturnLineFact
from customers.models import Customer
from customers.recording import record_returns
from tests import make
from tests.analytics.dashboards import shops
from tests.make import NOON

pytestmark = pytest.mark.django_db


def test_values_are_concentrated_on_the_first_customers() -> None:
    found = figures_value.values(shops.shop().pk)

    assert (found.customers, found.total) == (20, Decimal("200.00"))
    assert found.percents[:2] == [Percent(1, 1, Decimal(100)), Percent(6, 2, Decimal(150))]
    # The first 1 % of twenty is one of them: who is begun counts whole.
    assert [found.share_of_first(share) for share in (1, 5, 10, 20, 100)] == [0.5, 0.5, 0.75, 0.79, 1.0]


def test_nobody_has_a_share_of_nothing() -> None:
    shop = make.retailer()
    shops.valued(shop, shops.run_of(shop), [Decimal(0), Decimal(-5)])

    found = figures_value.values(shop.pk)

    assert found.share_of_first(10) is None
    assert [(bar.low, bar.high, bar.customers) for bar in found.bars] == [
        (None, Decimal(0), 1),
        (Decimal(0), Decimal(1), 1),
    ]


def test_bars_hold_each_customer_once() -> None:
    found = figures_value.values(shops.shop().pk)

    # The highest value is 100, of whose twentieth parts each bar is one.
    assert found.bars[:2] == [Bar(Decimal(0), Decimal(5), 18, Decimal(50)), Bar(Decimal(5), Decimal(10), 0, Decimal(0))]
    assert found.bars[10] == Bar(Decimal(50), Decimal(55), 1, Decimal(50))
    assert found.bars[-1] == Bar(Decimal(100), Decimal(105), 1, Decimal(100))
    assert sum(bar.customers for bar in found.bars) == 20


def test_the_highest_values_of_a_large_shop_share_the_last_bar() -> None:
    shop = make.retailer()
    shops.valued(shop, shops.run_of(shop), [Decimal(9_000), Decimal(8_000), *[Decimal(40)] * 198])

    found = figures_value.values(shop.pk)

    assert found.bars[-1] == Bar(Decimal(42), None, 2, Decimal(17_000))
    assert found.bars[-2] == Bar(Decimal(40), Decimal(42), 198, Decimal(7_920))


@pytest.mark.parametrize(
    ("most", "width"),
    [("100", "5"), ("101", "10"), ("1", "0.05"), ("2000", "100"), ("0.4", "0.02"), ("0", "1"), ("-3", "1")],
)
def test_bars_are_round_and_not_more_than_twenty(most: str, width: str) -> None:
    assert figures_value.width_of(Decimal(most)) == Decimal(width)


def test_value_at_risk_is_what_they_would_bring_if_they_had_not_left() -> None:
    found = figures_value.values(shops.shop().pk)

    assert found.risks == [
        Risk(10, 2, 2, Decimal(300), Decimal(150)),
        Risk(3, 18, 2, Decimal(10), Decimal(5)),
    ]


def test_cohorts_are_of_whole_months_and_of_all_who_came() -> None:
    shop = shops.shop()

    march, april = figures_value.cohorts(shop.pk, shops.CUT)

    assert (march.month, march.customers, [march.share(age) for age in range(3)]) == (date(2026, 3, 1), 2, [1, 0, 0.5])
    assert [march.revenue(age) for age in range(3)] == [18.0, 0.0, 4.0]  # two customers: 36, nothing, 8
    assert (april.customers, [cell.revenue for cell in april.cells]) == (1, [Decimal(30), Decimal(0)])


def test_a_month_that_is_not_over_and_what_came_back_do_not_count() -> None:
    shop = make.retailer()
    shops.buys(shop, ("ada", "2026-03-05", "20.00"), ("ada", "2026-04-05", "10.00"), ("bob", "2026-05-05", "10.00"))
    order = Customer.objects.get(external_id="ada").orders.get(local_date="2026-04-05")
    back = ReturnFact("back", order.number, NOON, (ReturnLineFact(Decimal(1), 1),))
    assert [each.error for each in record_returns(shop, [back], now=NOON)] == [None]
    statistics.refresh(shop)

    (march,) = figures_value.cohorts(shop.pk, date(2026, 5, 30))

    assert [(cell.buyers, cell.revenue) for cell in march.cells] == [(1, Decimal(20)), (0, Decimal(0))]


def test_what_earlier_runs_had_expected_stands_beside_what_came() -> None:
    shop = shops.shop()
    early = shops.run_of(shop, data_cut=date(2026, 4, 1), horizon_days=60)
    over = shops.run_of(shop, data_cut=date(2026, 3, 15), horizon_days=10)
    ada, bob = (Customer.objects.get(external_id=name) for name in ("v0", "v1"))
    for run in (early, over):
        shops.keeps(run, (ada, 2.0, "3.00"), (bob, 0.5, "4.00"))
    now = shops.run_of(shop)

    found = figures_value.past(now)

    # Of the earlier one's customers v0 bought once since, for 8; v2 was none of them. The other's ten days end on 25 March.
    assert [(each.run, each.days, each.purchases, each.bought, each.revenue, each.came) for each in found] == [
        (early, 60, 2.5, 1, 32.0, Decimal(8)),
        (over, 10, 2.5, 1, 32.0, Decimal(6)),
    ]


def test_a_refused_run_shows_its_reason_and_no_number() -> None:
    shop = make.retailer()
    shops.run_of(shop, status="refused", code="all_returned", total_value=None, model="", card={})

    said = overview(shop)

    assert said.instead.startswith("No prediction: ")
    assert (said.cards, said.drawings, said.past) == ([], [], [])


def test_a_history_that_is_cut_off_has_no_cohorts() -> None:
    shop = make.retailer()
    shops.valued(shop, shops.run_of(shop, is_truncated=True), [Decimal(5)])
    shops.buys(shop, ("v0", "2026-03-05", "20.00"))

    said = overview(shop)

    assert said.no_cohorts.startswith("No cohorts are shown, for the history is cut off")
    assert (said.heat_maps, said.instead) == ([], "")


def test_what_the_audit_blocks_is_not_shown() -> None:
    shop = shops.shop()
    finding = {
        "check": "history_days",
        "level": 3,
        "numbers": {"days": 20, "first": "2026-05-01", "last": "2026-05-20"},
        "examples": [],
    }
    AuditRun.objects.create(
        retailer=shop, ran_at=NOON, first_day=date(2026, 5, 1), last_day=shops.CUT, orders=1, customers=1,
        findings=[finding], hours=[], months=[],
    )  # fmt: skip

    said = overview(shop)

    assert said.instead.startswith("Predicted value: not shown, for the data do not carry it.")
    assert (said.cards, said.drawings) == ([], [])
    assert (said.no_cohorts, len(said.heat_maps)) == ("", 2)  # for cohorts a short history is only to be known


def test_the_forecast_stands_beside_the_fact() -> None:
    drawing = overview(shops.shop()).drawings[-1]

    assert [(each.name, list(each.values)) for each in drawing.series] == [
        ("actual", [10, 20]),
        ("predicted", [12.5, 22]),
    ]
    assert drawing.rows == [(1, "10", "12.5", "+25.0 %"), (2, "20", "22.0", "+10.0 %")]


def test_the_overview_costs_the_same_statements_whatever_the_size(django_assert_num_queries: Any) -> None:
    small, large = make.retailer(), shops.shop()
    shops.valued(small, shops.run_of(small), [Decimal(5)])

    for each in (small, large):
        with django_assert_num_queries(7):
            overview(each)
    for cut in (date(2026, 4, 1), date(2026, 4, 20), date(2026, 5, 1)):
        shops.keeps(shops.run_of(large, data_cut=cut), (Customer.objects.get(external_id="v1"), 2.0, "3.00"))
    shops.run_of(large)
    with django_assert_num_queries(9):
        overview(large)

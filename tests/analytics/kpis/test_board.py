"""The board by hand: five customers in four months, and what is never compared."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.kpis.board import Board, board
from analytics.kpis.cohorts import cohorts
from analytics.kpis.maps import maps
from analytics.kpis.models import KpiSettings
from analytics.kpis.periods import Grain
from analytics.kpis.program_reading import Points, points
from analytics.kpis.reading import Asked, lived, span_of
from analytics.statistics import rebuild
from customers.facts import InteractionFact, ReturnFact, ReturnLineFact
from customers.models import Customer, Order, Retailer
from customers.recording import record_interactions, record_returns
from loyalty.activity.account.spending import redeem
from tests import make
from tests.analytics.kpis.shops import MAY, at, five_customers, sell

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Retailer:
    return five_customers()


def seen(owner: Retailer, now: datetime = MAY, **asked: Any) -> Board:
    found = board(owner, now=now, **asked)
    assert found is not None
    return found


def values(found: Board, code: str, group: str = "") -> list[float | None]:
    return [None if each.value is None else round(each.value, 4) for each in found.series[code, group].points]


def test_cohorts_live_on_month_by_month(shop: Retailer) -> None:
    span = span_of(shop, MAY)
    assert span is not None
    january, february = cohorts(lived(shop, span, cohorts=13), span.as_of, span.until)[:2]

    assert (span.as_of, january.customers, february.customers) == (date(2026, 4, 30), 3, 2)
    assert [(each.active, each.cumulated) for each in january.ages] == [(3, 260), (1, 310), (1, 350), (1, 400)]
    assert [round(each.cumulated / 3, 2) for each in january.ages] == [86.67, 103.33, 116.67, 133.33]
    assert [(each.active, each.cumulated) for each in february.ages] == [(2, 230), (1, 260), (0, 260)]
    assert round(january.ages[1].share, 3) == 0.333
    assert all(each.is_complete for each in january.ages)


def test_cohorts_are_the_same_read_with_the_board_and_by_themselves(shop: Retailer) -> None:
    """Guests, what all came back, and who is no cohort of the months that are shown take no part in either."""
    sell(shop, [("eve", "02-10", 40), ("eve", "04-02", 25), ("", "02-11", 70), ("ada", "04-30", 10)])
    bought = Order.objects.get(customer__external_id="eve", net_amount=25)
    back = ReturnFact("r", bought.number, at("04-20"), (ReturnLineFact(Decimal(1), 1),))
    record_returns(shop, [back], now=MAY)
    found = seen(shop, at("05-02"))

    own = lived(shop, found.span, cohorts=13)

    assert sorted(own, key=str) == sorted(found.lived, key=str)
    assert {each.cohort.month: each.active for each in own if each.month.month == 4} == {1: 1}
    assert (seen(shop, grain=Grain.WEEK).lived, seen(shop, dimension="channel").lived) == ([], [])


def test_cohorts_of_before_the_months_of_the_board_are_shown(shop: Retailer) -> None:
    """A shop that won nobody for two years still shows whom it won before, and what they did since."""
    found = board(shop, now=at("04-30"), shown=1)
    assert found is not None

    told = maps(shop, found)

    assert [(month, customers) for month, customers, _cells in told[0]["rows"]] == [
        ("Jan. 2026", "3"),
        ("Feb. 2026", "2"),
    ]


def test_a_month_that_runs_is_not_complete(shop: Retailer) -> None:
    day = date(2026, 4, 15)
    found = cohorts(lived(shop, span_of(shop, at("04-16")), cohorts=13), day, day)[0]  # type: ignore[arg-type]

    assert [each.is_complete for each in found.ages] == [True, True, True, False]


def test_retention_and_churn_add_up(shop: Retailer) -> None:
    found = seen(shop)

    assert values(found, "active_customers") == [3, 3, 2, 1]
    assert values(found, "retention") == [None, 0.3333, 0.3333, 0.0]
    assert values(found, "churn") == [None, 0.6667, 0.6667, 1.0]
    assert values(found, "new_customers") == [3, 2, 0, 0]
    march = found.series["retention", ""].points[2]
    assert (march.n, march.low and round(march.low, 3), march.high and round(march.high, 3)) == (3, 0.061, 0.792)


def test_who_was_active_before_the_first_period_shown_is_retained_in_it_or_not(shop: Retailer) -> None:
    """Ada, Dora and Eve ordered in February, of whom Dora ordered in March."""
    two_months = seen(shop, shown=2)

    assert values(two_months, "retention") == [0.3333, 0]
    assert values(two_months, "churn") == [0.6667, 1]
    assert [each.n for each in two_months.series["retention", ""].points] == [3, 2]
    assert values(two_months, "active_customers") == [2, 1]


def test_what_is_bought_and_how_often(shop: Retailer) -> None:
    found = seen(shop)

    assert values(found, "revenue") == [260, 280, 70, 50]
    assert values(found, "average_order") == [65, 93.3333, 35, 50]
    assert values(found, "frequency") == [1.3333, 1, 1, 1]
    assert values(found, "revenue_per_customer") == [86.6667, 93.3333, 35, 50]
    assert values(found, "repeat_rate") == [0.8]
    assert found.series["repeat_rate", ""].points[0].n == 5


def test_a_running_month_is_open_and_never_compared(shop: Retailer) -> None:
    found = seen(shop, at("04-16")).series["revenue", ""]

    assert [each.is_over for each in found.points] == [True, True, True, False]
    assert found.last is not None
    assert (found.last.period.start, found.last.value, found.change) == (date(2026, 3, 1), 70, -210)


def test_a_day_that_runs_ends_no_period_although_something_was_ordered_on_it(shop: Retailer) -> None:
    sell(shop, [("ada", "04-30", 10)])

    noon, midnight = seen(shop, at("04-30")), seen(shop, at("04-30", 22))

    revenue = noon.series["revenue", ""]
    assert (noon.span.as_of, values(noon, "revenue")) == (date(2026, 4, 29), [260, 280, 70, 60])
    assert [each.is_over for each in revenue.points] == [True, True, True, False]
    assert (revenue.last and revenue.last.period.start, revenue.change) == (date(2026, 3, 1), -210)
    january = cohorts(lived(shop, noon.span, cohorts=13), noon.span.as_of, noon.span.until)[0]
    assert [(each.cumulated, each.is_complete) for each in january.ages] == [
        (260, True), (310, True), (350, True), (410, False),
    ]  # fmt: skip
    assert (midnight.span.as_of, midnight.series["revenue", ""].change) == (date(2026, 4, 30), -10)


def test_a_shop_of_today_has_a_board_and_nothing_that_is_over() -> None:
    young = make.retailer(zone="Europe/Paris")
    sell(young, [("ada", "05-01", 10)])
    found = seen(young, at("05-01"))

    assert (values(found, "revenue"), found.series["revenue", ""].last) == ([10], None)
    assert [
        each.customers for each in cohorts(lived(young, found.span, cohorts=13), found.span.as_of, found.span.until)
    ] == [1]


def test_quarters_and_years(shop: Retailer) -> None:
    assert values(seen(shop, grain=Grain.QUARTER), "active_customers") == [5, 1]
    assert values(seen(shop, grain=Grain.QUARTER), "retention") == [None, 0.2]
    assert values(seen(shop, grain=Grain.YEAR), "frequency") == [2.0]


def test_weeks_begin_on_monday(shop: Retailer) -> None:
    periods = seen(shop, grain=Grain.WEEK).periods

    assert (periods[0].start, periods[0].start.weekday(), periods[-1].start) == (
        date(2026, 1, 5),
        0,
        date(2026, 4, 27),
    )


def test_an_order_that_came_back_whole_is_no_activity(shop: Retailer) -> None:
    sell(shop, [("eve", "03-20", 500)])
    number = Order.objects.get(retailer=shop, net_amount=500).number
    record_returns(shop, [ReturnFact("r", number, at("04-20"), (ReturnLineFact(Decimal(1), position=1),))], now=MAY)
    rebuild(shop)

    assert values(seen(shop), "active_customers") == [3, 3, 2, 1]


def test_guests_belong_to_nobody_and_are_told_as_a_share(shop: Retailer) -> None:
    sell(shop, [("", "04-10", 50)])

    assert values(seen(shop), "known_share") == [1, 1, 1, 0.5]
    assert values(seen(shop), "revenue") == [260, 280, 70, 50]


def test_figures_of_channels_add_up_to_all(shop: Retailer) -> None:
    Customer.objects.filter(retailer=shop, external_id__in=["ada", "bob"]).update(acquisition_channel=" Google ")
    found = seen(shop, dimension="channel")

    assert found.groups == ("", "google")
    assert values(found, "active_customers", "google") == [2, 1, 0, 1]
    assert values(found, "active_customers", "") == [1, 2, 2, 0]
    assert values(found, "repeat_rate", "google") == [1.0]


def test_the_last_answer_of_a_customer_counts_in_each_period(shop: Retailer) -> None:
    rows = [("ada", "nps", 3, "02-01"), ("ada", "nps", 10, "02-20"), ("bob", "nps", 9, "02-03"), ("eve", "nps", 6, "03-01"),
            ("ada", "csat", 5, "02-02"), ("bob", "csat", 3, "02-02")]  # fmt: skip
    facts = [InteractionFact(make.number("i"), who, kind, at(day), score=score) for who, kind, score, day in rows]
    record_interactions(shop, facts, now=MAY)
    found = seen(shop)

    assert values(found, "nps") == [None, 100.0, -100.0, None]
    assert [each.n for each in found.series["nps", ""].points] == [0, 2, 1, 0]
    assert values(found, "csat") == [None, 0.5, None, None]


def test_profit_is_margin_less_what_serving_costs(shop: Retailer) -> None:
    shop.margin_rate = Decimal("0.5")
    shop.save()
    KpiSettings.objects.create(retailer=shop, contact_cost=Decimal(5))
    facts = [InteractionFact(make.number("i"), "ada", "support", at("01-10"))]
    record_interactions(shop, facts, now=MAY)

    assert values(seen(shop), "profit_per_customer")[0] == round((260 * 0.5 - 5) / 3, 4)


def test_goods_that_points_paid_cost_in_the_profit_too(shop: Retailer) -> None:
    shop.margin_rate = Decimal("0.5")
    shop.save()
    Order.objects.filter(retailer=shop, net_amount=80).update(paid_with_points=Decimal(30))

    assert values(seen(shop), "revenue")[0] == 230.0
    assert values(seen(shop), "profit_per_customer")[0] == round((260 * 0.5 - 30) / 3, 4)


def test_what_guests_bring_back_costs_no_known_customer(shop: Retailer) -> None:
    shop.margin_rate = Decimal("0.5")
    shop.save()
    KpiSettings.objects.create(retailer=shop, return_cost=Decimal(5))
    sell(shop, [("", "01-12", 999)])
    for amount in (999, 80):  # a guest's, and Bob's
        number = Order.objects.get(retailer=shop, net_amount=amount).number
        back = ReturnFact(f"r{amount}", number, at("01-24"), (ReturnLineFact(Decimal(1), position=1),))
        record_returns(shop, [back], now=MAY)
    rebuild(shop)

    assert values(seen(shop), "profit_per_customer")[0] == round((180 * 0.5 - 5) / 3, 4)


def test_without_a_margin_there_is_no_profit(shop: Retailer) -> None:
    shop.margin_rate = None
    shop.save()

    assert ("profit_per_customer", "") not in seen(shop).series


def test_a_shop_without_orders_has_no_board() -> None:
    assert board(make.retailer(), now=MAY) is None


def test_data_that_ended_long_ago_end_with_their_last_day(shop: Retailer) -> None:
    later = seen(shop, MAY + timedelta(days=400))

    assert (later.span.has_ended, later.span.as_of, later.periods[-1].start) == (
        True,
        date(2026, 4, 2),
        date(2026, 4, 1),
    )
    assert later.series["revenue", ""].last.period.start == date(2026, 3, 1)  # type: ignore[union-attr]


def test_the_month_in_which_the_data_begin_is_partial_and_never_compared(shop: Retailer) -> None:
    assert [each.is_partial for each in seen(shop).series["revenue", ""].points] == [True, False, False, False]
    assert seen(shop).series["repeat_rate", ""].points[0].is_partial is False
    young = make.retailer(zone="Europe/Paris")
    sell(young, [("ada", "01-05", 100), ("eve", "02-28", 200)])
    revenue = seen(young, at("03-02")).series["revenue", ""]
    assert [(each.is_partial, each.is_over) for each in revenue.points] == [(True, True), (False, True), (False, False)]
    assert (revenue.last and revenue.last.value, revenue.change) == (200, None)

    sell(young, [("eve", "01-01", 10)])

    whole = seen(young, at("03-02")).series["revenue", ""]
    assert ([each.is_partial for each in whole.points], whole.change) == ([False, False, False], 90)


def test_a_month_in_which_more_points_were_taken_back_than_given_has_no_share_of_those_given() -> None:
    """February gives 140, of which March takes 40 back and gives 5; 50 are redeemed in each."""
    club = make.program()
    ada = make.member(club, "ada")
    make.buys(ada, "100.00", at=at("02-03"))
    bought = make.buys(ada, "40.00", at=at("02-04"))
    redeem(ada, 50, reference="r1", now=at("02-05"))
    make.returns(ada, bought, (1, "1"), at=at("03-05"))
    redeem(ada, 50, reference="r2", now=at("03-06"))
    make.buys(ada, "5.00", at=at("03-20"))

    found = seen(club.retailer, at("04-01"))

    assert values(found, "redemption_rate")[:2] == [0.3571, None]
    assert [each.n for each in found.series["redemption_rate", ""].points][:2] == [140, 0]
    assert values(found, "expiry_rate")[:2] == [0, None]


def test_points_are_told_net_of_what_was_undone_and_once_where_they_were_transferred() -> None:
    club = make.program()
    ada = make.member(club, "ada")
    make.buys(ada, "100.00", at=at("02-03"))
    bought = make.buys(ada, "40.00", at=at("02-04"))
    make.returns(ada, bought, (1, "1"), at=at("03-05"))

    asked = Asked(club.retailer, Grain.MONTH, date(2026, 1, 1), date(2026, 4, 30))

    assert points(asked) == {date(2026, 2, 1): Points(140, 0, 0), date(2026, 3, 1): Points(-40, 0, 0)}

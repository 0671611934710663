"""One definition of margin, on every page: goods cost however they were paid."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from analytics import margins
from analytics.acquisition.reading import acquisition
from analytics.margins import margin, rate_of_goods
from analytics.models import CustomerValue
from analytics.roll_outs.reading import read as read_stores
from analytics.runs import compute_value
from analytics.uplift_runs.reading import Source
from analytics.uplift_runs.reading import read as read_past
from analytics.what_pays.period import Days
from analytics.what_pays.products import products
from customers.core import bulk
from customers.facts import OrderFact, ReturnFact, ReturnLineFact
from customers.models import Retailer
from customers.recording import record_orders, record_returns
from tests import make
from tests.analytics.experiments.shops import DAY, bought, experiment, in_arm, line, outcomes, persons, seen
from tests.make import NOON, START

BOUGHT = datetime(2026, 4, 1, 12, tzinfo=UTC)
# An order of 100, of which points paid a part: of the goods 60 may have cost 20, the others are known by the rate.
EXAMPLES = {
    "by the rate": ({"value": 100.0, "paid": 0.0, "costed": 0.0, "cost": 0.0, "rate": 0.3}, 30.0),
    "by the rate, 30 paid by points": ({"value": 70.0, "paid": 30.0, "costed": 0.0, "cost": 0.0, "rate": 0.3}, 0.0),
    "by the costs, 30 paid by points": ({"value": 70.0, "paid": 30.0, "costed": 100.0, "cost": 70.0, "rate": 0.9}, 0.0),
    "by both, 25 paid by points": ({"value": 75.0, "paid": 25.0, "costed": 60.0, "cost": 20.0, "rate": 0.3}, 27.0),
    "all paid by points": ({"value": 0.0, "paid": 100.0, "costed": 0.0, "cost": 0.0, "rate": 0.3}, -70.0),
    "nothing known": ({"value": 75.0, "paid": 25.0, "costed": 0.0, "cost": 0.0, "rate": 1.0}, 75.0),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("given", "left"), EXAMPLES.values(), ids=EXAMPLES)
def test_python_and_sql_say_the_same(given: Mapping[str, float], left: float) -> None:
    written = margins.SQL.format(**{name: f"{each}::numeric" for name, each in given.items()})

    assert margin(**given) == pytest.approx(left)
    assert bulk.fetch(f"SELECT {written}") == [(Decimal(str(left)),)]


def test_goods_without_a_cost_leave_the_rate_or_what_the_others_leave() -> None:
    assert rate_of_goods(0.3, costed=100.0, cost=60.0) == 0.3
    assert rate_of_goods(None, costed=100.0, cost=60.0) == 0.4
    assert rate_of_goods(None, costed=0.0, cost=0.0) is None


def shop_of(*, cost: str | None) -> Retailer:
    """Return a shop of one order of 100 on two lines, 25 paid by points, at a rate of .30; 60 of it may have a known cost."""
    shop = make.retailer(margin_rate=Decimal("0.30"))
    lines = (line("60.00", sku="TEA", unit_cost=None if cost is None else Decimal(cost)), line("40.00", sku="CUP"))
    order = OrderFact("o1", BOUGHT, lines, "ada", store="Lyon", paid_with_points=Decimal(25))
    later = OrderFact("o2", BOUGHT + 62 * DAY, (line("0.00"),), store="Lyon")  # a guest's: whole months are over
    record_orders(shop, [order, later], now=NOON)
    return shop


CUP_BACK = ReturnFact("r1", "o1", BOUGHT + DAY, (ReturnLineFact(Decimal(1), 2),))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cost", "back", "left"),
    [
        (None, [], 5.0),  # 75 - 70
        ("20.00", [], 27.0),  # 75 - 20 - 28
        ("20.00", [CUP_BACK], 25.0),  # and its part of the points with it: 45 - 20
    ],
)
def test_an_order_has_one_margin_wherever_it_is_looked_at(
    cost: str | None, back: list[ReturnFact], left: float
) -> None:
    shop = shop_of(cost=cost)
    club = make.program(shop)
    record_returns(shop, back, now=NOON)
    day = BOUGHT.date()

    run = compute_value(shop, now=NOON)
    past = read_past(Source(shop, club, NOON.date(), NOON, ()))
    stores = read_stores(shop, ["Lyon"], day, "margin", known_at=NOON)
    found = acquisition(shop, None, now=NOON)

    assert run is not None
    assert past is not None
    assert float(CustomerValue.objects.get(run=run).historic_margin) == left
    assert sum(each.margin or 0 for each in products(shop, Days(day, day), limit=9)) == pytest.approx(left)
    assert past.panel.orders.margin.tolist() == pytest.approx([0.0, left])
    assert stores.sales.sold.sum() == pytest.approx(left)
    if found is not None and cost is None:  # it knows costs by the audit alone
        assert [float(channel.cumulated[-1]) for channel in found.channels] == pytest.approx([left])


@pytest.mark.django_db
def test_points_that_paid_goods_without_a_known_cost_are_no_gain_where_others_have_one() -> None:
    owner = make.retailer(margin_rate=Decimal("0.30"))
    persons(owner, 12)
    test = experiment(owner, metric="margin")
    ada, bob = in_arm(test, "in")[:2]
    bought(ada, START + DAY, "", line("10.00", unit_cost=Decimal("4.00")))
    bought(bob, START + DAY, "100.00", paid_with_points=Decimal("30.00"))

    found = seen(test)

    assert found.basis == "costs_and_rate"
    assert outcomes(found, 1)[-2:] == [0.0, 6.0]  # 100 x .30 - 30, and 10 - 4

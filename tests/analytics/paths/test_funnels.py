"""Funnels by hand: four customers between a visit and an order, and what must not be counted."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.paths.counting import FunnelResult, Stage
from analytics.paths.reading import CountedFunnel, FunnelPeriod, count_funnel, known_until, period_of
from analytics.paths.touchpoints import SHIPPED, FunnelSteps, Touch
from customers.core.bulk import execute
from customers.merging import merge
from customers.models import Customer, Erasure, Insight, Retailer
from customers.privacy import erase
from customers.recording import record_orders
from tests import make
from tests.analytics.paths.shops import BEGIN, NOW, at, brings_back, journeys

pytestmark = pytest.mark.django_db
BUYING = SHIPPED["visit-to-order"]
FOUR = {
    "ada": "v1 w1 c2 o3", "bob": "v1 w1 c2 s3 o10", "charlie": "w1 v2 c3", "dora": "v1 o1",
}  # fmt: skip
MARCH = FunnelPeriod(BEGIN, at(31), NOW)
SECOND = 1 / 86_400


@pytest.fixture
def shop() -> Retailer:
    return make.retailer(zone="UTC")


def counted(owner: Retailer, funnel: FunnelSteps = BUYING, **asked: Any) -> CountedFunnel:
    return count_funnel(owner, funnel, MARCH, **asked)


def of_all(owner: Retailer, funnel: FunnelSteps = BUYING) -> FunnelResult:
    (found,) = counted(owner, funnel).results
    return found


def reached(owner: Retailer, funnel: FunnelSteps = BUYING) -> list[int]:
    return [each.counted.reached for each in of_all(owner, funnel).stages]


def shares(stages: tuple[Stage, ...], name: str) -> list[float | None]:
    return [getattr(each, name).value for each in stages]


def test_four_customers_between_a_visit_and_an_order(shop: Retailer) -> None:
    journeys(shop, FOUR)
    found = of_all(shop)

    assert [each.counted.reached for each in found.stages] == [4, 2, 2, 1]
    assert shares(found.stages, "of_before") == [1.0, 0.5, 1.0, 0.5]
    assert found.overall.value == 0.25
    assert found.seconds == 2 * 86_400
    cart = found.stages[2].counted
    assert (cart.troubled, cart.reached, cart.ended, cart.by_support) == (1, 2, 1, 1)
    assert [each.counted.stopped for each in found.stages] == [2, 0, 1, 0]
    assert [each.counted.seconds for each in found.stages] == [None, 0, 86_400, 86_400]


def test_friction_is_a_difference_among_those_who_came_as_far(shop: Retailer) -> None:
    journeys(shop, FOUR)
    cart = of_all(shop).stages[2]

    assert (cart.with_friction.value, cart.without_friction.value, cart.lost) == (0.0, 1.0, 1.0)
    assert (cart.friction.value, cart.cost(30.0), cart.cost(None)) == (0.5, 30.0, None)
    view = of_all(shop).stages[1]
    assert (view.counted.troubled, view.friction.value, view.lost) == (0, 0.0, None)


def test_who_has_trouble_and_buys_all_the_same_is_troubled_and_has_not_stopped(shop: Retailer) -> None:
    journeys(shop, FOUR | {"eve": "v1 w1 c2 s2.5 o4"})
    cart = of_all(shop).stages[2]

    assert (cart.counted.reached, cart.counted.troubled, cart.counted.ended) == (3, 2, 1)
    assert (cart.with_friction.value, cart.without_friction.value, cart.lost) == (0.5, 1.0, 1.0)


def test_the_last_second_of_the_window_counts_and_its_end_does_not(shop: Retailer) -> None:
    journeys(shop, {"ada": f"v1 w1 c2 o{8 - SECOND}", "bob": "v1 w1 c2 o8", "charlie": f"v1 w1 c2 o{8 + SECOND}"})

    assert reached(shop) == [3, 3, 3, 1]


def test_facts_of_one_instant_come_in_the_order_of_their_kinds(shop: Retailer) -> None:
    journeys(shop, {"ada": "o1 c1 w1 v1"})

    assert reached(shop) == [1, 1, 1, 1]
    assert reached(shop, FunnelSteps((Touch.ORDER, Touch.VISIT), 7)) == [1, 0]


def test_steps_out_of_order_are_not_taken(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 c2 w3 o4", "bob": "o1 c2 w3 v4"})

    assert reached(shop) == [2, 1, 0, 0]


def test_what_comes_between_two_steps_does_not_matter(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 n1 r1 w2 w2.5 c3 v3 w3 o4"})

    assert reached(shop) == [1, 1, 1, 1]


def test_a_customer_counts_once_by_the_attempt_that_got_furthest(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 v10 w10 v20 w20 c21 o22 v25"})
    found = of_all(shop)

    assert [each.counted.reached for each in found.stages] == [1, 1, 1, 1]
    assert found.seconds == 2 * 86_400


def test_a_start_within_the_window_of_another_one_gives_what_follows_its_time(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 v7 w9 c12 o13"})  # in seven days of the second visit, not of the first

    assert reached(shop) == [1, 1, 1, 1]
    assert of_all(shop).seconds == 6 * 86_400


def test_the_same_step_twice_is_done_twice_in_two_instants(shop: Retailer) -> None:
    journeys(shop, {"ada": "o1 o20", "bob": "o1 o1", "charlie": "o1"})

    assert reached(shop, SHIPPED["order-again"]) == [3, 1]


def test_an_order_that_came_back_whole_is_an_order_and_was_not_kept(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 o2", "bob": "v1 o2"})
    brings_back(shop, "ada", 5)

    assert reached(shop, FunnelSteps((Touch.VISIT, Touch.ORDER), 7)) == [2, 2]
    assert reached(shop, FunnelSteps((Touch.VISIT, Touch.KEPT_ORDER), 7)) == [2, 1]
    assert reached(shop, SHIPPED["order-to-return"]) == [2, 1]


def test_guests_are_on_nobodys_path(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 o2"})
    record_orders(shop, [make.order(None, "50.00", at=at(2))], now=NOW)

    assert reached(shop, FunnelSteps((Touch.VISIT, Touch.ORDER), 7)) == [1, 1]
    assert reached(shop, FunnelSteps((Touch.ORDER, Touch.RETURN), 7)) == [1, 0]


def test_what_two_customers_did_who_are_one_is_one_path(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 w1", "ada-at-the-till": "c2 o3"})
    assert reached(shop) == [1, 1, 0, 0]

    merge(shop, source="ada-at-the-till", target="ada", reference="letter", now=NOW)

    assert reached(shop) == [1, 1, 1, 1]


def test_who_is_erased_stays_in_the_count_of_the_past(shop: Retailer) -> None:
    journeys(shop, FOUR)
    ada = Customer.objects.get(retailer=shop, external_id="ada")

    erase(ada, asked_by=Erasure.AskedBy.PERSON, reason="letter", now=NOW)

    assert reached(shop) == [4, 2, 2, 1]


def test_who_still_has_time_is_not_counted_yet(shop: Retailer) -> None:
    journeys(shop, FOUR | {"eve": "v45 w46"})
    assert known_until(shop, NOW) == NOW
    period = period_of(shop, BUYING, 60, NOW)
    found = count_funnel(shop, BUYING, period)

    assert known_until(make.retailer(), NOW) is None
    assert known_until(shop, NOW + timedelta(days=60)) == at(47)
    assert period.until == NOW - timedelta(days=7)
    assert (found.results[0].began, found.waiting) == (4, 1)


def test_a_start_before_the_period_or_at_its_end_is_not_counted(shop: Retailer) -> None:
    journeys(shop, {"ada": f"v{1 - SECOND} w1 c1 o2", "bob": "v1 w1", "charlie": "v31 w31"})
    found = count_funnel(shop, BUYING, FunnelPeriod(at(1), at(31), NOW)).results[0]

    assert [each.counted.reached for each in found.stages] == [1, 1, 0, 0]


def test_an_unhappy_answer_is_friction_and_a_happy_one_is_none(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 q2:2", "bob": "v1 q2:3", "charlie": "v1 n2:0", "dora": "v1 q8:1", "eve": "v1 q1:1"})
    visit = of_all(shop).stages[0].counted

    assert (visit.reached, visit.troubled, visit.by_survey) == (5, 2, 2)


def test_a_cart_left_within_two_days_is_friction_where_it_is_no_step(shop: Retailer) -> None:
    journeys(shop, {"ada": f"v1 c{3 - SECOND}", "bob": "v1 c3", "charlie": "v1 c2 o3"})

    visit = of_all(shop, FunnelSteps((Touch.VISIT, Touch.ORDER), 7)).stages[0].counted
    assert (visit.troubled, visit.by_cart, visit.ended) == (2, 2, 1)
    assert of_all(shop, FunnelSteps((Touch.VISIT, Touch.CART), 7)).stages[0].counted.troubled == 0


def test_what_is_a_step_is_no_friction(shop: Retailer) -> None:
    journeys(shop, {"ada": "o1 s2"})

    found = of_all(shop, FunnelSteps((Touch.ORDER, Touch.SUPPORT), 30))
    assert [(each.counted.reached, each.counted.troubled) for each in found.stages] == [(1, 0), (1, 0)]


def test_by_the_channel_of_the_first_step(shop: Retailer) -> None:
    journeys(shop, {"ada": "v1 w1 c2 o3"}, channel=" Web ")
    journeys(shop, {"bob": "v1 w1", "charlie": "v1"}, channel="app")
    found = counted(shop, dimension="channel").results

    assert [(each.group, [stage.counted.reached for stage in each.stages]) for each in found] == [
        ("app", [2, 1, 0, 0]), ("web", [1, 1, 1, 1]),
    ]  # fmt: skip


def test_by_type_of_customer_and_what_who_stopped_is_worth(shop: Retailer) -> None:
    journeys(shop, FOUR)
    worth(shop, ada=("loyal", "500"), bob=("loyal", "300"), dora=("new", "40"))
    found = {each.group: each for each in counted(shop, dimension="segment").results}

    assert {group: each.began for group, each in found.items()} == {"loyal": 2, "new": 1, "": 1}
    assert (found["loyal"].stages[2].mean_value, found["loyal"].stages[2].counted.valued) == (300.0, 1)
    both = of_all(shop).stages[0]
    assert (both.counted.stopped, both.counted.valued, both.mean_value) == (2, 1, 40.0)


def worth(owner: Retailer, **said: tuple[str, str]) -> None:
    for who, (segment, value) in said.items():
        Insight.objects.create(
            customer=Customer.objects.get(retailer=owner, external_id=who), run_id=1, as_of=at(1).date(), horizon_days=365,
            currency="EUR", historic_revenue=0, segment=segment, predicted_value=Decimal(value),
        )  # fmt: skip


def test_nobody_is_a_funnel_of_nobody(shop: Retailer) -> None:
    found = of_all(shop)

    assert [each.counted.reached for each in found.stages] == [0, 0, 0, 0]
    assert (found.overall.value, found.seconds, shares(found.stages, "of_before")) == (None, None, [None] * 4)


def test_another_shop_is_not_counted(shop: Retailer) -> None:
    journeys(make.retailer(zone="UTC"), FOUR)

    assert reached(shop) == [0, 0, 0, 0]


@pytest.mark.parametrize("customers", [1, 300])
def test_it_takes_three_statements_however_many_customers(shop: Retailer, customers: int) -> None:
    journeys(shop, {f"c{number}": "v1 w1 c2 o3" for number in range(customers)})
    execute("ANALYZE customers_interaction")
    with CaptureQueriesContext(connection) as sent:
        found = counted(shop)

    reads = [each["sql"] for each in sent if each["sql"].lstrip().startswith(("WITH", "SELECT count"))]
    assert (len(reads), found.results[0].began, len(found.results)) == (3, customers, 1)
    assert found.order_value == 100.0

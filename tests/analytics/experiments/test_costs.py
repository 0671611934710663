"""What an experiment's arms cost, and what a unit of it buys."""

from decimal import Decimal

import pytest
from django.db.models import Sum

from analytics.experiments.looking import look, look_again
from analytics.experiments.results import ArmCost, Result
from analytics.uplift_runs.budget import budget
from customers.models import Retailer
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.backlog import catch_up
from loyalty.experiments.models import Experiment
from loyalty.points.models import Entry
from tests import make
from tests.analytics.experiments.shops import DAY, WINDOW, crowd, in_arm
from tests.experiments.make_experiments import running
from tests.make import START

pytestmark = pytest.mark.django_db
ENDED = START + 121 * DAY
WORTH = {"pending_days": 0, "point_value": Decimal("0.02"), "redeemed_share": Decimal("0.5")}  # a cent for each point


def withheld(owner: Retailer, metric: str = "margin") -> Experiment:
    """Return a hold-out of benefits among customers who are all members."""
    club = make.program(owner, points=WORTH, since=START - 9 * DAY)
    enrol(
        club, [(pk, START - 8 * DAY) for pk in owner.customers.values_list("pk", flat=True)], source="till", now=START
    )
    return running(owner, club, form="no_benefits", metric=metric, window_days=WINDOW, duration_days=120)


@pytest.fixture
def owner() -> Retailer:
    return make.retailer(margin_rate=Decimal("0.30"))


def earned_in(of: Experiment, variant: str) -> int:
    """Return the points that an arm's customers earned since the start."""
    entries = Entry.objects.filter(wallet__membership__customer__in=in_arm(of, variant), occurred_at__gte=START)
    return int(entries.aggregate(sum=Sum("available_change"))["sum"])


def test_a_variant_costs_what_its_customers_are_owed_more_and_is_ranked_by_it(owner: Retailer) -> None:
    test = crowd(owner, withheld)
    catch_up(owner, now=START + 4 * DAY)
    earned = earned_in(test, "in")

    found = look(test, now=ENDED)

    arms = {each.code: each for each in found.result.costs}
    assert (arms["out"].points, arms["out"].rewards) == (0.0, 0.0)
    assert earned > 0
    assert arms["in"].points == pytest.approx(earned / 100)
    assert found.result.cost_of("in") == pytest.approx(earned / 100)
    assert look_again(found).same_numbers
    (row,) = budget(owner, now=ENDED).rows
    assert (row[2], row[4]) == ("A", f"{round(earned / 100)}\N{NO-BREAK SPACE}EUR")
    assert float(row[5]) == pytest.approx(found.result.effects[0].total.value / (earned / 100), abs=0.01)


def test_before_the_end_and_where_no_margin_is_told_nothing_is_counted(owner: Retailer) -> None:
    test = crowd(owner, withheld)
    catch_up(owner, now=START + 4 * DAY)

    by_revenue = crowd(make.retailer(), lambda shop: withheld(shop, metric="revenue"))

    assert look(test, now=START + 40 * DAY).result.costs == []
    assert look(by_revenue, now=ENDED).result.costs == []


def test_what_orders_were_paid_with_is_counted_by_arm(owner: Retailer) -> None:
    test = crowd(owner, withheld)
    owner.orders.filter(number__startswith="a").update(paid_with_points=Decimal(5))

    found = look(test, now=ENDED).result

    sizes = [arm.customers for arm in found.arms]
    assert [each.paid for each in found.costs] == [5.0 * size for size in sizes]
    assert [each.in_margin for each in found.costs] == [5.0 * size for size in sizes]
    assert found.cost_of("in") == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("rewards", "paid", "each"),
    [
        (50.0, 50.0, 2.0),  # vouchers that paid orders: the margin is less by all of them
        (50.0, 0.0, 7.0),  # a present takes nothing from the margin
        (0.0, 50.0, 2.0),  # points that paid without a reward
    ],
)
def test_what_orders_were_paid_with_counts_once(rewards: float, paid: float, each: float) -> None:
    cost = ArmCost("in", 10, rewards=rewards, points=20.0, paid=max(paid - rewards, 0.0), in_margin=paid)

    assert cost.each == pytest.approx(each)


def test_a_kept_look_without_costs_says_that_they_are_not_known(owner: Retailer) -> None:
    found = look(crowd(owner, withheld), now=ENDED)
    numbers = {name: each for name, each in found.numbers.items() if name != "costs"}

    assert Result.from_json(numbers).cost_of("in") is None

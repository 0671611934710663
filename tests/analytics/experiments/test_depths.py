"""Which depth of an offer pays, for whom: from a retailer's own experiment, or why that is not known."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from analytics.experiments.depth_results import DepthResult
from analytics.experiments.looking import look, look_again
from analytics.experiments.models import ExperimentLook
from customers.models import Retailer
from loyalty.experiments.models import Experiment
from loyalty.memberships.households import share
from loyalty.memberships.models import Membership
from tests import make
from tests.analytics.experiments.depth_shops import (
    ENDED,
    MANY,
    MARGIN,
    bought_before,
    buys_after,
    by_segment,
    cheaper,
    for_variant,
    redeem,
    segmented,
    trying,
    variants_of,
)
from tests.analytics.experiments.shops import CLOSED, DAY, crowd, experiment
from tests.make import START
from tests.rewards import shop as rewards

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Retailer:
    return make.retailer(margin_rate=MARGIN)


def told(test: Experiment, now: Any = ENDED) -> DepthResult:
    found = look(test, now=now).result.depths
    assert found is not None
    return found


def codes(found: DepthResult) -> list[str]:
    return [each.code for each in found.decision.refusals]


def test_the_depth_that_pays_is_chosen_for_whom_it_moves(owner: Retailer) -> None:
    test = by_segment(owner)

    found = told(test)

    assert (found.kind, found.depths, found.variants, found.list_price) == (
        "amount",
        [0, 2, 5],
        ["none", "two", "five"],
        None,
    )
    assert codes(found) == []
    assert {each.segment: each.depth for each in found.decision.choices} == {"vip": 0, "loyal_low_value": 2}
    assert sum(found.customers) == MANY
    assert found.segments_from == "2025-12-31"
    (loyal,) = (each for each in found.decision.choices if each.depth)
    two, five = loyal.cells
    assert (
        abs(two.effect.value - 0.6 * (20 - 2)) < 4 * two.effect.error
    )  # 60 % are moved: chance alone decides who they are
    assert two.pays > 0.99
    assert two.effect.value > five.effect.value
    given = found.given[[each.segment for each in found.decision.choices].index("loyal_low_value")]
    assert [each.cost for each in given] == [
        pytest.approx(off * each.redeemed) for off, each in zip((2, 5), given, strict=True)
    ]
    (filled,) = found.spend(500).filled
    assert (filled.offer.segment, filled.offer.depth) == ("loyal_low_value", 2)
    assert filled.cost <= 500


def test_it_is_kept_with_the_look_and_made_again_to_the_digit(owner: Retailer) -> None:
    kept = look(by_segment(owner), now=ENDED)

    again = look_again(ExperimentLook.objects.get(pk=kept.pk))

    assert (again.same_data, again.same_code, again.same_numbers) == (True, True, True)
    assert again.result.depths is not None
    assert again.result.as_json() == ExperimentLook.objects.get(pk=kept.pk).result.as_json()


def test_of_too_few_it_says_how_many_weeks_more(owner: Retailer) -> None:
    test = trying(owner, count=600)
    bought_before(owner, 600)

    found = told(test)

    assert codes(found) == ["too_few"]
    (few,) = found.decision.refusals
    assert float(few.values["weeks"]) > 10
    assert [(each.segment, each.depth, each.reason.code) for each in found.decision.choices] == [("all", 0, "refused")]


def test_before_the_planned_end_nothing_is_chosen(owner: Retailer) -> None:
    test = trying(owner, count=600)

    found = told(test, CLOSED)

    assert "window_open" in codes(found)
    assert next(each for each in found.decision.refusals if each.code == "window_open").values == {"days": 90}


def test_a_window_shorter_than_two_purchases_are_apart_is_refused(owner: Retailer) -> None:
    test = trying(owner, count=600, window_days=9)
    bought_before(owner, 600)

    assert "pull_forward_unseen" in codes(told(test))


def test_without_costs_nothing_is_chosen() -> None:
    test = trying(make.retailer(), count=600)
    bought_before(test.retailer, 600)

    assert "costs_unknown" in codes(told(test))


def test_a_price_that_changed_while_it_ran_is_refused(owner: Retailer) -> None:
    test = trying(owner, count=600)
    assert test.program is not None
    rewards.follow(test.program, START + 30 * DAY, without="two-off")

    assert "price_changed" in codes(told(test))


def test_codes_that_others_used_are_refused(owner: Retailer) -> None:
    test = trying(owner, count=600)
    bought_before(owner, 600)
    buys_after(owner, test, lambda place, _code: place % 2 == 0)
    redeem(test, {f"c{place}": "a-c0" for place in range(2, 200, 2)})

    assert "codes_shared" in codes(told(test))


def test_what_is_tried_may_be_the_price_of_a_reward(owner: Retailer) -> None:
    test = trying(owner, cheaper, count=600)
    bought_before(owner, 600)

    found = told(test)

    assert (found.kind, found.list_price, found.depths) == ("price", 600, [0, 100, 200])
    assert [(each.price, each.redemptions) for each in found.curve] == [(500, 0), (400, 0)]


def test_prices_of_a_reward_that_may_run_out_are_not_tried(owner: Retailer) -> None:
    test = trying(owner, lambda draft: cheaper(draft, stock=50), count=600)
    bought_before(owner, 600)

    assert codes(told(test)) == ["limited_stock"]


def test_nobody_pays_more_than_the_catalogue_says(owner: Retailer) -> None:
    def dearer(draft: Any) -> None:
        cheaper(draft)
        rewards.price(draft, "dearer", 700, arms=for_variant("two"))

    def only_dearer(draft: Any) -> None:
        rewards.reward(draft, points=600, cost=Decimal(5))
        rewards.price(draft, "dearer", 700, arms=for_variant("two"))

    test = trying(owner, only_dearer, count=600)
    bought_before(owner, 600)

    assert codes(told(test)) == ["above_list"]
    assert look(trying(make.retailer(), dearer, count=600), now=ENDED).result.depths is None


def test_other_experiments_say_nothing_of_depths(owner: Retailer) -> None:
    found = look(crowd(owner, experiment), now=ENDED)

    assert found.result.depths is None
    assert "depths" not in found.numbers


def test_segments_of_the_month_in_which_it_began_are_not_used(owner: Retailer) -> None:
    test = trying(owner, count=600)
    segmented(owner, lambda _place: "vip", cut=START.date() + timedelta(days=1))
    bought_before(owner, 600)

    assert told(test).segments_from == ""


def test_where_households_are_in_several_arms_nothing_is_chosen(owner: Retailer) -> None:
    test = trying(owner, count=480)
    bought_before(owner, 480)
    of = {code: [name for name, its in variants_of(test).items() if its == code] for code in ("none", "two")}
    rows = Membership.objects.filter(program=test.program).select_related("customer")
    members = {each.customer.external_id: each for each in rows}
    for one, other in zip(of["none"][:20], of["two"][:20], strict=True):
        share(members[one], [members[other]], now=START)

    found = told(test)

    crossed = next(each for each in found.decision.refusals if each.code == "households_crossed")
    assert crossed.values == {"share": pytest.approx(40 / 480), "asked": 0.05}

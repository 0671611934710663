"""Depths of offers: chosen where they pay, refused where that is not known, with what would lift the refusal."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analytics.uplift.depth import Arms, Tried, best_depths, cells_of, falls, moves, raised, shrink
from analytics.uplift.depth_budget import Offer, fill
from analytics.uplift.depth_choosing import Cell, Circumstances, choose
from analytics.uplift.depth_prices import UnfairPrice, depths_of, price_curve
from analytics.uplift.panel import Floats
from analytics.uplift.results import Range, Reason
from analytics.uplift.worlds import (
    DEPTHS,
    HEAVY,
    HEAVY_SHARES,
    SEGMENTS,
    Trouble,
    Worlds,
    draw_experiments,
    draw_worlds,
    with_returns,
    without_effect,
)

WENT = Circumstances(
    sample_ratio_p=0.5, days_left=0, window_days=56, days_between=28, costs_known=True, shared=0.01, price_changed=False,
    customers_a_week=2_000,
)  # fmt: skip


def arms(means: list[list[float]], bought: list[list[float]], customers: float = 4_000, spread: float = 30) -> Arms:
    told = np.array(means, dtype=np.float64)
    shape = told.shape
    return Arms(np.full(shape, customers), told, np.full(shape, spread**2), np.array(bought, dtype=np.float64))


def two_segments(customers: float = 4_000) -> Arms:
    """The first pays at 2 and more at 5; the second takes the offer along."""
    return arms([[20, 23, 27], [20, 19, 16]], [[0.1, 0.2, 0.3], [0.3, 0.3, 0.3]], customers)


def test_a_depth_is_chosen_where_it_pays_and_none_where_it_does_not() -> None:
    decision = choose(two_segments(), (0, 2, 5), ("new", "regular"), WENT)

    assert decision.refusals == []
    assert [(choice.segment, choice.depth, choice.reason.code) for choice in decision.choices] == [
        ("new", 5, "pays"), ("regular", 0, "nothing_earns"),
    ]  # fmt: skip
    assert decision.choices[0].cells[1].effect.value == 7


def test_the_shallower_one_is_kept_where_the_deeper_one_is_not_known_to_earn_more() -> None:
    choice = choose(arms([[20, 25, 25.4]] * 2, [[0.1, 0.3, 0.3]] * 2), (0, 2, 5), ("new", "regular"), WENT).choices[0]

    assert (choice.depth, choice.reason.code, choice.reason.values["deeper"]) == (2, "shallower_kept", 5)
    assert float(choice.reason.values["needed"]) > 4_000
    assert float(choice.reason.values["weeks"]) > 0


def test_a_tie_goes_to_the_shallower_one_however_much_is_known() -> None:
    tied = arms([[20, 25, 25.2]] * 2, [[0.1, 0.3, 0.3]] * 2, 100_000_000)
    apart = arms([[20, 25, 25.4]] * 2, [[0.1, 0.3, 0.3]] * 2, 100_000_000)

    assert best_depths(tied, cells_of(tied)).tolist() == [1, 1]
    assert best_depths(apart, cells_of(apart)).tolist() == [2, 2]


def test_where_nobody_buys_who_would_not_have_bought_nothing_is_claimed() -> None:
    seen = arms([[20, 21.2, 20]] * 2, [[0.1, 0.1, 0.1]] * 2)

    assert moves(seen, cells_of(seen)).tolist() == [False, False]
    assert [choice.reason.code for choice in choose(seen, (0, 2, 5), ("a", "b"), WENT).choices] == ["nobody_moved"] * 2


def test_larger_baskets_pay_without_more_buyers_where_that_is_beyond_doubt() -> None:
    seen = arms([[20, 25, 20]] * 2, [[0.1, 0.1, 0.1]] * 2)

    assert best_depths(seen, cells_of(seen)).tolist() == [1, 1]


def test_who_is_not_sure_is_told_how_many_customers_and_weeks_would_do() -> None:
    seen = arms([[20, 20.5, 19]] * 2, [[0.1, 0.2, 0.2]] * 2)

    reason = choose(seen, (0, 2, 5), ("a", "b"), WENT).choices[0].reason

    assert (reason.code, reason.values["depth"], reason.values["asked"]) == ("not_sure", 2, 0.9)
    assert float(reason.values["needed"]) > 4_000
    # What is missing in three arms comes from this half of 2,000 a week.
    assert reason.values["weeks"] == np.ceil((float(reason.values["needed"]) - 4_000) * 3 / 1_000)


def test_fewer_customers_than_much_are_judged_by_what_is_beyond_doubt() -> None:
    few, many = (arms([[20, 21.5, 15]] * 2, [[0.1, 0.3, 0.3]] * 2, customers) for customers in (1_900, 2_000))

    assert best_depths(few, cells_of(few)).tolist() == [0, 0]
    assert best_depths(many, cells_of(many)).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"sample_ratio_p": 0.0005}, "arms_broken"), ({"days_left": 3}, "window_open"),
        ({"days_between": 60}, "pull_forward_unseen"), ({"costs_known": False}, "costs_unknown"),
        ({"shared": 0.06}, "codes_shared"), ({"price_changed": True}, "price_changed"),
        ({"crossed": 0.06}, "households_crossed"),
    ],
)  # fmt: skip
def test_an_experiment_that_went_wrong_decides_nothing(changed: dict[str, Any], code: str) -> None:
    decision = choose(two_segments(), (0, 2, 5), ("new", "regular"), replace(WENT, **changed))

    assert [reason.code for reason in decision.refusals] == [code]
    assert [(choice.depth, choice.reason.code) for choice in decision.choices] == [(0, "refused")] * 2


def test_a_small_experiment_says_how_many_weeks_are_missing() -> None:
    decision = choose(two_segments(customers=250), (0, 2, 5), ("new", "regular"), WENT)

    # 500 more in each of three arms, at 2,000 a week.
    assert decision.refusals == [Reason("too_few", {"least": 500, "asked": 1_000, "weeks": 1})]


def test_a_control_below_a_tenth_decides_nothing() -> None:
    small = two_segments(customers=10_000)
    small.customers[:, 0] = 2_000

    (reason,) = choose(small, (0, 2, 5), ("new", "regular"), WENT).refusals

    assert (reason.code, reason.values["asked"]) == ("control_too_small", 0.1)


def test_a_response_that_falls_is_told_and_not_mended() -> None:
    seen = arms([[20, 23, 27], [20, 19, 16]], [[0.1, 0.3, 0.2], [0.3, 0.3, 0.3]])

    decision = choose(seen, (0, 2, 5), ("new", "regular"), WENT)

    assert [list(choice.falls_at) for choice in decision.choices] == [[5], []]
    assert decision.choices[0].depth == 5


def test_responses_are_raised_by_pooling_neighbours() -> None:
    responses, customers = np.array([0.1, 0.4, 0.2, 0.5]), np.array([100.0, 100.0, 300.0, 100.0])

    assert raised(responses, customers).tolist() == pytest.approx([0.1, 0.25, 0.25, 0.5])
    assert list(falls(responses, customers)) == [2]


def test_segments_are_pulled_towards_their_depths_mean_the_more_the_less_is_known() -> None:
    effects = np.array([[0.0], [1.0], [2.0], [3.0]])

    unsure, sure = shrink(effects, np.full((4, 1), 5.0)), shrink(effects, np.full((4, 1), 0.01))

    assert np.ptp(unsure.effects) < 1
    assert sure.effects.ravel().tolist() == pytest.approx([0, 1, 2, 3], abs=1e-3)
    assert unsure.effects.mean() == pytest.approx(1.5)


def test_arms_are_counted_from_customers_and_what_the_time_before_tells_is_taken_out() -> None:
    rng = np.random.default_rng(1)
    segment, depth = rng.integers(0, 2, 4_000).astype(np.int32), rng.integers(0, 3, 4_000).astype(np.int32)
    before = rng.gamma(2, 10, 4_000)
    earned = before + rng.normal(0, 1, 4_000) + depth
    tried = Tried(segment, depth, earned, depth > 0, before)

    plain, adjusted = Arms.of(replace(tried, before=None), 2, 3), Arms.of(tried, 2, 3)

    assert plain.means[1, 2] == pytest.approx(earned[(segment == 1) & (depth == 2)].mean())
    assert plain.variances[1, 2] == pytest.approx(earned[(segment == 1) & (depth == 2)].var(ddof=1))
    assert adjusted.bought.tolist() == [[0, 1, 1], [0, 1, 1]]
    assert adjusted.variances.max() < 1.2
    assert (adjusted.means[:, 2] - adjusted.means[:, 0]).tolist() == pytest.approx([2, 2], abs=0.15)


def test_the_worlds_experiments_tell_their_true_effects() -> None:
    rng = np.random.default_rng(2)
    worlds = draw_worlds(20, rng)
    drawn = draw_experiments(worlds, 4_000_000, rng)

    cells = cells_of(Arms(drawn.customers, drawn.means, drawn.variances, drawn.responses))

    assert worlds.effects.shape == (20, len(SEGMENTS), len(DEPTHS))
    assert np.all(np.abs(cells.effects - worlds.effects[..., 1:]) < 5 * cells.errors)
    assert np.all(without_effect(worlds).effects == 0)


def offer(
    segment: str, depth: float, earns: float, error: float = 0.0, cost: float = 2.0, customers: int = 100
) -> Offer:
    return Offer(segment, depth, customers, cost, earns, error)


def test_a_budget_goes_first_where_a_unit_of_it_brings_in_most() -> None:
    plan = fill([offer("a", 2, 1), offer("b", 5, 6, cost=4), offer("c", 2, 0.5)], 500)

    assert [(each.offer.segment, each.customers, each.cost) for each in plan.filled] == [
        ("b", 100, 400),
        ("a", 50, 100),
    ]
    assert (plan.left, plan.marginal) == (0, 1.5)


def test_a_budget_is_judged_by_the_lower_quartile_and_left_where_nothing_pays() -> None:
    uncertain = offer("a", 2, 1, error=2)

    plan = fill([uncertain, offer("b", 2, -0.1)], 500)

    assert uncertain.cautious == pytest.approx(1 - 0.6744898 * 2)
    assert (plan.filled, plan.left, plan.marginal) == ([], 500, None)


def test_a_segment_has_one_depth() -> None:
    plan = fill([offer("a", 2, 3), offer("a", 5, 4, cost=5)], 10_000)

    assert [each.offer.depth for each in plan.filled] == [2]


def test_prices_are_tried_below_the_catalogues_alone() -> None:
    assert depths_of(600, [500, 600, 400], limited_stock=False) == [0, 100, 200]


@pytest.mark.parametrize(
    ("prices", "limited", "code"),
    [([700], False, "above_list"), ([500], True, "limited_stock"), ([0], False, "not_whole"), ([600], False, "none"),
     ([500, 500], False, "twice")],
)  # fmt: skip
def test_unfair_prices_are_refused(prices: list[int], code: str, *, limited: bool) -> None:
    with pytest.raises(UnfairPrice) as refused:
        depths_of(600, prices, limited_stock=limited)

    assert refused.value.code == code


def test_a_price_curve_is_told_by_a_thousand_members() -> None:
    cell = Cell(100, 4_000, 4_000, Range(0.25, 0.125, 0.005, 0.495), 0.25, 0.125, 0.97)

    (point,) = price_curve(600, [cell], [0.125], [0.5])

    assert (point.price, point.redemptions, point.liability) == (500, 125, 500)
    assert (point.margin.value, point.margin.low) == (250, 5)


def test_orders_that_come_back_late_are_in_what_an_offer_truly_earns() -> None:
    def one(value: float) -> Floats:
        return np.full((1, 1), value)

    world = Worlds(
        one(1), np.array([30.0]), one(0.1), one(0.2), one(0.5), one(0), one(2), one(0.5), cost=np.array(DEPTHS)
    )
    moved = 1 - np.exp(-1)  # of the movable, by 2 off

    assert world.effects[0, 0, 1] == pytest.approx(30 * 0.1 * moved - 2 * (0.1 + 0.2 * moved) - 0.05)
    # A quarter of the moved orders comes back: their margin is lost, and so is what they cost.
    assert with_returns(world, 0.25).effects[0, 0, 1] == pytest.approx(world.effects[0, 0, 1] - 0.05 * moved * (30 - 2))


def test_what_disturbs_an_experiment_disturbs_what_it_shows_and_not_the_truth() -> None:
    worlds = draw_worlds(40, np.random.default_rng(1))

    def drawn(trouble: Trouble) -> Floats:
        seen = draw_experiments(worlds, 50_000, np.random.default_rng(2), trouble)
        assert seen.customers.sum(axis=1).tolist() == [[50_000] * len(DEPTHS)] * 40
        return seen.responses

    plain, shared, season = drawn(Trouble()), drawn(Trouble(shared=0.5)), drawn(Trouble(season=0.2))

    assert np.abs(plain[..., 1:] - shared[..., 1:]).mean() < 0.005  # only the control has others' codes
    halfway = (plain[..., 0] + plain[..., -1]) / 2
    assert np.abs(shared[..., 0] - halfway).mean() < 0.005
    assert np.abs(season / np.maximum(plain, 1e-9) - 1).mean() > 0.05
    assert pytest.approx(1, abs=1e-4) == HEAVY @ HEAVY_SHARES

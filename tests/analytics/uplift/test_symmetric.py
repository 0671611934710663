"""Ratios of growth by hand, errors by customer, and what weights and a regression make of unlike controls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.uplift.aipw import aipw_ratio
from analytics.uplift.pairs import Spending
from analytics.uplift.panel import Flags
from analytics.uplift.plan import Plan, days_of
from analytics.uplift.ratios import Ratio
from analytics.uplift.symmetric import presence, symmetric_ratio
from analytics.uplift.weights import Weighting, weighting


def alike(joins: list[bool], customer: list[int] | None = None, cell: list[int] | None = None) -> Weighting:
    """Return a weighting without covariates."""
    who = np.arange(len(joins)) if customer is None else np.array(customer)
    where = np.zeros(len(joins)) if cell is None else np.array(cell)
    return weighting(who.astype(np.int32), np.array(joins), where.astype(np.int32), np.zeros((len(joins), 0)))


def spent(untouched: list[float], touched: list[float]) -> Spending:
    none = np.zeros(len(untouched))
    return Spending(np.array(untouched), np.array(touched), none[:, None], none, none.astype(np.int32))


def of_four(customer: list[int] | None = None) -> Ratio:
    """Return members' growth from 20 to 24 over that of controls from 10 to 8, of which 2 came after they joined too."""
    weighted = alike([True, True, False, False], customer)
    found = symmetric_ratio(
        weighted, spent([0, 0, 5, 7], [12, 36, 4, 0]), np.array([10.0, 30.0, 10.0, 10.0]), np.ones(4)
    )
    assert found is not None
    return found


def test_the_ratio_divides_out_what_controls_spent_after_joining_too() -> None:
    ratio = of_four().value

    assert ratio == pytest.approx(5 / 3)
    # without it, controls spend 6 + 2 / ratio = 7.2 and members 24 / ratio = 14.4: both are .72 of what they spent before
    assert 24 / ratio / 20 == pytest.approx((6 + 2 / ratio) / 10)


def test_history_compares_levels() -> None:
    found = aipw_ratio(alike([True, True, False, False]), spent([0, 0, 5, 7], [12, 36, 4, 0]))

    assert found is not None
    assert found.value == pytest.approx((24 - 2) / 6)


def test_newer_customers_count_after_the_index_for_the_share_of_the_baseline_in_which_they_were_customers() -> None:
    # the second member came half-way through the baseline: of its window of 36 one half stands against its 15
    found = symmetric_ratio(
        alike([True, True, False, False]), spent([0, 0, 6, 6], [12, 36, 0, 0]), np.array([10.0, 15.0, 5.0, 5.0]),
        np.array([1.0, 0.5, 1.0, 1.0]),
    )  # fmt: skip

    assert found is not None
    assert found.value == pytest.approx((12 + 18) / (10 + 15) / (12 / 10))


def test_presence_is_the_share_of_the_baselines_days_after_the_first_day() -> None:
    plan, start, end = Plan(), days_of(7), days_of(1)

    found = presence(np.array([0, end + 1, (start + end) // 2 + 1, start + 1, 900], np.int32), plan, 1)

    assert found[[0, 1, 3, 4]].tolist() == [0.0, 0.0, 1.0, 1.0]
    assert found[2] == pytest.approx(0.5, abs=0.01)


def test_an_empty_baseline_or_window_has_no_ratio() -> None:
    weighted, window = alike([True, False]), spent([0, 5], [12, 0])

    assert symmetric_ratio(weighted, window, np.array([0.0, 1.0]), np.ones(2)) is None
    assert symmetric_ratio(weighted, window, np.array([1.0, 0.0]), np.ones(2)) is None
    assert symmetric_ratio(weighted, spent([0, 0], [12, 0]), np.ones(2), np.ones(2)) is None
    assert symmetric_ratio(weighted, spent([0, 5], [0, 0]), np.ones(2), np.ones(2)) is None


def test_the_same_customers_twice_say_no_more_than_once() -> None:
    once = of_four().error(np.arange(4, dtype=np.int32))
    twice = alike([True, True, False, False] * 2, [0, 1, 2, 3] * 2)
    found = symmetric_ratio(
        twice, spent([0, 0, 5, 7] * 2, [12, 36, 4, 0] * 2), np.array([10.0, 30.0, 10.0, 10.0] * 2), np.ones(8)
    )

    assert found is not None
    assert found.value == pytest.approx(of_four().value)
    assert found.error(twice.customer) == pytest.approx(once)
    assert found.error(np.arange(8, dtype=np.int32)) == pytest.approx(once / np.sqrt(2) * np.sqrt(8 / 7 * 3 / 4))


def test_the_error_is_that_of_leaving_out_one_customer_after_the_other() -> None:
    rng = np.random.default_rng(4)
    joins = np.arange(600) < 250
    covariates = rng.standard_normal((600, 2)) + 0.5 * joins[:, None]
    before, window = rng.gamma(2.0, 10.0, 600), rng.gamma(2.0, 10.0, 600)

    def ratio(kept: Flags) -> Ratio:
        weighted = weighting(
            np.flatnonzero(kept).astype(np.int32), joins[kept], np.zeros(kept.sum(), np.int32), covariates[kept]
        )
        of = window[kept]
        found = symmetric_ratio(weighted, spent(of.tolist(), [0.0] * len(of)), before[kept], np.ones(len(of)))
        assert found is not None
        return found

    everybody = np.ones(600, dtype=np.bool_)
    left_out = [np.log(ratio(np.arange(600) != gone).value) for gone in range(600)]

    jackknife = np.sqrt(599 * np.var(left_out))
    assert ratio(everybody).error(np.arange(600, dtype=np.int32)) == pytest.approx(jackknife, rel=0.03)


def test_controls_weigh_in_each_cell_as_its_members() -> None:
    weighted = alike([True, True, True, False, False, False], cell=[7, 7, 9, 7, 9, 9])

    assert weighted.weight.tolist() == pytest.approx([0, 0, 0, 2.0, 0.5, 0.5])
    assert weighted.of_controls(np.array([0, 0, 0, 3.0, 6.0, 12.0])).value == pytest.approx((2 * 3 + 9) / 3)
    assert weighted.effective_sample == pytest.approx(9 / (4 + 0.25 + 0.25))


def test_what_is_a_line_in_the_covariates_is_found_exactly_however_unlike_they_are() -> None:
    rng = np.random.default_rng(3)
    joins = np.arange(400) < 150
    covariates = rng.standard_normal((400, 3)) + joins[:, None]

    weighted = weighting(np.arange(400, dtype=np.int32), joins, rng.integers(0, 4, 400).astype(np.int32), covariates)
    line = 5.0 + covariates @ np.array([1.0, -2.0, 0.5])

    assert weighted.of_controls(line).value == pytest.approx(line[joins].mean(), abs=1e-6)


@given(st.floats(0.2, 5.0), st.floats(-0.6, 2.0))
def test_an_effect_on_all_spending_is_found_whatever_controls_joined_later(scale: float, effect: float) -> None:
    rng = np.random.default_rng(8)
    before, pace = rng.gamma(2.0, 10.0, 40), rng.uniform(0.2, 0.8, 40)
    joins = np.arange(40) < 15
    free = before * scale  # everybody's spending goes by one factor
    touched = np.where(joins, free, free * (1 - pace)) * (1 + effect)
    untouched = np.where(joins, 0.0, free * pace)

    found = symmetric_ratio(alike(joins.tolist()), spent(untouched.tolist(), touched.tolist()), before, np.ones(40))

    assert found is not None
    assert found.value == pytest.approx(1 + effect)


def test_an_interval_is_the_same_told_from_either_side() -> None:
    more, less = Ratio(1.25, np.array([0.1, -0.1])), Ratio(0.8, np.array([-0.1, 0.1]))

    up, down = (ratio.effect(np.arange(2, dtype=np.int32), 0.95) for ratio in (more, less))

    assert (1 + up.low) * (1 + down.high) == pytest.approx(1.0)
    assert up.error == pytest.approx(1.25 * 0.2)

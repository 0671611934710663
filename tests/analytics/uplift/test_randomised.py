"""The differences of randomised arms: literally known, against tea-tasting, and what is not to be told."""

from typing import Any

import numpy as np
import pytest
import tea_tasting
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.uplift.randomised import (
    Arm,
    Floats,
    TooFewUnits,
    adjusted,
    complier,
    cuped,
    difference,
    difference_of_shares,
    per_customer,
)


def users() -> dict[str, Floats]:
    """Return tea-tasting's simulated users as columns."""
    table: Any = tea_tasting.make_users_data(rng=42, covariates=True)
    return {name: np.array(table[name].to_pylist(), dtype=np.float64) for name in table.column_names}


def arms_of(columns: dict[str, Floats]) -> tuple[Arm, Arm]:
    treated, control = (columns["variant"] == which for which in (1, 0))
    first, second = (Arm(columns["revenue"][of], columns["revenue_covariate"][of]) for of in (treated, control))
    return first, second


def test_shares_differ_as_known() -> None:
    found = difference_of_shares(580, 10_000, 500, 10_000)

    assert found.effect.value == pytest.approx(0.0080, abs=5e-7)
    assert found.effect.error == pytest.approx(0.0031959, abs=5e-8)
    assert (found.effect.low, found.effect.high) == pytest.approx((0.001736, 0.014264), abs=5e-7)
    assert found.p_value == pytest.approx(0.01231, abs=5e-6)


def test_a_smaller_difference_of_shares_is_none_that_can_be_told() -> None:
    found = difference_of_shares(530, 10_000, 500, 10_000)

    assert found.effect.value == pytest.approx(0.0030, abs=5e-7)
    assert found.p_value == pytest.approx(0.337, abs=5e-4)
    assert found.effect.low < 0 < found.effect.high


def test_means_differ_as_known() -> None:
    found = difference(*arms_of(users()))

    assert found.control_mean == pytest.approx(5.24103, abs=5e-6)
    assert found.treated_mean == pytest.approx(5.73011, abs=5e-6)
    assert found.effect.value == pytest.approx(0.489083, abs=5e-7)
    assert (found.effect.low, found.effect.high) == pytest.approx((-0.132619, 1.110785), abs=5e-7)
    assert found.p_value == pytest.approx(0.12307, abs=5e-6)


def test_the_past_narrows_the_difference_as_known() -> None:
    found = cuped(*arms_of(users()))

    assert found.effect.value == pytest.approx(0.731014, abs=5e-7)
    assert (found.effect.low, found.effect.high) == pytest.approx((0.202287, 1.259742), abs=5e-7)
    assert found.p_value == pytest.approx(0.00674, abs=5e-6)


@pytest.mark.parametrize("covariate", [None, "revenue_covariate"])
def test_a_difference_is_that_of_tea_tasting(covariate: str | None) -> None:
    table: Any = tea_tasting.make_users_data(rng=7, n_users=900, covariates=True)
    metric = tea_tasting.Mean("revenue", covariate)
    known: Any = tea_tasting.Experiment(revenue=metric).analyze(table)["revenue"]
    columns = {name: np.array(table[name].to_pylist(), dtype=np.float64) for name in table.column_names}

    found = (cuped if covariate else difference)(*arms_of(columns))

    percent = found.percent
    assert percent is not None
    assert [found.effect.value, found.effect.low, found.effect.high, found.p_value] == pytest.approx(
        [known.effect_size, known.effect_size_ci_lower, known.effect_size_ci_upper, known.pvalue], rel=1e-9
    )
    assert [percent.value, percent.low, percent.high] == pytest.approx(
        [known.rel_effect_size, known.rel_effect_size_ci_lower, known.rel_effect_size_ci_upper], rel=1e-9
    )


def test_a_line_for_each_arm_is_the_regression_with_interactions_and_robust_errors() -> None:
    treated, control = arms_of(users())
    outcome = np.concatenate([treated.outcome, control.outcome])
    assert treated.before is not None
    assert control.before is not None
    before = np.concatenate([treated.before, control.before])
    arm = np.concatenate([np.ones(len(treated)), np.zeros(len(control))])
    centred = before - before.mean()
    columns = np.column_stack([np.ones(len(arm)), arm, centred, arm * centred])
    inverse = np.linalg.inv(columns.T @ columns)
    slopes = inverse @ columns.T @ outcome
    rests = (outcome - columns @ slopes) / np.sqrt(1 - np.einsum("ij,jk,ik->i", columns, inverse, columns))
    robust = inverse @ (columns.T * rests**2) @ columns @ inverse

    found = adjusted(treated, control)

    assert found.effect.value == pytest.approx(slopes[1], rel=1e-9)
    assert found.effect.error == pytest.approx(robust[1, 1] ** 0.5, rel=1e-9)


def test_without_a_past_the_adjusted_difference_is_the_plain_one() -> None:
    treated, control = (Arm(each.outcome) for each in arms_of(users()))

    assert adjusted(treated, control) == difference(treated, control)
    assert cuped(treated, control) == difference(treated, control)


def test_a_past_that_is_the_same_for_all_changes_nothing() -> None:
    treated, control = (Arm(each.outcome, np.full(len(each), 3.0)) for each in arms_of(users()))

    assert adjusted(treated, control) == difference(treated, control)


@pytest.mark.parametrize("amount", [0.1, 0.3, 9.99, 1e-7, 12_345_678.9])
@pytest.mark.parametrize("count", [7, 100, 500, 999])
def test_a_past_that_is_the_same_for_all_but_for_rounding_changes_nothing(amount: float, count: int) -> None:
    rng = np.random.default_rng(count)
    outcomes = [rng.gamma(2.0, 20.0, size) for size in (count, count + 3)]
    treated, control = (Arm(each, np.full(len(each), amount), (each > 40).astype(np.float64)) for each in outcomes)
    nudged = Arm(outcomes[0], np.full(count, amount) * (1 + 3e-16), treated.took_up)
    plain = difference(treated, control).effect

    for arm in (treated, nudged):
        assert adjusted(arm, control).effect == plain
        assert cuped(arm, control).effect.value == pytest.approx(plain.value)
        assert complier(arm, control) == complier(Arm(arm.outcome, None, arm.took_up), control)


def test_percent_is_not_told_of_a_mean_that_is_not_positive() -> None:
    treated, control = Arm(np.array([1.0, 2.0, 3.0])), Arm(np.array([-1.0, -2.0, 0.5]))

    found = difference(treated, control)

    assert found.percent is None


def test_an_arm_of_two_says_nothing() -> None:
    with pytest.raises(TooFewUnits):
        difference(Arm(np.array([1.0, 2.0])), Arm(np.array([1.0, 2.0, 3.0])))


def simulated_take_up(share: float, others: float, effect: float, n: int, seed: int) -> tuple[Arm, Arm]:
    """Return arms of which a share takes part when invited and some anyway; only who takes part gains."""
    rng = np.random.default_rng(seed)
    arms = []
    for likely in (share, others):
        before = rng.gamma(2.0, 25.0, n)
        took = (rng.random(n) < likely).astype(np.float64)
        arms.append(Arm(0.6 * before + rng.gamma(2.0, 15.0, n) + effect * took, before, took))
    return arms[0], arms[1]


def test_the_effect_on_those_who_took_part_is_the_ratio_to_the_difference_in_take_up() -> None:
    treated, control = simulated_take_up(0.4, 0.1, 10.0, 20_000, seed=1)

    found = complier(treated, control)

    effect = found.effect
    assert effect is not None
    assert effect.value == pytest.approx(adjusted(treated, control).effect.value / found.take_up.value, rel=1e-9)
    assert effect.low < 10.0 < effect.high
    assert (effect.high - effect.low) / 2 == pytest.approx(1.96 * effect.error, rel=0.02)  # of a strong take-up


def test_the_ends_of_the_effect_on_those_who_took_part_are_where_it_would_be_just_refuted() -> None:
    treated, control = simulated_take_up(0.12, 0.1, 10.0, 3_000, seed=4)
    found = complier(treated, control)
    assert found.effect is not None
    for end in (found.effect.low, found.effect.high):
        rests = [Arm(each.outcome - end * taken(each), each.before) for each in (treated, control)]
        assert adjusted(rests[0], rests[1]).p_value == pytest.approx(0.05, abs=1e-3)


def taken(arm: Arm) -> Floats:
    assert arm.took_up is not None
    return arm.took_up


def test_where_take_up_is_alike_there_is_no_effect_on_those_who_took_part() -> None:
    treated, control = simulated_take_up(0.1, 0.1, 10.0, 500, seed=2)

    assert complier(treated, control).effect is None


def test_households_count_by_their_customers_as_in_tea_tasting() -> None:
    table: Any = tea_tasting.make_users_data(rng=11, n_users=1_200, covariates=True)
    columns = {name: np.array(table[name].to_pylist(), dtype=np.float64) for name in table.column_names}
    known: Any = tea_tasting.Experiment(ratio=tea_tasting.RatioOfMeans("orders", "sessions")).analyze(table)["ratio"]
    arms = []
    for which in (1, 0):
        of = columns["variant"] == which
        orders, sessions = columns["orders"][of], columns["sessions"][of]
        arms.append(Arm(per_customer(orders, sessions, of=orders.sum() / sessions.sum(), size=sessions.mean())))

    found = difference(arms[0], arms[1])

    assert [found.effect.value, found.effect.low, found.effect.high] == pytest.approx(
        [known.effect_size, known.effect_size_ci_lower, known.effect_size_ci_upper], rel=1e-9
    )


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 100), st.floats(-50, 50))
def test_units_of_money_and_a_constant_change_nothing(seed: int, factor: float, constant: float) -> None:
    rng = np.random.default_rng(seed)
    arms = [Arm(rng.normal(size=n), rng.normal(size=n)) for n in (12, 30)]
    moved = [Arm(factor * each.outcome + constant, each.before) for each in arms]

    found, other = adjusted(arms[0], arms[1]), adjusted(moved[0], moved[1])

    assert other.effect.value == pytest.approx(factor * found.effect.value, rel=1e-6, abs=1e-9)
    assert other.effect.error == pytest.approx(factor * found.effect.error, rel=1e-6)
    assert other.p_value == pytest.approx(found.p_value, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("least", [1e-4, 1e-12])
def test_a_share_of_next_to_nothing_is_not_told(least: float) -> None:
    """The control brought nothing on average, give or take 1: what it was multiplied by may be more than any number."""
    treated = Arm(np.array([3.0, 5.0, 7.0, 9.0]))
    control = Arm(np.array([-1.0, 1.0, -1.0, 1.0 + 4 * least]))

    found = difference(treated, control)

    assert found.effect.value == pytest.approx(6.0, abs=1e-3)
    assert found.percent is None


def heavy(rng: np.random.Generator, n: int) -> tuple[Floats, Floats]:
    """Return what customers brought before and after: many nothing, some a lot, who spent will spend."""
    habit = rng.gamma(0.6, 60.0, n)
    before, after = (habit * rng.gamma(2.0, 0.5, n) * (rng.random(n) < 0.7) for _window in range(2))
    return before, after


@pytest.mark.parametrize("effect", [0.0, 0.07])
def test_the_interval_of_a_hold_out_of_a_tenth_covers_the_truth_in_95_of_100(effect: float) -> None:
    rng = np.random.default_rng(20_260_101)
    draws, n, covered = 1_000, 5_000, 0

    for _draw in range(draws):
        before, after = heavy(rng, n)
        held = rng.permutation(n) < n // 10
        gained = after * (1 + effect)
        found = adjusted(Arm(gained[~held], before[~held]), Arm(after[held], before[held]))
        covered += found.effect.low <= float((gained - after).mean()) <= found.effect.high

    assert 0.94 <= covered / draws <= 0.96

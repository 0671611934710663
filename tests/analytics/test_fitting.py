"""Fits of models of purchases: derivatives, recovery of what is known to be true, limits, and data that carry no model."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analytics.clv import bg_nbd, mbg_nbd, pareto_nbd
from analytics.clv.bg_nbd import BGNBD
from analytics.clv.families import Expansion, Surface, fit_family
from analytics.clv.fitting import DidNotConverge, Fit
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.simulation import simulate
from analytics.clv.tuples import Rows, Tuples
from benchmarks.cdnow import cdnow

MODULES: Any = {"Pareto/NBD": pareto_nbd, "MBG/NBD": mbg_nbd, "BG/NBD": bg_nbd}
TRUE = (ParetoNBD(0.55, 10.6, 0.61, 11.7), MBGNBD(0.6, 6.2, 0.9, 1.6), BGNBD(0.25, 4.4, 0.8, 2.4))


def drawn(model: Any, customers: int, *, seed: int) -> Tuples:
    rng = np.random.default_rng(seed)
    found = simulate(model, rng.uniform(10, 80, customers), rng)
    return Tuples.of(found.frequency, found.recency, found.age)


@pytest.mark.parametrize("logs", [(0.3, -1.0, -0.2, 0.1), (0.3, 0.2, 0.7, -1.0), (-1.0, 0.5, 3.9, 2.0)])
@pytest.mark.parametrize("name", MODULES)
def test_derivatives_are_the_slopes_and_bends_of_the_likelihood(name: str, logs: tuple[float, ...]) -> None:
    unit = float(cdnow().tuples.age.mean())
    surface = MODULES[name].FAMILY.surface(cdnow().tuples.rows(unit))

    here = surface(np.array(logs))

    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-4
        up, down = surface(logs + step), surface(logs - step)
        assert here.gradient[place] == pytest.approx((up.value - down.value) / 2e-4, abs=1e-6 * abs(here.value))
        bends = (up.gradient - down.gradient) / 2e-4
        np.testing.assert_allclose(here.hessian[place], bends, atol=1e-6 * float(np.abs(here.hessian).max()))


@pytest.mark.parametrize("true", TRUE, ids=lambda model: model.name)
def test_the_likelihood_of_a_fit_is_the_sum_of_its_customers(true: Any) -> None:
    customers = drawn(true, 5_000, seed=1)

    model, fit = MODULES[true.name].fit(customers)

    assert fit.log_likelihood == pytest.approx(float(model.log_likelihood(customers) @ customers.counts), abs=1e-6)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("true", TRUE, ids=lambda model: model.name)
def test_what_is_true_is_found_within_four_standard_errors(true: Any, seed: int) -> None:
    customers = drawn(true, 40_000, seed=seed)  # twice the sample from which the search starts

    _, fit = MODULES[true.name].fit(customers)

    truth = np.array([getattr(true, name) for name in fit.names])
    assert np.all(np.abs(fit.values - truth) < 4 * fit.standard_errors)
    assert np.all(fit.standard_errors < 0.2 * truth)


@pytest.mark.parametrize("true", TRUE, ids=lambda model: model.name)
def test_draws_vary_as_the_covariance_says(true: Any) -> None:
    _, fit = MODULES[true.name].fit(drawn(true, 20_000, seed=4))

    draws = fit.draws(20_000, np.random.default_rng(1))

    assert np.all(draws > 0)
    np.testing.assert_allclose(draws.mean(axis=0), fit.values, rtol=0.01)
    np.testing.assert_allclose(draws.std(axis=0), fit.standard_errors, rtol=0.05)


def test_what_the_data_leave_open_is_not_drawn() -> None:
    covariance = np.array([[0.01, np.nan], [np.nan, np.nan]])
    fit = Fit(("r", "s"), np.array([1.0, 1_000.0]), covariance, -1.0)

    draws = fit.draws(100, np.random.default_rng(1))

    assert np.all(draws[:, 1] == 1_000.0)
    assert draws[:, 0].std() == pytest.approx(0.1, rel=0.3)
    assert np.isnan(fit.standard_errors[1])


def test_where_all_leave_at_the_same_rate_the_limit_is_fitted() -> None:
    rng = np.random.default_rng(7)
    rate, stays = rng.gamma(2.0, 0.1, size=4_000), np.minimum(rng.exponential(40.0, size=4_000), 30.0)
    x = rng.poisson(rate * stays)
    recency = np.where(x > 0, stays * rng.random(4_000) ** (1 / np.maximum(x, 1)), 0.0)

    model, fit = pareto_nbd.fit(Tuples.of(x, recency, np.full(4_000, 30.0)))

    assert (model.r, model.alpha) == pytest.approx((2.0, 10.0), rel=0.15)
    assert model.s / model.beta == pytest.approx(1 / 40, rel=0.2)
    assert np.isfinite(fit.log_likelihood)


@pytest.mark.parametrize("name", MODULES)
def test_where_nobody_leaves_all_are_active(name: str) -> None:
    rng = np.random.default_rng(8)
    rate = rng.gamma(2.0, 0.1, size=4_000)
    x = rng.poisson(rate * 50.0)
    recency = np.where(x > 0, 50.0 * rng.random(4_000) ** (1 / np.maximum(x, 1)), 0.0)
    customers = Tuples.of(x, recency, np.full(4_000, 50.0))

    model, fit = MODULES[name].fit(customers)

    assert (model.r, model.alpha) == pytest.approx((2.0, 10.0), rel=0.15)
    assert model.probability_active(customers) @ customers.counts / 4_000 > 0.995
    assert np.all(np.isfinite(fit.draws(10, rng)))


def assert_flat(refused: DidNotConverge) -> None:
    assert refused.reason == "flat"
    assert "too few or too alike" in str(refused)


NOBODY_AGAIN = (np.zeros(50), np.zeros(50), np.linspace(1, 50, 50))
ONE_DAY = (np.zeros(50), np.zeros(50), np.zeros(50))
ALIKE = (np.full(50, 3), np.full(50, 10.0), np.full(50, 20.0))
FEW_AGAIN = (np.eye(1, 50, 7)[0], np.eye(1, 50, 7)[0], np.full(50, 20.0))


@pytest.mark.parametrize(
    ("customers", "reason", "sentence"),
    [
        (([], [], []), "too_few_customers", "there are no customers"),
        (([3], [10], [20]), "too_few_customers", "1 customers are too few; at least 10 are needed"),
        (NOBODY_AGAIN, "nobody_bought_twice", "nobody bought twice"),
        (FEW_AGAIN, "too_few_customers", "only 1 bought twice; at least 3 customers are needed who did"),
        (ONE_DAY, "one_day", "everybody bought on one day, the last of the data: nothing has been seen since"),
        (ALIKE, "flat", "all customers have the same history"),
    ],
    ids=["nobody", "one", "nobody again", "one again", "one day", "alike"],
)
@pytest.mark.parametrize("name", MODULES)
def test_data_that_carry_no_model_say_what_is_missing(name: str, customers: Any, reason: str, sentence: str) -> None:
    with pytest.raises(DidNotConverge) as refused:
        MODULES[name].fit(Tuples.of(*customers))

    assert (refused.value.reason, str(refused.value)) == (reason, sentence)
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    "customers",
    [
        (np.eye(1, 50, 7)[0] * 4_990 + 10, np.full(50, 15.0), np.full(50, 20.0)),
        (np.full(200, 2), np.linspace(1, 20, 200), np.full(200, 20.0)),
        (np.full(100, 3), np.full(100, 20.0), np.linspace(20, 40, 100)),
        (np.arange(60) % 20 // 19, np.arange(60) % 20 // 19 * 1e-3, np.full(60, 50.0)),
        (np.repeat([0, 5_000], 20), np.repeat([0.0, 15.0], 20), np.full(40, 20.0)),
    ],
    ids=["one giant", "all bought thrice", "all alike but in age", "all leave at once", "giants"],
)
@pytest.mark.parametrize("name", MODULES)
def test_odd_data_give_finite_numbers_or_a_sentence(name: str, customers: Any) -> None:
    tuples = Tuples.of(*customers)

    try:
        model, fit = MODULES[name].fit(tuples)
    except DidNotConverge as refused:
        assert_flat(refused)
        return

    for values in (fit.values, *fit.draws(20, np.random.default_rng(1))):
        assert np.all(np.isfinite(model.with_values(values).expected_purchases(tuples, 365.0)))
    assert np.isfinite(fit.log_likelihood)


@pytest.mark.parametrize("model", [ParetoNBD, MBGNBD, BGNBD])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_parameters_that_cannot_be_are_refused(model: Any, value: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        model(1.0, 1.0, value, 1.0)


def test_of_two_tops_of_a_likelihood_the_higher_one_is_found() -> None:
    rng = np.random.default_rng(5)
    true = ParetoNBD(0.48, 13.5, 0.14, 20.4)

    for _ in range(6):
        found = simulate(true, rng.uniform(0, 100, 2_000), rng)
        customers = Tuples.of(found.frequency, found.recency, found.age)
        model, fit = pareto_nbd.fit(customers)

        assert fit.log_likelihood >= float(true.log_likelihood(customers) @ customers.counts)
        for values in fit.draws(50, rng):
            assert (
                fit.log_likelihood
                >= float(model.with_values(values).log_likelihood(customers) @ customers.counts) - 1e-6
            )


def test_at_a_limit_the_search_keeps_to_the_ridge() -> None:
    rng = np.random.default_rng(7)
    rate, stays = rng.gamma(2.0, 0.1, size=4_000), np.minimum(rng.exponential(40.0, size=4_000), 30.0)
    x = rng.poisson(rate * stays)
    recency = np.where(x > 0, stays * rng.random(4_000) ** (1 / np.maximum(x, 1)), 0.0)
    asked: list[np.ndarray] = []

    def counted(rows: Rows) -> Surface:
        surface = pareto_nbd.FAMILY.surface(rows)

        def expand(logs: np.ndarray) -> Expansion:
            asked.append(logs)
            return surface(logs)

        return expand

    fit_family(replace(pareto_nbd.FAMILY, surface=counted), Tuples.of(x, recency, np.full(4_000, 30.0)))

    assert len(asked) < 100

"""Spending: recovery, units of money, and a sentence for everything that cannot carry the model."""

import numpy as np
import pytest

from analytics.clv import gamma_gamma
from analytics.clv.gamma_gamma import GammaGamma
from analytics.clv.spend import CommonMean, all_occasions, fit_spend, repeat_occasions
from analytics.clv.tuples import Floats
from benchmarks.cdnow import cdnow

TRUE = GammaGamma(4.0, 3.5, 30.0)


def shop(customers: int, seed: int = 3) -> tuple[Floats, Floats]:
    """Return occasions and means of customers of the true model."""
    rng = np.random.default_rng(seed)
    occasions = 1.0 + rng.negative_binomial(0.6, 0.2, customers)
    scale = rng.gamma(TRUE.q, 1 / TRUE.v, customers)
    return np.asarray(occasions), np.asarray(rng.gamma(TRUE.p * occasions) / scale / occasions)


def test_the_parameters_that_made_the_data_are_found_within_four_standard_errors() -> None:
    occasions, means = shop(50_000)

    model, fit = gamma_gamma.fit(occasions, means)

    assert np.all(np.abs(fit.values - [TRUE.p, TRUE.q, TRUE.v]) < 4 * fit.standard_errors)
    assert fit.names == ("p", "q", "v")
    assert model.mean == pytest.approx(TRUE.mean, rel=0.02)


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    likelihood = gamma_gamma._Likelihood(*shop(200))
    logs = np.log([3.0, 2.5, 20.0])

    _, gradient = likelihood(logs)

    for place, step in enumerate(np.eye(3) * 1e-6):
        slope = (likelihood(logs + step)[0] - likelihood(logs - step)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, abs=1e-4)


@pytest.mark.parametrize("unit", [1e-6, 0.01, 1e9])
def test_spending_does_not_change_with_the_currency(unit: float) -> None:
    occasions, means = shop(2_000)

    ours, theirs = fit_spend(occasions, means), fit_spend(occasions, means * unit)

    np.testing.assert_allclose(
        theirs.expected_value(occasions, means * unit), ours.expected_value(occasions, means) * unit, rtol=1e-5
    )


def test_a_million_customers_are_fitted_by_half_of_them() -> None:
    occasions, means = shop(600_000)

    found = fit_spend(occasions, means)

    assert found.fit is not None
    assert np.all(np.abs(found.fit.values - [TRUE.p, TRUE.q, TRUE.v]) < 4 * found.fit.standard_errors)


def test_of_whom_nothing_is_known_everybodys_mean_is_expected() -> None:
    found = TRUE.expected_value(np.array([0.0, 0.0]), np.array([0.0, np.nan]))

    assert found == pytest.approx([TRUE.mean, TRUE.mean], rel=1e-12)


def test_repeat_occasions_leave_the_first_out() -> None:
    everything = all_occasions(np.array([1, 3]), np.array([10.0, 60.0]))
    repeats = repeat_occasions(np.array([1, 3]), np.array([10.0, 60.0]), np.array([10.0, 20.0]))

    assert (everything.number.tolist(), everything.means.tolist()) == ([1, 3], [10, 20])
    assert (repeats.number.tolist(), repeats.means.tolist()) == ([0, 2], [0, 20])


def hostile() -> dict[str, tuple[Floats, Floats]]:
    rng = np.random.default_rng(8)
    occasions, _ = shop(400)
    tails = {q: rng.gamma(4.0 * occasions) / rng.gamma(q, 1 / 30, 400) / occasions for q in (0.8, 1.06)}
    return {
        "nothing_spent": (np.zeros(5), np.zeros(5)),
        "one_price": (np.arange(1.0, 101.0), np.full(100, 19.99)),
        "too_few_bought_twice": (np.array([1.0, 3.0]), np.array([50.0, 20.0])),
        "mean_does_not_exist": (occasions, tails[0.8]),
        "no_maximum": (np.full(400, 3.0), np.exp(rng.normal(3.0, 1e-4, 400))),
        "heavy_tail": (occasions, tails[1.06]),
    }


@pytest.mark.parametrize("code", hostile())
def test_what_cannot_carry_the_model_falls_back_and_says_why(code: str) -> None:
    occasions, means = hostile()[code]

    found = fit_spend(occasions, means)

    assert found.reason.code == code
    assert found.fell_back
    counted = np.minimum(means, found.reason.values.get("cap_amount", np.inf))
    total = float(occasions @ counted) / max(float(occasions.sum()), 1.0)
    assert found.mean == pytest.approx(total, rel=1e-12)
    assert found.expected_value(occasions, means) == pytest.approx(np.full(len(occasions), total), rel=1e-12)


def test_rows_that_say_nothing_are_left_out() -> None:
    occasions, means = shop(400)
    bad = np.array([np.nan, np.inf, -5.0, 0.0])

    found = fit_spend(np.append(occasions, [1.0, 1.0, 1.0, 0.0]), np.append(means, bad))

    assert found.model == fit_spend(occasions, means).model


def test_one_customer_of_a_billion_leaves_the_others_expectations_in_place() -> None:
    occasions, means = shop(400)
    usual = fit_spend(occasions, means).expected_value(occasions, means)

    found = fit_spend(np.append(occasions, 40.0), np.append(means, 1e9))

    expected = found.expected_value(np.append(occasions, 40.0), np.append(means, 1e9))
    assert found.reason.code == "gamma_gamma"
    assert float(np.median(np.abs(expected[:-1] / usual - 1))) < 0.1
    assert expected[-1] == pytest.approx(1e9, rel=0.01)


def test_who_always_spends_the_same_is_expected_to() -> None:
    rng = np.random.default_rng(2)
    occasions, means = 1.0 + rng.poisson(2.0, 3_000), 10.0 / rng.gamma(3.0, 1.0, 3_000)

    found = fit_spend(occasions, means)

    assert found.reason.code == "gamma_gamma"
    np.testing.assert_allclose(found.expected_value(occasions, means), means, rtol=1e-4)
    assert found.mean == pytest.approx(5.0, rel=0.05)


def test_draws_have_the_mean_and_spread_of_what_is_expected() -> None:
    rng = np.random.default_rng(4)
    common = CommonMean(20.0, 0.5)
    future, seen, means = np.full((2, 200_000), 3.0), np.array([[0.0], [8.0]]), np.array([[0.0], [55.0]])

    drawn = TRUE.draw(future, seen, rng) * TRUE.scale(seen, means)
    alike = common.draw(future, seen, rng) * common.scale(seen, means)

    assert drawn.mean(axis=1) == pytest.approx(3 * TRUE.expected_value(seen, means)[:, 0], rel=0.01)
    assert alike.mean() == pytest.approx(60.0, rel=0.01)
    assert alike.std() == pytest.approx(20.0 * 0.5 * np.sqrt(3), rel=0.01)
    assert not TRUE.draw(np.zeros(3), np.zeros(3), rng).any()


def test_the_published_parameters_of_repeat_occasions_are_found() -> None:
    data = cdnow()
    bought = data.repeat_mean > 0

    model, fit = gamma_gamma.fit(data.tuples.frequency[bought], data.repeat_mean[bought])
    found = fit_spend(data.tuples.frequency, data.repeat_mean, first_too=False)

    assert (model.p, model.q, model.v) == pytest.approx((6.25, 3.74, 15.44), rel=0.005)
    assert np.all(fit.standard_errors > 0)
    assert (found.model, found.first_too, found.reason.code) == (model, False, "gamma_gamma")


def test_lifetimes_expects_the_same_of_every_customer() -> None:
    lifetimes, pandas = pytest.importorskip("lifetimes"), pytest.importorskip("pandas")
    data = cdnow()
    oracle = lifetimes.GammaGammaFitter()
    oracle.params_ = pandas.Series({"p": 6.25, "q": 3.74, "v": 15.44})

    ours = GammaGamma(6.25, 3.74, 15.44).expected_value(data.tuples.frequency, data.repeat_mean)

    theirs = oracle.conditional_expected_average_profit(data.tuples.frequency, data.repeat_mean)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_means_of_other_customers_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="occasions and means must have one value per customer"):
        fit_spend(np.array([1, 2, 3]), np.array([10.0, 20.0]))

"""The known answers: CDNOW, read from the lifetimes package's own files, and lifetimes and mpmath as oracles."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.clv import gamma_gamma, pareto_nbd
from analytics.clv.fitting import DidNotConverge
from analytics.clv.formulas import lifetime_from_churn, value_by_churn, value_by_duration, value_by_formula
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.summary import Floats, Summary
from analytics.clv.validation import auc, deciles, errors, gini

CALIBRATION_END = date(1997, 9, 30)


@dataclass(frozen=True)
class Cdnow:
    """The 2,357 customers' sample, in weeks, with what they did in the 39 weeks after the calibration."""

    summary: Summary
    repeat_mean: Floats
    later: Floats


@pytest.fixture(scope="session")
def cdnow() -> Cdnow:
    found = find_spec("lifetimes")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "datasets" / "CDNOW_sample.txt"
    spent: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for text in path.read_text().splitlines():
        _, customer, day, _, value = text.split()
        spent[customer][date(int(day[:4]), int(day[4:6]), int(day[6:]))] += float(value)
    rows = []
    for customer in sorted(spent):
        days = sorted(day for day in spent[customer] if day <= CALIBRATION_END)
        repeats = [spent[customer][day] for day in days[1:]]
        rows.append(
            (
                len(days) - 1,
                (days[-1] - days[0]).days / 7,
                (CALIBRATION_END - days[0]).days / 7,
                np.mean(repeats) if repeats else 0.0,
                sum(day > CALIBRATION_END for day in spent[customer]),
            )
        )
    columns = np.array(rows, dtype=np.float64).T
    return Cdnow(Summary(columns[0], columns[1], columns[2]), columns[3], columns[4])


def test_pareto_nbd_has_the_published_parameters(cdnow: Cdnow) -> None:
    model, fit = pareto_nbd.fit(cdnow.summary)

    assert len(cdnow.summary) == 2_357
    assert (model.r, model.alpha, model.s, model.beta) == pytest.approx((0.5533, 10.578, 0.606, 11.67), rel=0.005)
    assert fit.log_likelihood == pytest.approx(-9594.98, abs=0.01)
    assert np.all(fit.standard_errors > 0)


def test_pareto_nbd_says_of_the_first_customer_what_is_published(cdnow: Cdnow) -> None:
    model, _ = pareto_nbd.fit(cdnow.summary)

    assert cdnow.summary.frequency[0] == 2
    assert model.probability_active(cdnow.summary)[0] == pytest.approx(0.86917, abs=5e-5)
    assert model.expected_purchases(cdnow.summary, 39.0)[0] == pytest.approx(1.45532, abs=5e-4)


def test_pareto_nbd_is_as_right_on_the_held_out_weeks_as_is_known(cdnow: Cdnow) -> None:
    model, _ = pareto_nbd.fit(cdnow.summary)

    found = errors(model.expected_purchases(cdnow.summary, 39.0), cdnow.later)

    assert (found.mae, found.rmse) == pytest.approx((0.7545, 1.603), abs=5e-4)


def test_gamma_gamma_has_the_published_parameters(cdnow: Cdnow) -> None:
    bought = (cdnow.summary.frequency > 0) & (cdnow.repeat_mean > 0)

    model, fit = gamma_gamma.fit(cdnow.summary.frequency[bought], cdnow.repeat_mean[bought])

    assert (model.p, model.q, model.v) == pytest.approx((6.25, 3.74, 15.44), rel=0.005)
    assert np.all(fit.standard_errors > 0)


def test_lifetimes_agrees(cdnow: Cdnow) -> None:
    import pandas as pd
    from lifetimes import GammaGammaFitter, ParetoNBDFitter

    model = ParetoNBD(0.5533, 10.578, 0.606, 11.67)
    oracle = ParetoNBDFitter()
    oracle.params_ = pd.Series({"r": 0.5533, "alpha": 10.578, "s": 0.606, "beta": 11.67})
    x, t_x, age = cdnow.summary.frequency, cdnow.summary.recency, cdnow.summary.age
    with np.errstate(all="ignore"):
        active = oracle.conditional_probability_alive(x, t_x, age)
        expected = oracle.conditional_expected_number_of_purchases_up_to_time(39, x, t_x, age)
    money = GammaGammaFitter()
    money.params_ = pd.Series({"p": 6.25, "q": 3.74, "v": 15.44})

    np.testing.assert_allclose(model.probability_active(cdnow.summary), active, rtol=1e-9)
    np.testing.assert_allclose(model.expected_purchases(cdnow.summary, 39.0), expected, rtol=1e-9)
    ours = gamma_gamma.GammaGamma(6.25, 3.74, 15.44).expected_value(x, cdnow.repeat_mean)
    np.testing.assert_allclose(ours, money.conditional_expected_average_profit(x, cdnow.repeat_mean), rtol=1e-12)


positive = st.floats(0.05, 50)


@settings(max_examples=20, deadline=None)
@given(
    r=positive,
    alpha=positive,
    s=positive,
    beta=positive,
    x=st.integers(0, 60),
    at=st.floats(0.05, 1),
    age=st.floats(1, 400),
)
def test_the_likelihood_is_that_of_high_precision_integration(
    r: float, alpha: float, s: float, beta: float, x: int, at: float, age: float
) -> None:
    recency = at * age if x else 0.0
    one = Summary(np.array([float(x)]), np.array([recency]), np.array([age]))
    value, _ = pareto_nbd._Terms(np.log([r, alpha, s, beta]), one).log_likelihood()

    with mpmath.workdps(30):
        c = min(alpha, beta)

        def integrand(u: mpmath.mpf) -> mpmath.mpf:
            t = mpmath.exp(u)
            return t * (alpha - c + t) ** -(r + x) * (beta - c + t) ** -(s + 1)

        left = mpmath.quad(integrand, mpmath.linspace(mpmath.log(c + recency), mpmath.log(c + age), 60))
        exact = (
            mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha) + s * mpmath.log(beta)
            + mpmath.log((alpha + age) ** -mpmath.mpf(r + x) * (beta + age) ** -mpmath.mpf(s) + s * left)
        )  # fmt: skip
    assert float(value[0]) == pytest.approx(float(exact), abs=1e-6)


def test_the_gradient_is_the_slope_of_the_likelihood(cdnow: Cdnow) -> None:
    logs = np.log([0.5, 8.0, 0.7, 14.0])
    few = Summary(cdnow.summary.frequency[:99], cdnow.summary.recency[:99], cdnow.summary.age[:99])
    _, gradient = pareto_nbd._Terms(logs, few).log_likelihood()

    for place in range(4):
        step = np.zeros(4)
        step[place] = 1e-6
        up, down = (pareto_nbd._Terms(logs + sign * step, few).log_likelihood()[0] for sign in (1, -1))
        np.testing.assert_allclose(gradient[place], (up - down) / 2e-6, atol=1e-6)


def test_results_do_not_change_with_the_unit_of_time_or_money(cdnow: Cdnow) -> None:
    weeks, _ = pareto_nbd.fit(cdnow.summary)
    in_days = Summary(cdnow.summary.frequency, cdnow.summary.recency * 7, cdnow.summary.age * 7)
    days, _ = pareto_nbd.fit(in_days)
    bought = cdnow.repeat_mean > 0
    occasions, means = cdnow.summary.frequency[bought], cdnow.repeat_mean[bought]
    dollars, _ = gamma_gamma.fit(occasions, means)
    cents, _ = gamma_gamma.fit(occasions, means * 100)

    np.testing.assert_allclose(
        weeks.expected_purchases(cdnow.summary, 39.0), days.expected_purchases(in_days, 273.0), rtol=1e-5
    )
    np.testing.assert_allclose(
        dollars.expected_value(occasions, means) * 100, cents.expected_value(occasions, means * 100), rtol=1e-5
    )


@pytest.mark.parametrize("s", [1.0, 1.0 + 1e-10, 1.0 - 1e-7, 1.0 + 1e-7])
def test_the_expectation_has_no_hole_at_s_of_one(cdnow: Cdnow, s: float) -> None:
    exact = ParetoNBD(0.5, 10.0, 1.0, 12.0).purchases_if_active(cdnow.summary, 39.0)

    near = ParetoNBD(0.5, 10.0, s, 12.0).purchases_if_active(cdnow.summary, 39.0)

    np.testing.assert_allclose(near, exact, rtol=1e-6)


def test_customers_of_whom_nobody_came_back_determine_nothing() -> None:
    zeros = np.zeros(50)

    with pytest.raises(DidNotConverge):
        pareto_nbd.fit(Summary(zeros, zeros, np.linspace(1, 50, 50)))


def test_where_everybody_leaves_at_the_same_rate_the_limit_is_fitted() -> None:
    rng = np.random.default_rng(7)
    rows = []
    for rate in rng.gamma(2.0, 0.1, size=1_500):
        stays = min(rng.exponential(40.0), 30.0)
        times = np.cumsum(rng.exponential(1 / rate, size=200))
        times = times[times < stays]
        rows.append((len(times), times[-1] if len(times) else 0.0, 30.0))
    columns = np.array(rows).T

    model, fit = pareto_nbd.fit(Summary(columns[0], columns[1], columns[2]))

    assert (model.r, model.alpha) == pytest.approx((2.0, 10.0), rel=0.15)
    assert model.s / model.beta == pytest.approx(1 / 40, rel=0.2)
    assert np.isfinite(fit.log_likelihood)


def test_a_summary_that_cannot_be_is_refused() -> None:
    one = np.array([1.0])

    with pytest.raises(ValueError, match="recency"):
        Summary(one, np.array([5.0]), np.array([4.0]))
    with pytest.raises(ValueError, match="exactly where"):
        Summary(one, np.array([0.0]), np.array([4.0]))


def test_the_formulas_give_the_textbook_answers() -> None:
    assert value_by_churn(revenue_per_period=100, churn=0.10) == pytest.approx(1_000)
    assert value_by_duration(revenue_per_period=100, periods=24) == 2_400
    assert (lifetime_from_churn(0.25), lifetime_from_churn(0.01)) == (4.0, 10.0)
    value = value_by_formula(
        average_value=np.array([50.0]),
        occasions=np.array([4.0]),
        age_days=np.array([365.25]),
        lifetime_years=3.0,
        margin=0.3,
        cost_to_serve=20.0,
    )
    assert value[0] == pytest.approx(50 * 4 * 3 * 0.3 - 20)


def test_errors_are_what_they_say() -> None:
    predicted, actual = np.array([1.0, 2.0, 3.0, 6.0]), np.array([0.0, 2.0, 4.0, 4.0])

    found = errors(predicted, actual)

    assert (found.bias, found.mae, found.rmse) == pytest.approx((0.2, 1.0, np.sqrt(6 / 4)))
    assert (gini(actual, actual), gini(-actual, actual)) == pytest.approx((1.0, -1.0))
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.75
    assert deciles(np.arange(20.0), np.arange(20.0))[0] == {"predicted": 0.5, "actual": 0.5}

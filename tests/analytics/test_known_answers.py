"""What is published of CDNOW, in weeks, and what `lifetimes` finds there: the same or a less likely model."""

from typing import Any

import numpy as np
import pytest

from analytics.clv import bg_nbd, mbg_nbd, pareto_nbd
from analytics.clv.bg_nbd import BGNBD
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.purchases import PurchaseModel
from analytics.clv.tuples import Floats, Tuples, places
from benchmarks.cdnow import WEEKS, cdnow

MODULES: Any = {"Pareto/NBD": pareto_nbd, "MBG/NBD": mbg_nbd, "BG/NBD": bg_nbd}


@pytest.mark.parametrize(
    ("name", "values", "log_likelihood"),
    [
        ("Pareto/NBD", (0.5533, 10.578, 0.606, 11.67), -9594.98),
        ("MBG/NBD", (0.525, 6.18, 0.891, 1.614), -9582.14),
        ("BG/NBD", (0.2426, 4.414, 0.7929, 2.426), -9582.43),
    ],
)
def test_the_published_parameters_are_found(name: str, values: tuple[float, ...], log_likelihood: float) -> None:
    customers = cdnow().tuples

    _, fit = MODULES[name].fit(customers)

    assert len(customers) == 2_357
    assert fit.values == pytest.approx(values, rel=0.005)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=0.01)
    assert np.all(fit.standard_errors > 0)


def test_the_first_customer_is_expected_to_buy_as_is_published() -> None:
    first = Tuples.ungrouped([2], [30.428571], [38.857143])

    pareto, bg = ParetoNBD(0.5533, 10.578, 0.606, 11.67), BGNBD(0.2426, 4.414, 0.7929, 2.426)

    assert cdnow().tuples.frequency[0] == 2
    assert pareto.probability_active(first)[0] == pytest.approx(0.86917, abs=5e-5)
    assert pareto.expected_purchases(first, WEEKS)[0] == pytest.approx(1.45532, abs=5e-4)
    assert bg.expected_purchases(first, WEEKS)[0] == pytest.approx(1.22599, abs=5e-4)


def test_pareto_nbd_is_as_right_on_the_held_out_weeks_as_is_known() -> None:
    data = cdnow()
    model, _ = pareto_nbd.fit(data.tuples)

    missed = model.expected_purchases(data.tuples, WEEKS) - data.later

    assert np.abs(missed).mean() == pytest.approx(0.7545, abs=5e-5)
    assert np.sqrt((missed**2).mean()) == pytest.approx(1.603, abs=5e-4)


@pytest.mark.parametrize(
    ("model", "fitter"),
    [
        (ParetoNBD(0.5533, 10.578, 0.606, 11.67), "ParetoNBDFitter"),
        (MBGNBD(0.525, 6.18, 0.891, 1.614), "ModifiedBetaGeoFitter"),
        (BGNBD(0.2426, 4.414, 0.7929, 2.426), "BetaGeoFitter"),
    ],
)
def test_lifetimes_says_the_same_of_every_customer(model: Any, fitter: str) -> None:
    lifetimes, pandas = pytest.importorskip("lifetimes"), pytest.importorskip("pandas")
    customers = cdnow().tuples
    x, t_x, age = customers.frequency, customers.recency, customers.age
    oracle = getattr(lifetimes, fitter)()
    oracle.params_ = pandas.Series(vars(model))

    with np.errstate(all="ignore"):
        active = np.asarray(oracle.conditional_probability_alive(x, t_x, age)).reshape(-1)
        expected = oracle.conditional_expected_number_of_purchases_up_to_time(WEEKS, x, t_x, age)

    np.testing.assert_allclose(model.probability_active(customers), active, rtol=1e-9)
    np.testing.assert_allclose(model.expected_purchases(customers, WEEKS), expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("name", "fitter"),
    [("Pareto/NBD", "ParetoNBDFitter"), ("MBG/NBD", "ModifiedBetaGeoFitter"), ("BG/NBD", "BetaGeoFitter")],
)
def test_no_parameters_of_lifetimes_are_more_likely(name: str, fitter: str) -> None:
    lifetimes = pytest.importorskip("lifetimes")
    customers = cdnow().tuples
    model, fit = MODULES[name].fit(customers)
    oracle = getattr(lifetimes, fitter)(penalizer_coef=0.0)

    with np.errstate(all="ignore"):
        oracle.fit(customers.frequency, customers.recency, customers.age)

    theirs = model.with_values(oracle.params_.to_numpy()).log_likelihood(customers).sum()
    assert fit.log_likelihood >= theirs - 1e-6
    assert fit.log_likelihood == pytest.approx(model.log_likelihood(customers).sum(), abs=1e-6)


@pytest.mark.parametrize("name", MODULES)
def test_a_row_for_many_customers_is_as_good_as_many_rows(name: str) -> None:
    each = cdnow().tuples
    distinct = Tuples.of(each.frequency, each.recency, each.age)
    place = places(distinct, each.frequency, each.recency, each.age)

    model, fit = MODULES[name].fit(each)
    grouped, grouped_fit = MODULES[name].fit(distinct)

    assert len(distinct) < len(each) == distinct.customers
    np.testing.assert_allclose(grouped_fit.values, fit.values, rtol=1e-6)
    np.testing.assert_allclose(grouped_fit.standard_errors, fit.standard_errors, rtol=1e-6)
    np.testing.assert_allclose(answers(grouped, distinct)[:, place], answers(model, each), rtol=1e-6)


@pytest.mark.parametrize("name", MODULES)
def test_results_do_not_change_with_the_unit_of_time(name: str) -> None:
    weeks = cdnow().tuples
    seconds = Tuples.ungrouped(weeks.frequency, weeks.recency * 604_800, weeks.age * 604_800)

    model, fit = MODULES[name].fit(weeks)
    other, other_fit = MODULES[name].fit(seconds)

    np.testing.assert_allclose(answers(other, seconds, 604_800.0), answers(model, weeks), rtol=1e-9)
    in_time = np.where(MODULES[name].FAMILY.in_time, 604_800.0, 1.0)
    np.testing.assert_allclose(other_fit.values, fit.values * in_time, rtol=1e-9)
    np.testing.assert_allclose(other_fit.standard_errors, fit.standard_errors * in_time, rtol=1e-6)


def answers(model: PurchaseModel, customers: Tuples, unit: float = 1.0) -> Floats:
    """Return what a model says of customers (answers x customers)."""
    return np.stack([model.probability_active(customers), model.expected_purchases(customers, 39.0 * unit)])

"""Regular buyers: k = 1 is (M)BG/NBD, and of simulated customers the regularity is found again."""

from typing import Any

import numpy as np
import pytest

from analytics.clv import bg_nbd, cnbd, counts, intervals, mbg_nbd
from analytics.clv.cnbd import BGCNBD, CNBD, MBGCNBD
from analytics.clv.counts import Active
from analytics.clv.fitting import DidNotConverge
from analytics.clv.purchases import probability_of_buying
from analytics.clv.spend import CommonMean, Spend
from analytics.clv.statements import Statement
from analytics.clv.steps import Record, Steps
from analytics.clv.tuples import Floats, Tuples
from benchmarks.cdnow import cdnow

TRUE = MBGCNBD(3, 2.0, 15.0, 0.8, 6.0)  # weeks: a purchase in about 22, and one of nine leaves after each
PAIRS: Any = [(MBGCNBD, mbg_nbd), (BGCNBD, bg_nbd)]


class Regular:
    """Customers of the true model, in weeks: until the end of the data, and in the 26 weeks after it."""

    def __init__(self, customers: int, seed: int, model: CNBD = TRUE) -> None:
        rng = np.random.default_rng(seed)
        rate = rng.gamma(model.r, 1 / model.alpha, customers)
        chance = rng.beta(model.a, model.b, customers)
        age = rng.uniform(20, 150, customers)
        most = 250
        times = np.cumsum(rng.gamma(model.k, 1 / rate[:, None], (customers, most)), axis=1)
        until = rng.geometric(chance) - (1 if model.first_counts else 0)
        times = np.where(np.arange(most) < until[:, None], times, np.inf)
        seen = times <= age[:, None]
        self.frequency: Floats = seen.sum(axis=1).astype(np.float64)
        self.recency: Floats = np.where(seen, times, 0.0).max(axis=1)
        self.age: Floats = age
        self.later: Floats = ((times > age[:, None]) & (times <= age[:, None] + 26)).sum(axis=1).astype(np.float64)
        between = np.where(seen, np.diff(np.where(seen, times, np.nan), axis=1, prepend=0.0), 1.0)
        self.log_intervals = float(np.log(between).sum())

    @property
    def tuples(self) -> Tuples:
        return Tuples.ungrouped(self.frequency, self.recency, self.age)


@pytest.mark.parametrize(("kind", "module"), PAIRS)
def test_one_step_is_the_model_without_regularity(kind: type[CNBD], module: Any) -> None:
    customers = cdnow().tuples

    model, fit = cnbd.fit(customers, k=1, kind=kind)
    other, other_fit = module.fit(customers)

    assert fit.log_likelihood == pytest.approx(other_fit.log_likelihood, abs=1e-6)
    np.testing.assert_allclose(fit.values, other_fit.values, rtol=1e-4)
    same = kind(1, *other_fit.values.tolist())
    for answer in ("log_likelihood", "probability_active"):
        np.testing.assert_allclose(getattr(same, answer)(customers), getattr(other, answer)(customers), rtol=1e-10)
    np.testing.assert_allclose(
        same.expected_purchases(customers, 39.0), other.expected_purchases(customers, 39.0), rtol=1e-9
    )
    assert isinstance(model, kind)


def test_cdnows_customers_do_not_buy_regularly() -> None:
    assert cnbd.fit(cdnow().tuples)[0].k == 1


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    values = np.array([1.3, 9.0, 0.6, 4.0])
    record = Record.of(Regular(300, seed=1).tuples)

    for kind in (MBGCNBD, BGCNBD):
        gradient = Steps(kind(3, *values.tolist()), record).gradient()
        for place, step in enumerate(np.eye(4) * 1e-6):
            up, down = (Steps(kind(3, *(values + sign * step).tolist()), record).log_total for sign in (1, -1))
            np.testing.assert_allclose(gradient[place], (up - down) / 2e-6, atol=1e-5)


@pytest.mark.parametrize("kind", [MBGCNBD, BGCNBD])
def test_regularity_and_parameters_are_found_again_within_four_standard_errors(kind: type[CNBD]) -> None:
    made = Regular(4_000, 2, kind(3, 2.0, 15.0, 0.8, 6.0))

    model, fit = cnbd.fit(made.tuples, kind=kind)
    told, _ = cnbd.fit(made.tuples, log_intervals=made.log_intervals, kind=kind)

    assert (model.k, told.k) == (3, 3)
    assert np.all(np.abs(fit.values - [2.0, 15.0, 0.8, 6.0]) < 4 * fit.standard_errors)


def test_expectations_do_not_change_with_the_unit_of_time() -> None:
    weeks = Regular(500, seed=3).tuples
    days = Tuples.ungrouped(weeks.frequency, weeks.recency * 7, weeks.age * 7)

    model, fit = cnbd.fit(weeks, k=3)
    other, other_fit = cnbd.fit(days, k=3)

    np.testing.assert_allclose(other.expected_purchases(days, 182.0), model.expected_purchases(weeks, 26.0), rtol=1e-4)
    assert fit.log_likelihood - other_fit.log_likelihood == pytest.approx(
        float(np.asarray(weeks.frequency).sum()) * np.log(7), rel=1e-9
    )


def test_what_is_expected_is_what_happens() -> None:
    made = Regular(40_000, seed=4)

    expected = TRUE.expected_purchases(made.tuples, 26.0)
    buying = probability_of_buying(TRUE, made.tuples, 26.0)

    assert expected.sum() == pytest.approx(made.later.sum(), rel=0.02)
    order = np.argsort(buying)
    for tenth in np.array_split(order, 10):
        assert buying[tenth].mean() == pytest.approx((made.later[tenth] > 0).mean(), abs=0.02)
        assert expected[tenth].mean() == pytest.approx(made.later[tenth].mean(), abs=0.05)


def test_expectation_probability_and_distribution_agree() -> None:
    made = Regular(50, seed=5)

    cumulated = counts.if_active(TRUE, Active(made.frequency, made.recency, made.age, 26.0), 200)

    active = TRUE.probability_active(made.tuples)
    np.testing.assert_allclose(
        active * (1 - cumulated).sum(axis=1), TRUE.expected_purchases(made.tuples, 26.0), rtol=1e-8
    )
    np.testing.assert_allclose(
        active * (1 - cumulated[:, 0]), probability_of_buying(TRUE, made.tuples, 26.0), rtol=1e-8, atol=1e-12
    )


def test_ranges_hold_what_happened_as_often_as_they_say() -> None:
    made = Regular(10_000, seed=6)
    spend = Spend(CommonMean(10.0, 0.5), Statement("one_price"), None)

    found = intervals.predictive(TRUE, spend, made.tuples, 26.0, rng=np.random.default_rng(1)).purchases

    inside = (found.low <= made.later) & (made.later <= found.high)
    assert inside.mean() == pytest.approx(found.covers.mean(), abs=0.02)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (([0] * 12, [0] * 12, [3, 4] * 6), "nobody_bought_twice"),
        (([0] * 12, [0] * 12, [0] * 12), "one_day"),
        (([2], [3], [9]), "too_few_customers"),
        (([2] * 200, [3] * 200, [9] * 200), "flat"),
    ],
)
def test_data_that_carry_no_model_say_what_is_missing(columns: tuple[list[int], ...], code: str) -> None:
    with pytest.raises(DidNotConverge) as caught:
        cnbd.fit(Tuples.of(*columns))

    assert caught.value.reason == code

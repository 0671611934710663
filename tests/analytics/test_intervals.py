"""Ranges are believed if what happened lies in them as often as they say."""

import numpy as np
import pytest
from scipy.stats import nbinom

from analytics.clv import counts, intervals, pareto_nbd
from analytics.clv.bg_nbd import BGNBD
from analytics.clv.cnbd import MBGCNBD
from analytics.clv.counts import Active
from analytics.clv.covariates import ByCategory, Covariates
from analytics.clv.fitting import Fit
from analytics.clv.intervals import Customers
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.simulation import simulate
from analytics.clv.spend import CommonMean, Spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Tuples
from tests.analytics.simulated import PURCHASES, SPENDING, shop

TRUE_SPEND = Spend(SPENDING, Statement("gamma_gamma"), None)


def test_the_distribution_of_an_active_customer_has_the_expected_purchases() -> None:
    x, age = np.array([0.0, 3.0, 60.0]), np.array([40.0, 365.0, 700.0])

    cumulated = counts.if_active(PURCHASES, Active(x, x, age, 365.0), 400)

    mean = (1.0 - cumulated).sum(axis=1)
    left = PURCHASES.beta + age
    stays = left * ((1 + 365.0 / left) ** (1 - PURCHASES.s) - 1) / (1 - PURCHASES.s)
    assert mean == pytest.approx((PURCHASES.r + x) / (PURCHASES.alpha + age) * stays, rel=1e-6)
    assert cumulated[:, -1] == pytest.approx(1.0, abs=1e-9)


def test_where_nobody_leaves_the_distribution_is_the_negative_binomial() -> None:
    x, age = np.array([0.0, 7.0]), np.array([10.0, 300.0])

    cumulated = counts.if_active(ParetoNBD(0.8, 60.0, 1e-9, 1e9), Active(x, x, age, 90.0), 60)

    exact = nbinom.cdf(np.arange(61), (0.8 + x)[:, None], ((60.0 + age) / (150.0 + age))[:, None])
    np.testing.assert_allclose(cumulated, exact, atol=1e-8)


@pytest.mark.parametrize(
    "model",
    [
        ParetoNBD(4.3, 6.6, 832.0, 4.6),
        ParetoNBD(57.0, 452.0, 182.0, 0.14),
        ParetoNBD(0.8, 60.0, 1e-6, 1e3),
        ParetoNBD(0.06, 5.4, 36.6, 8e4),
        MBGCNBD(2, 0.7, 3.0, 9.4, 0.004),
    ],
)
def test_extreme_parameters_have_whole_distributions(model: ParetoNBD | MBGCNBD) -> None:
    x, t_x, age = (
        np.array([0.0, 0.0, 5.0, 3_000.0]),
        np.array([0.0, 0.0, 300.0, 3_000.0]),
        np.array([0.0, 700.0, 300, 3e3]),
    )
    tuples = Tuples.ungrouped(x, t_x, age)

    cumulated = counts.if_active(model, Active(x, t_x, age, 641.0), 4_000)
    found = intervals.predictive(model, TRUE_SPEND, tuples, 641.0, rng=np.random.default_rng(1))

    assert np.all(np.diff(cumulated, axis=1) >= -1e-12)
    assert cumulated[:, -1] == pytest.approx(np.ones(4), abs=1e-6)
    assert np.all(found.purchases.covers >= 0.9 - 1e-6)
    assert np.all(np.isfinite(found.spending.high))


def test_customers_ranges_hold_what_happened_as_often_as_they_say() -> None:
    seen = shop(20_000, seed=5)
    found = intervals.predictive(PURCHASES, TRUE_SPEND, seen.tuples, 365.0, rng=np.random.default_rng(1))
    scale = SPENDING.scale(seen.frequency + 1, seen.means)

    bought = (found.purchases.low <= seen.later) & (seen.later <= found.purchases.high)
    low, high = found.spending.low * scale, found.spending.high * scale
    spent = (low <= seen.later_value) & (seen.later_value <= high)

    continuous = found.spending.covers <= 0.9
    assert bought.mean() == pytest.approx(found.purchases.covers.mean(), abs=0.02)
    assert spent.mean() == pytest.approx(found.spending.covers.mean(), abs=0.02)
    assert spent[continuous].mean() == pytest.approx(0.9, abs=0.02)
    assert np.all(high[~continuous] == 0)
    for few, many in ((0, 1), (1, 4), (4, 12), (12, 999)):
        chosen = continuous & (seen.frequency >= few) & (seen.frequency < many)
        assert spent[chosen].mean() == pytest.approx(0.9, abs=0.02)


def test_ranges_are_the_same_for_the_same_seed_and_any_unit_of_time() -> None:
    days = shop(300, seed=6)
    weeks = ParetoNBD(PURCHASES.r, PURCHASES.alpha / 7, PURCHASES.s, PURCHASES.beta / 7)
    in_weeks = Tuples.ungrouped(days.frequency, days.recency / 7, days.age / 7)

    first, second = (
        intervals.predictive(model, TRUE_SPEND, tuples, horizon, rng=np.random.default_rng(2))
        for model, tuples, horizon in ((PURCHASES, days.tuples, 365.0), (weeks, in_weeks, 365.0 / 7))
    )

    np.testing.assert_array_equal(first.purchases.high, second.purchases.high)
    np.testing.assert_allclose(first.spending.high, second.spending.high, rtol=1e-9)


def test_at_one_price_spending_is_purchases_times_the_price() -> None:
    seen = shop(500, seed=7)
    one_price = Spend(CommonMean(20.0, 0.0), Statement("one_price"), None)

    found = intervals.predictive(PURCHASES, one_price, seen.tuples, 365.0, rng=np.random.default_rng(3))

    assert np.all(np.abs(found.spending.high - found.purchases.high) <= 1.0)


def test_sums_hold_what_happened_as_often_as_they_say() -> None:
    seen = shop(60_000, seed=8)
    model, fit = pareto_nbd.fit(shop(15_000, seed=18).tuples)
    customers = Customers(seen.frequency, seen.recency, seen.age, seen.means)
    groups = np.arange(60_000) % 2_000

    found = intervals.total(model, fit, TRUE_SPEND, customers, groups, 365.0, rng=np.random.default_rng(4))

    purchases = np.bincount(groups, weights=seen.later)
    value = np.bincount(groups, weights=seen.later_value)
    for ranges, actual in ((found.purchases_range, purchases), (found.value_range, value)):
        assert ((ranges.low <= actual) & (actual <= ranges.high)).mean() == pytest.approx(0.9, abs=0.02)
    assert found.purchases.sum() == pytest.approx(purchases.sum(), rel=0.02)


@pytest.mark.parametrize("model", [MBGNBD(0.6, 40.0, 0.8, 3.0), BGNBD(0.6, 40.0, 0.8, 3.0)])
def test_ranges_of_models_of_leaving_by_chance_hold_what_happened(model: MBGNBD | BGNBD) -> None:
    rng = np.random.default_rng(11)
    made = simulate(model, rng.uniform(30, 700, 20_000), rng, horizon=365.0)
    tuples = Tuples.ungrouped(made.frequency, made.recency, made.age)

    found = intervals.predictive(model, TRUE_SPEND, tuples, 365.0, rng=rng).purchases

    inside = (found.low <= made.later) & (made.later <= found.high)
    assert inside.mean() == pytest.approx(found.covers.mean(), abs=0.02)


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_the_factor_moves_what_is_expected_of_the_active(factor: float) -> None:
    x, age = np.array([0.0, 5.0]), np.array([100.0, 400.0])

    usual, moved = (
        (1 - counts.if_active(PURCHASES, Active(x, x, age, 365.0, by), 300)).sum(axis=1) for by in (1.0, factor)
    )

    assert moved == pytest.approx(usual * factor, rel=1e-6)


def test_each_category_has_the_ranges_of_its_own_model() -> None:
    covariates, category = Covariates.of(channel=["shop"] * 300 + ["web"] * 100)
    by_category = ByCategory(PURCHASES, pareto_nbd.FAMILY, covariates, np.array([0.5, -0.5]))
    seen = shop(400, seed=12)
    columns = (seen.frequency, seen.recency, seen.age)
    web = slice(300, 400)

    found = intervals.predictive(
        by_category, TRUE_SPEND, Tuples.ungrouped(*columns, category=category), 365.0, rng=np.random.default_rng(1)
    ).purchases
    alone = intervals.predictive(
        by_category.of_category(1), TRUE_SPEND, Tuples.ungrouped(*(column[web] for column in columns)), 365.0,
        rng=np.random.default_rng(1),
    ).purchases  # fmt: skip

    np.testing.assert_array_equal(found.high[web], alone.high)


def test_a_row_that_stands_for_ten_has_ten_times_the_sum_and_the_variance_of_ten() -> None:
    seen = shop(4_000, seed=13)
    customers = Customers(seen.frequency, seen.recency, seen.age, seen.means)
    groups = np.zeros(4_000, dtype=np.int64)
    certain = Fit(("r", "alpha", "s", "beta"), np.array([0.8, 60.0, 0.7, 200.0]), np.full((4, 4), np.nan), 0.0)

    one, ten = (
        intervals.total(
            PURCHASES, certain, TRUE_SPEND, customers, groups, 365.0, rng=np.random.default_rng(5), weight=weight
        )
        for weight in (1.0, 10.0)
    )

    assert ten.purchases == pytest.approx(10 * one.purchases, rel=1e-12)
    width, ten_width = (found.purchases_range.high - found.purchases_range.low for found in (one, ten))
    assert ten_width == pytest.approx(np.sqrt(10) * width, rel=1e-9)


@pytest.mark.parametrize("asked", [{"horizon": 0.0}, {"horizon": np.inf}, {"level": 1.0}, {"level": np.nan}])
def test_what_cannot_be_asked_is_refused(asked: dict[str, float]) -> None:
    horizon, level = asked.get("horizon", 365.0), asked.get("level", 0.9)

    with pytest.raises(ValueError, match=r"horizon|level"):
        intervals.predictive(
            PURCHASES, TRUE_SPEND, shop(5, seed=1).tuples, horizon, rng=np.random.default_rng(1), level=level
        )


def test_no_customers_have_no_ranges() -> None:
    none = shop(0, seed=1)

    found = intervals.predictive(PURCHASES, TRUE_SPEND, none.tuples, 365.0, rng=np.random.default_rng(1))

    assert len(found.purchases.low) == len(found.spending.high) == 0

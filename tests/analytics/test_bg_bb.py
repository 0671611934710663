"""
BG/BB on the donors of its paper: 11,104 people who first gave to a public radio station in 1995, and in which of the six years
after it they gave again.

donations.csv is Table 1 of Fader, Hardie, Shang (2010), Customer-Base Analysis in a Discrete-Time Noncontractual Setting,
Marketing Science 29 (6); `lifetimes` (MIT) ships the same rows.
"""

from pathlib import Path

import numpy as np
import pytest

from analytics.clv import bg_bb, counts, intervals
from analytics.clv.bg_bb import BGBB
from analytics.clv.counts import Active
from analytics.clv.fitting import DidNotConverge
from analytics.clv.purchases import probability_of_buying
from analytics.clv.spend import CommonMean, Spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Tuples

PUBLISHED = BGBB(1.204, 0.750, 0.657, 2.783)
FILE = Path(__file__).with_name("donations.csv")


def donors() -> Tuples:
    return Tuples(*np.loadtxt(FILE, delimiter=",", skiprows=1, dtype=np.int64, unpack=True))


def row(x: int, t_x: int) -> int:
    found = donors()
    return int(np.flatnonzero((found.frequency == x) & (found.recency == t_x))[0])


def simulated(customers: int, seed: int) -> tuple[Tuples, np.ndarray]:
    """Return customers of 4 to 20 periods, and in how many of the 6 after them each bought."""
    rng = np.random.default_rng(seed)
    buys, leaves = rng.beta(1.2, 1.5, customers), rng.beta(0.8, 6.0, customers)
    periods, until = rng.integers(4, 21, customers), rng.geometric(leaves) - 1
    bought = rng.random((customers, 26)) < buys[:, None]
    bought &= np.arange(26) < until[:, None]
    place = np.arange(1, 27)
    seen = bought & (place <= periods[:, None])
    later = (bought & (place > periods[:, None]) & (place <= periods[:, None] + 6)).sum(axis=1)
    return Tuples.ungrouped(seen.sum(axis=1), (seen * place).max(axis=1), periods), later


def test_the_published_parameters_are_found() -> None:
    found = donors()

    model, fit = bg_bb.fit(found)

    assert found.customers == 11_104
    assert (model.alpha, model.beta, model.gamma, model.delta) == pytest.approx((1.204, 0.750, 0.657, 2.783), rel=1e-3)
    assert fit.log_likelihood == pytest.approx(-33_225.6, abs=0.05)
    assert np.all(fit.standard_errors > 0)


@pytest.mark.parametrize(
    ("x", "t_x", "gifts", "active"),
    [
        (0, 0, 0.07, 0.11),
        (1, 1, 0.09, 0.07),
        (1, 6, 1.15, 0.93),
        (4, 4, 0.58, 0.20),
        (5, 5, 1.81, 0.52),
        (6, 6, 3.75, 0.93),
    ],
)
def test_donors_are_expected_to_give_as_is_published(x: int, t_x: int, gifts: float, active: float) -> None:
    """Expected gifts in 2002-2006, and the probability of being active in 2002: the paper's Tables 4 and 5."""
    next_year = PUBLISHED.probability_active(donors()) * (2.783 + 6) / (0.657 + 2.783 + 6)

    assert PUBLISHED.expected_purchases(donors(), 5.0)[row(x, t_x)] == pytest.approx(gifts, abs=0.005)
    assert next_year[row(x, t_x)] == pytest.approx(active, abs=0.005)


def test_lifetimes_says_the_same_of_every_donor() -> None:
    lifetimes, pandas = pytest.importorskip("lifetimes"), pytest.importorskip("pandas")
    oracle = lifetimes.BetaGeoBetaBinomFitter()
    oracle.params_ = pandas.Series(vars(PUBLISHED))
    found = donors()

    expected = oracle.conditional_expected_number_of_purchases_up_to_time(5, found.frequency, found.recency, found.age)

    np.testing.assert_allclose(PUBLISHED.expected_purchases(found, 5.0), expected, rtol=1e-8)


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    record = bg_bb._records(donors())[0][1]
    values = np.array([0.7, 1.3, 0.4, 3.0])

    gradient = bg_bb._Terms(tuple(values), record).gradient()

    for place, step in enumerate(np.eye(4) * 1e-6):
        up, down = (bg_bb._Terms(tuple(values + sign * step), record).log_total for sign in (1, -1))
        np.testing.assert_allclose(gradient[place], (up - down) / 2e-6, atol=1e-6)


def test_the_parameters_that_made_the_data_are_found_within_four_standard_errors() -> None:
    customers, _ = simulated(20_000, seed=1)

    _, fit = bg_bb.fit(Tuples.of(customers.frequency, customers.recency, customers.age))

    assert np.all(np.abs(fit.values - [1.2, 1.5, 0.8, 6.0]) < 4 * fit.standard_errors)


def test_expectation_probability_and_distribution_agree() -> None:
    found = donors()
    x, t_x, age = (np.asarray(column, dtype=np.float64) for column in (found.frequency, found.recency, found.age))

    cumulated = counts.if_active(PUBLISHED, Active(x, t_x, age, 5.0), 5)

    active = PUBLISHED.probability_active(found)
    np.testing.assert_allclose(
        active * (1 - cumulated).sum(axis=1), PUBLISHED.expected_purchases(found, 5.0), rtol=1e-9
    )
    np.testing.assert_allclose(active * (1 - cumulated[:, 0]), probability_of_buying(PUBLISHED, found, 5.0), rtol=1e-9)
    np.testing.assert_allclose(
        PUBLISHED.expected_purchases(found, 2.5),
        (PUBLISHED.expected_purchases(found, 2.0) + PUBLISHED.expected_purchases(found, 3.0)) / 2,
        rtol=1e-9,
    )


def test_ranges_hold_what_happened_as_often_as_they_say() -> None:
    customers, later = simulated(20_000, seed=2)
    spend = Spend(CommonMean(10.0, 0.5), Statement("one_price"), None)

    found = intervals.predictive(
        BGBB(1.2, 1.5, 0.8, 6.0), spend, customers, 6.0, rng=np.random.default_rng(1)
    ).purchases

    inside = (found.low <= later) & (later <= found.high)
    assert inside.mean() == pytest.approx(found.covers.mean(), abs=0.02)


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        (([0] * 12, [0] * 12, [3, 4] * 6), "nobody_bought_twice"),
        (([3, 4] * 6, [3, 4] * 6, [3, 4] * 6), "nobody_silent"),
        (([2], [3], [9]), "too_few_customers"),
        (([2] * 200, [3] * 200, [9] * 200), "flat"),
    ],
)
def test_data_that_carry_no_model_say_what_is_missing(columns: tuple[list[int], ...], code: str) -> None:
    with pytest.raises(DidNotConverge) as caught:
        bg_bb.fit(Tuples.of(*columns))

    assert caught.value.reason == code


@pytest.mark.parametrize(("x", "t_x", "n"), [(3, 2, 5), (1, 1.5, 4)])
def test_what_is_no_record_of_periods_is_refused(x: float, t_x: float, n: float) -> None:
    with pytest.raises(ValueError, match="period"):
        bg_bb.fit(Tuples.of([x], [t_x], [n]))

"""Who registered and never bought: recovery, calibration, and what must be known for any of it."""

import numpy as np
import pytest

from analytics.clv import activation
from analytics.clv.activation import Activation
from analytics.clv.fitting import DidNotConverge
from analytics.clv.spend import CommonMean, Spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Floats
from tests.analytics.simulated import PURCHASES

TRUE = Activation(0.4, 0.7, 60.0, 730.0)
SPEND = Spend(CommonMean(25.0, 0.5), Statement("too_few_bought_twice"), None)


def registered(customers: int, seed: int, model: Activation = TRUE) -> tuple[Floats, np.ndarray, Floats]:
    """Return days, who has bought by day 730, and the day of the first purchase of all."""
    rng = np.random.default_rng(seed)
    age = np.floor(rng.uniform(1, 731, customers))
    ever = rng.random(customers) < model.share
    first = np.where(ever, np.ceil(model.scale * rng.weibull(model.shape, customers)), np.inf)
    bought = first <= age
    return np.where(bought, first, age), bought, first - age


@pytest.mark.parametrize("true", [TRUE, Activation(0.6, 1.6, 40.0, 730.0), Activation(0.2, 1.0, 90.0, 730.0)])
def test_the_parameters_that_made_the_data_are_found_within_four_standard_errors(true: Activation) -> None:
    days, bought, _ = registered(30_000, 1, true)

    model, fit = activation.fit(days, bought)

    odds = true.share / (1 - true.share)
    assert np.all(np.abs(fit.values - [odds, true.shape, true.scale]) < 4 * fit.standard_errors)
    assert model.share == pytest.approx(true.share, abs=0.02)
    assert model.seen_days == 730


def test_the_gradient_is_the_slope_of_the_likelihood() -> None:
    days, bought, _ = registered(500, seed=2)
    waits = activation._Waits.of(days, bought)
    logs = np.log([0.5, 0.8, 0.2])

    _, gradient = waits.log_likelihood(logs, 730.0)

    for place, step in enumerate(np.eye(3) * 1e-6):
        slope = (waits.log_likelihood(logs + step, 730.0)[0] - waits.log_likelihood(logs - step, 730.0)[0]) / 2e-6
        assert gradient[place] == pytest.approx(slope, abs=1e-3)


def test_first_purchases_come_as_often_as_is_said() -> None:
    days, bought, wait = registered(60_000, seed=3)
    model, _ = activation.fit(*registered(30_000, seed=4)[:2])

    said = model.probability(days[~bought], 90.0)

    came = wait[~bought] <= 90
    for tenth in np.array_split(np.argsort(said), 10):
        assert said[tenth].mean() == pytest.approx(came[tenth].mean(), abs=0.02)


def test_the_first_year_is_the_first_purchase_and_what_a_new_customer_does_after_it() -> None:
    never_again = PURCHASES.with_values(np.array([1e-9, 60.0, 0.7, 200.0]))

    once = TRUE.expected_value(np.array([0.0, 200.0, 0.0]), 365.0, never_again, SPEND)
    more = TRUE.expected_value(np.array([0.0]), 365.0, PURCHASES, SPEND)

    assert once == pytest.approx(25.0 * TRUE.probability(np.array([0, 200, 0]), 365.0), rel=1e-7)
    assert 25.0 * TRUE.share < more[0] < 25.0 * TRUE.share * 4


def test_the_longer_the_wait_the_less_is_expected() -> None:
    said = TRUE.probability(np.array([0.0, 30.0, 300.0, 1e6]), 365.0)

    assert np.all(np.diff(said) < 0)
    assert said[0] == pytest.approx(TRUE.share * (1 - np.exp(-((365 / 60) ** 0.7))), rel=1e-12)
    assert said[3] == 0


def test_beyond_what_was_seen_it_says_so() -> None:
    assert TRUE.basis(np.array([10.0, 300.0]), 365.0).code == "activation"
    assert TRUE.basis(np.array([10.0, 400.0]), 365.0).code == "activation_beyond_seen"


@pytest.mark.parametrize(
    ("days", "bought", "code"),
    [
        ([], [], "nobody_registered"),
        ([0, 0, 300], [True, True, False], "registered_when_buying"),
        ([5, 9, 300], [True, True, False], "too_few_first_purchases"),
        ([0, 40, 100], [False, False, False], "too_few_first_purchases"),
        ([3, 40, 60], [True, True, False], "watched_too_short"),
    ],
)
def test_what_cannot_be_known_says_what_is_missing(days: list[int], bought: list[bool], code: str) -> None:
    with pytest.raises(DidNotConverge) as caught:
        activation.fit(np.array(days, dtype=np.float64), np.array(bought, dtype=np.bool_))

    assert caught.value.reason == code


@pytest.mark.parametrize("days", [[-1.0], [np.nan], [2.5]])
def test_waiting_times_that_cannot_be_are_refused(days: list[float]) -> None:
    with pytest.raises(ValueError, match="whole days"):
        activation.fit(np.array(days), np.array([True]))

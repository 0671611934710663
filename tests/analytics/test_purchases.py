"""What follows from any model of purchases, tried on customers that were drawn from it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analytics.clv.bg_nbd import BGNBD
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.purchases import discounted_purchases, probability_of_buying, purchases_by_ends
from analytics.clv.simulation import Simulated, simulate
from analytics.clv.tuples import Tuples

TRUE = (ParetoNBD(0.55, 10.6, 0.61, 11.7), MBGNBD(0.6, 6.2, 0.9, 1.6), BGNBD(0.25, 4.4, 0.8, 2.4))
each_model = pytest.mark.parametrize("model", TRUE, ids=lambda model: model.name)


def drawn(model: Any, customers: int = 100_000) -> tuple[Simulated, Tuples]:
    rng = np.random.default_rng(3)
    found = simulate(model, rng.uniform(1, 80, customers), rng, horizon=39.0)
    return found, Tuples.ungrouped(found.frequency, found.recency, found.age)


@each_model
def test_probabilities_are_right_in_every_decile(model: Any) -> None:
    found, customers = drawn(model)

    for said, happened in (
        (model.probability_active(customers), found.active),
        (probability_of_buying(model, customers, 39.0), found.later > 0),
    ):
        for group in np.array_split(np.argsort(said, kind="stable"), 10):
            assert said[group].mean() == pytest.approx(happened[group].mean(), abs=0.02)


@each_model
def test_as_much_is_expected_as_comes(model: Any) -> None:
    found, customers = drawn(model)

    expected = model.expected_purchases(customers, 39.0)

    noise = 4 * float(np.sqrt(((found.later - expected) ** 2).sum()))
    assert float(expected.sum()) == pytest.approx(int(found.later.sum()), abs=noise)


@each_model
def test_all_ends_at_once_are_each_end_by_itself(model: Any) -> None:
    _, customers = drawn(model, 500)
    ends = np.array([1.0, 39.0, 500.0])

    together = purchases_by_ends(model, customers, ends)

    for end, found in zip(ends, together, strict=True):
        np.testing.assert_allclose(found, model.expected_purchases(customers, float(end)), rtol=1e-9)


@each_model
def test_a_rate_of_nothing_discounts_nothing(model: Any) -> None:
    _, customers = drawn(model, 500)

    found = discounted_purchases(model, customers, 39.0, 0.0, unit_days=7.0)

    np.testing.assert_allclose(found, model.expected_purchases(customers, 39.0), rtol=1e-10)


@each_model
def test_each_month_is_discounted_from_its_middle(model: Any) -> None:
    _, customers = drawn(model, 500)
    month = 365.25 / 12 / 7
    until = [model.expected_purchases(customers, end) for end in (month, 2 * month, 2.5 * month)]

    found = discounted_purchases(model, customers, 2.5 * month, 0.10, unit_days=7.0)

    first, second, half = (1.1 ** -(middle / 12) for middle in (0.5, 1.5, 2.25))
    by_hand = first * until[0] + second * (until[1] - until[0]) + half * (until[2] - until[1])
    np.testing.assert_allclose(found, by_hand, rtol=1e-10)


@each_model
def test_the_basis_of_the_rate_is_a_year_in_any_unit(model: Any) -> None:
    _, customers = drawn(model, 500)
    in_days = replace(customers, recency=customers.recency * 7, age=customers.age * 7)
    slower = type(model)(*(value * 7 if name in {"alpha", "beta"} else value for name, value in vars(model).items()))

    weeks = discounted_purchases(model, customers, 52.0, 0.10, unit_days=7.0)

    np.testing.assert_allclose(discounted_purchases(slower, in_days, 364.0, 0.10), weeks, rtol=1e-9)


def test_one_who_bought_once_cannot_have_left_by_bg_nbd_alone() -> None:
    once = Tuples.of([0], [0], [60])

    active = [float(model.probability_active(once)[0]) for model in TRUE]

    assert active[2] == 1.0
    assert max(active[:2]) < 0.5


@each_model
def test_of_nobody_nothing_is_said(model: Any) -> None:
    nobody = Tuples.of([], [], [])

    assert model.log_likelihood(nobody).tolist() == []
    assert model.expected_purchases(nobody, 39.0).tolist() == []
    assert discounted_purchases(model, nobody, 39.0, 0.1).tolist() == []


def test_days_put_purchases_of_one_day_together() -> None:
    once, twice = np.array([0]), np.array([2])
    found = Simulated(
        np.append(once, twice), np.array([0.0, 0.4]), np.array([9.9, 9.9]), np.array([True, True]), np.array([0, 0])
    )

    days = found.in_days()

    assert (days.frequency.tolist(), days.recency.tolist(), days.age.tolist()) == ([0, 1], [0.0, 1.0], [9.0, 9.0])

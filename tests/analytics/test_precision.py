"""On hard histories and parameters the numerics agree with the closed forms in sixty digits."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.clv.bg_nbd import BGNBD
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.purchases import PurchaseModel, probability_of_buying
from analytics.clv.tuples import Tuples
from tests.analytics import exact

History = tuple[int, float, float]
HORIZON = 39.0
HARD: tuple[History, ...] = (
    (0, 0, 0), (0, 0, 1e-6), (0, 0, 52), (0, 0, 1e4), (1, 1e-9, 52), (1, 52, 52), (2, 52 - 1e-6, 52), (30, 1e-3, 52),
    (50, 52 - 1e-9, 52), (200, 0.5, 52), (5_000, 1e-3, 52), (5_000, 51, 52), (5_000, 52, 52), (3, 1, 1e4),
)  # fmt: skip
PARETO = {
    "as usual": (0.55, 10.6, 0.61, 11.7),
    "alpha far below beta": (0.05, 1e-4, 0.03, 1e4),
    "beta far below alpha": (2.0, 1e4, 0.5, 1e-3),
    "s is 1 and alpha is beta": (1.0, 10.0, 1.0, 10.0),
    "s is nearly 1": (1.0, 10.0, 1.0 + 1e-9, 10.0 + 1e-9),
    "s above 40": (5.0, 1.0, 60.0, 500.0),
    "s above 40 and all leave at once": (0.3, 5.0, 300.0, 20.0),
    "alike": (300.0, 20.0, 0.7, 3.0),
    "hardly anybody buys": (0.02, 50.0, 45.0, 1e-3),
    "all tiny": (1e-3, 1e-3, 1e-3, 1e-3),
}
CHANCE = {
    "as usual": (0.24, 4.4, 0.79, 2.43),
    "a is 1": (0.5, 6.2, 1.0, 1.6),
    "a is nearly 1, above": (0.5, 6.2, 1.0 + 1e-9, 1.6),
    "a is nearly 1, below": (0.5, 6.2, 1.0 - 1e-7, 0.1),
    "all tiny": (0.05, 1e-4, 0.01, 0.05),
    "hardly anybody leaves": (2.0, 1e4, 0.005, 100.0),
    "alike": (80.0, 300.0, 200.0, 5.0),
    "nearly all leave": (5.0, 1.0, 50.0, 0.5),
    "b tiny": (1e-3, 1e-3, 3.0, 1e-3),
    "alpha tiny": (0.3, 0.01, 0.02, 50.0),
}


def require_equal(model: PurchaseModel, exactly: Callable[..., exact.Answers], history: History) -> None:
    one = Tuples.ungrouped(*([value] for value in history))

    answers = exactly(*history, HORIZON)

    assert model.log_likelihood(one)[0] == pytest.approx(answers.log_likelihood, abs=1e-8, rel=1e-12)
    assert model.probability_active(one)[0] == pytest.approx(answers.probability_active, rel=1e-8, abs=1e-290)
    assert model.expected_purchases(one, HORIZON)[0] == pytest.approx(answers.expected_purchases, rel=1e-8, abs=1e-290)


@pytest.mark.parametrize("history", HARD, ids=str)
@pytest.mark.parametrize("values", PARETO.values(), ids=PARETO)
def test_pareto_nbd_is_exact(values: tuple[float, ...], history: History) -> None:
    require_equal(ParetoNBD(*values), partial(exact.pareto_nbd, values), history)


@pytest.mark.parametrize("history", HARD, ids=str)
@pytest.mark.parametrize("values", CHANCE.values(), ids=CHANCE)
@pytest.mark.parametrize("model", [MBGNBD, BGNBD])
def test_models_of_leaving_by_chance_are_exact(
    model: type[MBGNBD | BGNBD], values: tuple[float, ...], history: History
) -> None:
    chances = history[0] + model.first_counts

    require_equal(model(*values), partial(exact.leaving_chance, values, chances), history)


shape, scale = st.floats(0.05, 60), st.floats(1e-3, 1e3)


@settings(max_examples=40, deadline=None)
@given(
    r=shape, alpha=scale, s=shape, beta=scale, x=st.integers(0, 300), at=st.floats(1e-6, 1), age=st.floats(1e-3, 1e3)
)
def test_pareto_nbd_is_exact_wherever_one_looks(
    r: float, alpha: float, s: float, beta: float, x: int, at: float, age: float
) -> None:
    values = (r, alpha, s, beta)

    require_equal(ParetoNBD(*values), partial(exact.pareto_nbd, values), (x, at * age if x else 0.0, age))


@settings(max_examples=40, deadline=None)
@given(
    r=shape, alpha=scale, a=st.floats(0.02, 60), b=shape, x=st.integers(0, 300), at=st.floats(1e-6, 1), age=st.floats(1e-3, 1e3)
)  # fmt: skip
def test_mbg_nbd_is_exact_wherever_one_looks(
    r: float, alpha: float, a: float, b: float, x: int, at: float, age: float
) -> None:
    values = (r, alpha, a, b)

    require_equal(MBGNBD(*values), partial(exact.leaving_chance, values, x + 1), (x, at * age if x else 0.0, age))


@pytest.mark.parametrize("horizon", [0.0, 1e-9, 1.0, 1e6])
def test_nothing_is_ever_not_a_number(horizon: float) -> None:
    customers = Tuples.ungrouped(*np.array(HARD).T)
    models: list[PurchaseModel] = [ParetoNBD(*values) for values in PARETO.values()]
    models += [model(*values) for values in CHANCE.values() for model in (MBGNBD, BGNBD)]

    for model in models:
        active, expected = model.probability_active(customers), model.expected_purchases(customers, horizon)
        buying = probability_of_buying(model, customers, horizon)

        assert np.all(np.isfinite(model.log_likelihood(customers)))
        assert np.all((active >= 0) & (active <= 1))
        assert np.all(np.isfinite(expected) & (expected >= 0))
        assert np.all((buying >= 0) & (buying <= 1) & (buying <= expected * (1 + 1e-6) + 1e-9))

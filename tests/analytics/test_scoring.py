"""Scores are pure: the same in any blocks, order and process; what they say follows from the models."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest

from analytics import scoring
from analytics.blocks import Block, Columns
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.purchases import PurchaseModel, discounted_purchases, probability_of_buying
from analytics.clv.spend import fit_spend
from analytics.clv.tuples import Tuples
from analytics.scoring import Deciles, Formula, Money, Plan, Prediction, predict_rows, score

CUSTOMERS, HORIZON = 3_000, 365
MODELS: list[PurchaseModel] = [ParetoNBD(0.55, 74.0, 0.6, 82.0), MBGNBD(0.52, 43.0, 0.9, 1.6)]


def shop(seed: int = 5) -> Block:
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 400, CUSTOMERS)
    frequency = np.minimum(rng.poisson(rng.gamma(0.6, 4.0, CUSTOMERS)), age)
    recency = np.where(frequency > 0, np.maximum(frequency, (age * rng.random(CUSTOMERS)).astype(int)), 0)
    total = np.round((frequency + 1) * rng.gamma(5.0, 8.0, CUSTOMERS), 2)
    ids = np.frombuffer(rng.bytes(16 * CUSTOMERS), dtype="V16")
    x, t, whole, orders = (each.astype(np.int32) for each in (frequency, recency, age, frequency + 1))
    return Block(ids, x, t, whole, orders, total, total * 0.1, total * 0.5, total * 0.4)


def part(block: Block, chosen: object) -> Block:
    return Block(*(getattr(block, field.name)[chosen] for field in fields(Block)))


def plan_of(block: Block, model: PurchaseModel) -> Plan:
    spend = fit_spend(block.occasions, block.means)
    tuples = Tuples.of(block.frequency, block.recency, block.age)
    prediction = predict_rows(Prediction(model, spend, 1.1, HORIZON, 0.1), tuples, seed=7)
    plan = Plan(Money(0.3, 0.25, 2), Formula(3.0, 5.0), prediction)
    values = scoring.value(block, plan)
    assert values is not None
    return replace(plan, deciles=Deciles.among(values.copy()))


def same(one: Columns, other: Columns) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Columns))


def joined(parts: list[Columns]) -> Columns:
    return Columns(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Columns)))


@pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])
def test_a_score_is_the_same_in_any_blocks_and_in_other_processes(model: PurchaseModel) -> None:
    block = shop()
    plan = plan_of(block, model)
    here = score(block, plan)
    blocks = [part(block, slice(first, first + 700)) for first in range(0, CUSTOMERS, 700)]

    in_blocks = [score(each, plan) for each in blocks]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        elsewhere = list(pool.map(score, blocks, [pickle.loads(pickle.dumps(plan))] * len(blocks)))  # noqa: S301 - our own

    assert same(joined(in_blocks), here)
    assert same(joined(elsewhere), here)


@pytest.mark.parametrize("model", MODELS, ids=[model.name for model in MODELS])
def test_a_score_is_what_the_models_say(model: PurchaseModel) -> None:
    block = shop()
    plan = plan_of(block, model)
    assert plan.prediction is not None
    each = Tuples.ungrouped(block.frequency, block.recency, block.age)
    worth = plan.prediction.spend.expected_value(block.occasions, block.means) * 0.25

    found: Any = score(block, plan)

    discounted = discounted_purchases(model, each, HORIZON, 0.1) * 1.1
    active = model.probability_active(each)
    np.testing.assert_allclose(found.predicted_value, discounted * worth, atol=0.00501)
    np.testing.assert_allclose(found.expected_purchases, model.expected_purchases(each, HORIZON) * 1.1, atol=1e-6)
    np.testing.assert_allclose(found.probability_active, active, atol=1e-6)
    np.testing.assert_allclose(found.probability_of_buying, probability_of_buying(model, each, HORIZON), atol=1e-6)
    sure = active > 1e-6
    np.testing.assert_allclose(
        found.value_if_active[sure], (discounted / active * worth)[sure], rtol=1e-6, atol=0.00501
    )
    np.testing.assert_allclose(found.historic_margin, block.total * (0.5 - 0.4 + (1.1 - 0.5) * 0.3 - 0.1), atol=0.00501)
    assert np.all(found.value_low <= found.value_high)
    outside = (found.predicted_value < found.value_low - 0.01) | (found.predicted_value > found.value_high + 0.01)
    assert np.all(found.probability_of_buying[outside] < 0.2)  # a range of what is likely: mostly nothing


def test_at_risk_is_who_has_become_less_likely_to_buy_and_not_who_buys_slowly() -> None:
    model = MODELS[0]
    age = np.array([300, 300, 300, 300], dtype=np.int32)
    frequency = np.array([20, 20, 1, 0], dtype=np.int32)
    recency = np.array([295, 90, 250, 0], dtype=np.int32)  # a regular, one who stopped, a slow one, one who came once
    money = np.full(4, 50.0)
    block = Block(np.zeros(4, "V16"), frequency, recency, age, frequency, money, money * 0, money * 0, money * 0)
    spend = fit_spend(block.occasions, block.means)
    tuples = Tuples.of(frequency, recency, age)
    plan = Plan(
        Money(None, 1.0, 2), Formula(3.0, 5.0), predict_rows(Prediction(model, spend, 1.0, 365, 0.0), tuples, seed=1)
    )

    found = score(block, plan)

    after = [
        probability_of_buying(model, Tuples.of([x], [t], [t + 1]), 365.0)[0]
        for x, t in zip(frequency, recency, strict=True)
    ]
    assert found.at_risk is not None
    assert found.probability_of_buying is not None
    assert found.at_risk.tolist() == [False, True, False, found.probability_of_buying[3] < 0.6 * after[3]]
    assert found.at_risk.tolist() == (found.probability_of_buying < 0.6 * np.array(after)).tolist()


def test_a_customer_of_whom_the_plan_knows_nothing_is_refused() -> None:
    block = shop()
    plan = plan_of(part(block, slice(0, 100)), MODELS[0])

    with pytest.raises(KeyError):
        score(block, plan)


def by_rank(values: np.ndarray) -> list[int]:
    """Deciles as the words have them: by rank, equals together, at the middle of them."""
    ordered = np.sort(values)
    first, last = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return [int(place) * 10 // len(values) + 1 for place in (first + (last - first - 1) // 2)]


@pytest.mark.parametrize(
    "values",
    [
        np.arange(100.0),
        np.arange(7.0),
        np.zeros(30),
        np.array([0.0] * 45 + [1.0] * 10 + list(range(2, 47))),
        np.round(np.random.default_rng(1).gamma(0.3, 9.0, 1_003), 1),
        np.array([5.0]),
    ],
    ids=["all different", "fewer than ten", "all equal", "in steps", "many equal", "one"],
)
def test_deciles_are_by_rank_among_all_and_equals_are_in_one(values: np.ndarray) -> None:
    found = Deciles.among(values.copy()).of(values)

    assert found.tolist() == by_rank(values)


def test_nobody_has_no_decile() -> None:
    assert Deciles.among(np.empty(0)).of(np.empty(0)).tolist() == []

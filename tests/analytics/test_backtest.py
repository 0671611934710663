"""Which model is believed, with which factor, and when none is."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import pytest

from analytics.clv import backtest, measures, pareto_nbd
from analytics.clv.backtest import Scores, Snapshot
from analytics.clv.fitting import DidNotConverge
from analytics.clv.purchases import PurchaseModel, probability_of_buying
from analytics.clv.statements import Statement
from analytics.clv.tuples import Floats, Tuples
from tests.analytics.simulated import PURCHASES, shop

CUT = date(2026, 10, 31)


@dataclass(frozen=True)
class Constant:
    """A model that expects the same of everybody, whatever they did."""

    name: ClassVar[str] = "constant"
    purchases: float = 1.0

    def with_values(self, values: Floats) -> "Constant":
        return Constant(float(values[0]))

    def log_likelihood(self, tuples: Tuples) -> Floats:
        return -np.asarray(tuples.age, dtype=np.float64) / 1e3

    def probability_active(self, tuples: Tuples) -> Floats:
        return np.ones(len(tuples))

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        return np.full(len(tuples), self.purchases)


@dataclass(frozen=True)
class Scaled:
    """Pareto/NBD with the truth's parameters, its level a multiple of it."""

    name: ClassVar[str] = "scaled"
    level: float

    def with_values(self, values: Floats) -> "Scaled":
        return Scaled(float(values[0]))

    def log_likelihood(self, tuples: Tuples) -> Floats:
        return PURCHASES.log_likelihood(tuples)

    def probability_active(self, tuples: Tuples) -> Floats:
        return PURCHASES.probability_active(tuples)

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        return self.level * PURCHASES.expected_purchases(tuples, horizon)


def snapshots(customers: int = 1_500, level: float = 1.0) -> list[Snapshot]:
    return [shop(customers, seed=seed, horizon=200.0, level=level).snapshot() for seed in (1, 2, 3)]


def pareto(tuples: Tuples) -> PurchaseModel:
    return pareto_nbd.fit(tuples)[0]


def fails(tuples: Tuples) -> PurchaseModel:
    raise DidNotConverge("flat", "the customers differ too little")


def test_origins_lie_one_horizon_and_more_before_the_cut() -> None:
    found = backtest.origins(CUT - timedelta(days=1_000), CUT, 365)

    assert [(CUT - origin.at).days for origin in found] == [365, 438, 511]
    assert {origin.days for origin in found} == {365}


def test_a_short_history_is_asked_to_look_less_far() -> None:
    found = backtest.origins(CUT - timedelta(days=300), CUT, 365)

    assert [(CUT - origin.at).days for origin in found] == [135, 162, 189]
    assert {origin.days for origin in found} == {135}
    assert backtest.origins(CUT, CUT, 365) == []


def test_pareto_nbd_stays_unless_a_rival_is_better_everywhere() -> None:
    found = backtest.choose(snapshots(), {"Pareto/NBD": pareto, "constant": lambda _: Constant()})

    assert (found.model, found.reason.code, found.passed) == ("Pareto/NBD", "default_stays", True)
    assert [len(row) for row in found.scores.values()] == [3, 3]


def test_a_rival_that_wins_on_every_origin_by_more_than_two_percent_is_taken() -> None:
    found = backtest.choose(snapshots(), {"Pareto/NBD": lambda _: Constant(), "scaled": lambda _: Scaled(1.0)})

    assert (found.model, found.reason.code) == ("scaled", "rival_won")
    assert float(found.reason.values["gain_share"]) > 0.02


def made(deviance: float) -> Scores:
    none = measures.errors(np.ones(1), np.ones(1))
    return Scores(deviance, none, none, 0.5, 0.25, ())


@pytest.mark.parametrize(
    ("rival", "chosen"),
    [
        ((0.9, 0.9, 0.9), "rival"),
        ((0.984, 0.984, 0.984), "Pareto/NBD"),
        ((0.5, 0.5, 1.0), "Pareto/NBD"),
        ((0.976, 0.976, 0.976), "rival"),
    ],
)
def test_the_rule_of_choice(rival: tuple[float, float, float], chosen: str) -> None:
    scores = {"Pareto/NBD": [made(1.0)] * 3, "rival": [made(value) for value in rival]}

    assert backtest._best(scores, "Pareto/NBD", backtest.MARGIN)[0] == chosen


def test_a_default_that_cannot_be_fitted_gives_way() -> None:
    found = backtest.choose(snapshots(), {"Pareto/NBD": fails, "scaled": lambda _: Scaled(1.0)})

    assert (found.model, found.reason.code) == ("scaled", "default_failed")
    assert found.scores["Pareto/NBD"] == [Statement("flat")] * 3


def test_where_no_model_can_be_fitted_none_is_published() -> None:
    found = backtest.choose(snapshots(), {"Pareto/NBD": fails})

    assert (found.model, found.passed, found.gate.code) == (None, False, "flat")


def test_the_factor_is_the_square_root_of_what_came_over_what_was_said() -> None:
    made = snapshots()
    found = backtest.choose(made, {"Pareto/NBD": lambda _: Scaled(0.8)})

    said = Scaled(0.8).expected_purchases(made[0].tuples, 200.0) @ made[0].tuples.counts
    assert found.factor == pytest.approx(np.sqrt(made[0].later.sum() / said), rel=1e-12)
    assert 1.05 < found.factor < 1.2


def test_the_factor_has_limits_and_the_gate_says_what_is_still_wrong() -> None:
    low = backtest.choose(snapshots(), {"Pareto/NBD": lambda _: Scaled(0.3)})
    high = backtest.choose(snapshots(), {"Pareto/NBD": lambda _: Scaled(4.0)})

    assert (low.factor, high.factor) == (1.4, 0.7)
    assert (low.passed, low.gate.code, high.gate.code) == (False, "too_biased", "too_biased")
    assert high.gate.values["bias_rate"] == pytest.approx(1.8, abs=0.15)


def test_a_factor_that_the_origin_before_speaks_against_is_not_taken() -> None:
    latest, before = (shop(1_500, seed=1, horizon=200.0, level=level).snapshot() for level in (0.8, 1.3))

    found = backtest.choose([latest, before, before], {"Pareto/NBD": lambda _: Scaled(1.0)})

    assert found.factor == 1.0


@pytest.mark.parametrize("carries_on", [True, False])
def test_what_ranks_no_better_than_a_plain_rate_is_not_published(*, carries_on: bool) -> None:
    """Neither than each one's own, where all carry on, nor than everybody's, of what knows no difference between customers."""
    made = snapshots()
    if carries_on:
        made = [replace(one, later=np.asarray(one.frequency)) for one in made]

    found = backtest.choose(made, {"Pareto/NBD": lambda _: Constant(float(made[0].later.mean()))})

    assert (found.passed, found.gate.code) == (False, "no_better_than_plain")
    assert found.gate.values["plain"] == found.plain[0]


@pytest.mark.parametrize("rows", [0, 1])
def test_nobody_and_one_customer_are_no_back_test(rows: int) -> None:
    made = [replace(shop(rows, seed=4).snapshot(), later=np.zeros(rows)) for _ in range(3)]

    found = backtest.choose(made, {"Pareto/NBD": pareto})

    assert (found.model, found.passed) == (None, False)


def test_a_snapshot_from_orders_is_what_was_known_then_and_what_came_by_its_end() -> None:
    orders = [
        ("ada", "2026-01-01", 10.0), ("ada", "2026-01-11", 30.0), ("ada", "2026-02-05", 8.0), ("ada", "2026-02-05", 4.0),
        ("bob", "2026-01-20", 5.0), ("bob", "2026-03-30", 7.0), ("charlie", "2026-02-10", 9.0),
    ]  # fmt: skip
    customer, day, value = zip(*orders, strict=True)

    found = backtest.snapshot(customer, day, value, backtest.Origin(date(2026, 1, 31), date(2026, 3, 1)))

    columns = (found.frequency, found.recency, found.age, found.means, found.later, found.later_value)
    assert [column.tolist() for column in columns] == [[1, 0], [10, 0], [30, 11], [20, 5], [1, 0], [12, 0]]
    assert found.horizon == 29


def test_who_comes_later_is_in_no_snapshot() -> None:
    origin = backtest.Origin(date(2026, 1, 31), date(2026, 3, 1))

    assert len(backtest.snapshot(["ada"], ["2026-02-10"], [9.0], origin)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"later": np.full(5, np.nan)},
        {"later_value": np.full(5, np.inf)},
        {"later": np.full(5, -1.0)},
        {"means": np.ones(4)},
        {"horizon": 0.0},
    ],
)
def test_a_snapshot_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"finite|one value|above 0"):
        replace(shop(5, seed=1).snapshot(), **wrong)


def test_the_probability_of_buying_is_calibrated_within_two_points_in_each_decile() -> None:
    seen = shop(60_000, seed=9)
    model = pareto(shop(15_000, seed=19).tuples)

    groups = measures.calibration(
        probability_of_buying(model, seen.tuples, seen.horizon), (seen.later > 0).astype(np.float64)
    )

    assert len(groups) == 10
    assert max(abs(group.predicted - group.actual) for group in groups) < 0.02


def test_errors_are_what_they_say() -> None:
    predicted, actual = np.array([1.0, 2.0, 3.0, 6.0]), np.array([0.0, 2.0, 4.0, 4.0])

    found = measures.errors(predicted, actual)

    assert (found.bias, found.mae, found.rmse) == pytest.approx((0.2, 1.0, np.sqrt(6 / 4)), rel=1e-12)
    assert (measures.gini(actual, actual), measures.gini(-actual, actual)) == pytest.approx((1.0, -1.0), rel=1e-12)
    assert measures.auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0])) == 0.75
    assert measures.brier(np.array([0.5, 1.0]), np.array([0.0, 1.0])) == 0.125
    assert measures.calibration(np.arange(20.0), np.arange(20.0))[0] == measures.Group(0.5, 0.5, 2)


def test_the_deviance_is_poissons_and_its_scaled_form_knows_no_level() -> None:
    predicted, actual = np.array([1.0, 2.0]), np.array([0.0, 3.0])

    assert measures.deviance(predicted, actual) == pytest.approx((2 * 1 + 2 * (3 * np.log(1.5) - 1)) / 2, rel=1e-12)
    assert measures.scaled_deviance(predicted * 7, actual) == pytest.approx(
        measures.scaled_deviance(predicted, actual), rel=1e-12
    )
    assert measures.scaled_deviance(predicted, actual) == measures.deviance(predicted, actual)

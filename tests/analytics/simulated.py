"""Shops whose truth is known: customers of a Pareto/NBD and Gamma-Gamma population, seen until a cut, and what they do then."""

from dataclasses import dataclass

import numpy as np

from analytics.clv.backtest import Snapshot
from analytics.clv.gamma_gamma import GammaGamma
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.simulation import simulate
from analytics.clv.tuples import Floats, Tuples

PURCHASES = ParetoNBD(0.8, 60.0, 0.7, 200.0)  # in days
SPENDING = GammaGamma(4.0, 3.5, 30.0)
DAYS = 730.0


@dataclass(frozen=True)
class Shop:
    """One row per customer: until the cut, and after it within the horizon."""

    frequency: Floats
    recency: Floats
    age: Floats
    means: Floats
    later: Floats
    later_value: Floats
    horizon: float

    @property
    def tuples(self) -> Tuples:
        return Tuples.ungrouped(self.frequency, self.recency, self.age)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self.horizon, self.frequency, self.recency, self.age, self.frequency + 1, self.means, self.later,
            self.later_value,
        )  # fmt: skip


def shop(customers: int, *, seed: int, horizon: float = 365.0, level: float = 1.0) -> Shop:
    """
    Return customers of two years, the last of whom came 30 days before the cut.

    :param level: how many times as much they buy after the cut as the population does
    """
    rng = np.random.default_rng(seed)
    made = simulate(PURCHASES, DAYS - rng.uniform(0, DAYS - 30, customers), rng, horizon=horizon)
    later = rng.binomial(made.later, level % 1.0) + made.later * int(level)
    occasions = made.frequency + 1.0
    scale = rng.gamma(SPENDING.q, 1 / SPENDING.v, customers)
    means = rng.gamma(SPENDING.p * occasions) / scale / occasions
    spent = np.where(later > 0, rng.gamma(SPENDING.p * np.maximum(later, 1)) / scale, 0.0)
    return Shop(
        made.frequency.astype(np.float64), made.recency, made.age, means, later.astype(np.float64), spent, horizon
    )

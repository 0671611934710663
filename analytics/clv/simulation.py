"""Customers as the models have them, drawn exactly and all at once, to try fits and predictions on what is known to be true."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.clv.leaving_chance import LeavingChance
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.tuples import Floats, Integers


@dataclass(frozen=True)
class Simulated:
    """
    Customers as columns of equal length, times in the model's unit.

    :param frequency: repeat purchases until the end of the data
    :param recency: time from the first purchase to the last
    :param age: time from the first purchase to the end of the data
    :param active: who has not left by then
    :param later: purchases within the horizon after it
    """

    frequency: Integers
    recency: Floats
    age: Floats
    active: NDArray[np.bool_]
    later: Integers

    def in_days(self) -> "Simulated":
        """Return the same on a grid of whole days, purchases of one day as one."""
        age = np.floor(self.age)
        recency = np.minimum(np.ceil(self.recency), age)
        frequency = np.minimum(self.frequency, recency).astype(np.int64)
        return replace(self, frequency=frequency, recency=np.where(frequency > 0, recency, 0.0), age=age)


def simulate(
    model: ParetoNBD | LeavingChance, age: ArrayLike, rng: np.random.Generator, *, horizon: float = 0.0
) -> Simulated:
    """
    Draw customers of a model.

    :param age: of each customer: time from the first purchase to the end of the data
    :param horizon: how long they are watched afterwards
    """
    ages = np.asarray(age, dtype=np.float64)
    if isinstance(model, ParetoNBD):
        return _leaving_in_time(model, ages, rng, horizon)
    return _leaving_by_chance(model, ages, rng, horizon)


def _leaving_in_time(model: ParetoNBD, age: Floats, rng: np.random.Generator, horizon: float) -> Simulated:
    size = len(age)
    rate = rng.gamma(model.r, 1.0 / model.alpha, size)
    with np.errstate(divide="ignore"):  # a rate of leaving of 0 is one who never leaves
        leaves = rng.exponential(1.0, size) / rng.gamma(model.s, 1.0 / model.beta, size)
    seen = np.minimum(leaves, age)
    frequency = rng.poisson(rate * seen)
    later = rng.poisson(rate * np.clip(leaves - age, 0.0, horizon))
    return Simulated(frequency, _last_of(frequency, seen, rng), age, leaves > age, later)


def _leaving_by_chance(model: LeavingChance, age: Floats, rng: np.random.Generator, horizon: float) -> Simulated:
    """Draw after how many repeat purchases each leaves and when; those before are spread evenly over the time until then."""
    size = len(age)
    rate = rng.gamma(model.r, 1.0 / model.alpha, size)
    chance = np.clip(rng.beta(model.a, model.b, size), 1e-9, 1.0)
    until = rng.geometric(chance) - (1 if model.first_counts else 0)
    with np.errstate(divide="ignore"):
        leaves = rng.standard_gamma(until) / rate
    left = leaves <= age
    with np.errstate(invalid="ignore"):
        within = np.where(left, 0.0, age / np.where(left, 1.0, leaves))
    before = rng.binomial(np.maximum(until - 1, 0), within)
    frequency = np.where(left, until, before)
    recency = np.where(left, leaves, _last_of(before, age, rng))
    gone_later = ~left & (leaves <= age + horizon)
    share = np.where(left | gone_later, 0.0, horizon / np.where(left | gone_later, 1.0, leaves - age))
    stays = rng.binomial(np.where(left, 0, np.maximum(until - 1 - before, 0)), share)
    later = np.where(left, 0, np.where(gone_later, until - before, stays))
    return Simulated(frequency, np.where(frequency > 0, recency, 0.0), age, ~left, later)


def _last_of(count: Integers, length: Floats, rng: np.random.Generator) -> Floats:
    """Return the last of so many moments spread evenly over a length of time; 0 where there is none."""
    return np.where(count > 0, length * rng.random(len(count)) ** (1.0 / np.maximum(count, 1)), 0.0)

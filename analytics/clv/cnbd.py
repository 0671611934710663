"""
MBG/CNBD-k and BG/CNBD-k: customers who buy regularly, and after a purchase may leave, each with an own chance.

Platzer, Reutterer (2016), Ticking Away the Moments: Timing Regularity Helps to Better Predict Customer Activity. The time
between purchases is of k steps at a Gamma-distributed rate (Erlang-k); for k = 1 these are MBG/NBD and BG/NBD. A customer who
has not left is at one of k steps towards the next purchase, each with its own probability; given the step, steps to come are
negative binomial, so that expectations are exact sums and no approximation is needed.

The likelihood is that of the number and the time of the last of a customer's purchases, which tuples know, so that models of
different k can be compared; where the times between all purchases are known, `fit` takes their logarithms' sum instead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln, softmax

from analytics.clv.counts import Active, forgets, if_active, most_of_negative_binomial, most_purchases
from analytics.clv.families import require_enough
from analytics.clv.fitting import DidNotConverge, Fit, maximise
from analytics.clv.steps import Record, Steps
from analytics.clv.tuples import Floats, Tuples

NAMES = ("r", "alpha", "a", "b")
START = (1.0, 0.5, 1.0, 2.0)
MAX_VALUES = (1e4, 1e9, 1e4, 1e9)
SAMPLE = 20_000
MAX_STEPS = 12
ENOUGH = 1e-12  # of a sum: terms below it are left out
M = TypeVar("M", bound="CNBD")


@dataclass(frozen=True)
class CNBD:
    """
    A fitted model; one of its two kinds below.

    :param k: steps from one purchase to the next
    :param r: shape of the rates of steps
    :param alpha: scale of the rates of steps, in units of time
    :param a, b: shapes of the probabilities of leaving after a purchase
    """

    k: int
    r: float
    alpha: float
    a: float
    b: float

    name: ClassVar[str]
    first_counts: ClassVar[bool]

    def with_values(self, values: Floats) -> Self:
        """Return the same model with other parameters: r, alpha, a, b."""
        return type(self)(self.k, *(float(value) for value in values))

    def log_likelihood(self, tuples: Tuples) -> Floats:
        """Return the log-likelihood of one customer of each tuple; the constants are those that make k = 1 (M)BG/NBD."""
        record = Record.of(tuples)
        return np.asarray(Steps(self, record).log_total + record.regularity(self.k))

    def probability_active(self, tuples: Tuples) -> Floats:
        """Return the probability of not having left by the end of the data."""
        return np.asarray(Steps(self, Record.of(tuples)).stages().sum(axis=0))

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        """
        Return the expected number of purchase occasions within a horizon after the end of the data.

        :param horizon: in the tuples' unit of time
        """
        record = Record.of(tuples)
        stages = Steps(self, record).stages()
        both, place = np.unique(record.frequency + 1j * record.age, return_inverse=True)
        few = Record(both.real.copy(), np.zeros(len(both)), both.imag.copy())
        total = np.zeros(len(record.age))
        for step in range(self.k):
            of_step = np.zeros(len(both))
            for rows, _, term in self._at_least(few, step, horizon):
                of_step[rows] += term
            total += stages[step] * of_step[place]
        return total

    def _at_least(
        self, record: Record, step: int, horizon: float, factor: float = 1.0
    ) -> Iterator[tuple[NDArray[np.intp], int, Floats]]:
        """
        Yield, for n = 1, 2, ..., the probability of n purchases and more of who is active and at a step.

        :returns: rows where it still counts, n, and it
        """
        survives, rows = np.ones(len(record.age)), np.arange(len(record.age))
        could = self.b + self._chances(record.frequency)
        power = self.r + self.k * record.frequency + step
        share = horizon * factor / (self.alpha + record.age + horizon * factor)
        total, n = np.zeros(len(record.age)), 0
        while len(rows):
            n += 1
            term = np.asarray(betainc(float(n * self.k - step), power[rows], share[rows]) * survives[rows])
            total[rows] += term
            yield rows, n, term
            survives[rows] *= (could[rows] + n - 1.0) / (self.a + could[rows] + n - 1.0)
            rows = rows[term > ENOUGH * np.maximum(total[rows], ENOUGH)]

    def _chances(self, frequency: Floats) -> Floats:
        """Return how often customers could have left."""
        return frequency + (1.0 if self.first_counts else 0.0)


class MBGCNBD(CNBD):
    """Customers may leave after any purchase, the first too."""

    name: ClassVar[str] = "MBG/CNBD-k"
    first_counts: ClassVar[bool] = True


class BGCNBD(CNBD):
    """Customers may leave after a repeat purchase: nobody after the first."""

    name: ClassVar[str] = "BG/CNBD-k"
    first_counts: ClassVar[bool] = False


@overload
def fit(tuples: Tuples, *, k: int | None = None, log_intervals: float | None = None) -> tuple[MBGCNBD, Fit]: ...
@overload
def fit(
    tuples: Tuples, *, k: int | None = None, log_intervals: float | None = None, kind: type[M]
) -> tuple[M, Fit]: ...


def fit(
    tuples: Tuples, *, k: int | None = None, log_intervals: float | None = None, kind: type[CNBD] = MBGCNBD
) -> tuple[CNBD, Fit]:
    """
    Fit the model to customers.

    :param k: steps between purchases; the most likely if None, from 1 on until another step is less likely
    :param log_intervals: sum over all customers of the logarithms of the times between purchases, where they are known
    :returns: the model, and its parameters r, alpha, a, b with their errors, given k
    :raises DidNotConverge: when the data do not determine it
    """
    require_enough(tuples)
    if k is not None:
        return _fit(tuples, k, kind)
    best: tuple[float, tuple[CNBD, Fit]] | None = None
    for steps in range(1, MAX_STEPS + 1):
        found = _fit(tuples, steps, kind)
        value = found[1].log_likelihood + _of_intervals(tuples, steps, log_intervals)
        if best is not None and value <= best[0]:
            break
        best = (value, found)
    assert best is not None
    return best[1]


def _of_intervals(tuples: Tuples, k: int, log_intervals: float | None) -> float:
    """Return what the log-likelihood changes by where all times between purchases are known."""
    if log_intervals is None:
        return 0.0
    repeats = float(np.asarray(tuples.frequency, dtype=np.float64) @ tuples.counts)
    known = (k - 1) * log_intervals - repeats * float(gammaln(k))
    return known - float(Record.of(tuples).regularity(k) @ tuples.counts)


def _fit(tuples: Tuples, k: int, kind: type[CNBD]) -> tuple[CNBD, Fit]:
    unit = float(np.average(tuples.age, weights=tuples.counts))
    if unit <= 0:
        raise DidNotConverge(
            "one_day", "everybody bought on one day, the last of the data: nothing has been seen since"
        )
    start = np.array(START) * [1.0, k, 1.0, 1.0]
    few = tuples.sample(SAMPLE)
    if len(few) < len(tuples):
        start = _maximised(few, k, kind, unit, start).values
    found = _maximised(tuples, k, kind, unit, start)
    repeats = float(np.asarray(tuples.frequency, dtype=np.float64) @ tuples.counts)
    in_time = found.scaled(
        np.array([1.0, unit, 1.0, 1.0]), log_likelihood=found.log_likelihood - repeats * float(np.log(unit))
    )
    return kind(k, *in_time.values.tolist()), in_time


def _maximised(tuples: Tuples, k: int, kind: type[CNBD], unit: float, start: Floats) -> Fit:
    """Return the fit for time in units, from a start that lies inside the bounds."""
    record, counts = Record.of(tuples, unit), tuples.counts.astype(np.float64)
    constant = float(record.regularity(k) @ counts)

    def objective(logs: Floats) -> tuple[float, Floats]:
        terms = Steps(kind(k, *np.exp(logs).tolist()), record)
        return float(counts @ terms.log_total) + constant, (terms.gradient() @ counts) * np.exp(logs)

    return maximise(
        objective, np.minimum(start, MAX_VALUES), names=NAMES, weight=float(counts.sum()), most=np.array(MAX_VALUES),
        may_be_most=(True, False, True, True),
    )  # fmt: skip


@forgets.register
def _(model: CNBD) -> bool:
    return model.k == 1


@most_purchases.register
def _(model: CNBD, customers: Active) -> Floats:
    scale = (model.alpha + customers.age) / customers.factor
    steps = most_of_negative_binomial(model.r + model.k * customers.frequency, scale, customers.horizon)
    return np.asarray(np.ceil((steps + model.k) / model.k))


@if_active.register
def _(model: CNBD, customers: Active, most: int) -> Floats:
    record = Record(customers.frequency, customers.recency, customers.age)
    stages = softmax(Steps(model, record).log_steps, axis=0)
    found = np.ones((len(record.age), most + 1))
    for step in range(model.k):
        for rows, n, term in model._at_least(record, step, customers.horizon, customers.factor):
            if n > most:
                break
            found[rows, n - 1] -= stages[step, rows] * term
    return found

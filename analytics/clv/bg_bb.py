"""
BG/BB: customers who may buy once in each period (a month, a season, an event), and before each may silently leave.

Fader, Hardie, Shang (2010), Customer-Base Analysis in a Discrete-Time Noncontractual Setting. In the tuples, age is the number
of periods since the first purchase, frequency in how many of them a customer bought, and recency the last of those; all are
whole numbers. What depends on them depends on sums of a parameter and a whole number, so that functions are looked up.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, psi

from analytics.clv.counts import Active, if_active, most_purchases
from analytics.clv.families import require_enough
from analytics.clv.fitting import DidNotConverge, Fit, maximise
from analytics.clv.tuples import Floats, Tuples

NAMES = ("alpha", "beta", "gamma", "delta")
START = (1.0, 1.0, 0.5, 2.0)
ALIKE = 1e4  # of a shape: everybody has practically the same probability
CHUNK = 2_000_000
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class BGBB:
    """
    A fitted model.

    :param alpha, beta: shapes of the probabilities of buying in a period
    :param gamma, delta: shapes of the probabilities of leaving before a period
    """

    alpha: float
    beta: float
    gamma: float
    delta: float

    name: ClassVar[str] = "BG/BB"

    def with_values(self, values: Floats) -> "BGBB":
        """Return the same model with other parameters: alpha, beta, gamma, delta."""
        return BGBB(*(float(value) for value in values))

    def log_likelihood(self, tuples: Tuples) -> Floats:
        """Return the log-likelihood of one customer of each tuple: of in which periods it bought."""
        found = np.empty(len(tuples))
        for part, record in _records(tuples):
            found[part] = _Terms(self._values, record).log_total
        return found

    def probability_active(self, tuples: Tuples) -> Floats:
        """Return the probability of not having left by the last period of the data."""
        found = np.empty(len(tuples))
        for part, record in _records(tuples):
            terms = _Terms(self._values, record)
            found[part] = np.exp(terms.log_stayed - terms.log_total)
        return found

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        """
        Return the expected number of purchases in the periods after the data.

        :param horizon: in periods; of a part of one, the same part of its purchases is expected
        """
        return self.purchases_if_active(tuples, horizon) * self.probability_active(tuples)

    def purchases_if_active(self, tuples: Tuples, horizon: float) -> Floats:
        """Return the same for customers of whom it is known that they have not left."""
        age = np.asarray(tuples.age, dtype=np.float64)
        buys = (self.alpha + np.asarray(tuples.frequency)) / (self.alpha + self.beta + age)
        stays, total = np.ones(len(tuples)), np.zeros(len(tuples))
        for period in range(int(np.ceil(horizon))):
            stays = stays * (self.delta + age + period) / (self.gamma + self.delta + age + period)
            total += stays * min(1.0, horizon - period)
        return np.asarray(buys * total)

    @property
    def _values(self) -> tuple[float, float, float, float]:
        return self.alpha, self.beta, self.gamma, self.delta


def fit(tuples: Tuples) -> tuple[BGBB, Fit]:
    """
    Fit the model to customers.

    :returns: the model, and its parameters alpha, beta, gamma, delta with their errors
    :raises DidNotConverge: when the data do not determine it
    :raises ValueError: where a customer bought more often than there were periods, or times are no whole periods
    """
    records = list(_records(tuples))
    require_enough(tuples)
    if not np.any(np.asarray(tuples.recency) < np.asarray(tuples.age)):
        raise DidNotConverge("nobody_silent", "everybody bought in the last period: nobody can have left")

    def objective(logs: Floats) -> tuple[float, Floats]:
        value, gradient = 0.0, np.zeros(4)
        for part, record in records:
            terms = _Terms(tuple(np.exp(logs)), record)
            counts = tuples.counts[part]
            value += float(counts @ terms.log_total)
            gradient += terms.gradient() @ counts
        return value, gradient * np.exp(logs)

    found = maximise(
        objective, np.array(START), names=NAMES, weight=float(tuples.customers), most=np.full(4, ALIKE),
        may_be_most=(True, True, True, True),
    )  # fmt: skip
    return BGBB(*(float(value) for value in found.values)), found


@dataclass(frozen=True)
class _Record:
    """Whole numbers of some tuples: in how many periods they bought, the last of them, and how many there were."""

    frequency: Whole
    recency: Whole
    age: Whole


def _records(tuples: Tuples) -> list[tuple[slice, _Record]]:
    """Return the tuples in parts that fit into memory with all their periods."""
    columns = []
    for name, column in (("frequency", tuples.frequency), ("recency", tuples.recency), ("age", tuples.age)):
        whole = np.asarray(column).astype(np.int64)
        if np.any(whole != column):
            raise ValueError(f"{name} must be a whole number of periods")
        columns.append(whole)
    frequency, recency, age = columns
    if np.any(frequency > recency):
        raise ValueError("nobody can buy in more periods than there were until the last purchase")
    size = max(1, CHUNK // (int((age - recency).max(initial=0)) + 1))
    cuts = [slice(begin, begin + size) for begin in range(0, len(age), size)]
    return [(cut, _Record(frequency[cut], recency[cut], age[cut])) for cut in cuts]


class _Terms:
    """
    The ways in which a record comes about, for one vector of parameters: having left after k periods, or not at all.

    Having left after k: B(alpha + x, beta + k - x) B(gamma + 1, delta + k), for k from the last purchase to the period before
    the last; not: B(alpha + x, beta + n - x) B(gamma, delta + n); all over B(alpha, beta) B(gamma, delta).
    """

    def __init__(self, values: tuple[float, ...], record: _Record) -> None:
        self.alpha, self.beta, self.gamma, self.delta = values
        self.record = record
        self.whole = np.arange(int(record.age.max(initial=0)) + 2)
        waits = int((record.age - record.recency).max(initial=0))
        self.k = np.minimum(record.recency[:, None] + np.arange(waits), record.age[:, None])
        possible = self.k < record.age[:, None]
        log_left = self._log_buys(self.k) + self._table(gammaln, self.delta)[self.k]
        log_left += float(gammaln(self.gamma + 1.0)) - self._table(gammaln, self.gamma + self.delta + 1.0)[self.k]
        self.log_left = np.where(possible, log_left, -np.inf)
        self.log_stayed = (
            self._log_buys(record.age[:, None])[:, 0] + float(gammaln(self.gamma))
            + self._table(gammaln, self.delta)[record.age] - self._table(gammaln, self.gamma + self.delta)[record.age]
        )  # fmt: skip
        top = np.maximum(self.log_left.max(axis=1, initial=-np.inf), self.log_stayed)
        total = np.exp(self.log_left - top[:, None]).sum(axis=1) + np.exp(self.log_stayed - top)
        common = _log_beta(self.alpha, self.beta) + _log_beta(self.gamma, self.delta)
        self.log_stayed -= common
        self.log_left -= common
        self.log_total = top + np.log(total) - common

    def gradient(self) -> Floats:
        """Return the gradient of the log-likelihood by the parameters (4 x tuples)."""
        x, n = self.record.frequency, self.record.age
        left = np.exp(self.log_left - self.log_total[:, None])
        stayed = np.exp(self.log_stayed - self.log_total)
        both, misses = self._table(psi, self.alpha + self.beta), self._table(psi, self.beta)
        stays, ends = self._table(psi, self.delta), self._table(psi, self.gamma + self.delta + 1.0)
        ends_last = self._table(psi, self.gamma + self.delta)[n]
        mean_both = (left * both[self.k]).sum(axis=1) + stayed * both[n]
        mean_misses = (left * misses[self.k - x[:, None]]).sum(axis=1) + stayed * misses[n - x]
        mean_ends = (left * ends[self.k]).sum(axis=1) + stayed * ends_last
        mean_stays = (left * stays[self.k]).sum(axis=1) + stayed * stays[n]
        leaves = (1.0 - stayed) * psi(self.gamma + 1.0) + stayed * psi(self.gamma)
        buying, leaving = psi(self.alpha + self.beta), psi(self.gamma + self.delta)
        return np.stack([
            self._table(psi, self.alpha)[x] - mean_both - psi(self.alpha) + buying,
            mean_misses - mean_both - psi(self.beta) + buying,
            leaves - mean_ends - psi(self.gamma) + leaving,
            mean_stays - mean_ends - psi(self.delta) + leaving,
        ])  # fmt: skip

    def _log_buys(self, k: Whole) -> Floats:
        """Return log B(alpha + x, beta + k - x) (tuples x periods)."""
        x = self.record.frequency[:, None]
        return np.asarray(
            self._table(gammaln, self.alpha)[x] + self._table(gammaln, self.beta)[k - x]
            - self._table(gammaln, self.alpha + self.beta)[k]
        )  # fmt: skip

    def _table(self, function: np.ufunc, parameter: float) -> Floats:
        """Return a function at a parameter and 0, 1, 2 ... more."""
        return np.asarray(function(parameter + self.whole))


def _log_beta(a: float, b: float) -> float:
    return float(gammaln(a) + gammaln(b) - gammaln(a + b))


@most_purchases.register
def _(_: BGBB, customers: Active) -> Floats:
    return np.full(len(customers.age), np.ceil(customers.horizon))


@if_active.register
def _(model: BGBB, customers: Active, most: int) -> Floats:
    """Sum over after how many of the periods a customer leaves; a part of a period at the end is taken for a whole one."""
    both = model.alpha + model.beta + customers.age
    buys = np.minimum((model.alpha + customers.frequency) * customers.factor, both - 1e-9)
    periods = int(np.ceil(customers.horizon))
    stays, found = np.ones(len(both)), np.zeros((len(both), most + 1))
    for seen in range(periods + 1):
        odds = model.gamma / (model.gamma + model.delta + customers.age + seen) if seen < periods else 1.0
        found += (stays * odds)[:, None] * _beta_binomial(buys, both - buys, seen, most)
        stays = stays * (1.0 - odds)
    return np.minimum(np.cumsum(found, axis=1), 1.0)


def _beta_binomial(a: Floats, b: Floats, trials: int, most: int) -> Floats:
    """Return the probabilities of 0..most successes (rows x most + 1)."""
    k = np.arange(most + 1.0)
    kept = np.minimum(k, trials)
    ways = gammaln(trials + 1.0) - gammaln(kept + 1.0) - gammaln(trials - kept + 1.0)
    a, b = a[:, None], b[:, None]
    logs = ways + gammaln(a + kept) + gammaln(b + trials - kept) - gammaln(a + b + trials)
    return np.where(k <= trials, np.exp(logs - gammaln(a) - gammaln(b) + gammaln(a + b)), 0.0)

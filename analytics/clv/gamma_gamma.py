"""
Gamma-Gamma: what an occasion is worth varies around a customer's own mean, and the means vary between customers.

Fader, Hardie (2013), The Gamma-Gamma Model of Monetary Value. The mean of few occasions is drawn towards everybody's.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, psi

from analytics.clv.fitting import DidNotConverge, Fit, maximise
from analytics.clv.tuples import Column, Floats

START_SAMPLE = 20_000
LARGEST = 1e6  # of a parameter, in units of the mean where it is money
NAMES = ("p", "q", "v")


@dataclass(frozen=True)
class GammaGamma:
    """
    A fitted model.

    :param p: shape of a customer's occasions
    :param q: shape of the customers' scales; the mean exists where it is above 1
    :param v: scale, in units of money
    """

    p: float
    q: float
    v: float

    @property
    def mean(self) -> float:
        """The expected value of an occasion of a customer of whom nothing is known."""
        return self.p * self.v / (self.q - 1.0)

    def with_values(self, values: Floats) -> "GammaGamma":
        """Return the model with other parameters: p, q, v."""
        return GammaGamma(*(float(value) for value in values))

    def expected_value(self, occasions: Column, means: Column) -> Floats:
        """
        Return the expected value of each customer's future occasions.

        :param occasions: how many were seen; 0 gives everybody's mean
        :param means: of those seen, in units of money; not read where none was seen
        """
        spent = np.where(occasions > 0, occasions * means, 0.0)
        return np.asarray(self.p * (self.v + spent) / (self.p * occasions + self.q - 1.0))

    def scale(self, occasions: Column, means: Column) -> Floats:
        """Return the unit in which each customer's future spending is drawn by `draw`."""
        return np.asarray(self.v + np.where(occasions > 0, occasions * means, 0.0))

    def draw(self, future: Column, occasions: Column, rng: np.random.Generator) -> Floats:
        """
        Return draws of what future occasions come to together, in units of `scale`.

        :param future: how many there will be, of any shape
        :param occasions: how many were seen, of a shape that fits
        """
        shape = np.where(future > 0, self.p * future, 1.0)
        spent = rng.standard_gamma(shape) / rng.standard_gamma(
            np.broadcast_to(self.p * occasions + self.q, shape.shape)
        )
        return np.asarray(np.where(future > 0, spent, 0.0))


def fit(occasions: Column, means: Column) -> tuple[GammaGamma, Fit]:
    """
    Fit the model to customers who bought: to all occasions, or to those after the first.

    :param occasions: how many occasions each mean is of, at least 1
    :param means: mean value of an occasion, above 0, in units of money
    :returns: the model, and its parameters p, q, v with their errors
    :raises DidNotConverge: when the data do not determine it
    """
    if np.any(occasions < 1) or not np.all(means > 0) or not np.all(np.isfinite(means)):
        raise ValueError("needs at least one occasion per customer, and means above 0")
    number = np.asarray(occasions, dtype=np.float64)
    unit = float(np.average(means, weights=number))  # results must not change with the currency
    scaled = np.asarray(means / unit, dtype=np.float64)
    start = np.array([1.0, 2.0, 1.0])
    if len(number) > 2 * START_SAMPLE:
        start = _start(number, scaled, start)
    found = _Likelihood(number, scaled).maximised(start)
    in_money = found.scaled(
        np.array([1.0, 1.0, unit]), log_likelihood=found.log_likelihood - len(number) * float(np.log(unit))
    )
    return GammaGamma(*(float(value) for value in in_money.values)), in_money


def _start(occasions: Floats, means: Floats, start: Floats) -> Floats:
    """Return the parameters of a sample, where a search among all of them begins."""
    few = np.linspace(0, len(occasions) - 1, START_SAMPLE).astype(np.intp)
    try:
        return _Likelihood(occasions[few], means[few]).maximised(start).values
    except DidNotConverge:
        return start


class _Likelihood:
    """The log-likelihood of customers: one logarithm for each, all else by distinct numbers of occasions."""

    def __init__(self, occasions: Floats, means: Floats) -> None:
        self.occasions, self.spent = occasions, occasions * means
        self.distinct, self.counts = np.unique(occasions, return_counts=True)
        self.customers = float(len(occasions))
        log_mean = np.log(means)
        self.log_means = float(log_mean.sum())
        self.log_spent = float(occasions @ log_mean) + float(self.counts @ (self.distinct * np.log(self.distinct)))

    def __call__(self, logs: Floats) -> tuple[float, Floats]:
        """Return it, and its gradient by the logarithms of p, q and v."""
        p, q, v = np.exp(logs)
        n, counts = self.distinct, self.counts
        spread = self.spent + v
        over = 1.0 / spread
        log_spread = np.log(spread, out=spread)
        logs_sum, logs_by_n = float(log_spread.sum()), float(self.occasions @ log_spread)
        over_sum, over_by_n = float(over.sum()), float(self.occasions @ over)
        value = (
            float(counts @ (gammaln(p * n + q) - gammaln(p * n))) + self.customers * (q * np.log(v) - gammaln(q))
            + p * self.log_spent - self.log_means - p * logs_by_n - q * logs_sum
        )  # fmt: skip
        both = psi(p * n + q)
        by_p = float(counts @ (n * (both - psi(p * n)))) + self.log_spent - logs_by_n
        by_q = float(counts @ both) + self.customers * (np.log(v) - psi(q)) - logs_sum
        by_v = self.customers * q / v - p * over_by_n - q * over_sum
        return value, np.array([by_p * p, by_q * q, by_v * v])

    def maximised(self, start: Floats) -> Fit:
        """Return the fit; p may be as large as can be: each customer then always spends the same."""
        return maximise(
            self, start, names=NAMES, weight=self.customers, most=np.full(3, LARGEST), may_be_most=(True, False, False)
        )

"""
Gamma-Gamma: what an occasion is worth varies around a customer's own mean, and the means vary between customers.

Fader, Hardie (2013), The Gamma-Gamma Model of Monetary Value. The mean of few occasions is drawn towards everybody's.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, psi

from analytics.clv.fitting import Fit, maximise
from analytics.clv.summary import Floats


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

    def expected_value(self, occasions: Floats, means: Floats) -> Floats:
        """
        Return the expected value of each customer's future occasions.

        :param occasions: how many were seen; 0 gives everybody's mean
        :param means: of those seen, in units of money
        """
        return np.asarray(self.p * (self.v + occasions * means) / (self.p * occasions + self.q - 1.0))


def fit(occasions: Floats, means: Floats) -> tuple[GammaGamma, Fit]:
    """
    Fit the model to customers who bought.

    :param occasions: how many occasions each mean is of, at least 1
    :param means: mean value of an occasion, above 0, in units of money
    :returns: the model, and its parameters p, q, v with standard errors
    :raises DidNotConverge: when the data do not determine it
    """
    if np.any(occasions < 1) or np.any(means <= 0):
        raise ValueError("needs at least one occasion per customer, and means above 0")
    unit = float(np.average(means, weights=occasions))  # results must not change with the currency
    scaled, log_mean, log_n = means / unit, np.log(means / unit), np.log(occasions)

    def objective(logs: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(logs)
        shape, spread = p * occasions, v + occasions * scaled
        log_spread = np.log(spread)
        value = (
            gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v) + (shape - 1.0) * log_mean
            + shape * log_n - (shape + q) * log_spread
        )  # fmt: skip
        both = psi(shape + q)
        by_p = occasions * (both - psi(shape) + log_mean + log_n - log_spread)
        by_q = both - psi(q) + np.log(v) - log_spread
        by_v = q / v - (shape + q) / spread
        return float(value.sum()), np.array([by_p.sum() * p, by_q.sum() * q, by_v.sum() * v])

    start, most = np.array([1.0, 2.0, 1.0]), np.array([1e6, 1e6, 1e6])
    found = maximise(objective, start, weight=float(len(means)), most=most, may_be_most=(False, False, False))
    scale = np.array([1.0, 1.0, unit])
    in_money = Fit(
        found.values * scale, found.standard_errors * scale, found.log_likelihood - float(len(means)) * np.log(unit)
    )
    return GammaGamma(*(float(value) for value in in_money.values)), in_money

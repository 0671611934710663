"""
Pareto/NBD: customers buy at a Gamma-distributed rate until they silently leave at a Gamma-distributed rate.

Schmittlein, Morrison, Colombo (1987), Counting Your Customers. The likelihood is written as an integral over the
moment of leaving (Fader, Hardie 2005, A Note on Deriving the Pareto/NBD Model) and integrated numerically: where the
usual form needs the hypergeometric function 2F1, this one is a sum of positive terms that neither cancels nor
overflows.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, psi

from analytics.clv.fitting import DidNotConverge, Fit, maximise
from analytics.clv.summary import Floats, Summary

NODES = 32
DECAY = 40.0  # beyond a decay by exp(-40) the integrand adds nothing to a double
CHUNK = 20_000
# Where s has no upper limit everybody leaves at practically the same rate s/beta, and where beta has none nobody leaves:
# both are models (their limits), and at a thousand they are reached.
ALIKE = 1_000.0
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(NODES)


@dataclass(frozen=True)
class ParetoNBD:
    """
    A fitted model.

    :param r: shape of the purchase rates
    :param alpha: scale of the purchase rates, in units of time
    :param s: shape of the leaving rates
    :param beta: scale of the leaving rates, in units of time
    """

    r: float
    alpha: float
    s: float
    beta: float

    def probability_active(self, customers: Summary) -> Floats:
        """Return, for each customer, the probability of not having left by the end of the data."""
        logs = np.log([self.r, self.alpha, self.s, self.beta])
        return np.concatenate([_Terms(logs, part).probability_active() for part in _chunks(customers)])

    def expected_purchases(self, customers: Summary, horizon: float) -> Floats:
        """
        Return, for each customer, the expected number of purchase occasions within a horizon after the data's end.

        :param horizon: in the summary's unit of time
        """
        return self.purchases_if_active(customers, horizon) * self.probability_active(customers)

    def purchases_if_active(self, customers: Summary, horizon: float) -> Floats:
        """Return the same for customers of whom it is known that they have not left."""
        left = self.beta + customers.age
        stay = np.log1p(horizon / left)
        rate = (self.r + customers.frequency) / (self.alpha + customers.age)
        return np.asarray(rate * left * _one_minus_power(stay, self.s - 1.0))


def fit(customers: Summary) -> tuple[ParetoNBD, Fit]:
    """
    Fit the model to customers.

    :returns: the model, and its parameters r, alpha, s, beta with standard errors
    :raises DidNotConverge: when the data do not determine it, for instance when nobody bought twice
    """
    if not np.any(customers.frequency):
        raise DidNotConverge("nobody bought twice")
    distinct, counts, _ = customers.grouped()
    parts = list(_chunks(distinct))
    weights = np.split(counts, np.cumsum([len(part) for part in parts])[:-1])

    def objective(logs: Floats) -> tuple[float, Floats]:
        total, gradient = 0.0, np.zeros(4)
        for part, weight in zip(parts, weights, strict=True):
            value, slope = _Terms(logs, part).log_likelihood()
            total += float(weight @ value)
            gradient += slope @ weight
        return total, gradient

    scale = float(np.average(distinct.age, weights=counts))
    start = np.array([1.0, scale / 2, 1.0, scale / 2])
    most = np.array([ALIKE, ALIKE * scale, ALIKE, ALIKE * ALIKE * scale])
    found = maximise(objective, start, weight=float(counts.sum()), most=most, may_be_most=(False, False, True, True))
    return ParetoNBD(*(float(value) for value in found.values)), found


class _Terms:
    """
    The two ways in which a customer's record comes about, for one vector of log-parameters.

    stayed = (alpha+T)^-(r+x) (beta+T)^-s, and
    left = s * integral from t_x to T of (alpha+t)^-(r+x) (beta+t)^-(s+1) dt, both relative to a common scale.
    """

    def __init__(self, logs: Floats, customers: Summary) -> None:
        self.r, self.alpha, self.s, self.beta = np.exp(logs)
        self.customers = customers
        self.power = self.r + customers.frequency
        self.log_stayed = -self.power * np.log(self.alpha + customers.age) - self.s * np.log(self.beta + customers.age)
        self._integrate()

    def _integrate(self) -> None:
        """Put Gauss-Legendre nodes on u = log(c + t), c the smaller scale: there the integrand has no narrow features."""
        c = min(self.alpha, self.beta)
        start = c + self.customers.recency
        width = np.log((c + self.customers.age) / start)
        slowest = self._slowest_decay()
        width = np.where(slowest > 0, np.minimum(width, DECAY / np.maximum(slowest, 1e-300)), width)
        u = (POINTS + 1.0) * 0.5 * width[:, None]
        from_c = start[:, None] * np.exp(u)
        self.log_a = np.log(from_c + (self.alpha - c))
        self.log_b = np.log(from_c + (self.beta - c))
        exponent = np.log(from_c) - self.power[:, None] * self.log_a - (self.s + 1.0) * self.log_b
        self.top = np.maximum(exponent.max(axis=1), self.log_stayed)
        self.left = np.exp(exponent - self.top[:, None]) * (WEIGHTS * (0.5 * self.s)) * width[:, None]
        self.stayed = np.exp(self.log_stayed - self.top)
        self.total = self.stayed + self.left.sum(axis=1)

    def _slowest_decay(self) -> Floats:
        """Return a lower bound of the rate at which the integrand falls in u."""
        if self.alpha <= self.beta:
            return np.asarray(self.power - 1.0)
        share = (self.beta + self.customers.recency) / (self.alpha + self.customers.recency)
        return np.asarray(self.s + self.power * share)

    def probability_active(self) -> Floats:
        return np.asarray(self.stayed / self.total)

    def log_likelihood(self) -> tuple[Floats, Floats]:
        """Return each customer's log-likelihood, and its gradient by the four log-parameters (4 x customers)."""
        x, age = self.customers.frequency, self.customers.age
        value = (
            gammaln(self.power) - gammaln(self.r) + self.r * np.log(self.alpha) + self.s * np.log(self.beta)
            + self.top + np.log(self.total)
        )  # fmt: skip
        stayed, left = self.stayed / self.total, self.left / self.total[:, None]
        over_a, over_b = np.exp(-self.log_a), np.exp(-self.log_b)
        mean_log_a = stayed * np.log(self.alpha + age) + (left * self.log_a).sum(axis=1)
        mean_log_b = stayed * np.log(self.beta + age) + (left * self.log_b).sum(axis=1)
        mean_over_a = stayed / (self.alpha + age) + (left * over_a).sum(axis=1)
        mean_over_b = stayed * self.s / (self.beta + age) + (self.s + 1.0) * (left * over_b).sum(axis=1)
        by_r = psi(self.r + x) - psi(self.r) + np.log(self.alpha) - mean_log_a
        by_alpha = self.r / self.alpha - self.power * mean_over_a
        by_s = np.log(self.beta) - mean_log_b + left.sum(axis=1) / self.s
        by_beta = self.s / self.beta - mean_over_b
        scales = np.array([self.r, self.alpha, self.s, self.beta])
        return value, np.stack([by_r, by_alpha, by_s, by_beta]) * scales[:, None]


def _one_minus_power(log_growth: Floats, exponent: float) -> Floats:
    """Return (1 - growth^-exponent) / exponent, which tends to log(growth) as the exponent tends to 0."""
    if abs(exponent) < 1e-9:  # noqa: PLR2004
        return log_growth
    return np.asarray(-np.expm1(-exponent * log_growth) / exponent)


def _chunks(customers: Summary) -> list[Summary]:
    """Cut customers into parts whose nodes fit into the processor's cache."""
    places = range(0, max(len(customers), 1), CHUNK)
    return [
        Summary(customers.frequency[i : i + CHUNK], customers.recency[i : i + CHUNK], customers.age[i : i + CHUNK])
        for i in places
    ]

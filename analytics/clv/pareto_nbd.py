"""
Pareto/NBD: customers buy at a Gamma-distributed rate until they silently leave at a Gamma-distributed rate.

Schmittlein, Morrison, Colombo (1987), Counting Your Customers. The likelihood is written as an integral over the
moment of leaving (Fader, Hardie 2005, A Note on Deriving the Pareto/NBD Model): see leaving_time.py. Time is in any unit,
that of the tuples; alpha and beta are in the same one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, overload

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, polygamma, psi

from analytics.clv.covariates import ByCategory, Covariates
from analytics.clv.families import Expansion, Family, Surface, fit_family
from analytics.clv.fitting import Fit
from analytics.clv.leaving_time import LeavingTime, Plan
from analytics.clv.tuples import Floats, Rows, Tuples

# Where s has no upper limit everybody leaves at practically the same rate s/beta, where r has none everybody buys at the same
# one, and where s has no lower limit nobody leaves: they are models (limits of this one), and at these bounds they are reached.
ALIKE = 1_000.0
NEVER = 1e-7
REPLAN = 0.05  # in log-parameters: by so little the choice of nodes need not be made anew


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

    name: ClassVar[str] = "Pareto/NBD"

    def __post_init__(self) -> None:
        if not all(0 < value < np.inf for value in self._values()):
            raise ValueError("the parameters of Pareto/NBD must be above 0")

    def with_values(self, values: Floats) -> "ParetoNBD":
        """Return the same model with other parameters: r, alpha, s, beta."""
        return ParetoNBD(*(float(value) for value in values))

    def log_likelihood(self, tuples: Tuples) -> Floats:
        """Return the log-likelihood of one customer of each tuple."""
        found = np.empty(len(tuples))
        for part, terms in self._integrals(tuples):
            found[part] = terms.log_total
        common = self.r * np.log(self.alpha) + self.s * np.log(self.beta) - gammaln(self.r)
        return np.asarray(found + gammaln(self.r + tuples.frequency) + common)

    def probability_active(self, tuples: Tuples) -> Floats:
        """Return the probability of not having left by the end of the data."""
        found = np.empty(len(tuples))
        for part, terms in self._integrals(tuples):
            found[part] = terms.stayed
        return found

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        """
        Return the expected number of purchase occasions within a horizon after the end of the data.

        :param horizon: in the tuples' unit of time
        """
        return self.purchases_if_active(tuples, horizon) * self.probability_active(tuples)

    def purchases_if_active(self, tuples: Tuples, horizon: float) -> Floats:
        """Return the same for customers of whom it is known that they have not left."""
        rate = (self.r + tuples.frequency) / (self.alpha + tuples.age)
        left = self.beta + tuples.age
        return np.asarray(rate * left * _one_minus_power(np.log1p(horizon / left), self.s - 1.0))

    def purchases_by_ends(self, tuples: Tuples, ends: Floats) -> Floats:
        """Return the expected purchases until each of several horizons (ends x tuples)."""
        return np.stack([self.purchases_if_active(tuples, float(end)) for end in ends]) * self.probability_active(
            tuples
        )

    def _values(self) -> tuple[float, float, float, float]:
        return self.r, self.alpha, self.s, self.beta

    def _integrals(self, tuples: Tuples) -> Iterator[tuple[NDArray[np.intp], LeavingTime]]:
        rows = tuples.rows()
        for part, nodes in Plan.of(self._values(), rows).parts():
            yield part, LeavingTime(self._values(), rows.take(part), nodes)


@overload
def fit(tuples: Tuples) -> tuple[ParetoNBD, Fit]: ...
@overload
def fit(tuples: Tuples, *, covariates: None) -> tuple[ParetoNBD, Fit]: ...
@overload
def fit(tuples: Tuples, *, covariates: Covariates) -> tuple[ByCategory[ParetoNBD], Fit]: ...


def fit(tuples: Tuples, *, covariates: Covariates | None = None) -> tuple[ParetoNBD | ByCategory[ParetoNBD], Fit]:
    """
    Fit the model to customers.

    :param covariates: what is known of the categories that the tuples name, to scale alpha and beta by
    :returns: the model, and its parameters r, alpha, s, beta, then the coefficients of alpha and of beta
    :raises DidNotConverge: when the data do not determine it, for instance when nobody bought twice
    """
    found = fit_family(FAMILY, tuples, None if covariates is None else covariates.design)
    base = ParetoNBD(*(float(value) for value in found.values[:4]))
    if covariates is None:
        return base, found
    return ByCategory.of(base, FAMILY, covariates, found), found


def _surface(rows: Rows) -> Surface:
    """Return the log-likelihood of customers as a function of log-parameters, with its first two derivatives."""
    occasions = np.bincount(rows.frequency.astype(np.int64), weights=rows.counts)
    x = np.flatnonzero(occasions).astype(np.float64)
    of_x = occasions[occasions > 0].astype(np.float64)
    kept: list[tuple[Floats, list[tuple[Rows, int]]]] = []

    def parts(logs: Floats) -> list[tuple[Rows, int]]:
        if not kept or np.max(np.abs(kept[0][0] - logs)) > REPLAN:
            plan = Plan.of(np.exp(logs), rows)
            kept[:] = [(logs, [(rows.take(part), nodes) for part, nodes in plan.parts()])]
        return kept[0][1]

    def expand(logs: Floats) -> Expansion:
        r, _, s, _ = np.exp(logs)
        total = float(of_x.sum())
        value = float(of_x @ (gammaln(r + x) - gammaln(r))) + total * float(r * logs[1] + s * logs[3])
        by_r = r * (float(of_x @ (psi(r + x) - psi(r))) + total * float(logs[1]))
        gradient = np.array([by_r, total * r, total * s * logs[3], total * s])
        hessian = np.diag([by_r + r * r * float(of_x @ (polygamma(1, r + x) - polygamma(1, r))), 0, gradient[2], 0])
        hessian[0, 1] = hessian[1, 0] = total * r
        hessian[2, 3] = hessian[3, 2] = total * s
        found = Expansion(value, gradient, hessian)
        for part, nodes in parts(logs):
            found = found.plus(LeavingTime(np.exp(logs), part, nodes).expansion())
        return found

    return expand


def _one_minus_power(log_growth: Floats, exponent: float) -> Floats:
    """Return (1 - growth^-exponent) / exponent, which tends to log(growth) as the exponent tends to 0."""
    if abs(exponent) < 1e-12:  # noqa: PLR2004
        return log_growth
    return np.asarray(-np.expm1(-exponent * log_growth) / exponent)


FAMILY = Family(
    name=ParetoNBD.name,
    names=("r", "alpha", "s", "beta"),
    starts=((1.0, 0.5, 1.0, 0.5), (3.0, 1.0, 0.2, 0.05), (0.2, 0.1, 0.5, 0.1)),
    least=(1e-6, 1e-9, NEVER, 1e-9),
    most=(ALIKE, 1e9, ALIKE, 1e9),
    may_be_least=(False, False, True, True),
    may_be_most=(True, False, True, True),
    in_time=(False, True, False, True),
    scaled=(("alpha", -1.0), ("beta", -1.0)),
    surface=_surface,
)

"""Maximum likelihood in the logarithms of positive parameters, with the covariance of what was found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from analytics.clv.tuples import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
STEP = 1e-5
EDGE = 1e-6
FLAT = 1e-3
FURTHEST = 1e9

OPEN = 100.0  # variance of a logarithm above which nothing is known of a parameter


class DidNotConverge(ValueError):
    """
    The data do not determine the model's parameters; the message says what is missing.

    :param reason: a code: "nobody_bought_twice", "too_few_customers", "one_day" or "flat"
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Fit:
    """
    What a fit came to.

    :param names: of the parameters, in the model's order
    :param values: of the parameters
    :param covariance: of the values, by the observed information; NaN in the rows of those that the data leave open
    :param log_likelihood: of all customers together
    :param coefficients: how many of the last parameters may be below 0, as they are exponents
    """

    names: tuple[str, ...]
    values: Floats
    covariance: Floats
    log_likelihood: float
    coefficients: int = 0

    @property
    def standard_errors(self) -> Floats:
        """Of each value; NaN where the likelihood is flat."""
        return np.sqrt(np.diag(self.covariance))

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """
        Return n vectors of parameters (n x parameters) that the data could as well have come from.

        Logarithms are drawn from their normal approximation, so that all are above 0 (coefficients are drawn as they are);
        what the data leave open stays as it is.
        """
        known = np.isfinite(np.diag(self.covariance))
        drawn = np.tile(self.values, (n, 1))
        if not np.any(known):
            return drawn
        slopes = slopes_of(self.values, self.coefficients)[known]
        of_logs = self.covariance[np.ix_(known, known)] / np.outer(slopes, slopes)
        away = rng.multivariate_normal(np.zeros(len(slopes)), of_logs, size=n, method="eigh")
        positive = np.flatnonzero(known) < len(self.values) - self.coefficients
        drawn[:, known] = np.where(positive, self.values[known] * np.exp(away), self.values[known] + away)
        return drawn

    def scaled(self, scale: Floats, *, log_likelihood: float) -> "Fit":
        """Return the same fit with its values in other units."""
        covariance = self.covariance * np.outer(scale, scale)
        return replace(self, values=self.values * scale, covariance=covariance, log_likelihood=log_likelihood)


def slopes_of(values: Floats, coefficients: int) -> Floats:
    """Return how much each value changes with its logarithm, or with itself where it is a coefficient."""
    return np.where(np.arange(len(values)) < len(values) - coefficients, values, 1.0)


def inverse_of(information: Floats, free: NDArray[np.bool_]) -> Floats:
    """Return the covariance of those that are free; NaN for the others, and for those of which nothing is known."""
    covariance = np.full(information.shape, np.nan)
    while np.any(free):
        part = information[np.ix_(free, free)]
        bends, directions = np.linalg.eigh(part)
        if bends[0] <= 0 or not np.all(np.isfinite(bends)):
            loose = int(np.argmax(np.abs(directions[:, 0])))
        else:
            inverse = directions @ (directions / bends).T
            loose = int(np.argmax(np.diag(inverse)))
            if inverse[loose, loose] < OPEN:
                covariance[np.ix_(free, free)] = inverse
                break
        free = free.copy()
        free[np.flatnonzero(free)[loose]] = False
    return covariance


def maximise(  # noqa: PLR0913 - what a search has to know
    objective: Objective,
    start: Floats,
    *,
    names: tuple[str, ...],
    weight: float,
    most: Floats,
    may_be_most: Sequence[bool],
) -> Fit:
    """
    Maximise a log-likelihood over positive parameters by its gradient.

    :param objective: takes log-parameters; returns the log-likelihood and its gradient by them
    :param start: parameters to begin with
    :param weight: number of customers, by which the likelihood is scaled so that tolerances do not depend on it
    :param most: the largest value that each parameter may take; the smallest is its start divided by a billion
    :param may_be_most: for which parameters the largest value is a model of its own (its limit), not a failure
    :raises DidNotConverge: when no maximum is found
    """

    def negative(logs: Floats) -> tuple[float, Floats]:
        value, gradient = objective(logs)
        return -value / weight, -gradient / weight

    lower, upper = np.log(start) - np.log(FURTHEST), np.log(most)
    bounds = list(zip(lower.tolist(), upper.tolist(), strict=True))
    best = minimize(
        negative, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 1_000, "ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    logs = np.asarray(best.x, dtype=np.float64)
    at_most, at_least = logs >= upper - EDGE, logs <= lower + EDGE
    slope = np.where(at_most & (best.jac < 0), 0.0, best.jac)
    failed = at_least | (at_most & ~np.array(may_be_most)) | (np.abs(slope) > FLAT)
    if not np.all(np.isfinite(logs)) or np.any(failed):
        raise DidNotConverge(
            "flat", "the customers differ too little, or in too few ways, to tell the parameters apart"
        )
    values = np.exp(logs)
    covariance = inverse_of(_information(objective, logs), ~at_most) * np.outer(values, values)
    return Fit(names, values, covariance, -float(best.fun) * weight)


def _information(objective: Objective, logs: Floats) -> Floats:
    """Return the information on log-parameters, from the gradient's central differences."""
    size = len(logs)
    information = np.empty((size, size))
    for place in range(size):
        step = np.zeros(size)
        step[place] = STEP
        information[place] = -(objective(logs + step)[1] - objective(logs - step)[1]) / (2 * STEP)
    return (information + information.T) / 2

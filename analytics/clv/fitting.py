"""Maximum likelihood in the logarithms of positive parameters, with standard errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from analytics.clv.summary import Floats

Objective = Callable[[Floats], tuple[float, Floats]]
STEP = 1e-5
EDGE = 1e-6
FLAT = 1e-3
FURTHEST = 1e9


class DidNotConverge(Exception):
    """The data do not determine the model's parameters."""


@dataclass(frozen=True)
class Fit:
    """
    What a fit came to.

    :param values: parameters, in the model's order
    :param standard_errors: of each, by the observed information; NaN where the likelihood is flat
    :param log_likelihood: of all customers together
    """

    values: Floats
    standard_errors: Floats
    log_likelihood: float


def maximise(objective: Objective, start: Floats, *, weight: float, most: Floats, may_be_most: Sequence[bool]) -> Fit:
    """
    Maximise a log-likelihood over positive parameters.

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
        raise DidNotConverge(f"the likelihood has no maximum inside: parameters {np.exp(logs).tolist()}")
    values = np.exp(logs)
    standard_errors = np.where(at_most, np.nan, values * _log_errors(objective, logs))
    return Fit(values, standard_errors, -float(best.fun) * weight)


def _log_errors(objective: Objective, logs: Floats) -> Floats:
    """Return standard errors of log-parameters from the gradient's central differences."""
    size = len(logs)
    information = np.empty((size, size))
    for place in range(size):
        step = np.zeros(size)
        step[place] = STEP
        information[place] = -(objective(logs + step)[1] - objective(logs - step)[1]) / (2 * STEP)
    information = (information + information.T) / 2
    try:
        variances = np.diag(np.linalg.inv(information))
    except np.linalg.LinAlgError:
        return np.full(size, np.nan)
    return np.sqrt(np.where(variances > 0, variances, np.nan))

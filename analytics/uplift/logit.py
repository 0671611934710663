"""Logistic regression by Newton's steps, each halved until the likelihood rises."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from analytics.uplift.panel import Flags, Floats

MAX_STEPS, MAX_HALVINGS = 60, 40
ENOUGH = 1e-10  # of the log-likelihood
RIDGE = 1e-8  # of the curvature: covariates that say the same share their coefficient


@dataclass(frozen=True)
class Logit:
    """
    A fitted logistic regression.

    :param coefficients: of the covariates, the intercept first
    :param converged: whether the likelihood ended flat; it does not where covariates tell all members from all controls
    """

    coefficients: Floats
    log_likelihood: float
    steps: int
    converged: bool

    def scores(self, covariates: Floats) -> Floats:
        """Return the log-odds that the covariates give, without an offset."""
        return np.asarray(self.coefficients[0] + covariates @ self.coefficients[1:])


def fit_logit(covariates: Floats, outcome: Flags, offset: Floats | None = None) -> Logit:
    """
    Fit the log-odds of an outcome as linear in covariates.

    A full Newton step can overshoot where the fitted chances are near 0 or 1, and then diverges: the step is halved until
    the likelihood is not lower than before.

    :param covariates: (n, k), of a like scale, without an intercept
    :param offset: (n), log-odds that are known
    """
    design = np.column_stack([np.ones(len(covariates)), covariates])
    base = np.zeros(len(design)) if offset is None else offset
    at = np.zeros(design.shape[1])
    likelihood = _log_likelihood(base, outcome)
    for step in range(1, MAX_STEPS + 1):
        chance = expit(base + design @ at)
        gradient = design.T @ (outcome - chance)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design
        curvature[np.diag_indices_from(curvature)] += RIDGE * max(1.0, float(np.trace(curvature)))
        change = np.linalg.solve(curvature, gradient)
        at, higher = _climb(design, base, outcome, at, change, likelihood)
        gain, likelihood = higher - likelihood, higher
        if gain <= ENOUGH * (1 + abs(likelihood)):
            return Logit(at, likelihood, step, converged=True)
    return Logit(at, likelihood, MAX_STEPS, converged=False)


def _climb(  # noqa: PLR0913 - where from, where to and how high
    design: Floats, base: Floats, outcome: Flags, at: Floats, change: Floats, likelihood: float
) -> tuple[Floats, float]:
    """Return the furthest point along a change, of halves of halves, at which the likelihood is not lower, and its height."""
    for _ in range(MAX_HALVINGS):
        there = at + change
        height = _log_likelihood(base + design @ there, outcome)
        if height >= likelihood:
            return there, height
        change = change / 2
    return at, likelihood


def _log_likelihood(scores: Floats, outcome: Flags) -> float:
    return float(np.sum(np.where(outcome, scores, 0.0)) - np.sum(np.logaddexp(0.0, scores)))

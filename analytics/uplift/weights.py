"""Controls weighted so that they look like members, and what they would have spent in the members' place."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.logit import Logit, fit_logit
from analytics.uplift.panel import Flags, Floats, Places

RIDGE = 1e-9

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Weighting:
    """
    Members, and controls that stand for them.

    Within each cell the controls' weights sum to its members. What remains of a difference in covariates is adjusted for by a
    weighted regression among controls, so that either the weights or the regression may be wrong, not both.

    :param customer: whose each unit is; errors are clustered by it
    :param joins: which units are members
    :param cell: (n), 0 to `cells` - 1
    :param covariates: (n, k), standardised
    :param score: log-odds of joining by the covariates, the cells' rates left out
    :param weight: (n), of controls; 0 for members
    """

    customer: Places
    joins: Flags
    cell: Places
    covariates: Floats
    logit: Logit
    score: Floats
    weight: Floats

    @cached_property
    def members(self) -> int:
        """How many members there are."""
        return int(np.count_nonzero(self.joins))

    @cached_property
    def controls(self) -> int:
        """How many units of controls there are."""
        return len(self.joins) - self.members

    @cached_property
    def effective_sample(self) -> float:
        """How many equally weighted customers the weighted controls are worth."""
        each = np.bincount(self.customer[~self.joins], weights=self.weight[~self.joins])
        return float(each.sum() ** 2 / np.sum(each**2))

    @cached_property
    def _centred(self) -> Floats:
        """The controls' covariates less their weighted means by cell."""
        return np.asarray(self.covariates - self._by_cell(self.covariates)[self.cell])

    @cached_property
    def _inverse(self) -> Floats:
        """The inverse of the controls' weighted cross-products."""
        weighted = self._centred * self.weight[:, None]
        product = weighted.T @ self._centred
        product[np.diag_indices_from(product)] += RIDGE * max(1.0, float(np.trace(product)))
        return np.asarray(np.linalg.inv(product))

    @cached_property
    def _left(self) -> Floats:
        """What the members' covariates differ by after weighting, summed."""
        return np.asarray(self._centred[self.joins].sum(axis=0))

    def _by_cell(self, values: Floats) -> Floats:
        """Return the controls' weighted means by cell."""
        size = int(self.cell.max(initial=0)) + 1
        total = np.bincount(self.cell, weights=self.weight, minlength=size)
        total[total == 0] = 1.0
        if values.ndim == 1:
            return np.asarray(np.bincount(self.cell, weights=self.weight * values, minlength=size) / total)
        columns = [np.bincount(self.cell, weights=self.weight * column, minlength=size) / total for column in values.T]
        return np.column_stack(columns) if columns else np.zeros((size, 0))

    def of_members(self, values: Floats) -> "Mean":
        """Return the members' mean."""
        mean = float(values[self.joins].sum() / self.members)
        return Mean(mean, np.where(self.joins, (values - mean) / self.members, 0.0))

    def of_controls(self, values: Floats) -> "Mean":
        """Return what the mean would be among controls who are like the members."""
        at_cell = self._by_cell(values)[self.cell]
        slopes = self._inverse @ (self._centred.T @ (self.weight * (values - at_cell)))
        fitted = at_cell + self._centred @ slopes
        mean = float(fitted[self.joins].sum() / self.members)
        tilt = 1.0 + self._centred @ (self._inverse @ self._left)
        influence = np.where(self.joins, fitted - mean, self.weight * tilt * (values - fitted)) / self.members
        return Mean(mean, influence)

    def comparable(self, keep: Rows) -> Flags:
        """Return which of some units stand in a cell that has members and controls among them."""
        size = int(self.cell.max(initial=0)) + 1
        members, controls = (
            np.bincount(self.cell[keep][side], minlength=size) for side in (self.joins[keep], ~self.joins[keep])
        )
        both: Flags = ((members > 0) & (controls > 0))[self.cell[keep]]
        return both

    def narrowed(self, keep: Rows) -> "Weighting":
        """Return the weighting among comparable units, by the odds that all gave."""
        return _weighted(
            self.customer[keep], self.joins[keep], self.cell[keep], self.covariates[keep], self.logit, self.score[keep]
        )


@dataclass(frozen=True)
class Mean:
    """A mean, and how much each unit moves it."""

    value: float
    influence: Floats


def weighting(customer: Places, joins: Flags, cell: Places, covariates: Floats) -> Weighting:
    """
    Weigh controls by their odds of joining, given covariates and the cell.

    :param covariates: (n, k) in any unit; columns without spread are left out
    """
    covariates = standardised(covariates, joins)
    cell = np.unique(cell, return_inverse=True)[1].astype(np.int32)
    members = np.bincount(cell[joins], minlength=int(cell.max(initial=0)) + 1)
    controls = np.bincount(cell[~joins], minlength=len(members))
    logit = fit_logit(covariates, joins, np.log(members / controls)[cell])
    return _weighted(customer, joins, cell, covariates, logit, logit.scores(covariates))


def _weighted(  # noqa: PLR0913 - what a weighting has
    customer: Places, joins: Flags, cell: Places, covariates: Floats, logit: Logit, score: Floats
) -> Weighting:
    """Give controls their odds as weights, which in each cell sum to its members."""
    odds = np.where(joins, 0.0, np.exp(score - score.max(initial=-np.inf)))
    size = int(cell.max(initial=0)) + 1
    members = np.bincount(cell[joins], minlength=size)
    total = np.bincount(cell, weights=odds, minlength=size)
    total[total == 0] = 1.0
    return Weighting(customer, joins, cell, covariates, logit, score, odds * (members / total)[cell])


def standardised(covariates: Floats, joins: Flags) -> Floats:
    """Return covariates with the controls' mean 0 and spread 1, without those that have none."""
    centre, spread = covariates[~joins].mean(axis=0), covariates.std(axis=0)
    varies = spread > 1e-9 * (1e-300 + np.abs(covariates).max(axis=0, initial=0.0))
    return np.asarray((covariates[:, varies] - centre[varies]) / spread[varies])

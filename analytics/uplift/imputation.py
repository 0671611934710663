"""
Event studies by imputation: Borusyak, Jaravel and Spiess (2024), and Gardner (2022), from the cohort table.

What members would have spent is told from their own months before joining and from the months of all who had not joined: a
level per customer and one per month. The effect is what they spent beyond it. Both papers have the same estimates; their
errors differ in what the spread of effects is measured about: the mean of each cohort and month (Borusyak and others), or the
mean that is told (Gardner, whose two stages are one system of moments).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from analytics.uplift.cohorts import CohortTable
from analytics.uplift.effects import Effects, NothingToCompare, Study, stacked
from analytics.uplift.panel import NEVER, Flags, Floats

About = Literal["cells", "told"]


@dataclass(frozen=True)
class Imputed:
    """
    What everybody would have spent without joining.

    :param joined: whether a cohort has joined in a month, G x T
    :param counted: whether an effect can be told of a cohort in a month, G x T
    :param levels: of the months; 0 of the first one, and of those that nobody had not joined in
    """

    table: CohortTable
    joined: Flags
    counted: Flags
    levels: Floats

    @property
    def effects(self) -> Floats:
        """The mean effect on a cohort in a month, G x T; 0 where there is none to tell."""
        beyond = self.table.means - self.levels
        own = (beyond * ~self.joined).sum(axis=1, keepdims=True) / _before(self.joined)
        return np.where(self.counted, beyond - own, 0.0)

    def mean(self, cells: Flags, about: About = "cells") -> Effects:
        """Return the mean effect in some cells, every customer and month counting the same."""
        told = cells & self.counted
        if not np.any(told):
            raise NothingToCompare
        weights: Floats = told / float(self.table.customers @ told.sum(axis=1))
        slopes: Floats = weights + _projected(self.table, self.joined, weights)
        value = float(self.table.customers @ (weights * self.effects).sum(axis=1))
        around = self.effects if about == "cells" else np.full_like(self.effects, value)
        constants = (slopes * (self.table.means - self.levels)).sum(axis=1) - (weights * around).sum(axis=1)
        return Effects(np.array([value]), slopes[None], constants[None])

    @property
    def since(self) -> Floats:
        """Months since joining, G x T; not a number of those who never joined."""
        joined = np.where(self.table.joined == NEVER, np.nan, self.table.joined)
        since: Floats = np.arange(self.table.months, dtype=np.float64) - joined[:, None]
        return since


def impute(table: CohortTable) -> Imputed:
    """Return what everybody would have spent without joining."""
    joined = np.arange(table.months) >= table.joined[:, None]
    counted = joined & ~np.all(joined, axis=0)
    levels = _month_levels(table, joined, (table.sums * ~joined).sum(axis=0), (table.sums * ~joined).sum(axis=1))
    return Imputed(table, joined, counted, levels)


def by_months_since(imputed: Imputed, about: About = "cells", *, joining_month: bool = True) -> Study:
    """
    Return the effects by months since joining, and the mean on all members in all of those months.

    :param joining_month: whether that month counts to the mean: it holds the order at which they joined, and days before it
    """
    at = np.unique(imputed.since[imputed.counted]).astype(np.int32)
    effects = stacked([imputed.mean(imputed.since == since, about) for since in at])
    return Study(at, effects, imputed.mean(imputed.since >= (0 if joining_month else 1), about))


def by_cohort(imputed: Imputed, about: About = "cells") -> Study:
    """Return the mean effect on each cohort, and that on all members in all months since they joined."""
    places = np.flatnonzero(np.any(imputed.counted, axis=1))
    rows = np.arange(len(imputed.table.joined))[:, None]
    effects = stacked([imputed.mean(imputed.joined & (rows == place), about) for place in places])
    return Study(imputed.table.joined[places], effects, imputed.mean(imputed.joined, about))


def _before(joined: Flags) -> Floats:
    """Return how many months before joining each cohort has, G x 1."""
    months: Floats = np.count_nonzero(~joined, axis=1)[:, None].astype(np.float64)
    return months


def _projected(table: CohortTable, joined: Flags, weights: Floats) -> Floats:
    """Return what the months before joining weigh in a weighted sum of effects, G x T."""
    own = weights.sum(axis=1)
    levels = _month_levels(table, joined, table.customers @ weights, table.customers * own)
    of_levels = np.where(joined, 0.0, levels)
    customers = (own - of_levels.sum(axis=1))[:, None] / _before(joined)
    weighed: Floats = np.where(joined, 0.0, -(customers + levels))
    return weighed


def _month_levels(table: CohortTable, joined: Flags, by_month: Floats, by_cohort: Floats) -> Floats:
    """
    Solve the normal equations of a level per customer and one per month, on the months before joining.

    :param by_month: their right hand side for the months, T
    :param by_cohort: and for customers, summed over each cohort, G
    """
    before = (~joined).astype(np.float64)
    shares = before / _before(joined)
    customers = table.customers.astype(np.float64)
    matrix = np.diag(customers @ before) - (before * customers[:, None]).T @ shares
    levels = np.zeros(table.months)
    told = np.flatnonzero(np.any(~joined, axis=0))[1:]  # the first month's level is the customers'
    levels[told] = np.linalg.solve(matrix[np.ix_(told, told)], (by_month - by_cohort @ shares)[told])
    return levels

"""
Effects that are linear in what customers spent, and their errors clustered by customer.

Every estimator of the cohort table says, for each effect, how much one customer of a cohort moves it: so much per unit that
the customer spends in a month above the cohort's mean, and a constant for being of that cohort. The errors of all effects,
and of all their mixtures, follow from the table's second moments: nobody is looked at one by one again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from analytics.uplift.cohorts import CohortTable
from analytics.uplift.panel import Floats, Places
from analytics.uplift.results import Range


class NothingToCompare(Exception):
    """No cohort has a month before it joined and others who had not joined."""


@dataclass(frozen=True)
class Effects:
    """
    K effects of a table with G cohorts and T months.

    :param estimates: K of them
    :param slopes: by how much a unit of a customer's spend moves them, K x G x T
    :param constants: by how much a customer of a cohort with the cohort's mean spend does, K x G
    """

    estimates: Floats
    slopes: Floats
    constants: Floats

    def __len__(self) -> int:
        return len(self.estimates)

    def mixed(self, weights: Floats) -> "Effects":
        """Return weighted sums of these effects, the weights (J x K) being given and not estimated."""
        flat = weights @ self.slopes.reshape(len(self), -1)
        return Effects(weights @ self.estimates, flat.reshape(-1, *self.slopes.shape[1:]), weights @ self.constants)

    def covariance(self, table: CohortTable) -> Floats:
        """Return the K x K covariance of the estimates, clustered by customer, without correction for small samples."""
        total: Floats = np.einsum(
            "kg,lg,g->kl", self.constants, self.constants, table.customers.astype(np.float64), optimize=True
        )
        for place, customers in enumerate(table.customers):
            slopes = self.slopes[:, place]
            total += float(customers) * (slopes @ table.covariances[place] @ slopes.T)
        return total

    def errors(self, table: CohortTable) -> Floats:
        """Return the K standard errors, clustered by customer."""
        total = np.square(self.constants) @ table.customers
        for place, customers in enumerate(table.customers):
            slopes = self.slopes[:, place]
            total += float(customers) * np.einsum("kt,kt->k", slopes @ table.covariances[place], slopes)
        errors: Floats = np.sqrt(np.maximum(total, 0.0))
        return errors

    def ranges(self, table: CohortTable, level: float) -> Sequence[Range]:
        """Return the estimates with their errors and intervals at a level such as .95."""
        reach = NormalDist().inv_cdf(0.5 + level / 2)
        return [
            Range(float(value), float(error), float(value - reach * error), float(value + reach * error))
            for value, error in zip(self.estimates, self.errors(table), strict=True)
        ]


@dataclass(frozen=True)
class Study:
    """Effects by something (months since joining, a cohort, a calendar month), and their plain or weighted mean."""

    at: Places
    effects: Effects
    overall: Effects


def stacked(parts: Sequence[Effects]) -> Effects:
    """Return the effects of several, one after the other."""
    if not parts:
        raise NothingToCompare
    return Effects(
        np.concatenate([part.estimates for part in parts]),
        np.concatenate([part.slopes for part in parts]),
        np.concatenate([part.constants for part in parts]),
    )

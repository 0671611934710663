"""
Two-way fixed effects: one level per customer, one per month, and one effect of being a member; from the cohort table.

Shown beside the others because it is what many report. Where customers join in different months it takes members for
controls of those who join later, and its answer can be far from every member's effect (Goodman-Bacon 2021).
"""

import numpy as np

from analytics.uplift.cohorts import CohortTable
from analytics.uplift.effects import Effects, NothingToCompare

TINY = 1e-9  # of members' months that differ from what customer and month tell


def two_way(table: CohortTable) -> Effects:
    """Return the one effect of being a member."""
    member = (np.arange(table.months) >= table.joined[:, None]).astype(np.float64)
    shares = table.customers / table.customers.sum()
    beyond = member - member.mean(axis=1, keepdims=True) - shares @ member + shares @ member.mean(axis=1)
    spread = float(table.customers @ (beyond * member).sum(axis=1))
    if spread < TINY:
        raise NothingToCompare
    slopes = beyond / spread
    value = float(table.customers @ (slopes * table.means).sum(axis=1))
    rest = table.means - shares @ table.means - value * beyond
    return Effects(np.array([value]), slopes[None], (slopes * rest).sum(axis=1)[None])

"""
The event study of Callaway and Sant'Anna with covariates: doubly robust, customer by customer (Sant'Anna and Zhao 2020).

Those who joined in a month are compared with those who never did, weighted to have the same covariates, and corrected by what
a regression on them says of the change. It is right if the one or the other is. The cohort table does not suffice for this:
it takes customers x months. Errors are clustered by customer, and know that weights and regression are estimated.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from analytics.uplift.effects import NothingToCompare
from analytics.uplift.logit import fit_logit
from analytics.uplift.panel import NEVER, Flags, Floats, Places


@dataclass(frozen=True)
class Adjusted:
    """
    An effect, and by how much each customer moves it: the error is the root of the sum of squares.

    :param influence: of all customers, in their order
    """

    estimate: float
    influence: Floats

    @property
    def error(self) -> float:
        return float(np.sqrt(self.influence @ self.influence))


def adjusted_effect(spent: Floats, joined: Places, covariates: Floats) -> Adjusted:
    """
    Return the mean effect on all members in all months since they joined.

    :param spent: customers x months
    :param joined: the place of each customer's month of joining, or `NEVER`
    :param covariates: customers x covariates, known before anybody joined, without an intercept
    """
    months = spent.shape[1]
    cells = [(cohort, month) for cohort in np.unique(joined) if 0 < cohort < months for month in range(cohort, months)]
    if not cells or not np.any(joined == NEVER):
        raise NothingToCompare
    found = [_cell(spent[:, month] - spent[:, cohort - 1], joined, int(cohort), covariates) for cohort, month in cells]
    counts = np.array([np.count_nonzero(joined == cohort) for cohort, _ in cells], dtype=np.float64)
    total = float(counts.sum())
    estimate = sum(float(count) * each.estimate for count, each in zip(counts, found, strict=True)) / total
    influence = np.zeros(len(spent))
    for (cohort, _), count, each in zip(cells, counts, found, strict=True):
        influence += float(count) / total * each.influence + (joined == cohort) * (each.estimate - estimate) / total
    return Adjusted(estimate, influence)


def _cell(change: Floats, joined: Places, cohort: int, covariates: Floats) -> Adjusted:
    """Return the effect on one cohort in one month, from the change of spend since the month before it joined."""
    some = (joined == cohort) | (joined == NEVER)
    effect, influence = _doubly_robust(change[some], joined[some] == cohort, covariates[some])
    everybody = np.zeros(len(change))
    everybody[some] = influence
    return Adjusted(effect, everybody)


def _doubly_robust(change: Floats, members: Flags, covariates: Floats) -> tuple[float, Floats]:
    """Return the effect on members, and each customer's part in it: their equations 2.6 and 3.1, for a panel."""
    design = np.column_stack([np.ones(len(change)), covariates])
    logit = fit_logit(covariates, members)
    if not logit.converged:  # the covariates tell all members from all others
        raise NothingToCompare
    chance = expit(logit.scores(covariates))
    others = ~members
    normal = design[others].T @ design[others]
    slopes = np.linalg.solve(normal, design[others].T @ change[others])
    beyond = change - design @ slopes
    of_members = members / np.count_nonzero(members)
    odds = np.where(others, chance / (1 - chance), 0.0)
    of_others = odds / odds.sum()
    gained, drifted = float(of_members @ beyond), float(of_others @ beyond)
    influence = of_members * (beyond - gained) - of_others * (beyond - drifted)
    # The regression is of a sample: what it would have said else moves both means; likewise the weights.
    of_slopes = np.where(others, beyond, 0.0)[:, None] * design @ np.linalg.inv(normal)
    influence -= of_slopes @ (design.T @ (of_members - of_others))
    bend = np.linalg.inv((design * (chance * (1 - chance))[:, None]).T @ design)
    influence -= (members - chance)[:, None] * design @ bend @ (design.T @ (of_others * (beyond - drifted)))
    return gained - drifted, influence

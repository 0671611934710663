"""A ratio of what members spent to what they would have, with its interval."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from analytics.uplift.panel import Floats, Places
from analytics.uplift.results import Range
from analytics.uplift.weights import Mean

ROUNDED = 1e-9  # shares that differ, or are unsure, by less do so by how they were rounded


@dataclass(frozen=True)
class Ratio:
    """What members spend as a multiple of what they would have spent, and how much each unit moves its logarithm."""

    value: float
    influence: Floats

    def error(self, customer: Places) -> float:
        """Return the standard error of the logarithm, units of one customer together."""
        return clustered_error(self.influence, customer)

    def effect(self, customer: Places, level: float) -> Range:
        """Return the effect as a share, its interval symmetric in logarithms: it is the same told from either side."""
        return effect_of(self.value, self.error(customer), level)


def effect_of(value: float, error: float, level: float) -> Range:
    """
    Return a ratio less 1 with an interval, by the standard error of its logarithm.

    Where all spend the same, a ratio is off 1 by how it was rounded, and by that for sure: that is no effect.
    """
    if is_rounding(value - 1.0, error):
        return Range(0.0, 0.0, 0.0, 0.0)
    far = float(norm.ppf(0.5 + level / 2)) * error
    return Range(value - 1.0, value * error, float(value * np.exp(-far)) - 1.0, float(value * np.exp(far)) - 1.0)


def is_rounding(away: float, error: float) -> bool:
    """Tell whether a share that should be 0 is away from it, for sure, by how it was rounded alone."""
    return abs(away) <= ROUNDED and error <= ROUNDED


def clustered_error(influence: Floats, customer: Places) -> float:
    """Return the standard error of a sum of influences of which those of one customer belong together."""
    return float(np.sqrt(clustered_covariance(influence[:, None], customer)[0, 0]))


def clustered_covariance(influences: Floats, customer: Places) -> Floats:
    """Return the covariance of sums of influences (n, k), those of one customer together."""
    each = np.column_stack([np.bincount(customer, weights=column) for column in influences.T])
    clusters = int(np.count_nonzero(np.bincount(customer)))
    return np.asarray(each.T @ each * (clusters / max(clusters - 1.0, 1.0)))


def ratio_of(spent: Mean, expected: Mean, untouched: Mean, touched: Mean) -> Ratio | None:
    """
    Return the multiple g by which members spend more, where some of the controls' spending is touched by the same g.

    Members would have spent e = untouched + touched / g were they like the controls; `expected` turns that into their level
    (spent / g = expected e), whence g = (spent / expected - touched) / untouched.

    :param expected: what one of the controls' spending stands for among members, such as the ratio of their baselines
    """
    level = spent.value / expected.value if expected.value > 0 else 0.0
    value = (level - touched.value) / untouched.value if untouched.value > 0 else 0.0
    if not value > 0 or not spent.value > 0:
        return None
    of_level = level * (spent.influence / spent.value - expected.influence / expected.value)
    of_value = (of_level - touched.influence - value * untouched.influence) / untouched.value
    return Ratio(value, np.asarray(of_value / value))


def quotient(over: Mean, under: Mean) -> Mean | None:
    """Return the ratio of two means; None where one of them is not above 0."""
    if not over.value > 0 or not under.value > 0:
        return None
    value = over.value / under.value
    return Mean(value, value * (over.influence / over.value - under.influence / under.value))

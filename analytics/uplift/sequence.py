"""
Looks before the end: an interval that is right however often one looks, and stops when one likes.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), as GrowthBook computes it.
"""

from math import log, sqrt

from analytics.uplift.results import Range

TUNED_FOR = 5_000  # units of all arms at which the sequence is narrowest


def tuning(units: float, alpha: float) -> float:
    """Return the squared parameter of the mixture at which the sequence is narrowest at a number of units."""
    return (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / units


def half_width(error: float, units: int, *, alpha: float = 0.05, tuned_for: float = TUNED_FOR) -> float:
    """
    Return half the width of the sequence's interval at a look.

    :param error: the difference's standard error at this look
    :param units: of all arms at this look
    """
    spread = error**2 * units * tuning(tuned_for, alpha)  # of one unit, times the tuning
    grown = units * tuning(tuned_for, alpha) + 1
    return sqrt(spread * 2 * grown * log(sqrt(grown) / alpha)) / (units * tuning(tuned_for, alpha))


def widened(fixed: Range, units: int, *, level: float = 0.95, tuned_for: float = TUNED_FOR) -> Range:
    """Return a fixed interval's estimate with the ends of the sequence, for a look before the end."""
    half = half_width(fixed.error, units, alpha=1 - level, tuned_for=tuned_for)
    return Range(fixed.value, fixed.error, fixed.value - half, fixed.value + half)

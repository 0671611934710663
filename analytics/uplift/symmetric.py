"""
The symmetric ratio difference-in-differences: members' growth across joining over the growth of weighted controls.

Joining often follows demand that comes and goes. Where the window and its baseline lie at equal distances on both sides of the
time in which somebody decides to join, what comes and goes is as near on one side as on the other, and falls out. How long
deciding takes is not known: each lag is one answer (Chabé-Ferret 2015, 2017).
"""

import numpy as np

from analytics.uplift.pairs import Spending, Units
from analytics.uplift.panel import Days, Floats
from analytics.uplift.plan import Plan, days_of
from analytics.uplift.ratios import Ratio, quotient, ratio_of
from analytics.uplift.weights import Weighting, weighting


def baseline(spent: Spending, plan: Plan, lag: int) -> Floats:
    """Return what was spent in the window's mirror image before the index."""
    return spent.before(2 * lag, plan.history_months(lag))


def presence(tenure: Days, plan: Plan, lag: int) -> Floats:
    """Return the share of the baseline's days, 0 to 1, in which each was a customer already, the first day left out."""
    last, first = days_of(2 * lag - 1), days_of(plan.history_months(lag))
    return np.clip((tenure - 1.0 - last) / (first - last), 0.0, 1.0)


def weigh_by_traits(units: Units, traits: Floats) -> Weighting:
    """Weigh controls to be like members in what does not change; never by what they spent, whose chance part would return."""
    return weighting(units.customer, units.joins, units.cell, traits)


def symmetric_ratio(weighted: Weighting, spent: Spending, before: Floats, present: Floats) -> Ratio | None:
    """
    Return the ratio by which members grew more than controls; None where a baseline or a window is empty.

    :param before: spent in the baseline
    :param present: the share of the baseline in which each was a customer; of the window as much is counted, so that newer
        customers weigh as much after the index as before it
    """
    level = quotient(weighted.of_members(before), weighted.of_controls(before))
    if level is None:
        return None
    window = weighted.of_members(np.asarray(present * spent.window))
    untouched, touched = (weighted.of_controls(np.asarray(present * each)) for each in (spent.untouched, spent.touched))
    return ratio_of(window, level, untouched, touched)

"""What members would have spent, by controls with the same history: weights by a logit, and a regression for what they leave."""

import numpy as np

from analytics.uplift.pairs import Spending, Units
from analytics.uplift.panel import Days, Floats
from analytics.uplift.plan import DAYS_A_MONTH
from analytics.uplift.ratios import Ratio, ratio_of
from analytics.uplift.weights import Mean, Weighting, weighting

RECENT = 3  # months that stand for themselves; those before are taken together


def history_covariates(spent: Spending, tenure: Days, months: int) -> dict[str, Floats]:
    """
    Return what the past says of a unit, by name: the same in any unit of money.

    The order at the index is not among them: who joins at a large basket would be compared with those whose baskets always
    are. The pace is that of all months as a customer, with one month of everybody's mean added, which tames that of the new.

    :param tenure: days as a customer
    :param months: how far back single months are known of all
    """
    past = spent.months[:, :months]
    scale = float(np.mean(past)) or 1.0
    found = {f"month_{k + 1}": past[:, k] / scale for k in range(min(RECENT, months))}
    found["before"] = past[:, RECENT:].sum(axis=1) / scale
    found["log_half_year"] = np.log1p(np.maximum(past.sum(axis=1), 0.0) / scale)
    found["log_recent"] = np.log1p(np.maximum(past[:, :RECENT].sum(axis=1), 0.0) / scale)
    found["active_months"] = np.count_nonzero(past > 0, axis=1).astype(np.float64)
    time = tenure / DAYS_A_MONTH
    usual = float(np.sum(np.maximum(spent.earlier, 0.0)) / max(float(time.sum()), 1.0)) or 1.0
    pace = (np.maximum(spent.earlier, 0.0) / usual + 1.0) / (time + 1.0)
    found["pace"] = pace
    found["log_pace"] = np.log(pace)
    found["log_orders_a_month"] = np.log((spent.orders + 0.5) / (time + 1.0))
    found["log_per_order"] = np.log((np.maximum(spent.earlier, 0.0) / usual + 1.0) / (spent.orders + 1.0))
    return found


def weigh_by_history(units: Units, covariates: Floats) -> Weighting:
    """Weigh controls to be like members in traits and in what they spent."""
    return weighting(units.customer, units.joins, units.cell, covariates)


def aipw_ratio(weighted: Weighting, spent: Spending) -> Ratio | None:
    """Return the ratio of what members spent to what the same history led controls to spend; None where nothing was spent."""
    window = weighted.of_members(spent.window)
    as_it_is = Mean(1.0, np.zeros(len(weighted.joins)))
    return ratio_of(window, as_it_is, weighted.of_controls(spent.untouched), weighted.of_controls(spent.touched))

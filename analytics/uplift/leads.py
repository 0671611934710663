"""How members and controls moved before the index: months that should move alike where nothing else set them apart."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from analytics.uplift.estimating import Matched
from analytics.uplift.pairs import Spending
from analytics.uplift.plan import Plan, days_of
from analytics.uplift.ratios import Ratio, clustered_covariance, is_rounding, quotient
from analytics.uplift.results import Point
from analytics.uplift.symmetric import baseline
from analytics.uplift.weights import Mean, Weighting

MIN_MONTHS = 2


def lead_points(matched: Matched, spent: Spending, plan: Plan) -> Sequence[Point]:
    """
    Return, by month before the index (-1 the last), how far members were above controls, against the baseline.

    Among those who were customers in all of these months.
    """
    weighted, rows = _known(matched, plan)
    if weighted is None:
        return []
    base = _level(weighted, spent.only(rows), plan, matched.lag, None)
    found = list[Point]()
    for k in range(plan.history_months(matched.lag), 0, -1) if base else ():
        level = _level(weighted, spent.only(rows), plan, matched.lag, k)
        if base and level:
            influence = level.influence / level.value - base.influence / base.value
            effect = Ratio(level.value / base.value, np.asarray(influence)).effect(weighted.customer, plan.level)
            found.append(Point(-float(k), effect.value, effect.low, effect.high, weighted.members))
    return found


def lead_test(matched: Matched, spent: Spending, plan: Plan) -> float | None:
    """
    Return the chance of so steep a trend of members against controls in the baseline, were they moving alike.

    None where a month has no spending. The months between the baseline and the index are those in which people decide to join.
    """
    weighted, rows = _known(matched, plan)
    if weighted is None:
        return None
    months = range(2 * matched.lag, plan.history_months(matched.lag) + 1)
    levels = [_level(weighted, spent.only(rows), plan, matched.lag, k) for k in months]
    told = [level for level in levels if level is not None]
    if len(told) < len(levels) or len(told) < MIN_MONTHS:
        return None
    logs = np.log([level.value for level in told])
    shares = np.column_stack([level.influence / level.value for level in told])
    covariance = clustered_covariance(shares, weighted.customer)
    slope = np.arange(len(logs)) - (len(logs) - 1) / 2
    trend, error = float(slope @ logs), max(float(slope @ covariance @ slope), 0.0) ** 0.5
    if error <= 0 or is_rounding(trend, error):
        return 1.0
    return float(2 * norm.sf(abs(trend) / error))


def _known(matched: Matched, plan: Plan) -> tuple[Weighting | None, NDArray[np.int64]]:
    """Return the weighting among those who were customers during all of the history; None where too few were."""
    rows = np.flatnonzero(matched.tenure > days_of(plan.history_months(matched.lag)))
    rows = rows[matched.weighted.comparable(rows)]
    if np.count_nonzero(matched.weighted.joins[rows]) < MIN_MONTHS:
        return None, rows
    return matched.weighted.narrowed(rows), rows


def _level(weighted: Weighting, spent: Spending, plan: Plan, lag: int, month: int | None) -> Mean | None:
    """Return what members spent as a multiple of the controls, in a month before the index or in the baseline."""
    values = baseline(spent, plan, lag) if month is None else spent.months[:, month - 1]
    return quotient(weighted.of_members(values), weighted.of_controls(values))

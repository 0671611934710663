"""How alike members and controls are: standardised differences, and how many members have controls like them."""

from collections.abc import Mapping, Sequence

import numpy as np

from analytics.uplift.panel import Floats
from analytics.uplift.results import Balance, Point
from analytics.uplift.weights import Weighting

AS_LIKELY = 10  # controls at least as likely to join as a member, for the member to have some like it
BINS = 10


def balances(weighted: Weighting, covariates: Mapping[str, Floats]) -> list[Balance]:
    """Return each covariate's difference between members and controls in spreads of both, before and after weighting."""
    return [_balance(name, values, weighted) for name, values in covariates.items()]


def _balance(name: str, values: Floats, weighted: Weighting) -> Balance:
    members, controls = values[weighted.joins], values[~weighted.joins]
    spread = float(np.sqrt((members.var() + controls.var()) / 2))
    if spread <= 0:
        return Balance(name, 0.0, 0.0)
    after = np.average(controls, weights=weighted.weight[~weighted.joins])
    return Balance(name, float(members.mean() - controls.mean()) / spread, float(members.mean() - after) / spread)


def overlap(weighted: Weighting) -> float:
    """Return the share of members who have at least ten controls that were as likely to join."""
    controls = np.sort(weighted.score[~weighted.joins])
    if len(controls) < AS_LIKELY:
        return 0.0
    return float(np.mean(weighted.score[weighted.joins] <= controls[-AS_LIKELY]))


def overlap_picture(weighted: Weighting) -> Sequence[Point]:
    """
    Return, for tenths of the members from those least to those likeliest to join, the controls' shares.

    `at` is the tenth, `value` the share of the weighted controls (.1 is as members), `low` and `high` that of the plain ones, `n`
    how many they are.
    """
    members, controls = weighted.score[weighted.joins], weighted.score[~weighted.joins]
    edges = np.quantile(members, np.arange(1, BINS) / BINS)
    tenth = np.searchsorted(edges, controls)
    counts = np.bincount(tenth, minlength=BINS)
    weights = np.bincount(tenth, weights=weighted.weight[~weighted.joins], minlength=BINS) / weighted.members
    plain = counts / len(controls)
    return [Point(k + 1.0, float(weights[k]), float(plain[k]), float(plain[k]), int(counts[k])) for k in range(BINS)]

"""What a statistician would check: how alike both sides are, how they moved before, and how much of a contrast there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.uplift.balance import balances, overlap, overlap_picture
from analytics.uplift.estimating import Matched, all_covariates
from analytics.uplift.leads import lead_points, lead_test
from analytics.uplift.pairs import Spending, Units
from analytics.uplift.panel import Customers, Floats, Places
from analytics.uplift.plan import Metric, Plan
from analytics.uplift.results import Balance, Point


@dataclass(frozen=True)
class Diagnosis:
    """
    What can be checked; None, or nothing, where there is nothing to check it by.

    :param leads_chance: of so unequal months before joining
    :param contrast: the share of the weighted controls' spending that joining later has not touched
    :param effective_sample: the smallest of the matchings
    :param members: of the matching that has most of them; `fewest_members` of the one that has fewest
    :param concentration: the largest share that one customer has of what its side spent
    :param controls: customers; `control_orders` are the orders at which they did not join
    """

    balance: Sequence[Balance] = ()
    leads: Sequence[Point] = ()
    leads_chance: float | None = None
    overlap: float | None = None
    overlap_picture: Sequence[Point] = ()
    contrast: float | None = None
    effective_sample: float | None = None
    concentration: float = 0.0
    members: int = 0
    control_orders: int = 0
    controls: int = 0
    fewest_members: int = 0
    fewest_controls: int = 0


def diagnose(customers: Customers, units: Units, matched: Sequence[Matched], spent: Spending, plan: Plan) -> Diagnosis:
    """Return the checks of what was matched."""
    if not matched:
        return Diagnosis()
    by_history, first = matched[-1], matched[0]
    controls = [len(np.unique(each.weighted.customer[~each.weighted.joins])) for each in matched]
    weighted, mine = by_history.weighted, spent.only(by_history.rows)
    covariates = all_covariates(customers, units.only(by_history.rows), mine, plan.history_months(min(plan.lags)))
    before = spent.only(first.rows)
    return Diagnosis(
        balance=balances(weighted, covariates),
        leads=lead_points(first, before, plan),
        leads_chance=lead_test(first, before, plan),
        overlap=overlap(weighted),
        overlap_picture=overlap_picture(weighted),
        contrast=contrast(by_history, mine),
        effective_sample=min(each.weighted.effective_sample for each in matched),
        concentration=max(concentration(each, spent.only(each.rows)) for each in matched),
        members=weighted.members,
        control_orders=weighted.controls,
        controls=controls[-1],
        fewest_members=min(each.weighted.members for each in matched),
        fewest_controls=min(controls),
    )


def contrast(matched: Matched, spent: Spending) -> float | None:
    """Return the share of the weighted controls' spending in the window that is before they joined; None without spending."""
    weight = matched.weighted.weight
    untouched, touched = float(weight @ spent.untouched), float(weight @ spent.touched)
    return untouched / (untouched + touched) if untouched + touched > 0 else None


def concentration(matched: Matched, spent: Spending) -> float:
    """
    Return the largest share that one customer has of what members, or weighted controls, spent in the window or before.

    A mean that rests on one of them says nothing of the others, and its error is not what an interval takes it for.
    """
    weighted, before = matched.weighted, np.asarray(spent.months.sum(axis=1))
    return max(
        _largest_share(weighted.customer[part], np.abs(amount[part]) * weight[part])
        for part, weight in ((weighted.joins, np.ones(len(before))), (~weighted.joins, weighted.weight))
        for amount in (spent.window, before)
    )


def _largest_share(customer: Places, amount: Floats) -> float:
    """Return the largest share of an amount that is one customer's; 0 where there is none."""
    of_each = np.bincount(customer, weights=amount) if len(customer) else np.zeros(1)
    total = float(of_each.sum())
    return float(of_each.max()) / total if total > 0 else 0.0


def spent_a_month(matched: Sequence[Matched], spent: Mapping[Metric, Spending], plan: Plan) -> dict[Metric, float]:
    """Return what a member spent a month in the window, by metric."""
    rows = matched[-1].rows[matched[-1].weighted.joins] if matched else np.zeros(0, dtype=np.int64)
    if not len(rows):
        return dict.fromkeys(spent, 0.0)
    return {name: float(np.mean(each.window[rows])) / plan.window_months for name, each in spent.items()}

"""The four estimates of one effect, from units and what they spent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.aipw import aipw_ratio, history_covariates, weigh_by_history
from analytics.uplift.pairs import Spending, Units, with_both
from analytics.uplift.panel import NEVER, Customers, Days, Floats, Group
from analytics.uplift.plan import DAYS_A_MONTH, Plan, days_of
from analytics.uplift.ratios import Ratio
from analytics.uplift.results import Estimate, Reason
from analytics.uplift.symmetric import baseline, presence, symmetric_ratio, weigh_by_traits
from analytics.uplift.weights import Weighting

MIN_UNITS = 50  # members, and customers among controls, below which there is no estimate at all
MIN_SHARE = 0.02  # of members and of controls: rarer labels tell them hardly apart
MIN_LABELLED = 0.5  # of those who never join: labels that few of them have, such as a tier, tell who will join


@dataclass(frozen=True)
class Matched:
    """
    Units of one lag with controls weighted for them.

    :param rows: which of the extracted units they are
    :param tenure: of these
    """

    method: str
    lag: int
    rows: NDArray[np.int64]
    weighted: Weighting
    tenure: Days


def traits_of(customers: Customers, units: Units, back: int) -> dict[str, Floats]:
    """
    Return what does not change with spending, by name: labels that do not come with joining, and the time as a customer.

    :param back: days of history, after which tenure is not known for all
    """
    found = dict[str, Floats]()
    for way, group in customers.groups.items():
        if not is_of_all(group, customers):
            continue
        places = group.places[units.customer]
        for place, label in enumerate(group.labels):
            has = (places == place).astype(np.float64)
            if min(float(has[units.joins].mean()), float(has[~units.joins].mean())) >= MIN_SHARE:
                found[f"{way}: {label}"] = has
    found["tenure_months"] = np.minimum(units.tenure, back) / DAYS_A_MONTH
    found["new"] = (units.tenure < back).astype(np.float64)
    return found


def is_of_all(group: Group, customers: Customers) -> bool:
    """
    Return whether those who never join have the labels too.

    A label of members alone must not choose among controls: those of them who have it are those who will join.
    """
    never = group.places[customers.joined == NEVER]
    return bool(len(never)) and float(np.mean(never >= 0)) >= MIN_LABELLED


def columns(covariates: dict[str, Floats], count: int) -> Floats:
    """Return covariates as an array (count, k)."""
    return np.column_stack(list(covariates.values())) if covariates else np.zeros((count, 0))


def match(customers: Customers, units: Units, spent: Spending, plan: Plan, *, first: int) -> list[Matched]:
    """
    Weigh controls for each estimate: those of every lag whose history lies in the data, then the one on history.

    :param first: the first day of the data, in the time of the units' indexes
    """
    found = list[Matched]()
    for lag in plan.lags:
        rows = _rows(units, first + days_of(plan.history_months(lag)))
        if _suffices(units, rows):
            part = units.only(rows)
            traits = traits_of(customers, part, days_of(plan.history_months(lag)))
            found.append(
                Matched(f"symmetric_{lag}", lag, rows, weigh_by_traits(part, columns(traits, len(rows))), part.tenure)
            )
    months = plan.history_months(min(plan.lags))
    rows = _rows(units, first + days_of(months))
    if _suffices(units, rows):
        part = units.only(rows)
        covariates = all_covariates(customers, part, spent.only(rows), months)
        found.append(Matched("aipw", 0, rows, weigh_by_history(part, columns(covariates, len(rows))), part.tenure))
    return found


def all_covariates(customers: Customers, units: Units, spent: Spending, months: int) -> dict[str, Floats]:
    """Return traits and history by name."""
    return traits_of(customers, units, days_of(months)) | history_covariates(spent, units.tenure, months)


def _rows(units: Units, earliest: int) -> NDArray[np.int64]:
    """Return the units from a day on, of the cells that still have both sides."""
    late = units.day >= earliest
    return np.flatnonzero(late & with_both(units, late))


def _suffices(units: Units, rows: NDArray[np.int64]) -> bool:
    members = int(np.count_nonzero(units.joins[rows]))
    controls = len(np.unique(units.customer[rows][~units.joins[rows]]))
    return min(members, controls) >= MIN_UNITS


def estimates_of(matched: Sequence[Matched], spent: Spending, plan: Plan, level: float) -> list[Estimate]:
    """Return one estimate for each way of matching; one without an effect says why."""
    return [estimate(each, spent.only(each.rows), plan, level) for each in matched]


def estimate(matched: Matched, spent: Spending, plan: Plan, level: float) -> Estimate:
    """Return one estimate; `spent` is of the matched units."""
    weighted = matched.weighted
    ratio = ratio_by(matched, spent, plan)
    counts = weighted.members, weighted.controls
    if ratio is None or not np.isfinite(ratio.value):
        return Estimate(matched.method, None, *counts, Reason("nothing_spent"))
    return Estimate(matched.method, ratio.effect(weighted.customer, level), *counts)


def ratio_by(matched: Matched, spent: Spending, plan: Plan) -> Ratio | None:
    """Return a matching's ratio."""
    if matched.lag:
        present = presence(matched.tenure, plan, matched.lag)
        return symmetric_ratio(matched.weighted, spent, baseline(spent, plan, matched.lag), present)
    return aipw_ratio(matched.weighted, spent)

"""
Event studies where customers join in different months: Callaway and Sant'Anna (2021), from the cohort table.

Each effect compares the cohort that joined in one month with those who had not joined, and the month looked at with one
before: nobody who is a member already is ever taken for a control. Sums of effects are weighted by how many joined, and the
errors know that those numbers are of a sample too.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.cohorts import CohortTable
from analytics.uplift.effects import Effects, NothingToCompare, Study, stacked
from analytics.uplift.panel import NEVER, Flags, Places

Controls = Literal["never", "not_yet"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True)
class CohortEffects:
    """
    The effect on each cohort in each month, as columns with their estimates.

    :param place: of the cohort in the table
    :param cohort: the place of the month in which they joined
    :param month: the place of the month that is looked at
    :param customers: of the cohort
    """

    place: Places
    cohort: Places
    month: Places
    customers: NDArray[np.int64]
    effects: Effects

    @property
    def since(self) -> Places:
        """Months since joining, negative before; 0 is the month of joining itself, of which a part was before it."""
        return self.month - self.cohort

    def chosen(self, flags: Flags) -> "CohortEffects":
        """Return some of them."""
        effects = self.effects
        part = Effects(effects.estimates[flags], effects.slopes[flags], effects.constants[flags])
        return CohortEffects(self.place[flags], self.cohort[flags], self.month[flags], self.customers[flags], part)


def cohort_effects(table: CohortTable, *, controls: Controls = "never", base: Base = "varying") -> CohortEffects:
    """
    Return the effect on each cohort in each month.

    :param controls: those who never joined, or with them those who join after both compared months
    :param base: before joining compare with the month before (varying), or always with the last one before joining
    """
    found = [
        (place, month, effect)
        for place, joined in enumerate(table.joined)
        if joined != NEVER
        for month in range(table.months)
        if (effect := _cell(table, place, month, controls, base)) is not None
    ]
    effects = stacked([effect for _, _, effect in found])
    place = np.array([at for at, _, _ in found], dtype=np.int32)
    month = np.array([at for _, at, _ in found], dtype=np.int32)
    return CohortEffects(place, table.joined[place], month, table.customers[place], effects)


def by_months_since(cells: CohortEffects, *, joining_month: bool = True) -> Study:
    """
    Return the effects by months since joining, and the mean of those from joining on.

    :param joining_month: whether that month counts to the mean: it holds the order at which they joined, and days before it
    """
    at = np.unique(cells.since)
    effects = stacked([_weighted(cells.chosen(cells.since == since)) for since in at])
    return Study(at, effects, _mean_of(effects, at >= (0 if joining_month else 1)))


def by_cohort(cells: CohortEffects) -> Study:
    """Return each cohort's mean effect since joining, and their mean weighted by how many joined."""
    after = cells.chosen(cells.since >= 0)
    at, first = np.unique(after.cohort, return_index=True)
    weights = (after.cohort == at[:, None]) / np.count_nonzero(after.cohort == at[:, None], axis=1)[:, None]
    effects = after.effects.mixed(weights)
    return Study(at, effects, _weighted(CohortEffects(after.place[first], at, at, after.customers[first], effects)))


def by_calendar_month(cells: CohortEffects) -> Study:
    """Return the effects on all members of a month, and the mean of the months."""
    after = cells.chosen(cells.since >= 0)
    at = np.unique(after.month)
    effects = stacked([_weighted(after.chosen(after.month == month)) for month in at])
    return Study(at, effects, _mean_of(effects, np.ones(len(at), dtype=np.bool_)))


def simple(cells: CohortEffects) -> Effects:
    """Return the mean effect on all members in all months since they joined."""
    return _weighted(cells.chosen(cells.since >= 0))


def _weighted(cells: CohortEffects) -> Effects:
    """
    Return the mean of effects, each weighted by its cohort's customers.

    How many joined is itself of a sample: one customer more of a cohort moves the mean towards that cohort's effects.
    """
    total = float(cells.customers.sum())
    if not total:
        raise NothingToCompare
    mean = cells.effects.mixed(cells.customers[None, :] / total)
    towards = (cells.effects.estimates - mean.estimates[0]) / total
    constants = mean.constants.copy()
    np.add.at(constants[0], cells.place, towards)
    return Effects(mean.estimates, mean.slopes, constants)


def _mean_of(effects: Effects, flags: Flags) -> Effects:
    if not np.any(flags):
        raise NothingToCompare
    return effects.mixed((flags / np.count_nonzero(flags))[None, :])


def _cell(table: CohortTable, place: int, month: int, controls: Controls, base: Base) -> Effects | None:
    """Return the effect on one cohort in one month; None where there is no month or nobody to compare with."""
    joined = int(table.joined[place])
    before = joined - 1 if month >= joined or base == "universal" else month - 1
    others = _others(table, place, max(month, before), controls)
    total = float(table.customers[others].sum())
    if before < 0 or before == month or not total:
        return None
    change = table.means[:, month] - table.means[:, before]
    shares = np.where(others, table.customers, 0) / total
    of_others = float(shares @ change)
    per_customer = np.where(others, -1 / total, 0.0)
    per_customer[place] = 1 / float(table.customers[place])
    slopes = np.zeros((1, len(table.joined), table.months))
    slopes[0, :, month], slopes[0, :, before] = per_customer, -per_customer
    constants = np.where(others, -(change - of_others) / total, 0.0)[None, :]
    return Effects(np.array([change[place] - of_others]), slopes, constants)


def _others(table: CohortTable, place: int, until: int, controls: Controls) -> Flags:
    """Return who is compared with a cohort: never joined, or not before the end of a month."""
    others: Flags = table.joined == NEVER if controls == "never" else table.joined > until
    others = others.copy()
    others[place] = False
    return others

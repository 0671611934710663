"""The effect among some: by labels that members had before they joined, and by the quarter in which they did."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.band import band_of
from analytics.uplift.estimating import MIN_UNITS, Matched, estimates_of, is_of_all
from analytics.uplift.pairs import Spending, Units
from analytics.uplift.panel import Customers, Flags, Group
from analytics.uplift.plan import Plan
from analytics.uplift.results import Grade, GroupEffect, Reason

COHORT = "cohort"
MONTHS_A_QUARTER, QUARTERS_A_YEAR, EPOCH = 3, 4, 1970


def effects_by_group(  # noqa: PLR0913 - of whom, by what, as planned
    customers: Customers, units: Units, matched: Sequence[Matched], spent: Spending, plan: Plan, grade: Grade
) -> dict[str, list[GroupEffect]]:
    """
    Return the effect by each way of dividing, among members and, where controls have the labels too, controls of one label.

    :param grade: of the whole: no part of it can be known better
    """
    ways: Mapping[str, Group] = {**customers.groups, COHORT: cohorts(customers, units)}
    return {way: _by(customers, group, units, matched, spent, plan, grade) for way, group in ways.items()}


def cohorts(customers: Customers, units: Units) -> Group:
    """Return the calendar quarters in which the units' members joined, as 2026-Q1."""
    members = units.customer[units.joins]
    month = customers.joined[members].astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    quarters, place = np.unique(month // MONTHS_A_QUARTER, return_inverse=True)
    places = np.full(len(customers), -1, dtype=np.int32)
    places[members] = place
    labels = [f"{EPOCH + quarter // QUARTERS_A_YEAR}-Q{quarter % QUARTERS_A_YEAR + 1}" for quarter in quarters.tolist()]
    return Group(labels, places)


def _by(  # noqa: PLR0913 - of whom, by what, as planned
    customers: Customers,
    group: Group,
    units: Units,
    matched: Sequence[Matched],
    spent: Spending,
    plan: Plan,
    grade: Grade,
) -> list[GroupEffect]:
    places = group.places[units.customer]
    of_members = units.joins
    shared = is_of_all(group, customers)
    counts = [int(np.count_nonzero(of_members & (places == place))) for place in range(len(group.labels))]
    looked_at = sum(count >= plan.limits.members_c for count in counts)
    level = 1 - (1 - plan.level) / max(looked_at, 1)
    found = list[GroupEffect]()
    for place, (label, count) in enumerate(zip(group.labels, counts, strict=True)):
        if count < plan.limits.members_c:
            reason = Reason("too_few_members", {"seen": count, "asked": plan.limits.members_c})
            found.append(GroupEffect(label, count, None, None, "D", reason, level))
        else:
            part: Flags = (places == place) if shared else (places == place) | ~of_members
            found.append(_effect(label, count, part, matched, spent, plan, grade, level))
    return found


def _effect(  # noqa: PLR0913 - of whom, by what, how sure
    label: str,
    count: int,
    part: Flags,
    matched: Sequence[Matched],
    spent: Spending,
    plan: Plan,
    grade: Grade,
    level: float,
) -> GroupEffect:
    some = [narrowed for each in matched if grade != "D" and (narrowed := _narrowed(each, part)) is not None]
    band = band_of(estimates_of(some, spent, plan, level))
    if band is None:
        return GroupEffect(label, count, None, None, "D", Reason("no_valid_comparison"), level)
    fewest = min(each.weighted.members for each in some)
    best: Grade = "C" if fewest < plan.limits.members_b or len(some) < len(matched) else grade
    return GroupEffect(label, count, (band.low, band.high), band.effect, best, None, level)


def _narrowed(matched: Matched, part: Flags) -> Matched | None:
    """Return a matching among some of its units, with the odds that all of them gave; None where too few remain."""
    keep: NDArray[np.int64] = np.flatnonzero(part[matched.rows])
    keep = keep[matched.weighted.comparable(keep)]
    members = int(np.count_nonzero(matched.weighted.joins[keep]))
    if min(members, len(keep) - members) < MIN_UNITS:
        return None
    return Matched(
        matched.method, matched.lag, matched.rows[keep], matched.weighted.narrowed(keep), matched.tenure[keep]
    )

"""What is shown beside the answer: the event study by months since joining, and what a hold-out would cost and detect."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.uplift import imputation, staggered
from analytics.uplift.cohorts import CohortTable, from_panel
from analytics.uplift.effects import NothingToCompare, Study
from analytics.uplift.panel import NOBODY, Floats, Panel
from analytics.uplift.plan import Plan
from analytics.uplift.power import Outlook, Past, needed, outlook
from analytics.uplift.results import Point, Range

SHOWN = 12  # months before joining, and after
HELD_OUT = 0.10


@dataclass(frozen=True)
class EventStudy:
    """
    What members spent beyond what others' months tell, by months since joining, in money per member and month.

    :param leads: before joining: where they are not around nothing, members were different already
    :param effects: from the month of joining on, in which the order lies with which they joined
    :param overall: the mean of the months after that of joining
    """

    method: str  # "staggered", "imputation"
    leads: Sequence[Point]
    effects: Sequence[Point]
    overall: Range | None


@dataclass(frozen=True)
class Holdout:
    """
    What a hold-out of the customers of the last window would detect, in the plan's window and metric.

    :param needed: customers in both arms, of whom the asked share is held out, to find the measured effect; None where there
        is no measured effect
    """

    months: int
    outlook: Outlook
    mean: float
    needed: int | None = None


@dataclass(frozen=True)
class Pictures:
    """:param event_reason: why there is no event study, where there is none"""

    studies: Sequence[EventStudy]
    event_reason: str = ""
    holdout: Holdout | None = None


def picture(panel: Panel, plan: Plan, effect: float | None, table: CohortTable | None = None) -> Pictures:
    """
    Return the pictures of a past.

    :param table: of its cohorts and months, where the database has summed it
    """
    if table is None:
        table = from_panel(panel, margin=plan.metric == "margin")
    studies = event_studies(table, plan.level)
    return Pictures(studies, "" if studies else "no_cohorts", hold_out(panel, plan, effect))


def event_studies(table: CohortTable, level: float) -> list[EventStudy]:
    """Return the studies by both methods; none where nobody can be compared."""
    found = []
    try:
        cells = staggered.cohort_effects(table, controls="not_yet", base="varying")
        found.append(_study("staggered", staggered.by_months_since(cells, joining_month=False), table, level))
        told = imputation.by_months_since(imputation.impute(table), joining_month=False)
        found.append(_study("imputation", told, table, level))
    except NothingToCompare:
        return []
    return found


def _study(method: str, study: Study, table: CohortTable, level: float) -> EventStudy:
    ranges = study.effects.ranges(table, level)
    points = [
        Point(float(at), each.value, each.low, each.high, _members(table, int(at)))
        for at, each in zip(study.at.tolist(), ranges, strict=True)
        if abs(at) <= SHOWN
    ]
    (overall,) = study.overall.ranges(table, level)
    return EventStudy(
        method, [each for each in points if each.at < 0], [each for each in points if each.at >= 0], overall
    )


def _members(table: CohortTable, since: int) -> int:
    """Return how many members are seen so many months after joining, or before it."""
    month = table.joined.astype(np.int64) + since
    return int(table.customers[(month >= 0) & (month < table.months)].sum())


def hold_out(panel: Panel, plan: Plan, effect: float | None) -> Holdout | None:
    """Return what a hold-out among those who bought in the last two windows would detect; None where nobody did."""
    days = round(plan.window_months * 365.25 / 12)
    value = panel.orders.margin if plan.metric == "margin" else panel.orders.value
    last, before = (_spent(panel, value, panel.cut - ago * days, days) for ago in (0, 1))
    bought = (last != 0) | (before != 0)
    customers = int(np.count_nonzero(bought))
    if not customers or panel.cut - 2 * days < panel.first:
        return None
    last, before = last[bought], before[bought]
    varies = last.std() > 0 and before.std() > 0
    correlation = float(np.corrcoef(last, before)[0, 1]) if varies else 0.0
    past = Past(float(last.mean()), float(last.var()), correlation)
    seen = outlook(past, customers, held_out=HELD_OUT, level=plan.level)
    asks = effect is not None and effect > 0 and past.mean > 0
    wanted = needed(past, past.mean * effect, held_out=HELD_OUT, level=plan.level) if asks and effect else None
    return Holdout(plan.window_months, seen, past.mean, wanted)


def _spent(panel: Panel, value: Floats, until: int, days: int) -> Floats:
    """Return what each customer spent in the days up to and with one."""
    orders = panel.orders
    inside = (orders.customer != NOBODY) & (orders.day <= until) & (orders.day > until - days)
    found = np.bincount(orders.customer[inside], weights=value[inside], minlength=len(panel.customers))
    return found.astype(np.float64)

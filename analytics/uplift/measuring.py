"""Measure what members spend because they are members, as it was planned, or say why it cannot be known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.uplift.band import Band, band_of, money
from analytics.uplift.capture import Capture, capture_of
from analytics.uplift.diagnosing import Diagnosis, diagnose, spent_a_month
from analytics.uplift.dividing import effects_by_group
from analytics.uplift.estimating import Matched, estimates_of, match
from analytics.uplift.gap import gap_of
from analytics.uplift.grading import Evidence, gates_of, grade_of, reasons_of
from analytics.uplift.pairs import Extracted, Spending, extract, spending
from analytics.uplift.panel import NEVER, NOBODY, Panel
from analytics.uplift.placebo import chance_of_placebos, placebo_of
from analytics.uplift.plan import METRICS, Metric, Plan, days_of
from analytics.uplift.results import Estimate, Gate, Grade, GroupEffect, Measured, Reason
from analytics.uplift.windows import History, history_of

Progress = Callable[[str, int, int], None]  # what is being done, how many parts are done, of how many
STEPS = ("orders", "estimates", "placebo", "groups", "grade")


class PlanForOtherData(ValueError):
    """A plan is carried out on data that end on another day than it says."""

    code = "plan_for_other_data"


def nobody_watches(_step: str, _done: int, _of: int) -> None:
    """Tell nobody about the progress."""


def measure(panel: Panel, plan: Plan, on_progress: Progress = nobody_watches) -> Measured:
    """
    Return what a retailer's past says about the effect of joining.

    The same panel and plan give the same answer to the digit; money in another unit or days counted from elsewhere the same
    effect.

    :raises PlanForOtherData: where the plan names another cut than the data's
    """
    if plan.cut is not None and plan.cut != panel.cut:
        raise PlanForOtherData(f"the plan is for data until {plan.cut}, these end on {panel.cut}")

    def watched(step: str) -> None:
        on_progress(step, STEPS.index(step), len(STEPS))

    watched("orders")
    looked = _look(panel, plan)
    watched("estimates")
    estimates = {name: estimates_of(looked.matched, spent, plan, plan.level) for name, spent in looked.spent.items()}
    diagnosis = diagnose(panel.customers, looked.extracted.units, looked.matched, looked.spent[plan.metric], plan)
    watched("placebo")
    placebo = placebo_of(panel, looked.history, plan) if looked.matched else []
    gates = gates_of(_evidence(panel, plan, looked, estimates[plan.metric], diagnosis, placebo), plan.limits)
    grade = grade_of(gates)
    watched("groups")
    groups = _groups(panel, plan, looked, grade)
    watched("grade")
    return _told(panel, plan, looked, _Answer(grade, gates, estimates, diagnosis, placebo, groups))


@dataclass(frozen=True)
class _Looked:
    """What was read out of a past: units, what they spent by metric, and how they are matched."""

    history: History
    extracted: Extracted
    spent: dict[Metric, Spending]
    matched: list[Matched]
    capture: Capture


@dataclass(frozen=True)
class _Answer:
    grade: Grade
    gates: list[Gate]
    estimates: dict[Metric, list[Estimate]]
    diagnosis: Diagnosis
    placebo: list[Estimate]
    groups: dict[str, list[GroupEffect]]


def _look(panel: Panel, plan: Plan) -> _Looked:
    history = history_of(panel.orders, panel.first, panel.cut)
    shortest, longest = (plan.history_months(lag) for lag in (min(plan.lags), max(plan.lags)))
    extracted = extract(panel, history, plan, back=days_of(shortest))
    spent = spending(panel, history, extracted.units, plan, months=longest, metrics=METRICS)
    matched = match(panel.customers, extracted.units, spent[plan.metric], plan, first=panel.first)
    return _Looked(history, extracted, spent, matched, capture_of(panel, plan.limits))


def _evidence(  # noqa: PLR0913 - a grade rests on all of it
    panel: Panel,
    plan: Plan,
    looked: _Looked,
    estimates: Sequence[Estimate],
    diagnosis: Diagnosis,
    placebo: list[Estimate],
) -> Evidence:
    return Evidence(
        members=diagnosis.members,
        controls=diagnosis.controls,
        fewest_members=diagnosis.fewest_members,
        fewest_controls=diagnosis.fewest_controls,
        estimates=sum(each.effect is not None for each in estimates),
        planned=len(plan.lags) + 1,
        identification_known=panel.identification_known,
        capture=looked.capture,
        placebo=chance_of_placebos(placebo),
        leads=diagnosis.leads_chance,
        balance=diagnosis.balance,
        effective_sample=diagnosis.effective_sample,
        overlap=diagnosis.overlap,
        contrast=diagnosis.contrast,
        concentration=diagnosis.concentration,
    )


def _groups(panel: Panel, plan: Plan, looked: _Looked, grade: Grade) -> dict[str, list[GroupEffect]]:
    if not looked.matched:
        return {}
    units, spent = looked.extracted.units, looked.spent[plan.metric]
    return effects_by_group(panel.customers, units, looked.matched, spent, plan, grade)


def _told(panel: Panel, plan: Plan, looked: _Looked, answer: _Answer) -> Measured:
    """Return the answer; without a band and money where the grade is D."""
    known = answer.grade != "D"
    bands = {name: band_of(each) if known else None for name, each in answer.estimates.items()}
    spent = spent_a_month(looked.matched, looked.spent, plan)
    amounts = {name: None if band is None else money(band, spent[name], plan.level) for name, band in bands.items()}
    band, diagnosis = bands[plan.metric], answer.diagnosis
    return Measured(
        grade=answer.grade,
        reasons=_reasons(panel, plan, answer, band),
        gap=gap_of(panel, looked.history, plan),
        effect=None if band is None else band.effect,
        band=None if band is None else (band.low, band.high),
        revenue=amounts["revenue"],
        margin=amounts["margin"],
        estimates=answer.estimates[plan.metric],
        gates=answer.gates,
        balance=diagnosis.balance,
        placebo=answer.placebo,
        leads=diagnosis.leads,
        capture=looked.capture.months,
        capture_jump=looked.capture.jump,
        overlap=diagnosis.overlap,
        contrast=diagnosis.contrast,
        effective_sample=diagnosis.effective_sample,
        used=_used(panel, looked, diagnosis),
        dropped=looked.extracted.dropped,
        groups=answer.groups,
        overlap_weights=diagnosis.overlap_picture,
    )


def _reasons(panel: Panel, plan: Plan, answer: _Answer, band: Band | None) -> list[Reason]:
    found = reasons_of(answer.grade, answer.gates)
    if answer.diagnosis.members < plan.limits.members_c:
        found.insert(0, too_few(panel, plan, answer.diagnosis.members))
    if band is not None and band.low <= 0 <= band.high:
        found.insert(0, Reason("no_detectable_uplift", {"low": band.low, "high": band.high}))
    return found


def too_few(panel: Panel, plan: Plan, members: int) -> Reason:
    """Return that there are too few members, with what would be needed: how many, and in how many months at their pace."""
    days = max(panel.cut - plan.window_days - panel.first - days_of(plan.history_months(min(plan.lags))) + 1, 0)
    needed: dict[str, float | str] = {"seen": members, "asked": plan.limits.members_c}
    if members and days:
        needed["months"] = float(np.ceil((plan.limits.members_c - members) * days / members / days_of(1)))
    return Reason("too_few_members", needed)


def _used(panel: Panel, looked: _Looked, diagnosis: Diagnosis) -> dict[str, int]:
    orders = panel.orders
    linked = orders.customer != NOBODY
    return {
        "customers": len(panel.customers),
        "joined": int(np.count_nonzero(panel.customers.joined != NEVER)),
        "members": diagnosis.members,
        "controls": diagnosis.controls,
        "control_orders": diagnosis.control_orders,
        "orders": len(looked.history.customer),
        "unlinked_orders": int(np.count_nonzero(~linked)),
        "membership_only_orders": int(np.count_nonzero(linked & orders.membership_only)),
    }

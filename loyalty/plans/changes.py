"""What members and staff do to a plan: joined, changed, cancelled, ended. Pure."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from customers.core.calendar import local_date, midnight
from customers.core.ids import new_id
from loyalty.engine.activities import TimePassed
from loyalty.engine.decision import Decision
from loyalty.plans.rules import NOTHING, Days, FeeLine, PlanRule, Quote, next_end, quote_change
from loyalty.plans.state import (
    ACTIVE,
    AWAITING,
    CANCELLED,
    CHANGE,
    ENDING,
    FIRST,
    PLANS,
    TRIAL,
    PlanState,
)
from loyalty.plans.steps import (
    changed_to,
    code_of,
    credit_invoice,
    end,
    ending_line,
    held_by,
    issue,
    money,
    pass_time,
    sold_as,
    told,
    void_due,
    with_state,
)


def join(decision: Decision, rule: PlanRule, *, may_try: bool, method: str) -> Decision:
    """
    Let a member without a plan join one: on trial, at once where it costs nothing, else with the first payment.

    :param may_try: whether it had no trial before
    """
    at, had = decision.at, decision.member.of(PLANS)
    begun = PlanState(
        subscription_id=new_id(), plan_id=rule.id, status=AWAITING, joined_at=at, since=had.dated(at), method=method
    ).following(had)
    if rule.trial_days and may_try:
        return _try(decision, rule, begun)
    days = Days(decision.on, next_end(decision.on, decision.on, rule.months))
    decision = issue(decision, begun, FIRST, rule, days, (FeeLine(rule.id, days, rule.price),))
    if rule.price == NOTHING:
        return begin(decision, rule.key, rule.id, days, NOTHING, f"joined:{begun.subscription_id}")
    return decision.then(told(decision, "awaits_payment", at, plan=rule.code, amount=rule.price))


def _try(decision: Decision, rule: PlanRule, begun: PlanState) -> Decision:
    days = Days(decision.on, decision.on + timedelta(days=rule.trial_days))
    on_trial = replace(
        begun, status=TRIAL, anchor=days.end, period=days, paid_from=days.first, paid=NOTHING, had_trial=True
    )
    event = told(decision, "joined", decision.at, plan=rule.code, trial=True, last_day=days.end - timedelta(days=1))
    return changed_to(decision, on_trial, rule.key, rule.id, f"joined:{begun.subscription_id}").then(event)


def begin(  # noqa: PLR0913 - all that a period is
    decision: Decision, key: UUID, plan_id: int, days: Days, fee: Decimal, cause: str
) -> Decision:
    """Let a plan's first period begin."""
    state = decision.member.of(PLANS)
    active = replace(state, status=ACTIVE, anchor=days.first, period=days, paid_from=days.first, paid=fee, due=None)
    decision = changed_to(decision, active, key, plan_id, cause)
    code, last = code_of(decision, key), days.end - timedelta(days=1)
    return decision.then(told(decision, "joined", decision.at, plan=code, trial=False, last_day=last))


def quote(decision: Decision, rule: PlanRule) -> Quote | None:
    """Return what a change of plan today comes to; None where nothing has been paid yet, as on trial."""
    state = decision.member.of(PLANS)
    if state.status == TRIAL:
        return None
    found = quote_change(held_by(decision), rule, decision.on, money(decision).unit)
    return replace(found, credit=state.at_most_back(found.credit))


def change_now(decision: Decision, rule: PlanRule) -> Decision:
    """
    Let a member have another plan: at once where nothing is to be paid for it, else with the payment.

    An earlier change that was not paid is given up; what was wished for the period's end stays until this one takes place.
    """
    decision = void_due(decision)
    offered, state = quote(decision, rule), decision.member.of(PLANS)
    if offered is None or state.subscription_id is None:
        return _switched(decision, state, rule, f"changed:{new_id()}")
    period = held_by(decision)
    lines = _lines(offered, rule, Days(decision.on, period.period.end), state.plan_id or rule.id)
    decision = issue(decision, state, CHANGE, rule, offered.days, lines, latest=period.period.end)
    if decision.member.of(PLANS).due is None:
        return replace_plan(decision, rule.key, rule.id, offered.days, offered.charge, f"changed:{new_id()}")
    return decision


def _lines(offered: Quote, rule: PlanRule, rest: Days, plan_id: int) -> tuple[FeeLine, ...]:
    credit = (FeeLine(plan_id, rest, -offered.credit),) if offered.credit else ()
    return (*credit, FeeLine(rule.id, offered.days, offered.charge))


def _switched(decision: Decision, state: PlanState, rule: PlanRule, cause: str) -> Decision:
    """Let a trial go on under another plan."""
    before = code_of(decision, state.key)
    event = told(decision, "changed", decision.at, **{"from": before, "to": rule.code})
    wished = replace(state, next_key=None, cancels=False)
    return changed_to(decision, wished, rule.key, rule.id, cause).then(event)


def replace_plan(  # noqa: PLR0913 - all that the rest of a period is
    decision: Decision, key: UUID, plan_id: int, days: Days, fee: Decimal, cause: str
) -> Decision:
    """Let the rest of the period, or a new one, be another plan's."""
    state = decision.member.of(PLANS)
    assert state.period is not None, "a plan that is changed has a period"
    sold = sold_as(decision.versions, plan_id)
    is_new = sold is not None and sold.months != held_by(decision).rule.months
    after = replace(
        state, status=ACTIVE, period=days if is_new else state.period, anchor=days.first if is_new else state.anchor,
        paid_from=days.first, paid=fee, due=None, next_key=None, cancels=False,
    )  # fmt: skip
    event = told(
        decision, "changed", decision.at, **{"from": code_of(decision, state.key), "to": code_of(decision, key)}
    )
    return changed_to(decision, after, key, plan_id, cause).then(event)


def change_later(decision: Decision, rule: PlanRule) -> Decision:
    """
    Let a member's next period begin with another plan; with its present one, an earlier such wish is taken back.

    What it said last holds: a change at once that it has not paid is given up.
    """
    decision = void_due(decision)
    state = decision.member.of(PLANS)
    later = None if rule.key == state.key else rule.key
    return with_state(decision, replace(state, next_key=later, cancels=False))


def cancel(decision: Decision) -> Decision:
    """Let a plan end with its period; one that has not begun ends now. A change that is not paid is given up."""
    state = decision.member.of(PLANS)
    if state.due is not None and state.due.kind == CHANGE:
        decision = void_due(decision)
        state = decision.member.of(PLANS)
    if state.key is None or state.period is None:
        return end(decision, CANCELLED, f"cancelled:{state.subscription_id}")
    last = state.period.end - timedelta(days=1)
    event = told(decision, "cancelled", decision.at, plan=code_of(decision, state.key), last_day=last)
    return with_state(decision, replace(state, cancels=True, next_key=None), event)


def resume(decision: Decision) -> Decision:
    """Let a plan that was cancelled go on after its period."""
    state = decision.member.of(PLANS)
    event = told(decision, "resumed", decision.at, plan=code_of(decision, state.key))
    return with_state(decision, replace(state, cancels=False), event)


def use_method(decision: Decision, method: str) -> Decision:
    """Let the next payments be taken by another method."""
    return with_state(decision, replace(decision.member.of(PLANS), method=method))


def end_now(decision: Decision, reason: str, cause: str, *, refunds: bool) -> Decision:
    """
    End a plan at once.

    :param refunds: whether what is left of its fee goes back; it is forfeited otherwise
    """
    state = decision.member.of(PLANS)
    line = ending_line(decision, state) if refunds else None
    if line is not None:
        invoiced = credit_invoice(decision, state, line, ENDING)
        decision = with_state(decision, replace(state, credit=state.credit - line.amount), invoiced)
    return end(decision, reason, cause)


def catch_up(decision: Decision, *, as_nights: bool = False) -> Decision:
    """
    Carry out the midnights that have passed for a plan, each under the version of its time.

    :param as_nights: whether what is issued has its grace from its own night on; from now on, where a payment is told late
    """
    activity, at, now, version = decision.activity, decision.at, decision.now, decision.version
    while (on := _day_due(decision)) is not None:
        night = midnight(on, decision.rules.zone)
        under = decision.then(
            activity=TimePassed(night, on), at=night, now=night if as_nights else now,
            version=decision.versions.at(night) or version,
        )  # fmt: skip
        decision = pass_time(under).then(activity=activity, at=at, now=now, version=version)
    return decision


def _day_due(decision: Decision) -> date | None:
    """Return the first day up to today whose midnight changes something for a plan."""
    state, today = decision.member.of(PLANS), local_date(decision.at, decision.rules.zone)
    if not state.is_open:
        return None
    days = [*([state.period.end] if state.period else []), *([state.due.until] if state.due else [])]
    return min(days) if days and min(days) <= today else None

"""What members, staff and payments do to a plan: joined, changed, cancelled, paid, failed, refunded. Pure."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
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
    OFFER,
    PAST_DUE,
    PLANS,
    RENEWAL,
    TRIAL,
    UNPAID,
    Due,
    InvoicePaid,
    PaymentFailed,
    PlanState,
    RefundAsked,
)
from loyalty.plans.steps import (
    changed_to,
    code_of,
    credit_invoice,
    end,
    ending_line,
    held_by,
    issue,
    months_of,
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
    at = decision.at
    since = max(at, decision.member.of(PLANS).since or at)
    begun = PlanState(
        subscription_id=new_id(), plan_id=rule.id, status=AWAITING, joined_at=at, since=since, method=method
    )
    if rule.trial_days and may_try:
        return _try(decision, rule, begun)
    days = Days(decision.on, next_end(decision.on, decision.on, rule.months))
    decision = issue(decision, begun, FIRST, rule, days, (FeeLine(rule.id, days, rule.price),))
    if rule.price == NOTHING:
        return _begin(decision, rule.key, rule.id, days, NOTHING, f"joined:{begun.subscription_id}")
    return decision.then(told(decision, "awaits_payment", at, plan=rule.code, amount=rule.price))


def _try(decision: Decision, rule: PlanRule, begun: PlanState) -> Decision:
    days = Days(decision.on, decision.on + timedelta(days=rule.trial_days))
    on_trial = replace(
        begun, status=TRIAL, anchor=days.end, period=days, paid_from=days.first, paid=NOTHING, had_trial=True
    )
    event = told(decision, "joined", decision.at, plan=rule.code, trial=True, last_day=days.end - timedelta(days=1))
    return changed_to(decision, on_trial, rule.key, rule.id, f"joined:{begun.subscription_id}").then(event)


def _begin(  # noqa: PLR0913 - all that a period is
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
    if decision.member.of(PLANS).status == TRIAL:
        return None
    return quote_change(held_by(decision), rule, decision.on, decision.rules.of(OFFER).unit)


def change_now(decision: Decision, rule: PlanRule) -> Decision:
    """
    Let a member have another plan: at once where nothing is to be paid for it, else with the payment.

    An earlier change that was not paid is given up.
    """
    decision = void_due(decision)
    offered = quote(decision, rule)
    state = replace(decision.member.of(PLANS), next_key=None, cancels=False)
    if offered is None or state.subscription_id is None:
        return _switched(decision, state, rule, f"changed:{new_id()}")
    period = held_by(decision)
    lines = _lines(offered, rule, Days(decision.on, period.period.end), state.plan_id or rule.id)
    decision = issue(decision, state, CHANGE, rule, offered.days, lines, latest=period.period.end)
    if decision.member.of(PLANS).due is None:
        return _changed(decision, rule.key, rule.id, offered.days, offered.charge, f"changed:{new_id()}")
    return decision


def _lines(offered: Quote, rule: PlanRule, rest: Days, plan_id: int) -> tuple[FeeLine, ...]:
    credit = (FeeLine(plan_id, rest, -offered.credit),) if offered.credit else ()
    return (*credit, FeeLine(rule.id, offered.days, offered.charge))


def _switched(decision: Decision, state: PlanState, rule: PlanRule, cause: str) -> Decision:
    """Let a trial go on under another plan."""
    before = code_of(decision, state.key)
    event = told(decision, "changed", decision.at, **{"from": before, "to": rule.code})
    return changed_to(decision, state, rule.key, rule.id, cause).then(event)


def _changed(  # noqa: PLR0913 - all that the rest of a period is
    decision: Decision, key: UUID, plan_id: int, days: Days, fee: Decimal, cause: str
) -> Decision:
    """Let the rest of the period, or a new one, be another plan's."""
    state = decision.member.of(PLANS)
    assert state.period is not None, "a plan that is changed has a period"
    is_new = months_of(decision, key) != months_of(decision, state.key)
    after = replace(
        state, status=ACTIVE, period=days if is_new else state.period, anchor=days.first if is_new else state.anchor,
        paid_from=days.first, paid=fee, due=None,
    )  # fmt: skip
    event = told(
        decision, "changed", decision.at, **{"from": code_of(decision, state.key), "to": code_of(decision, key)}
    )
    return changed_to(decision, after, key, plan_id, cause).then(event)


def change_later(decision: Decision, rule: PlanRule) -> Decision:
    """Let a member's next period begin with another plan; with its present one, an earlier such wish is taken back."""
    state = decision.member.of(PLANS)
    later = None if rule.key == state.key else rule.key
    return with_state(decision, replace(state, next_key=later, cancels=False))


def cancel(decision: Decision) -> Decision:
    """Let a plan end with its period; one that has not begun ends now."""
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


@dataclass(frozen=True, slots=True)
class Billed:
    """
    An invoice as it stands, for a payment of it.

    :param voided_at: when it was given up
    :param reference: the provider's, of its last payment or failure
    """

    due: Due
    subscription_id: UUID
    status: str
    voided_at: datetime | None
    last_failed_at: datetime | None
    refundable: Decimal
    reference: str = ""


def pay(decision: Decision, billed: Billed, *, paid_at: datetime, reference: str) -> Decision:
    """
    Take in that an invoice was paid, at the payment's own instant, however late it is told.

    One that had been given up is made good where it was paid in time; what is paid too late goes back.
    """
    decision = _paid(decision, billed, paid_at, reference)
    return catch_up(decision)


def _paid(decision: Decision, billed: Billed, paid_at: datetime, reference: str) -> Decision:
    state, due = decision.member.of(PLANS), billed.due
    if state.due is not None and state.due.invoice_id == due.invoice_id:
        return _settled(decision, due, paid_at, reference)
    if _is_undone_by(decision, billed, paid_at):
        return _reopened(decision, billed, paid_at, reference)
    paid = InvoicePaid(due.invoice_id, paid_at, reference, is_too_late=True)
    back = RefundAsked(
        decision.member.retailer_id,
        billed.subscription_id,
        due.invoice_id,
        due.amount,
        "paid_too_late",
        "",
        decision.at,
    )
    event = told(decision, "paid_too_late", paid_at, invoice=str(due.invoice_id), amount=due.amount)
    return decision.then(paid, back, event)


def _settled(decision: Decision, due: Due, paid_at: datetime, reference: str) -> Decision:
    """Settle the open invoice: its period goes on, or what it was to pay for begins."""
    state = replace(decision.member.of(PLANS), due=None)
    event = told(decision, "paid", paid_at, plan=code_of(decision, due.key), amount=due.amount)
    if due.kind == RENEWAL:
        paid = InvoicePaid(due.invoice_id, paid_at, reference)
        return with_state(decision, replace(state, status=ACTIVE), paid, event)
    at, now = max(paid_at, state.since or paid_at), decision.at
    decision, cause = decision.then(at=at), f"paid:{due.invoice_id}"
    if due.kind == FIRST:
        first = local_date(at, decision.rules.zone)
        rule = decision.rules.of(OFFER).plan(due.key)
        months = rule.months if rule else 1 if len(due.days) < 300 else 12  # noqa: PLR2004 - a year or a month
        days = Days(first, next_end(first, first, months))
        moved = days if days != due.days else None
        decision = with_state(decision, state, InvoicePaid(due.invoice_id, paid_at, reference, moved), event)
        return _begin(decision, due.key, due.plan_id, days, due.fee, cause).then(at=now)
    decision, fee = _for_less(with_state(decision, state, InvoicePaid(due.invoice_id, paid_at, reference), event), due)
    return _changed(decision, due.key, due.plan_id, fee.days, fee.amount, cause).then(at=now)


def _for_less(decision: Decision, due: Due) -> tuple[Decision, FeeLine]:
    """
    Return what a change costs that is paid on a later day than it was asked for: the days until then are the old plan's.

    What was paid for them is credited.
    """
    state, quoted = decision.member.of(PLANS), FeeLine(due.plan_id, due.days, due.fee)
    rule = sold_as(decision.versions, due.plan_id)
    if rule is None or rule.months != months_of(decision, state.key) or decision.on <= due.days.first:
        return decision, quoted
    held, unit = held_by(decision), decision.rules.of(OFFER).unit
    asked, paid = (quote_change(held, rule, on, unit) for on in (due.days.first, decision.on))
    less = asked.total - paid.total
    if less <= NOTHING:
        return decision, quoted
    line = FeeLine(due.plan_id, paid.days, -less)
    invoiced = credit_invoice(decision, state, line, CHANGE)
    decision = with_state(decision, replace(state, credit=state.credit + less), invoiced)
    return decision, FeeLine(due.plan_id, paid.days, paid.charge)


def note_second_payment(decision: Decision, billed: Billed, paid_at: datetime, reference: str) -> Decision:
    """Tell that an invoice which was paid was paid once more."""
    due = billed.due
    said = {"invoice": str(due.invoice_id), "amount": due.amount, "reference": reference}
    return decision.then(told(decision, "paid_twice", paid_at, **said))


def _is_undone_by(decision: Decision, billed: Billed, paid_at: datetime) -> bool:
    """Tell whether a plan ended because an invoice was not paid that, as is told now, was paid in time."""
    state = decision.member.of(PLANS)
    return (
        state.subscription_id == billed.subscription_id
        and state.ended_at is not None
        and state.end_reason == UNPAID
        and billed.due.kind == RENEWAL
        and billed.voided_at is not None
        and paid_at < billed.voided_at
    )


def _reopened(decision: Decision, billed: Billed, paid_at: datetime, reference: str) -> Decision:
    """Let a plan go on that had ended although it was paid; what was credited to its invoice has gone back, and stays so."""
    due, state = billed.due, decision.member.of(PLANS)
    back = replace(state, status=ACTIVE, ended_at=None, end_reason="", due=None, paid=due.fee - due.credit_used)
    paid = InvoicePaid(due.invoice_id, paid_at, reference)
    code = code_of(decision, due.key)
    events = (
        told(decision, "paid", paid_at, plan=code, amount=due.amount),
        told(decision, "restored", decision.at, plan=code),
    )
    return changed_to(decision, back, due.key, due.plan_id, f"paid:{due.invoice_id}").then(paid, *events)


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


def fail(decision: Decision, billed: Billed, *, failed_at: datetime, error: str, reference: str = "") -> Decision:
    """
    Take in that a payment failed: it is tried again while its grace lasts, in which the benefits go on.

    The grace counts from the first try, where that is later than the day on which it was to be paid.

    What was paid, or failed later, is not told anything new by it, nor is the failure itself, told in another way.
    """
    state, due = decision.member.of(PLANS), billed.due
    is_known = billed.last_failed_at is not None and (
        failed_at <= billed.last_failed_at or (reference != "" and reference == billed.reference)
    )
    if state.due is None or state.due.invoice_id != due.invoice_id or is_known:
        return decision
    rule = decision.rules.of(OFFER).plan(due.key)
    again = failed_at + timedelta(days=rule.retry_days if rule else 1)
    zone, until = decision.rules.zone, state.due.until
    if billed.last_failed_at is None and rule is not None:
        latest = state.period.end if state.period else date.max
        until = max(until, min(local_date(failed_at, zone) + timedelta(days=rule.grace_days), latest))
    next_try = again if local_date(again, zone) < until else None
    failed = PaymentFailed(due.invoice_id, failed_at, error[:200], next_try, until, reference)
    status = PAST_DUE if state.key is not None and due.kind == RENEWAL else state.status
    event = told(
        decision, "payment_failed", failed_at, plan=code_of(decision, due.key), amount=due.amount,
        last_day=until - timedelta(days=1), next_try_at=next_try.isoformat() if next_try else None,
    )  # fmt: skip
    later = replace(state.due, until=until, next_try_at=next_try)
    return with_state(decision, replace(state, status=status, due=later), failed, event)


def refund(  # noqa: PLR0913 - all that a refund says
    decision: Decision, billed: Billed, amount: Decimal, *, reason: str, author: str, reference: str = ""
) -> Decision:
    """Let money go back to a member of an invoice that it paid; what it has of the plan stays as it is."""
    asked = RefundAsked(
        decision.member.retailer_id, billed.subscription_id, billed.due.invoice_id, amount, reason, author, decision.at,
        reference,
    )  # fmt: skip
    event = told(decision, "refunded", decision.at, plan=code_of(decision, billed.due.key), amount=amount)
    return decision.then(asked, event)

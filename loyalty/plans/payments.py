"""What payments do to a plan: paid, paid late or twice, failed, refunded; each at its own instant. Pure."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.engine.decision import Decision
from loyalty.plans.changes import begin, catch_up, replace_plan
from loyalty.plans.rules import NOTHING, Days, FeeLine, next_end, quote_change
from loyalty.plans.state import (
    ACTIVE,
    AWAITING,
    CHANGE,
    FIRST,
    PAST_DUE,
    PLANS,
    RENEWAL,
    SECOND,
    UNPAID,
    CreditGone,
    Due,
    Invoiced,
    InvoicePaid,
    PaymentFailed,
    RefundAsked,
)
from loyalty.plans.steps import (
    changed_to,
    code_of,
    credit_invoice,
    held_by,
    money,
    rule_of,
    sold_as,
    told,
    with_state,
)


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


@dataclass(frozen=True, slots=True)
class Payment:
    """
    A payment of an invoice.

    :param provider: who took it; empty for a till or a transfer
    """

    at: datetime
    reference: str
    provider: str = ""


def pay(decision: Decision, billed: Billed, payment: Payment) -> Decision:
    """
    Take in that an invoice was paid, at the payment's own instant, however late it is told.

    One that had been given up is made good where it was paid in time; what is paid too late goes back.
    """
    return catch_up(_paid(decision, billed, payment))


def _paid(decision: Decision, billed: Billed, payment: Payment) -> Decision:
    state, due = decision.member.of(PLANS), billed.due
    if state.due is not None and state.due.invoice_id == due.invoice_id:
        return _settled(decision, due, payment)
    if _is_undone_by(decision, billed, payment):
        return _reopened(decision, billed, payment)
    paid = _noted(due, payment, is_too_late=True)
    event = told(decision, "paid_too_late", payment.at, invoice=str(due.invoice_id), amount=due.amount)
    return decision.then(paid, _back(decision, billed, due.invoice_id, "paid_too_late"), event)


def _noted(due: Due, payment: Payment, days: Days | None = None, *, is_too_late: bool = False) -> InvoicePaid:
    return InvoicePaid(
        due.invoice_id, payment.at, payment.reference, days, is_too_late=is_too_late, provider=payment.provider
    )


def _back(decision: Decision, billed: Billed, invoice_id: UUID, reason: str) -> RefundAsked:
    """Return that all that was paid of an invoice goes back, which nobody had to decide."""
    return RefundAsked(
        decision.member.retailer_id, billed.subscription_id, invoice_id, billed.due.amount, reason, "", decision.at
    )


def _settled(decision: Decision, due: Due, payment: Payment) -> Decision:
    """Settle the open invoice: its period goes on, or what it was to pay for begins."""
    state = replace(decision.member.of(PLANS), due=None)
    event = told(decision, "paid", payment.at, plan=code_of(decision, due.key), amount=due.amount)
    if due.kind == RENEWAL:
        return with_state(decision, replace(state, status=ACTIVE), _noted(due, payment), event)
    at, now = state.dated(payment.at), decision.at
    decision = decision.then(at=at)
    if due.kind == FIRST:
        return _first_paid(decision.then(event), due, payment).then(at=now)
    days, fee, credit = _of_the_day(decision, due)
    moved = days if days.first != due.days.first and credit is None else None
    decision = with_state(decision, state, _noted(due, payment, moved), event)
    if credit is not None:
        credited = replace(state, credit=state.credit - credit.amount)
        decision = with_state(decision, credited, credit_invoice(decision, state, credit, CHANGE))
    return replace_plan(decision, due.key, due.plan_id, days, fee, f"paid:{due.invoice_id}").then(at=now)


def _first_paid(decision: Decision, due: Due, payment: Payment) -> Decision:
    """Let a plan begin on the decision's day, by the price and for the months that it was sold for."""
    first = decision.on
    rule = sold_as(decision.versions, due.plan_id)
    days = Days(first, next_end(first, first, rule.months)) if rule else due.days
    moved = days if days != due.days else None
    decision = with_state(decision, replace(decision.member.of(PLANS), due=None), _noted(due, payment, moved))
    return begin(decision, due.key, due.plan_id, days, due.fee, f"paid:{due.invoice_id}")


def _of_the_day(decision: Decision, due: Due) -> tuple[Days, Decimal, FeeLine | None]:
    """
    Return the days and the fee of a change that is paid on a later day than it was asked for, and what is credited for that.

    Of the same length, the days until then are the old plan's: what was quoted for them is credited. A new period begins with
    its payment, at the price that was told.
    """
    rule, on = sold_as(decision.versions, due.plan_id), decision.on
    if rule is None or on <= due.days.first:
        return due.days, due.fee, None
    if rule.months != held_by(decision).rule.months:
        return Days(on, next_end(on, on, rule.months)), due.fee, None
    asked, paid = (quote_change(held_by(decision), rule, day, money(decision).unit) for day in (due.days.first, on))
    less = asked.total - paid.total
    if less <= NOTHING:
        return due.days, due.fee, None
    return paid.days, paid.charge, FeeLine(due.plan_id, paid.days, -less)


def note_second_payment(decision: Decision, billed: Billed, payment: Payment, invoice_id: UUID) -> Decision:
    """
    Take in that an invoice which was paid was paid once more: that goes back, from whoever took it.

    :param invoice_id: of the row that stands for the second payment
    """
    due = billed.due
    once_more = replace(due, invoice_id=invoice_id, kind=SECOND, fee=NOTHING, credit_used=NOTHING)
    issued = Invoiced(
        decision.member.retailer_id, billed.subscription_id, once_more, money(decision).currency, (), decision.at
    )
    said = {"invoice": str(due.invoice_id), "amount": due.amount, "reference": payment.reference}
    return decision.then(
        issued,
        _noted(once_more, payment, is_too_late=True),
        _back(decision, billed, invoice_id, "paid_twice"),
        told(decision, "paid_twice", payment.at, **said),
    )


def _is_undone_by(decision: Decision, billed: Billed, payment: Payment) -> bool:
    """
    Tell whether a plan ended because an invoice was not paid that, as is told now, was paid in time.

    Who has left since, maybe to come back, has ended all that it had.
    """
    state, member = decision.member.of(PLANS), decision.member
    return (
        state.subscription_id == billed.subscription_id
        and state.ended_at is not None
        and state.end_reason == UNPAID
        and billed.due.kind in {FIRST, RENEWAL}
        and billed.voided_at is not None
        and payment.at < billed.voided_at
        and member.left_at is None
        and member.enrolled_at <= state.ended_at
    )


def _reopened(decision: Decision, billed: Billed, payment: Payment) -> Decision:
    """
    Let a plan go on that had ended although it was paid, as it was wished for; one that was to begin begins today.

    What was credited to its invoice has gone back, and stays so: nobody asks for it again.
    """
    due, state = billed.due, decision.member.of(PLANS)
    back = replace(state, status=ACTIVE, ended_at=None, end_reason="", due=None)
    code = code_of(decision, due.key)
    events = (
        told(decision, "paid", payment.at, plan=code, amount=due.amount),
        told(decision, "restored", decision.at, plan=code),
    )
    if due.kind == FIRST:
        awaiting = with_state(decision, replace(back, status=AWAITING)).then(*events)
        return _first_paid(awaiting, due, payment)
    paid = replace(back, paid=due.fee - due.credit_used)
    decision = changed_to(decision, paid, due.key, due.plan_id, f"paid:{due.invoice_id}")
    if due.credit_used:
        line = FeeLine(due.plan_id, due.days, -due.credit_used)
        decision = decision.then(CreditGone(decision.member.retailer_id, due.invoice_id, line))
    return decision.then(_noted(due, payment), *events)


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
    rule = rule_of(decision.versions, decision.rules, due.key)
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

"""A member joins a plan, changes it, cancels it, or goes on with it."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction

from loyalty.memberships.models import Membership
from loyalty.plans import changes
from loyalty.plans.account.session import HasPlan, PlanSession
from loyalty.plans.models import Invoice, Subscription
from loyalty.plans.state import AWAITING, CHANGE, STAFF
from loyalty.plans.steps import code_of, rule_of


class When(StrEnum):
    """From when a member has another plan."""

    NOW = "now"
    PERIOD_END = "period_end"


@transaction.atomic
def join(membership: Membership, plan: str, *, method: str = "", now: datetime) -> bool:
    """
    Let a member join a plan; tell whether that is new.

    It begins at once on trial or where it costs nothing, else with its first payment. The same again changes nothing but the
    payment method, if another one is named.

    :param plan: its code
    :param method: the payment method, as the payment provider knows it
    :raises NoSuchPlan: when the program does not offer it
    :raises HasPlan: when the member has another one
    :raises HasLeft: when it left
    """
    session = PlanSession.open(membership, now)
    session.require_member()
    rule, state = session.offered(plan), session.state
    if state.is_open:
        held = state.key or (state.due.key if state.due else None)
        if held != rule.key:
            raise HasPlan(plan=code_of(session.decision, held) or "-")
        if method and method != state.method:
            _use(session, method, now)
        session.finish()
        return False
    session.take(changes.join(session.decision, rule, may_try=not had_trial(membership), method=method))
    session.finish()
    return True


def had_trial(membership: Membership) -> bool:
    """Tell whether a person had a trial: plans of a member who was merged are with the one that stays."""
    return Subscription.objects.filter(membership=membership, had_trial=True).exists()


@transaction.atomic
def change(membership: Membership, plan: str, *, when: When | None = None, now: datetime) -> bool:
    """
    Let a member have another plan; tell whether that is new.

    Now: what is left of the fee is credited, and what the new plan costs for the rest of the period charged, day by day;
    the change takes place with the payment, or at once where nothing is to be paid. At the period's end: nothing is
    charged or credited.

    :param when: now for a larger plan and at the period's end for a smaller one, if None
    :raises NoPlan: when it has none
    :raises NoSuchPlan: when the program does not offer it
    :raises PaymentDue: when its period is not paid
    """
    session = PlanSession.open(membership, now)
    session.require_member()
    state = session.require_plan()
    rule = session.offered(plan)
    session.require_paid()
    is_larger = rule.rank > _rank(session)
    at = when or (When.NOW if is_larger else When.PERIOD_END)
    if rule.key == state.key:
        at = When.PERIOD_END
    asked = state.due if state.due is not None and state.due.key == rule.key else None
    is_asked = asked is not None and asked.days.first == session.decision.on and at is When.NOW
    is_wished = at is When.PERIOD_END and (state.next_key or state.key) == rule.key
    is_wished = is_wished and not state.cancels and state.due is None
    if is_asked or is_wished:
        session.finish()
        return False
    decide = changes.change_now if at is When.NOW else changes.change_later
    session.take(decide(session.decision, rule))
    session.finish()
    return True


def _rank(session: PlanSession) -> int:
    rule = rule_of(session.decision.versions, session.decision.rules, session.state.key)
    return rule.rank if rule else -1


@transaction.atomic
def cancel(membership: Membership, *, now: datetime) -> bool:
    """
    Let a member's plan end with its period; one that awaits its first payment ends now. Tell whether that is new.

    :raises NoPlan: when it has none
    """
    session = PlanSession.open(membership, now)
    state = session.require_plan()
    is_new = not state.cancels or (state.due is not None and state.due.kind == CHANGE)
    if is_new:
        session.take(changes.cancel(session.decision))
    session.finish()
    return is_new


@transaction.atomic
def resume(membership: Membership, *, now: datetime) -> bool:
    """
    Let a plan that was cancelled go on after its period; tell whether that is new.

    :raises NoPlan: when the member has none
    """
    session = PlanSession.open(membership, now)
    session.require_member()
    state = session.require_plan()
    if state.cancels:
        session.take(changes.resume(session.decision))
    session.finish()
    return state.cancels


@transaction.atomic
def use_method(membership: Membership, method: str, *, now: datetime) -> None:
    """
    Let a member pay by another method from now on; what is open is tried again with it.

    :raises NoPlan: when it has no plan
    """
    session = PlanSession.open(membership, now)
    session.require_plan()
    _use(session, method, now)
    session.finish()


def _use(session: PlanSession, method: str, now: datetime) -> None:
    session.take(changes.use_method(session.decision, method))
    if session.state.due is not None:
        known = Invoice.objects.filter(pk=session.state.due.invoice_id, asked_method="")
        known.update(next_try_at=now)  # of a try that nobody knows the end of, this waits


@transaction.atomic
def end(membership: Membership, *, refunds: bool, now: datetime) -> None:
    """
    End a member's plan at once, by a decision of staff.

    :param refunds: whether what is left of its fee goes back
    :raises NoPlan: when it has none
    """
    session = PlanSession.open(membership, now)
    state = session.require_plan()
    cause = f"staff:{state.subscription_id}"
    refunds = refunds and state.status != AWAITING
    session.take(changes.end_now(session.decision, STAFF, cause, refunds=refunds))
    session.finish()

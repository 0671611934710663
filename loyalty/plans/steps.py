"""
What a plan gives, and what time, leaving and merging do to it, step by step. Pure.

A plan's days begin and end at midnight of the program's zone, so all that time changes is a matter of a midnight.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from customers.core.calendar import local_date, midnight
from customers.core.ids import new_id
from loyalty.engine.activities import GivenOver, OrderCorrected, PlanFollowed, TakenOver, TimePassed
from loyalty.engine.basket import Occasion
from loyalty.engine.decision import Decision, Effect, Told
from loyalty.engine.member import Member
from loyalty.engine.versions import Version, Versions
from loyalty.plans.rules import NOTHING, Days, FeeLine, Held, PlanOffer, PlanRule, next_end, split
from loyalty.plans.state import (
    ACTIVE,
    CANCELLED,
    CHANGE,
    ENDED,
    ENDING,
    LEFT,
    MERGED,
    OFFER,
    PLANS,
    RENEWAL,
    UNPAID,
    WITHDRAWN,
    Due,
    Invoiced,
    InvoicePutOff,
    InvoiceVoided,
    PlanChanged,
    PlanEntry,
    PlanState,
    RefundAsked,
    Subscribed,
)


def benefits(decision: Decision) -> Decision:
    """Let the plan that the member had at the time multiply what is earned."""
    if not decision.member.has(PLANS):
        return decision
    activity = decision.activity
    if isinstance(activity, OrderCorrected) and (activity.is_withdrawn or not activity.is_moved):
        return decision  # the plan on which an order was decided stays with it
    had = decision.occasion
    keys = decision.member.of(PLANS).keys_at(had.at)
    rules = [rule for key in keys if (rule := rule_of(decision.versions, decision.rules, key)) is not None]
    if not rules:
        return decision
    rule = max(rules, key=lambda each: each.rank)
    occasion = Occasion(
        had.at,
        had.zone,
        had.multiplier * rule.multiplier,
        had.is_first,
        had.tier,
        had.extra_months,
        rule.code,
        rule.multiplier,
        arms=had.arms,
        is_withheld=had.is_withheld,
    )
    return decision.then(occasion=occasion)


def rule_of(versions: Versions, version: Version, key: UUID | None) -> PlanRule | None:
    """Return a plan as a version offers it, or, where it does no more, as the last one before did: it was sold as that."""
    if key is None:
        return None
    if (now := version.of(OFFER).plan(key)) is not None:
        return now
    place = versions.versions.index(version) if version in versions.versions else len(versions.versions)
    earlier = reversed(versions.versions[:place])
    return next((rule for each in earlier if (rule := each.of(OFFER).plan(key)) is not None), None)


def sold_as(versions: Versions, plan_id: int) -> PlanRule | None:
    """Return a plan as the version offered it under which an invoice was issued, whatever it costs now."""
    return next((rule for version in versions.versions for rule in version.of(OFFER).plans if rule.id == plan_id), None)


def money(decision: Decision) -> PlanOffer:
    """Return an offer that says in which currency plans are paid: a version that offers none any more does not."""
    now = decision.rules.of(OFFER)
    offers = (version.of(OFFER) for version in decision.versions.versions)
    return now if now.currency else next((offer for offer in offers if offer.currency), now)


def held_by(decision: Decision) -> Held:
    """Return what a member with a period has paid for, as it was sold."""
    state = decision.member.of(PLANS)
    sold = sold_as(decision.versions, state.plan_id) if state.plan_id else None
    rule = sold or rule_of(decision.versions, decision.rules, state.key)
    assert rule is not None, "a plan that a member has was offered"
    assert state.period is not None, "who has benefits has a period"
    assert state.anchor is not None, "periods are counted from a day"
    assert state.paid_from is not None, "a fee is for days"
    return Held(rule, state.anchor, state.period, state.paid_from, state.paid)


def with_state(decision: Decision, state: PlanState, *effects: Effect) -> Decision:
    """Return a decision with a member's plan as it is now, and what else that causes."""
    member = decision.member
    plain = replace(state, changes=(), merged=())
    subscribed = Subscribed(member.retailer_id, member.program_id, member.membership_id, plain)
    return decision.then(subscribed, *effects, member=member.having(PLANS, state))


def told(decision: Decision, kind: str, at: datetime, **said: object) -> Told:
    """Return an event about a plan; amounts are strings with their currency beside them."""
    plain = {name: _plain(value) for name, value in said.items()}
    if any(isinstance(value, Decimal) for value in said.values()):
        plain["currency"] = money(decision).currency
    return Told(f"plan.{kind}", plain, at)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value) if isinstance(value, date) else value


def changed_to(decision: Decision, state: PlanState, key: UUID | None, plan_id: int | None, cause: str) -> Decision:
    """
    Let a member have another plan's benefits, or none, from the decision's instant on.

    The change is noted with the member: a late fact of the same batch asks for what was before.
    """
    had = decision.member.of(PLANS)
    at = had.dated(decision.at)
    effect = PlanChanged(
        decision.member.retailer_id, decision.member.membership_id, had.plan_id if had.key else None,
        plan_id if key else None, cause, at,
    )  # fmt: skip
    changes = (*had.changes, PlanEntry(at, had.key, key))
    after = replace(
        state.following(had), key=key, plan_id=plan_id or state.plan_id, since=at, changes=changes, changed_at=at
    )
    return with_state(decision, after, effect)


def code_of(decision: Decision, key: UUID | None) -> str | None:
    """Return the code of a plan, also of one that this version has no more; None for no plan."""
    rule = rule_of(decision.versions, decision.rules, key)
    return rule.code if rule else None


def pass_time(decision: Decision) -> Decision:
    """Let a day begin: what is not paid within its grace is given up, and a period that is over is renewed, or ends."""
    activity = decision.activity
    if not decision.member.has(PLANS) or not isinstance(activity, TimePassed):
        return decision
    state, on = decision.member.of(PLANS), activity.on
    if state.due is not None and state.due.until <= on:
        is_untried = not state.due.is_known or (state.method != "" and state.due.next_try_at is not None)
        decision = _put_off(decision, state.due) if is_untried else _give_up(decision, f"unpaid:{state.due.invoice_id}")
    state = decision.member.of(PLANS)
    if state.is_open and state.period is not None and state.period.end <= on:
        decision = _end_period(decision, state.period.end)
    return decision


def _put_off(decision: Decision, due: Due) -> Decision:
    """
    Let an invoice be given up later: by a day where a try is due that nobody has made, by its grace where nobody knew of it.

    Its payer cannot help that no night and no worker ran, or that the provider is not reached.
    """
    rule = rule_of(decision.versions, decision.rules, due.key)
    until = due.until + timedelta(days=1 if due.is_known or rule is None else rule.grace_days)
    later = replace(decision.member.of(PLANS), due=replace(due, until=until))
    return with_state(decision, later, InvoicePutOff(due.invoice_id, until))


def _give_up(decision: Decision, cause: str) -> Decision:
    """Void what is not paid: a change does not take place, and a plan ends."""
    state = decision.member.of(PLANS)
    assert state.due is not None, "an open invoice is given up"
    if state.due.kind == CHANGE:
        return void_due(decision)
    return end(decision, UNPAID, cause)


def void_due(decision: Decision) -> Decision:
    """Void the open invoice, if there is one."""
    state = decision.member.of(PLANS)
    if state.due is None:
        return decision
    return with_state(decision, state.without_due(), InvoiceVoided(state.due.invoice_id, decision.at))


def end(decision: Decision, reason: str, cause: str) -> Decision:
    """End a member's plan now: its open invoice is void, and its credit goes back."""
    decision = void_due(decision)
    state = decision.member.of(PLANS)
    member, at = decision.member, state.dated(decision.at)
    over = replace(state, status=ENDED, ended_at=at, end_reason=reason, credit=NOTHING)
    if reason != UNPAID:  # what was wished holds where it turns out to have been paid in time
        over = replace(over, cancels=False, next_key=None)
    effects: list[Effect] = []
    if state.credit:
        assert state.subscription_id is not None, "a plan that ends has begun"
        effects.append(
            RefundAsked(member.retailer_id, state.subscription_id, None, state.credit, "credit", "", decision.at)
        )
    key = state.key or (state.due.key if state.due else None)
    event = told(decision, "ended", at, plan=code_of(decision, key), reason=reason)
    if state.key is None:
        return with_state(decision, over, *effects, event)
    return changed_to(decision, over, None, None, cause).then(*effects, event)


def _end_period(decision: Decision, on: date) -> Decision:
    """Let the next period begin, or the plan end with this one."""
    decision = void_due(decision)  # a change that was not paid in its period
    state = decision.member.of(PLANS)
    cause = f"period:{state.subscription_id}:{on}"
    if state.cancels:
        return end(decision, CANCELLED, cause)
    offer = decision.rules.of(OFFER)
    # Who wished for another plan that is offered no more is not charged for the one that it did not want to keep.
    rule = offer.plan(state.next_key or state.key)
    if rule is None:
        return end(decision, WITHDRAWN, cause)
    return _renew(decision, rule, on, cause)


def _renew(decision: Decision, rule: PlanRule, on: date, cause: str) -> Decision:
    state = decision.member.of(PLANS)
    had = rule_of(decision.versions, decision.rules, state.key)
    assert state.anchor is not None, "periods are counted from a day"
    anchor = state.anchor if had is not None and had.months == rule.months else on
    days = Days(on, next_end(anchor, on, rule.months))
    renewed = replace(
        state,
        status=ACTIVE,
        anchor=anchor,
        period=days,
        paid_from=on,
        paid=rule.price,
        next_key=None,
        plan_id=rule.id if rule.key == state.key else state.plan_id,
    )
    decision = issue(decision, renewed, RENEWAL, rule, days, (FeeLine(rule.id, days, rule.price),))
    state = decision.member.of(PLANS)
    amount = state.due.amount if state.due else NOTHING
    event = told(
        decision, "renewed", decision.at, plan=rule.code, first_day=on, last_day=days.end - timedelta(days=1),
        amount=amount,
    )  # fmt: skip
    decision = decision.then(event)
    if rule.key == state.key:
        return decision
    before = code_of(decision, state.key)
    change = told(decision, "changed", decision.at, **{"from": before, "to": rule.code})
    return changed_to(decision, state, rule.key, rule.id, cause).then(change)


def issue(  # noqa: PLR0913 - all that an invoice says
    decision: Decision,
    state: PlanState,
    kind: str,
    rule: PlanRule,
    days: Days,
    lines: tuple[FeeLine, ...],
    *,
    latest: date = date.max,
) -> Decision:
    """
    Issue an invoice, less the member's credit; what its lines come to below nothing becomes credit.

    :param state: the member's plan, to which the invoice is added where there is something to pay
    :param latest: the last day on which it can be given up
    """
    total = sum((line.amount for line in lines), NOTHING)
    used = max(min(state.credit, total), NOTHING)
    credit = state.credit - used + max(-total, NOTHING)
    amount = (max(total, NOTHING) - used).quantize(money(decision).unit)
    fee = sum((line.amount for line in lines if line.amount > 0), NOTHING)
    assert state.subscription_id is not None, "invoices are for a plan"
    today = local_date(max(decision.at, decision.now), decision.rules.zone)
    until = min(max(days.first, today) + timedelta(days=rule.grace_days), latest)
    due = Due(new_id(), kind, rule.key, rule.id, days, fee, used, amount, until, decision.at)
    is_paid = amount == NOTHING
    invoiced = Invoiced(
        decision.member.retailer_id, state.subscription_id, due, money(decision).currency, lines, decision.at,
        decision.at if is_paid else None,
    )  # fmt: skip
    after = replace(state, credit=credit, due=None if is_paid else due)
    return with_state(decision, after, invoiced)


def end_with_membership(decision: Decision) -> Decision:
    """End the plan of a member that leaves."""
    if not decision.member.has(PLANS) or not decision.member.of(PLANS).is_open:
        return decision
    return end(decision, LEFT, f"left:{decision.member.of(PLANS).subscription_id}")


def give_over(decision: Decision) -> Decision:
    """Let the plan of a member that is merged go to the one that stays."""
    activity = decision.activity
    assert isinstance(activity, GivenOver), "memberships give over what they have"
    if not decision.member.has(PLANS):
        return decision
    state = decision.member.of(PLANS)
    if state.key is None:
        return decision.then(member=decision.member.having(PLANS, PlanState()))
    gone = PlanChanged(
        decision.member.retailer_id, decision.member.membership_id, state.plan_id, None, f"merged:{activity.to}",
        decision.at,
    )  # fmt: skip
    return decision.then(gone, member=decision.member.having(PLANS, PlanState()))


def take_over(decision: Decision) -> Decision:
    """Take over a plan, or of two keep the larger one, to which what is left of the other one's fee is credited."""
    activity = decision.activity
    assert isinstance(activity, TakenOver), "members take over from another membership"
    if not decision.member.has(PLANS):
        return decision
    mine, theirs = decision.member.of(PLANS), activity.other.of(PLANS)
    if not theirs.is_open:
        return decision
    cause = f"merged:{activity.other.membership_id}"
    if not mine.is_open:
        return _carry(decision, theirs, cause)
    if _size(decision, theirs) > _size(decision, mine):
        left = _left_of(decision, decision.member)
        ended = _end_merged(decision, decision.member, mine)
        return _carry(ended, replace(theirs, credit=theirs.credit + left), cause)
    left = _left_of(decision, activity.other)
    ended = _end_merged(decision, activity.other, theirs)
    return _pay_by_credit(with_state(ended, replace(mine, credit=mine.credit + left))) if left else ended


def _carry(decision: Decision, theirs: PlanState, cause: str) -> Decision:
    if theirs.key is None:
        return with_state(decision, theirs.following(decision.member.of(PLANS)))
    return _pay_by_credit(changed_to(decision, theirs, theirs.key, theirs.plan_id, cause))


def _pay_by_credit(decision: Decision) -> Decision:
    """Let a renewal that is owed be asked for less what the member has of credit since: nobody pays who has paid."""
    state = decision.member.of(PLANS)
    due = state.due
    rule = sold_as(decision.versions, due.plan_id) if due else None
    if due is None or rule is None or due.kind != RENEWAL or not state.credit:
        return decision
    decision = void_due(decision)
    state = replace(decision.member.of(PLANS), status=ACTIVE)
    return issue(decision, state, RENEWAL, rule, due.days, (FeeLine(due.plan_id, due.days, due.fee),), latest=due.until)


def _size(decision: Decision, state: PlanState) -> tuple[bool, int, bool]:
    """Return what makes a plan larger: that it is had, its rank, and that its period is paid."""
    rule = rule_of(decision.versions, decision.rules, state.key)
    return rule is not None, rule.rank if rule else 0, not _is_owed(state)


def _is_owed(state: PlanState) -> bool:
    return state.due is not None and state.due.kind == RENEWAL


def _left_of(decision: Decision, member: Member) -> Decimal:
    """Return what is left of a fee that was paid, and of earlier credit."""
    state = member.of(PLANS)
    line = ending_line(decision, state)
    return state.without_due().credit - (line.amount if line else NOTHING)


def _end_merged(decision: Decision, member: Member, state: PlanState) -> Decision:
    """End one of two plans; what is left of it goes to the other one as credit."""
    effects: list[Effect] = [InvoiceVoided(state.due.invoice_id, decision.at)] if state.due else []
    assert state.subscription_id is not None, "it was open"
    if credit := ending_line(decision, state):
        effects.append(credit_invoice(decision, state, credit, ENDING))
    over = replace(
        state, key=None, status=ENDED, ended_at=state.dated(decision.at), end_reason=MERGED, due=None, cancels=False,
        next_key=None, credit=NOTHING, changes=(),
    )  # fmt: skip
    return decision.then(Subscribed(member.retailer_id, member.program_id, member.membership_id, over), *effects)


def ending_line(decision: Decision, state: PlanState) -> FeeLine | None:
    """Return the credit for the days of a paid period that are used no more; None where there is none."""
    if state.period is None or state.paid_from is None or state.plan_id is None or _is_owed(state) or not state.paid:
        return None
    on = local_date(decision.at, decision.rules.zone)
    rest = Days(state.paid_from, state.period.end)
    left = state.at_most_back(split(state.paid, rest, on, money(decision).unit).left)
    return FeeLine(state.plan_id, Days(max(on, rest.first), rest.end), -left) if left else None


def credit_invoice(decision: Decision, state: PlanState, line: FeeLine, kind: str) -> Invoiced:
    """Return the invoice that says what is credited of a fee; there is nothing to pay of it."""
    assert state.subscription_id is not None, "it has begun"
    assert state.plan_id is not None, "it has begun"
    on = local_date(decision.at, decision.rules.zone)
    due = Due(new_id(), kind, state.key or new_id(), state.plan_id, line.days, NOTHING, NOTHING, NOTHING, on)
    return Invoiced(
        decision.member.retailer_id, state.subscription_id, due, money(decision).currency, (line,), decision.at,
        decision.at,
    )  # fmt: skip


def follow(decision: Decision) -> Decision:
    """Give a member whose past is simulated the plan that it had then."""
    activity = decision.activity
    assert isinstance(activity, PlanFollowed), "a past tells of its plans"
    if not decision.member.has(PLANS):
        return decision
    had = decision.member.of(PLANS)
    entry_of = replace(had, key=activity.key, plan_id=activity.plan_id, since=decision.at, changed_at=decision.at)
    return decision.then(member=decision.member.having(PLANS, entry_of))


def due(member: Member, before: Member | None, versions: Versions, now: datetime) -> datetime | None:
    """Return the next midnight that changes a member's plan if nothing happens."""
    if not member.has(PLANS):
        return None
    state = member.of(PLANS)
    if not state.is_open or (before is not None and before.has(PLANS) and before.of(PLANS) is state):
        return None
    version = versions.at(now)
    days = [*([state.period.end] if state.period else []), *([state.due.until] if state.due else [])]
    return midnight(min(days), version.zone) if version and days else None

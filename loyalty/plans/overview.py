"""What a member has of plans, and what its program offers: reads only, whether or not the night has been."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.engine.activities import PointsMoved
from loyalty.engine.basket import Occasion
from loyalty.engine.decision import Decision
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.plans.changes import catch_up
from loyalty.plans.loading import COLUMNS, JOIN, read_state
from loyalty.plans.models import InvoiceLine, PaidPlan, Subscription
from loyalty.plans.state import OFFER, PLANS, RENEWAL, Due, PlanState
from loyalty.plans.steps import rule_of

STATE = f"SELECT {', '.join(COLUMNS)} FROM memberships_membership m {JOIN} WHERE m.id = %s"  # of one member


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """
    What is to be paid.

    :param lines: fee and credits: plan, days and amount
    :param last_day: on which it can be paid
    """

    due: Due
    plan: PaidPlan
    lines: tuple[InvoiceLine, ...]

    @property
    def id(self) -> UUID:
        return self.due.invoice_id

    @property
    def kind(self) -> str:
        return self.due.kind

    @property
    def amount(self) -> Decimal:
        return self.due.amount

    @property
    def last_day(self) -> date:
        return self.due.until - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class MembersPlan:
    """
    A member's plan, or the one that awaits its first payment.

    :param plan: as the version in force offers it, or as it was sold last
    :param last_day: of the period that runs
    :param next_plan: with which the next period begins, where it is another one
    """

    plan: PaidPlan
    state: PlanState
    next_plan: PaidPlan | None
    invoice: OpenInvoice | None

    @property
    def first_day(self) -> date | None:
        return self.state.period.first if self.state.period else None

    @property
    def last_day(self) -> date | None:
        return self.state.period.end - timedelta(days=1) if self.state.period else None

    @property
    def is_paid(self) -> bool:
        """Tell whether a fee was paid for the period that runs: not on trial, for nothing, or while it is owed."""
        return self.state.paid > 0 and (self.state.due is None or self.state.due.kind != RENEWAL)


@dataclass(frozen=True, slots=True)
class Overview:
    """A member's plan, None for none, and the plans that its program offers now."""

    program: str
    currency: str
    mine: MembersPlan | None
    offered: tuple[PaidPlan, ...]


@dataclass(frozen=True, slots=True)
class HeldPlan:
    """
    The plan that a member has, or awaits, in short.

    :param since: when it got it; when it asked for it, before the first payment
    :param until: the last day of the period that runs; None before the first payment
    :param ends: whether it ends with that
    """

    plan: PaidPlan
    status: str
    since: datetime | None
    until: date | None
    ends: bool

    @property
    def code(self) -> str:
        return self.plan.code

    @property
    def name(self) -> str:
        return str(self.plan)

    @property
    def has_begun(self) -> bool:
        return self.until is not None

    @property
    def status_label(self) -> str:
        """Return how the member stands with it, in the reader's language."""
        return str(Subscription.Status(self.status).label)

    def benefit_list(self) -> list[str]:
        """Return what it gives now, in the reader's language: nothing before the first payment."""
        return self.plan.benefit_list() if self.has_begun else []


def held_plan(membership: Membership, versions: Versions, *, at: datetime) -> HeldPlan | None:
    """
    Return the plan that a member has at an instant, as the nights until then leave it; None for none.

    :param versions: of its program; where none of them has plans, nothing is read
    """
    version = versions.at(at)
    if version is None or PLANS.name not in versions.uses:
        return None
    state = state_of(membership, versions, at=at)
    rule = rule_of(versions, version, state.key or (state.due.key if state.due else None))
    if not state.is_open or rule is None:
        return None
    until = state.period.end - timedelta(days=1) if state.period else None
    return HeldPlan(PaidPlan.objects.get(pk=rule.id), state.status, state.since, until, state.cancels)


def overview(membership: Membership, versions: Versions, *, at: datetime) -> Overview:
    """
    Return what a member has of plans at an instant, as the nights until then leave it.

    :param versions: of its program
    """
    version = versions.at(at)
    if version is None or PLANS.name not in versions.uses:
        return Overview(membership.program.slug, "", None, ())
    keys = [plan.key for plan in version.of(OFFER).plans]
    offered = tuple(PaidPlan.objects.filter(version=version.version_id, key__in=keys).order_by("rank"))
    currency = membership.program.retailer.currency
    state = state_of(membership, versions, at=at)
    if not state.is_open:
        return Overview(membership.program.slug, currency, None, offered)
    rows = {plan.key: plan for plan in offered}

    def row_of(key: UUID | None) -> PaidPlan | None:
        rule = rule_of(versions, version, key) if key not in rows else None
        return rows.get(key) if key in rows else PaidPlan.objects.get(pk=rule.id) if rule else None

    due = state.due
    plan = row_of(state.key or (due.key if due else None))
    assert plan is not None, "a plan that a member has was offered"
    invoice = None
    if due is not None:
        lines = InvoiceLine.objects.filter(invoice=due.invoice_id).select_related("plan").order_by("pk")
        invoice = OpenInvoice(due, row_of(due.key) or plan, tuple(lines))
    return Overview(
        membership.program.slug, currency, MembersPlan(plan, state, row_of(state.next_key), invoice), offered
    )


def state_of(membership: Membership, versions: Versions, *, at: datetime) -> PlanState:
    """Return a member's plan at an instant, as the nights until then leave it; nothing is written."""
    (row,) = bulk.fetch(STATE, [membership.pk])
    return state_at(read_state(row), membership, versions, at)


def state_at(state: PlanState, membership: Membership, versions: Versions, at: datetime) -> PlanState:
    """Return what the nights until an instant leave of a member's plan as it was read."""
    version = versions.at(at)
    if version is None or not state.is_open:
        return state
    member = Member(
        membership.retailer_id, membership.program_id, membership.pk, membership.customer_id, membership.enrolled_at,
        states={PLANS.name: state},
    )  # fmt: skip
    activity = PointsMoved(membership.pk, membership.customer_id, at, "", "", 0)
    decision = Decision(member, activity, version, versions, at, at, Occasion(at, version.zone))
    decision = catch_up(decision, as_nights=True)
    return replace(decision.member.of(PLANS), changes=())


def offers_plans(versions: Versions, at: datetime) -> bool:
    """Tell whether a program offers plans at an instant."""
    version = versions.at(at)
    return version is not None and bool(version.of(OFFER).plans)

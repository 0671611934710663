"""Builders of programs with paid plans, and of what their members do."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core.ids import new_id
from customers.facts import OrderFact
from customers.models import Retailer
from loyalty.activity.intake import Answer
from loyalty.activity.nightly import run_nights
from loyalty.memberships.models import Membership
from loyalty.plans.account.joining import join
from loyalty.plans.account.paying import mark_paid
from loyalty.plans.models import Invoice, PaidPlan, PlanChange, Subscription
from loyalty.programs.models import Program, ProgramVersion
from tests import make


def add_plans(draft: ProgramVersion, *plans: dict[str, Any]) -> None:
    for rank, plan in enumerate(plans):
        given = {"code": "plus", "price": "10.00", **plan}
        given |= {name: Decimal(given[name]) for name in ("price", "multiplier", "perks_cost") if name in given}
        PaidPlan.objects.create(version=draft, name=given["code"].title(), rank=rank, **given)


def program(
    *plans: dict[str, Any], owner: Retailer | None = None, since: datetime = make.START, zone: str = "", **given: Any
) -> Program:
    """Return a program in force with plans; one of 10.00 a month if none is given."""
    draft = make.version(owner, zone=zone, **given)
    add_plans(draft, *(plans or ({},)))
    return make.published(draft, since=since)


def joined(who: Membership, plan: str = "plus", *, at: datetime, method: str = "") -> Subscription:
    """Let a member join a plan and pay what is due for it."""
    join(who, plan, method=method, now=at)
    pays(who, at=at)
    return plan_of(who)


def pays(who: Membership, *, at: datetime) -> None:
    """Let a member pay what is open."""
    for invoice in Invoice.objects.filter(subscription__membership=who, status="open"):
        mark_paid(invoice.pk, reference="till", now=at)


def plan_of(who: Membership) -> Subscription:
    """Return a member's latest plan."""
    return Subscription.objects.filter(membership=who).order_by("pk").select_related("plan").last()  # type: ignore[return-value] # it has one


def invoices_of(who: Membership) -> list[tuple[str, str, str]]:
    """Return a member's invoices: kind, amount and status, in their order."""
    rows = Invoice.objects.filter(subscription__membership=who).order_by("issued_at", "pk")
    return [(each.kind, f"{each.amount:f}", each.status) for each in rows]


def changes_of(who: Membership) -> list[tuple[str | None, str | None, datetime]]:
    """Return how a member's plan changed: from, to, when."""
    rows = PlanChange.objects.filter(membership=who).order_by("pk").select_related("from_plan", "to_plan")
    return [
        (each.from_plan.code if each.from_plan else None, each.to_plan.code if each.to_plan else None, each.occurred_at)
        for each in rows
    ]


def nights_until(club: Program, day: str) -> None:
    """Carry out the nights up to the midnight with which a day begins."""
    at = make.on(day)
    run_nights(club, until=at.date(), now=at)


def gave(bought: Answer[OrderFact]) -> int:
    """Return the points that an order gave."""
    order = bought.decisions[0].order
    assert order is not None, "it was decided"
    return order.points


def fresh_id() -> UUID:
    return new_id()

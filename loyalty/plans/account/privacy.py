"""What paid plans hold on a person: plans, invoices, refunds, and how it pays."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Section
from loyalty.memberships.privacy import memberships_of
from loyalty.plans.account.joining import cancel
from loyalty.plans.models import Invoice, PlanChange, Refund, Subscription

OF_INVOICE = (
    "kind", "status", "currency", "first_day", "end_day", "fee", "credit_used", "amount", "refunded", "issued_at",
    "paid_at", "provider", "provider_reference", "asked_method",
)  # fmt: skip


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return a person's plans, what it was asked to pay and what went back."""
    invoices = Invoice.objects.filter(subscription__membership__customer__in=person.ids).order_by("pk")
    refunds = Refund.objects.filter(invoice__subscription__membership__customer__in=person.ids).order_by("pk")
    changes = PlanChange.objects.filter(membership__customer__in=person.ids).order_by("pk")
    return [
        Section("plans", _("Your paid plans"), [_plan(each) for each in _plans(person)]),
        Section("plan_changes", _("When your plan changed"), [_change(each) for each in changes]),
        Section("invoices", _("Your invoices"), invoices.values("plan__code", *OF_INVOICE)),
        Section("refunds", _("What you got back"), refunds.values("amount", "reason", "status", "asked_at")),
    ]


def _plans(person: Person) -> Any:
    mine = Subscription.objects.filter(membership__customer__in=person.ids)
    return mine.select_related("plan", "program").order_by("pk")


def _plan(each: Subscription) -> dict[str, Any]:
    return {
        "program": each.program.slug, "plan": each.plan.code, "name": str(each.plan), "status": each.status,
        "joined_at": each.joined_at, "first_day": each.first_day, "end_day": each.end_day, "cancels": each.cancels,
        "credit": each.credit, "method": each.method, "ended_at": each.ended_at, "end_reason": each.end_reason,
    }  # fmt: skip


def _change(each: PlanChange) -> dict[str, Any]:
    return {"from": str(each.from_plan or ""), "to": str(each.to_plan or ""), "occurred_at": each.occurred_at}


def erase(person: Person, now: datetime) -> None:
    """Let plans end with what is paid, and be paid by nobody; invoices stay in the books."""
    for member in memberships_of(person):
        if Subscription.objects.filter(membership=member, ended_at=None).exists():
            cancel(member, now=now)
    Subscription.objects.filter(membership__customer__in=person.ids).update(method="")
    Invoice.objects.filter(subscription__membership__customer__in=person.ids).update(last_error="", asked_method="")
    Refund.objects.filter(invoice__subscription__membership__customer__in=person.ids).update(reason="", last_error="")


PART = Part(
    "plans",
    (
        "plans_subscription", "plans_planchange", "plans_invoice", "plans_invoiceline", "plans_refund",
        "plans_paymentnotice",
    ),
    holds=holds,
    erase=erase,
)  # fmt: skip

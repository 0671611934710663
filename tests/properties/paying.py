"""What the driver does with paid plans: members ask, the provider for trying out answers and tells."""

import json
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db.models import Sum

from customers.models import Retailer
from loyalty.engine.versions import Versions
from loyalty.memberships.models import Membership
from loyalty.plans.account import collecting, joining, paying
from loyalty.plans.account.notices import take_notice
from loyalty.plans.account.session import HasPlan, NoPlan, NoSuchPlan, PaymentDue
from loyalty.plans.models import Invoice, PlanChange, Refund
from loyalty.plans.overview import state_of
from loyalty.plans.providers.signing import sign
from loyalty.plans.providers.tryout import HEADER, TryoutProvider
from loyalty.plans.state import OFFER, PlanState
from loyalty.programs.models import Program

PLAN_REFUSALS = (
    HasPlan,
    NoPlan,
    NoSuchPlan,
    PaymentDue,
    paying.NotOpen,
    paying.NotPaid,
    paying.AllRefunded,
    paying.MoreThanPaid,
)
SECRET = "secret"
PROVIDER = TryoutProvider(SECRET)


class Paying:
    """Paid plans of one program."""

    retailer: Retailer
    program: Program
    versions: Versions
    members: dict[str, Membership]
    invoices: dict[str, UUID]
    notices: int

    def join_plan(self, name: str, code: str, method: str, now: datetime) -> None:
        joining.join(self.members[name], code, method=method, now=now)

    def change_plan(self, name: str, code: str, when: str, now: datetime) -> None:
        joining.change(self.members[name], code, when=joining.When(when) if when else None, now=now)

    def cancel_plan(self, name: str, now: datetime) -> None:
        joining.cancel(self.members[name], now=now)

    def resume_plan(self, name: str, now: datetime) -> None:
        joining.resume(self.members[name], now=now)

    def end_plan(self, name: str, now: datetime, *, refunds: bool) -> None:
        joining.end(self.members[name], refunds=refunds, now=now)

    def use_method(self, name: str, method: str, now: datetime) -> None:
        joining.use_method(self.members[name], method, now=now)

    def note_invoice(self, name: str, reference: str, now: datetime) -> bool:
        """Give a member's open invoice a name; tell whether it has one, as the nights until now leave it."""
        due = self._state(name, now).due
        if due is not None:
            if not Invoice.objects.filter(pk=due.invoice_id).exists():  # a night is due that issues it
                joining.use_method(self.members[name], self._state(name, now).method, now=now)
                due = self._state(name, now).due
            assert due is not None
            self.invoices[reference] = due.invoice_id
        return due is not None

    def tell_paid(self, reference: str, at: datetime, now: datetime) -> None:
        """Let the provider tell that an invoice was paid at an instant: by the same notice twice."""
        self._tell(reference, "paid", at, now)

    def tell_failed(self, reference: str, at: datetime, now: datetime) -> None:
        self._tell(reference, "failed", at, now)

    def _tell(self, reference: str, kind: str, at: datetime, now: datetime) -> None:
        self.notices += 1
        said = {"id": f"n{self.notices}", "kind": kind, "subject": str(self.invoices[reference]), "at": at.isoformat(),
                "reference": f"p{self.notices}", "error": "declined"}  # fmt: skip
        body = json.dumps(said).encode()
        for is_again in (False, True):
            signed = {HEADER: sign(body, SECRET, now)}
            assert take_notice(self.retailer, PROVIDER, signed, body, now=now).is_new is not is_again

    def mark_paid(self, reference: str, now: datetime) -> None:
        paying.mark_paid(self.invoices[reference], reference=f"till {now}", now=now)

    def pay_open(self, name: str, now: datetime) -> None:
        """Let a member pay at a till what is open, if anything is."""
        for invoice in Invoice.objects.filter(subscription__membership=self.members[name], status="open"):
            paying.mark_paid(invoice.pk, reference=f"till {now}", now=now)

    def refund_invoice(self, reference: str, units: int, now: datetime) -> None:
        paying.refund(self.invoices[reference], units * self._unit(), reason="test", author="test", now=now)

    def _unit(self) -> Decimal:
        return {"EUR": Decimal("0.01"), "JPY": Decimal(1), "KWD": Decimal("0.001")}[self.retailer.currency]

    def collect(self, now: datetime) -> None:
        """Let the provider be asked for all that is due, and carry out refunds."""
        collecting.collect_due(self.retailer, now=now, choose=lambda _: PROVIDER)
        collecting.carry_out_refunds(self.retailer, now=now, choose=lambda _: PROVIDER)

    # -- what there is

    def _state(self, name: str, now: datetime) -> PlanState:
        return state_of(self.members[name], self.versions, at=now)

    def plan(self, name: str, now: datetime) -> tuple[object, ...]:
        """Return how a member's plan stands, whether or not the night has been."""
        return self.plan_said(self._state(name, now))

    def plan_said(self, state: PlanState) -> tuple[object, ...]:
        if not state.is_open:
            return (state.status, state.end_reason)
        codes = {rule.key: rule.code for version in self.versions.versions for rule in version.of(OFFER).plans}
        period = (state.period.first, state.period.end) if state.period else None
        due = (state.due.kind, _money(state.due.amount), state.due.until) if state.due else None
        fee = (_money(state.paid), state.paid_from) if state.period else None
        code, following = (codes[key] if key else "" for key in (state.key, state.next_key))
        return state.status, code, period, fee, state.cancels, following, _money(state.credit), due

    def bills(self, name: str) -> list[tuple[object, ...]]:
        """Return the invoices of a member, and of those that were merged into it, in no order."""
        rows = Invoice.objects.filter(subscription__membership__in=self._memberships(name))
        return sorted((_bill(row) for row in rows.annotate(total=Sum("lines__amount"))), key=repr)

    def refunded(self, name: str) -> Fraction:
        """Return what has been asked to go back to a member."""
        refunds = Refund.objects.filter(invoice__subscription__membership__in=self._memberships(name))
        return sum((_money(row.amount) for row in refunds), Fraction(0))

    def _memberships(self, name: str) -> list[UUID]:
        member = self.members[name]
        return [member.pk, *Membership.objects.filter(merged_into=member).values_list("pk", flat=True)]

    def plan_changes(self, name: str) -> list[tuple[datetime, str]]:
        """Return since when a member has had which plan; empty for none."""
        rows = PlanChange.objects.filter(membership=self.members[name]).select_related("to_plan").order_by("pk")
        return [(row.occurred_at, row.to_plan.code if row.to_plan else "") for row in rows]


def _bill(row: Any) -> tuple[object, ...]:
    fees = [_money(line.amount) for line in row.lines.all() if line.amount > 0]
    total = sum((_money(line.amount) for line in row.lines.all()), Fraction(0))
    assert _money(row.fee) in {Fraction(0), sum(fees, Fraction(0))}
    return (
        row.kind, row.first_day, row.end_day, sum(fees, Fraction(0)), total, _money(row.credit_used),
        _money(row.amount), _money(row.refunded), row.status,
    )  # fmt: skip


def _money(amount: Decimal) -> Fraction:
    return Fraction(amount)

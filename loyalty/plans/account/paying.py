"""Invoices are paid, not paid, and refunded; each payment counts at its own instant, however late it is told."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.money import unit_of
from loyalty.plans import payments
from loyalty.plans.account.session import PlanSession
from loyalty.plans.models import Invoice
from loyalty.plans.payments import Billed, Payment
from loyalty.plans.rules import Days
from loyalty.plans.state import SECOND, Due, PlanState


class NotOpen(DomainError):
    code = "not_open"
    kind = Kind.CONFLICT
    message = _("The invoice is {status}: there is nothing to pay.")


class NotPaid(DomainError):
    code = "not_paid"
    kind = Kind.CONFLICT
    message = _("The invoice is {status}: there is nothing to refund.")


class MoreThanPaid(DomainError):
    code = "more_than_paid"
    message = _("{asked} {currency} are to be refunded; {refundable} can be.")


class OwedAsCredit(DomainError):
    code = "more_than_paid"
    message = _(
        "{asked} {currency} are to be refunded; {refundable} can be: {credit} of what was paid is the member’s credit, by which "
        "its next invoices are less. End the plan to give that back."
    )


class AllRefunded(DomainError):
    code = "all_refunded"
    kind = Kind.CONFLICT
    message = _("All that was paid of this invoice goes back already.")


class OtherRefund(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _("Reference {reference} was used for {amount} {currency} before. Use a new reference for a new refund.")


class TooManyDecimals(DomainError):
    code = "too_many_decimals"
    kind = Kind.INVALID
    message = _("{asked} has more decimals than amounts of {currency}.")


@transaction.atomic
def mark_paid(invoice_id: UUID, *, reference: str, now: datetime) -> bool:
    """
    Note that an open invoice was paid now, at a till or by transfer; tell whether that is new.

    The same under the same reference again changes nothing.

    :raises NotOpen: when it is paid already, or void
    """
    invoice, session = lock_invoice(invoice_id, now)
    is_known = invoice.status == Invoice.Status.PAID and invoice.provider_reference == reference
    if invoice.status != Invoice.Status.OPEN and not is_known:
        raise NotOpen(status=invoice.get_status_display())
    if not is_known:
        session.take(payments.pay(session.decision, billed(invoice), Payment(now, reference)))
    session.finish()
    return not is_known


class Settled(StrEnum):
    """What became of a payment that is told: paid_twice goes back."""

    PAID = "paid"
    PAID_TWICE = "paid_twice"
    KNOWN = "known"


def settle(invoice_id: UUID, *, paid_at: datetime, reference: str, provider: str = "", now: datetime) -> bool:
    """Take in that an invoice was paid, as `take_payment` does; tell whether that is new."""
    told = take_payment(invoice_id, paid_at=paid_at, reference=reference, provider=provider, now=now)
    return told is Settled.PAID


@transaction.atomic
def take_payment(invoice_id: UUID, *, paid_at: datetime, reference: str, provider: str, now: datetime) -> Settled:
    """
    Take in that an invoice was paid. The same payment again changes nothing; another one of a paid invoice goes back.

    :param paid_at: by the provider's clock; not after now
    """
    invoice, session = lock_invoice(invoice_id, now)
    payment = Payment(min(paid_at, now), reference, provider)
    became = Settled.KNOWN
    if invoice.status != Invoice.Status.PAID:
        became = Settled.PAID
        session.take(payments.pay(session.decision, billed(invoice), payment))
    elif invoice.amount and _is_second(invoice, payment):
        became = Settled.PAID_TWICE
        session.take(payments.note_second_payment(session.decision, billed(invoice), payment, new_id()))
    session.finish()
    return became


def _is_second(invoice: Invoice, payment: Payment) -> bool:
    """Tell whether a payment is another one than that by which an invoice was paid, and was not told before."""
    known = invoice.provider_reference
    if known and payment.reference:
        seconds = Invoice.objects.filter(subscription=invoice.subscription_id, kind=SECOND)
        return known != payment.reference and not seconds.filter(provider_reference=payment.reference).exists()
    return payment.provider not in {"", invoice.provider}


@transaction.atomic
def note_failure(invoice_id: UUID, *, failed_at: datetime, error: str, reference: str = "", now: datetime) -> bool:
    """Take in that a payment of an invoice failed; tell whether that is new: what was paid, or failed since, is not."""
    invoice, session = lock_invoice(invoice_id, now)
    decision = payments.fail(
        session.decision, billed(invoice), failed_at=min(failed_at, now), error=error, reference=reference
    )
    is_new = decision is not session.decision
    session.take(decision)
    session.finish()
    if is_new:
        Invoice.objects.filter(pk=invoice.pk).update(asked_method="")  # what became of that try is known
    return is_new


@transaction.atomic
def refund(  # noqa: PLR0913 - of what, how much, why, by whom, under which name, when
    invoice_id: UUID, amount: Decimal | None, *, reason: str, author: str, reference: str = "", now: datetime
) -> bool:
    """
    Let money go back to a member of an invoice that it paid; a task carries it out. Tell whether that is new.

    :param amount: all that is left of it if None
    :param reference: the caller's own; the same under the same one again changes nothing
    :raises NotPaid: when it is not paid
    :raises AllRefunded: when all of it goes back already
    :raises MoreThanPaid: when that is more than was paid and is not refunded yet
    :raises OwedAsCredit: when some of it is the member's credit by now
    :raises TooManyDecimals: when the currency has no such amounts
    :raises OtherRefund: when the reference was used for another amount
    """
    invoice, session = lock_invoice(invoice_id, now)
    if reference and (known := invoice.refunds.filter(reference=reference).first()):
        if amount not in {None, known.amount}:
            raise OtherRefund(reference=reference, amount=f"{known.amount:f}", currency=invoice.currency)
        session.finish()
        return False
    if invoice.status != Invoice.Status.PAID:
        raise NotPaid(status=invoice.get_status_display())
    bill = billed(invoice)
    if not bill.refundable:
        raise AllRefunded
    amount = _refundable(amount, bill, session.state, invoice.currency)
    exact = amount.quantize(unit_of(invoice.currency))
    if amount != exact:
        raise TooManyDecimals(asked=f"{amount:f}", currency=invoice.currency)
    session.take(payments.refund(session.decision, bill, exact, reason=reason, author=author, reference=reference))
    session.finish()
    return True


def _refundable(amount: Decimal | None, bill: Billed, state: PlanState, currency: str) -> Decimal:
    """Return how much of an invoice is to go back: what is the member's credit by now can not, as well."""
    most = state.at_most_back(bill.refundable)
    if amount is None and most:
        return most
    asked = bill.refundable if amount is None else amount
    if 0 < asked <= most:
        return asked
    said = {"asked": f"{asked:f}", "currency": currency, "refundable": f"{most:f}"}
    if most < bill.refundable:
        raise OwedAsCredit(credit=f"{state.without_due().credit:f}", **said)
    raise MoreThanPaid(**said)


def lock_invoice(invoice_id: UUID, now: datetime) -> tuple[Invoice, PlanSession]:
    """Lock the member of an invoice, carry out what time has changed by now, and return the invoice as it is then."""
    invoices = Invoice.objects.select_related("subscription__membership")
    membership = invoices.get(pk=invoice_id).subscription.membership
    session = PlanSession.open(membership, now)
    found = invoices.get(pk=invoice_id)
    if found.subscription.membership_id != membership.pk:  # it was merged before the lock
        session = PlanSession.open(found.subscription.membership, now)
    return found, session


def billed(invoice: Invoice) -> Billed:
    """Return an invoice as decisions see it."""
    due = Due(
        invoice.pk, invoice.kind, invoice.plan.key, invoice.plan_id, Days(invoice.first_day, invoice.end_day), invoice.fee,
        invoice.credit_used, invoice.amount, invoice.unpaid_on,
    )  # fmt: skip
    refundable = invoice.amount - invoice.refunded
    return Billed(
        due, invoice.subscription_id, invoice.status, invoice.voided_at, invoice.last_failed_at, refundable,
        invoice.provider_reference,
    )  # fmt: skip

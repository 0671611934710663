"""
What payment providers tell by webhook: signed, once per notice, in any order, and each at its own instant.

A notice and what it causes are one transaction: told twice at the same moment, one waits for the other and finds it done.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.plans.account.collecting import end_refund, fail_refund
from loyalty.plans.account.paying import note_failure, take_payment
from loyalty.plans.models import Invoice, PaymentNotice, Refund
from loyalty.plans.providers.port import Notice, NoticeKind, Provider, UnreadableNotice

FIRST_YEAR = 2000
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """
    What became of a notice.

    :param effect: paid, failed, refunded; paid_twice, which goes back; other_amount, which pays nothing and is a failed try;
        or nothing, and why: known, older, ignored
    """

    effect: str
    is_new: bool = True


def take_notice(
    retailer: Retailer, provider: Provider, headers: Mapping[str, str], body: bytes, *, now: datetime
) -> Taken:
    """
    Take in what a provider tells; the same notice again changes nothing.

    :raises WrongSignature: when it is not the provider's
    :raises UnreadableNotice: when nobody can understand it
    """
    notice = _kept(provider.read(headers, body, now=now))
    with transaction.atomic():
        if not _is_first(retailer, provider, notice):
            return Taken("known", is_new=False)
        invoice = Invoice.objects.filter(retailer=retailer, pk__in=_subjects(notice)).first()
        effect = _effect_of(retailer, provider, notice, invoice, now)
        PaymentNotice.objects.create(
            retailer=retailer, provider=provider.name, notice_id=notice.id, kind=notice.kind.value, invoice=invoice,
            effect=effect, occurred_at=notice.occurred_at, recorded_at=now,
        )  # fmt: skip
    return Taken(effect)


def _kept(notice: Notice) -> Notice:
    """
    Return a notice as it can be kept: its texts without what no row can hold, and not longer.

    :raises UnreadableNotice: when it is of a time in which there was nothing of ours
    """
    if notice.occurred_at.year < FIRST_YEAR:
        raise UnreadableNotice(reason=f"{notice.occurred_at:%Y-%m-%d}")
    return replace(notice, id=_name(notice.id), reference=_text(notice.reference), error=_text(notice.error))


def _text(said: str, longest: int | None = MAX_TEXT) -> str:
    return said.replace("\x00", "").encode(errors="replace").decode()[:longest]


def _name(said: str) -> str:
    """Return an id as a text that can be kept; of two long ones that begin alike none is taken for the other."""
    text = _text(said, None)
    return text if len(text) <= MAX_TEXT else f"{text[:100]} {sha256(text.encode()).hexdigest()}"


def _subjects(notice: Notice) -> list[UUID]:
    return [notice.subject] if notice.subject else []


def _is_first(retailer: Retailer, provider: Provider, notice: Notice) -> bool:
    """Tell whether a notice was not taken in before; one that is being taken in at this moment is waited for."""
    name = f"{retailer.pk} {provider.name} {notice.id}"
    bulk.fetch("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
    known = PaymentNotice.objects.filter(retailer=retailer, provider=provider.name, notice_id=notice.id)
    return not known.exists()


def _effect_of(retailer: Retailer, provider: Provider, notice: Notice, invoice: Invoice | None, now: datetime) -> str:
    if notice.kind in {NoticeKind.REFUNDED, NoticeKind.REFUND_FAILED}:
        return _of_refund(retailer, notice, now)
    if invoice is None:
        return "ignored"
    if notice.kind is NoticeKind.PAID and not _is_all_of(invoice, notice):
        return _of_other_amount(invoice, notice, now)
    if notice.kind is NoticeKind.PAID:
        return take_payment(
            invoice.pk, paid_at=notice.occurred_at, reference=notice.reference, provider=provider.name, now=now
        ).value
    if notice.kind is NoticeKind.FAILED:
        is_new = note_failure(
            invoice.pk, failed_at=notice.occurred_at, error=notice.error, reference=notice.reference, now=now
        )
        return "failed" if is_new else "older"
    return "ignored"


def _is_all_of(invoice: Invoice, notice: Notice) -> bool:
    """Tell whether what was paid is what an invoice asks for; a notice that does not say how much is taken at its word."""
    return notice.amount is None or (notice.amount, notice.currency) == (invoice.amount, invoice.currency)


def _of_other_amount(invoice: Invoice, notice: Notice, now: datetime) -> str:
    """Let a payment of another amount be a try that failed: a person decides what becomes of the money."""
    error = f"{notice.amount:f} {notice.currency} paid, {invoice.amount:f} {invoice.currency} due"
    note_failure(invoice.pk, failed_at=notice.occurred_at, error=_text(error), reference=notice.reference, now=now)
    return "other_amount"


def _of_refund(retailer: Retailer, notice: Notice, now: datetime) -> str:
    refund = Refund.objects.filter(retailer=retailer, pk__in=_subjects(notice)).first()
    if refund is None:
        return "ignored"
    if notice.kind is NoticeKind.REFUNDED:
        is_new = end_refund(refund.pk, at=notice.occurred_at, reference=notice.reference)
        return "refunded" if is_new else "known"
    is_new = fail_refund(refund.pk, error=notice.error, at=notice.occurred_at, reference=notice.reference, now=now)
    return "failed" if is_new else "older"

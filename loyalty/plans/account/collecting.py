"""
Fees are taken and given back: each is claimed for a while, asked of the provider outside any transaction, then taken in.

Whoever dies in between leaves a claim that ends; the next one asks the provider the same under the same key.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, Q

from customers.models import Retailer
from loyalty.plans.account.paying import note_failure, settle
from loyalty.plans.models import Invoice, Refund
from loyalty.plans.providers.choosing import provider_of
from loyalty.plans.providers.port import Answer, Charge, NotReached, Provider, Return, Status

CLAIMED = timedelta(minutes=15)
AGAIN = timedelta(hours=1)
MAX_ATTEMPTS = 24  # of a refund, then a person looks
BATCH = 100
log = structlog.get_logger(__name__)
ChooseProvider = Callable[[Retailer], Provider]


def collect_due(retailer: Retailer, *, now: datetime, choose: ChooseProvider = provider_of) -> int:
    """Take the fees that are due of those who let a provider take them; return how many were asked for."""
    asked, provider = 0, choose(retailer)
    due = {"retailer": retailer, "status": Invoice.Status.OPEN, "next_try_at__lte": now}
    while claimed := _claim(Invoice, due, now):
        for invoice in Invoice.objects.filter(pk__in=claimed).select_related("subscription").order_by("pk"):
            asked += _each(lambda row: _collect(row, provider, now), invoice)
    return asked


def _each(do: Callable[[Any], bool], row: Any) -> bool:
    """Do something for a row; what fails stops nobody else, and is tried again when its claim ends."""
    try:
        return do(row)
    except Exception:
        log.exception("payment not taken in", row=str(row.pk))
        return True


def _claim(model: type[Any], due: dict[str, Any], now: datetime) -> list[UUID]:
    """Claim rows for a while, so that nobody else asks for the same meanwhile."""
    with transaction.atomic():
        rows = model.objects.select_for_update(skip_locked=True, of=("self",), no_key=True).filter(**due)
        found = list(rows.order_by("next_try_at").values_list("pk", flat=True)[:BATCH])
        model.objects.filter(pk__in=found).update(next_try_at=now + CLAIMED)
    return found


def _collect(invoice: Invoice, provider: Provider, now: datetime) -> bool:
    """Ask a provider for one fee; tell whether it was asked. What nobody can be asked for waits for a person."""
    # As long as nobody knows what became of a try, it is asked for the same: by another method it could be paid twice.
    method = invoice.asked_method or invoice.subscription.method
    if not provider.is_asked or not method:
        Invoice.objects.filter(pk=invoice.pk, status=Invoice.Status.OPEN).update(next_try_at=None)
        return False
    key = f"{invoice.pk}:{invoice.attempts}:{sha256(method.encode()).hexdigest()[:32]}"  # a header takes few characters
    Invoice.objects.filter(pk=invoice.pk).update(asked_method=method)
    charge = Charge(key, invoice.pk, invoice.amount, invoice.currency, method)
    try:
        answer = provider.charge(charge, now=now)
    except NotReached as error:
        log.warning("payment provider not reached", invoice=str(invoice.pk), exc_info=error)
        return True  # the claim ends, and it is asked again under the same key
    _take_in(invoice, provider, answer, now)
    return True


def _take_in(invoice: Invoice, provider: Provider, answer: Answer, now: datetime) -> None:
    if answer.status is Status.DONE:
        paid_at = answer.at or now
        settle(invoice.pk, paid_at=paid_at, reference=answer.reference, provider=provider.name, now=now)
    elif answer.status is Status.FAILED:
        note_failure(invoice.pk, failed_at=answer.at or now, error=answer.error, reference=answer.reference, now=now)
    else:  # its webhook tells
        Invoice.objects.filter(pk=invoice.pk, status=Invoice.Status.OPEN).update(
            next_try_at=None, provider=provider.name, provider_reference=answer.reference
        )


def carry_out_refunds(retailer: Retailer, *, now: datetime, choose: ChooseProvider = provider_of) -> int:
    """Give back what is to be refunded; return how many refunds were asked for."""
    asked, provider = 0, choose(retailer)
    due = {"retailer": retailer, "status": Refund.Status.WAITING, "next_try_at__lte": now}
    while claimed := _claim(Refund, due, now):
        for refund in Refund.objects.filter(pk__in=claimed).select_related("invoice").order_by("pk"):
            asked += _each(lambda row: _give_back(row, provider, now), refund)
    return asked


def _give_back(refund: Refund, provider: Provider, now: datetime) -> bool:
    """Ask a provider for one refund; what another one took, or a person, goes back by hand."""
    invoice = refund.invoice
    if not provider.is_asked or invoice.provider != provider.name:
        Refund.objects.filter(pk=refund.pk).update(next_try_at=None)
        return False
    key = (
        f"{refund.pk}:{refund.attempts}" if refund.attempts else str(refund.pk)
    )  # of a try that failed, the answer is kept
    back = Return(key, refund.pk, refund.amount, invoice.currency, invoice.provider_reference)
    try:
        answer = provider.give_back(back, now=now)
    except NotReached as error:
        log.warning("payment provider not reached", refund=str(refund.pk), exc_info=error)
        return True  # the claim ends, and it is asked again under the same key: otherwise it could go back twice
    if answer.status is Status.DONE:
        end_refund(refund.pk, at=answer.at or now, reference=answer.reference)
    elif answer.status is Status.FAILED:
        fail_refund(refund.pk, error=answer.error, reference=answer.reference, now=now)
    else:
        Refund.objects.filter(pk=refund.pk).update(next_try_at=None, provider_reference=answer.reference)
    return True


def end_refund(refund_id: UUID, *, at: datetime, reference: str) -> bool:
    """Note that a refund was carried out; tell whether that is new: a try that failed was not."""
    is_failed = Q(status=Refund.Status.FAILED, ended_at__gt=at) | Q(
        status=Refund.Status.WAITING, next_try_at__isnull=False
    )
    is_of_failed = Q(provider_reference=reference) & ~Q(provider_reference="") & is_failed
    open_ones = Refund.objects.filter(pk=refund_id).exclude(status=Refund.Status.DONE).exclude(is_of_failed)
    return bool(
        open_ones.update(
            status=Refund.Status.DONE, ended_at=at, provider_reference=reference, next_try_at=None, last_error=""
        )
    )


def fail_refund(refund_id: UUID, *, error: str, now: datetime, at: datetime | None = None, reference: str = "") -> bool:
    """
    Note that a refund failed: it is tried again, and after many tries a person looks; tell whether that is new.

    :param at: when it failed, by the provider's clock: also after it was carried out; a person looks at that at once
    :param reference: the provider's, of the try that failed: of an earlier one it says nothing new
    """
    tries = Refund.objects.filter(pk=refund_id)
    if at is not None:
        done = tries.filter(Q(provider_reference=reference) | Q(provider_reference=""), status=Refund.Status.DONE)
        if done.filter(ended_at__lt=at).update(status=Refund.Status.FAILED, last_error=error[:200], ended_at=at):
            return True
    waiting = tries.filter(status=Refund.Status.WAITING)
    if at is not None and reference:
        # The provider tells of the try that it has in hand, or of one whose answer never came.
        is_of_it = Q(next_try_at=None, provider_reference__in=("", reference))
        waiting = waiting.filter(is_of_it | Q(next_try_at__isnull=False) & ~Q(provider_reference=reference))
    changed = waiting.update(
        attempts=F("attempts") + 1, last_error=error[:200], next_try_at=now + AGAIN,
        provider_reference=reference or F("provider_reference"),
    )  # fmt: skip
    given_up = tries.filter(status=Refund.Status.WAITING, attempts__gte=MAX_ATTEMPTS)
    given_up.update(status=Refund.Status.FAILED, ended_at=now, next_try_at=None)
    return bool(changed)

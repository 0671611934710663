"""
The port to payment providers: what is asked of one, what it answers, and what it tells later by webhook.

A provider knows no plan and no member. It is asked outside any transaction, and may be asked the same twice: the key of
what is asked is the same then, and so is its effect.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass


class WrongSignature(DomainError):
    code = "wrong_signature"
    kind = Kind.INVALID
    message = _("The signature is not one of this provider’s for this body, or it is too old. Nothing was done.")


class UnreadableNotice(DomainError):
    code = "unreadable_notice"
    kind = Kind.INVALID
    message = _("The notice cannot be read: {reason}")


class NotReached(Exception):
    """A provider did not answer, or could not say what became of it: it is asked the same again later."""


class Status(StrEnum):
    """What became of what a provider was asked."""

    DONE = "done"
    FAILED = "failed"
    WAITING = "waiting"  # it tells later, by webhook or by a person


@dataclass(frozen=True, slots=True)
class Charge:
    """
    Money to take.

    :param key: by which the same charge is known when it is asked for again
    :param method: the payer's method, as the provider knows it
    """

    key: str
    invoice_id: UUID
    amount: Decimal
    currency: str
    method: str


@dataclass(frozen=True, slots=True)
class Return:
    """
    Money to give back.

    :param reference: the provider's own, of the charge
    """

    key: str
    refund_id: UUID
    amount: Decimal
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a provider says of what it was asked.

    :param reference: its own name of it
    :param at: when it happened, by the provider's clock
    :param error: why it failed
    """

    status: Status
    reference: str = ""
    at: datetime | None = None
    error: str = ""


class NoticeKind(StrEnum):
    """What a provider tells by webhook."""

    PAID = "paid"
    FAILED = "failed"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Notice:
    """
    What a provider tells by webhook.

    :param id: the provider's own: the same is told again under the same
    :param subject: the invoice, or the refund, that it is about; None where it is about nothing of ours
    :param amount: how much was paid, in `currency`; None where it does not say
    """

    id: str
    kind: NoticeKind
    occurred_at: datetime
    subject: UUID | None = None
    reference: str = ""
    error: str = ""
    amount: Decimal | None = None
    currency: str = ""


class Provider(Protocol):
    """
    Takes money, gives it back, and tells.

    :cvar is_asked: whether it takes money when it is asked; a person does so elsewhere
    """

    name: str
    is_asked: bool

    def charge(self, charge: Charge, *, now: datetime) -> Answer:
        """
        Take money.

        :raises NotReached: when nobody knows what became of it
        """
        ...

    def give_back(self, back: Return, *, now: datetime) -> Answer:
        """
        Give money back.

        :raises NotReached: when nobody knows what became of it
        """
        ...

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        """
        Return what a webhook tells.

        :raises WrongSignature: when it is not the provider's
        :raises UnreadableNotice: when nobody can understand it
        """
        ...

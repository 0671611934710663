"""
One request ends messages: the address in each of them names the message, so that nobody has to sign in (RFC 8058).

What it ends is the consent to the channel, and for what belongs to the program to that channel as well.
"""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.models import Consent
from customers.registration import record_consent
from loyalty.campaigns.models import Message
from loyalty.campaigns.reaching.preferences import PersonErased, lock_present

SIGNER = Signer(salt="loyalty.campaigns.reaching.unsubscribing", sep=".")
LOCK = "SELECT customer_id FROM campaigns_recipient WHERE customer_id = %s FOR NO KEY UPDATE"
PURPOSES = frozenset(Consent.Purpose.values)


class UnknownToken(DomainError):
    code = "unknown_token"
    kind = Kind.NOT_FOUND
    message = _("This address is not complete, or belongs to no message of ours.")


def token_of(message_id: UUID) -> str:
    """Return by what a message's recipient is known who wants no more of them."""
    return SIGNER.sign(message_id.hex)


def address_of(message_id: UUID) -> str:
    """Return the address at which one request ends such messages."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse('unsubscribe', args=[token_of(message_id)])}"


def message_of(token: str) -> Message:
    """
    Return the message that a token is of.

    :raises UnknownToken: for a text that is none
    """
    try:
        key = UUID(hex=SIGNER.unsign(token))
    except (BadSignature, ValueError) as error:
        raise UnknownToken from error
    found = Message.objects.select_related("customer__retailer", "customer__merged_into").filter(pk=key).first()
    if found is None:
        raise UnknownToken
    return found


def hold_recipient(message: Message) -> None:
    """Lock the recipient of a message until the transaction ends: before the message itself, and before its customer."""
    bulk.fetch(LOCK, [message.customer_id])


@transaction.atomic
def unsubscribe(message: Message, *, now: datetime, source: str = "unsubscribe") -> bool:
    """
    Withdraw the consent to the channel of a message, unless it is withdrawn. Return whether this did it.

    Asked for twice at once, one of them waits for the other at the recipient's row.
    """
    customer = message.customer.merged_into or message.customer
    if message.channel not in PURPOSES:
        return False
    hold_recipient(message)
    try:
        lock_present(customer)
    except PersonErased:
        return False
    last = customer.consents.filter(purpose=message.channel, occurred_at__lte=now).newest_first().first()
    if last is not None and not last.granted:
        return False
    record_consent(customer, message.channel, granted=False, occurred_at=now, source=source, now=now)
    return True

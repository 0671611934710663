"""
What providers tell of messages after they took them: signed, each once, in any order.

A dead address takes nothing more, three refusals in two weeks are one, and who complains has withdrawn its consent.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.models import Address, Message, MessageChannel, Receipt
from loyalty.campaigns.reaching.addresses import suppress
from loyalty.campaigns.reaching.unsubscribing import hold_recipient, unsubscribe
from loyalty.outbox.signing import signature

TOLERANCE = timedelta(minutes=5)
SOFT_LIMIT, SOFT_WINDOW = 3, timedelta(days=14)
What = Receipt.What
INSERT = """
INSERT INTO campaigns_receipt (retailer_id, provider, event_id, message_id, what, address_hash, occurred_at, recorded_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (retailer_id, provider, event_id) DO NOTHING
"""
# The worst that was told stays, in whatever order it comes.
STATES = {What.DELIVERED: "delivered", What.HARD_BOUNCE: "bounced", What.COMPLAINT: "complained"}
BEFORE = {
    What.DELIVERED: ("claimed", "unknown", "accepted"),
    What.HARD_BOUNCE: ("claimed", "unknown", "accepted", "delivered"),
    What.COMPLAINT: ("claimed", "unknown", "accepted", "delivered", "bounced"),
}


class WrongReceiptSignature(DomainError):
    code = "wrong_signature"
    kind = Kind.REFUSED
    message = _("This is not signed by the provider, or not within the last five minutes.")


class UnknownReceipt(DomainError):
    code = "unknown_message"
    kind = Kind.NOT_FOUND
    message = _("There is no message {message} that went by this channel.")


@dataclass(frozen=True, slots=True)
class ReceiptFact:
    """
    One thing that a provider tells.

    :param event_id: the provider's own id of it
    :param message: our id of the message, or the id that the provider gave it
    """

    event_id: str
    message: str
    what: str
    occurred_at: datetime


def require_signature(headers: Mapping[str, str], body: bytes, secret: str, *, now: datetime) -> None:
    """
    Refuse a body that a provider did not sign just now, by the Standard Webhooks scheme.

    :raises WrongReceiptSignature: then
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp, key = given.get("webhook-timestamp", ""), given.get("webhook-id", "")
    if not secret or not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:  # noqa: PLR2004 - of any year
        raise WrongReceiptSignature
    expected = signature(secret, key, int(stamp), body)
    signed = given.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(expected.encode(), each.encode()) for each in signed):
        raise WrongReceiptSignature
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
        raise WrongReceiptSignature


@transaction.atomic
def take_receipt(retailer: Retailer, channel: MessageChannel, fact: ReceiptFact, *, now: datetime) -> bool:
    """
    Take in what a provider tells; the same again changes nothing. Return whether it was new.

    :raises UnknownReceipt: when it is of no message of this channel
    """
    message = _message(retailer, channel, fact.message)
    hold_recipient(message)  # before its message, as who sends it or writes its answer down
    what = What(fact.what)
    refused = message.address_hash if what == What.SOFT_BOUNCE else ""
    row = [retailer.pk, channel.channel, fact.event_id, message.pk, fact.what, refused, fact.occurred_at, now]
    if not bulk.change(INSERT, row):
        return False
    if what in STATES:
        Message.objects.filter(pk=message.pk, state__in=BEFORE[what]).update(
            state=STATES[what], claimed_until=None, settled_at=now
        )
    if reason := _suppressing(what, message, fact.occurred_at):
        suppress(retailer.pk, message.channel, message.address_hash, reason, now=now)
    if what == What.COMPLAINT:
        unsubscribe(message, now=now, source="complaint")
    return True


def _message(retailer: Retailer, channel: MessageChannel, named: str) -> Message:
    own = Message.objects.select_related("customer__merged_into").filter(
        retailer=retailer, channel=channel.channel, claimed_at__isnull=False
    )
    try:
        found = own.filter(pk=UUID(named)).first()
    except ValueError:
        found = own.filter(provider_id=named).exclude(provider_id="").first()
    if found is None:
        raise UnknownReceipt(message=named)
    return found


def _suppressing(what: What, message: Message, at: datetime) -> str:
    """
    Return why an address takes nothing more after a receipt; empty where it still does.

    What refused it before staff released it counts no more, whenever it is told.
    """
    if not message.address_hash or what == What.DELIVERED:
        return ""
    if what == What.COMPLAINT:
        return Address.Reason.COMPLAINT
    released_at = _released_at(message)
    if released_at is not None and at <= released_at:
        return ""
    if what == What.HARD_BOUNCE:
        return Address.Reason.HARD_BOUNCE
    return Address.Reason.SOFT_BOUNCES if _is_often_refused(message, at, released_at) else ""


def _released_at(message: Message) -> datetime | None:
    """Return when staff let the address of a message take messages again; None where nobody did."""
    address = Address.objects.filter(
        retailer=message.retailer_id, channel=message.channel, value_hash=message.address_hash
    )
    return address.values_list("released_at", flat=True).first()


def _is_often_refused(message: Message, at: datetime, released_at: datetime | None) -> bool:
    """
    Tell whether an address refused for now so often within two weeks, of which an instant is one: before it or after.

    Whosever messages those were: two who share it, or one who was merged into the other, have one address.
    """
    soft = Receipt.objects.filter(
        retailer=message.retailer_id, provider=message.channel, address_hash=message.address_hash,
        occurred_at__gt=max(filter(None, (at - SOFT_WINDOW, released_at))), occurred_at__lt=at + SOFT_WINDOW,
    )  # fmt: skip
    instants = list(soft.order_by("occurred_at").values_list("occurred_at", flat=True))
    return any(last - first < SOFT_WINDOW for first, last in zip(instants, instants[SOFT_LIMIT - 1 :], strict=False))

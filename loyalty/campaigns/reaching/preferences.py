"""How a customer wants to be reached: chosen by itself, kept with its row as a recipient."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.calendar import FIRST_YEAR, LAST_YEAR, zones
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.models import Consent, Customer
from customers.registration import record_consent
from loyalty.activity.loading import MergedMeanwhile
from loyalty.campaigns.models import MessageChannel, Recipient
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.reaching.waiting import decide_again

CHOSEN = ("zone", "preferred_channel", "quiet_from", "quiet_to", "paused_until")
ASKED = (Channel.EMAIL, Channel.SMS, Channel.PUSH)  # of which each has a consent of its own


class InvalidPreference(DomainError):
    code = "invalid_preference"
    kind = Kind.INVALID
    message = _("{name} cannot be {value}.")


class OneEndedHours(InvalidPreference):
    message = _("Quiet hours have a beginning and an end.")


class PersonErased(DomainError):
    code = "person_erased"
    kind = Kind.GONE
    message = _("This person was erased: nothing is kept of it any more.")


@dataclass(frozen=True, slots=True)
class Preferences:
    """
    How a customer wants to be reached.

    :param zone: in which its hours and days are counted, its retailer's where it chose none
    :param quiet_from: of its own quiet hours; None where it has none besides its retailer's
    :param agreed: by channel, whether it agreed to messages; None where it never said
    """

    zone: str
    preferred_channel: str
    quiet_from: time | None
    quiet_to: time | None
    paused_until: datetime | None
    agreed: Mapping[str, bool | None]


def channels_of(customer: Customer) -> list[str]:
    """Return the channels by which a customer's retailer sends, of those that need a consent."""
    used = set(
        MessageChannel.objects.filter(retailer=customer.retailer_id, is_active=True).values_list("channel", flat=True)
    )
    return [channel.value for channel in ASKED if channel in used]


def preferences_of(customer: Customer, *, now: datetime) -> Preferences:
    """Return how a customer wants to be reached."""
    row = Recipient.objects.filter(customer=customer).first() or Recipient(customer=customer)
    said = _said(customer, now)
    agreed = {channel.value: said.get(channel.value) for channel in ASKED}
    zone = row.zone or customer.retailer.zone
    return Preferences(zone, row.preferred_channel, row.quiet_from, row.quiet_to, row.paused_until, agreed)


def _said(customer: Customer, now: datetime) -> dict[str, bool]:
    """Return what a customer said last of each purpose; nothing of those of which it never said anything."""
    rows = Consent.objects.filter(customer=customer, occurred_at__lte=now).newest_first().reverse()
    return {consent.purpose: consent.granted for consent in rows}


def lock_present(customer: Customer) -> Customer:
    """
    Hold a customer of whom something is to be kept, so that nobody erases it before that is written; behind its recipient.

    :returns: it, as it is now
    :raises PersonErased: where it was erased meanwhile
    """
    found = Customer.objects.select_for_update(no_key=True).get(pk=customer.pk)
    if found.erased_at is not None:
        raise PersonErased
    return found


@transaction.atomic
def choose(
    customer: Customer, chosen: Mapping[str, Any], agreed: Mapping[str, bool | None], *, source: str, now: datetime
) -> None:
    """
    Write down what a customer chose; what it did not say stays, and so does all where it says what `preferences_of` tells.

    :param chosen: of `CHOSEN`, by name
    :param agreed: by channel; each that it has not said last is a statement of its will, but for None. Who never said anything
        is told what belongs to the program, and perhaps what goes to who has bought: a refusal ends that
    :raises InvalidPreference: for a zone or a channel that there is not, quiet hours with one end, or a pause beyond calendars
    :raises PersonErased: where the customer was erased meanwhile
    :raises MergedMeanwhile: where it was merged meanwhile: what it chose is chosen for the one who stays when it is sent again
    """
    _check(chosen)
    row, _is_new = Recipient.objects.select_for_update(no_key=True).get_or_create(
        customer=customer, defaults={"retailer_id": customer.retailer_id}
    )
    if lock_present(customer).merged_into_id is not None:
        raise MergedMeanwhile
    if not row.zone and chosen.get("zone") == customer.retailer.zone:  # which it was told, and did not choose
        chosen = {name: value for name, value in chosen.items() if name != "zone"}
    differs = any(getattr(row, name) != value for name, value in chosen.items())
    for name, value in chosen.items():
        setattr(row, name, value)
    if (row.quiet_from is None) != (row.quiet_to is None):
        raise OneEndedHours
    if chosen:
        row.save(update_fields=list(chosen))
    if differs:
        decide_again(customer.pk, now=now)
    before = _said(customer, now)
    for channel, granted in agreed.items():
        if granted is not None and before.get(channel) != granted:
            record_consent(customer, channel, granted=granted, occurred_at=now, source=source, now=now)


def _check(chosen: Mapping[str, Any]) -> None:
    assert set(chosen) <= set(CHOSEN), "an edge names them"
    zone, preferred = chosen.get("zone", ""), chosen.get("preferred_channel", "")
    if zone and zone not in zones():
        raise InvalidPreference(name="zone", value=zone)
    if preferred and preferred not in Channel.values:
        raise InvalidPreference(name="preferred_channel", value=preferred)
    paused_until = chosen.get("paused_until")
    if paused_until is not None and not FIRST_YEAR <= paused_until.year <= LAST_YEAR:
        raise InvalidPreference(name="paused_until", value=paused_until.isoformat())

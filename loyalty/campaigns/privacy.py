"""What campaigns hold on a person: what it chose, what it was told and why not, and what it entered."""

from datetime import datetime

from django.utils.translation import gettext as _

from customers.core import bulk
from customers.core.guards import forgetting
from customers.privacy import Part, Person, Section
from loyalty.campaigns.models import (
    Address,
    Answer,
    Entry,
    FollowUp,
    Invitation,
    Message,
    OfferGrant,
    OfferRefusal,
    Outcome,
    PushDevice,
    Receipt,
    Recipient,
    WaitingFact,
)
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.reaching.addresses import hash_of

OF_MESSAGE = (
    "campaign__name", "kind", "channel", "state", "reason", "planned_at", "claimed_at", "settled_at", "language", "subject",
    "body", "button", "link", "read_at",
)  # fmt: skip
OF_ENTRY = ("campaign__name", "occurrence", "entered_at", "ended_at", "reason", "is_held_out", "reached_goal_at")
OF_INVITATION = (
    "survey__name", "survey__kind", "asked_at", "expires_at", "answers__answered_at", "answers__score", "answers__comment",
    "answers__follow_up__state", "answers__follow_up__opened_at", "answers__follow_up__closed_at", "answers__follow_up__note",
)  # fmt: skip
OF_GRANT = (
    "offer__code", "offer__name", "occurrence", "state", "reserved", "is_discount", "chosen_over", "chosen_by", "instead_of",
    "insight_as_of", "granted_at", "expires_at", "ended_at", "redemption__reference",
)  # fmt: skip
OF_REFUSAL = ("offer__code", "offer__name", "occurrence", "reason", "rule", "insight_as_of", "refused_at")
OF_RECIPIENT = ("zone", "preferred_channel", "quiet_from", "quiet_to", "paused_until")


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return how a person wants to be reached, its messages, what became of them, and the campaigns it was in."""
    ids = person.ids
    addresses = Address.objects.filter(retailer=person.retailer, value_hash__in=_hashes_of(person))
    receipts = Receipt.objects.filter(message__customer__in=ids).order_by("pk")
    return [
        Section(
            "message_preferences", _("How you want to be reached"),
            Recipient.objects.filter(customer__in=ids).order_by("pk").values(*OF_RECIPIENT),
        ),
        Section(
            "addresses", _("What is known of your addresses"),
            addresses.order_by("pk").values("channel", "verified_at", "suppressed_at", "reason"),
        ),
        Section(
            "push_devices", _("Devices that show you messages"),
            PushDevice.objects.filter(customer__in=ids).order_by("pk").values("kind", "address", "created_at"),
        ),
        Section("messages", _("Messages to you"), Message.objects.filter(customer__in=ids).order_by("pk").values(*OF_MESSAGE)),
        Section("message_receipts", _("What became of your messages"), receipts.values("what", "occurred_at")),
        Section(
            "campaigns", _("Campaigns that you were in"),
            Entry.objects.filter(customer__in=ids).order_by("pk").values(*OF_ENTRY),
        ),
        Section(
            "campaign_outcomes", _("What campaigns decided of you, and why"),
            Outcome.objects.filter(customer__in=ids).order_by("pk").values("campaign__name", "what", "reason", "rule", "at"),
        ),
        Section(
            "surveys", _("What you were asked, and answered"),
            Invitation.objects.filter(customer__in=ids).order_by("pk", "answers__number").values(*OF_INVITATION),
        ),
        Section(
            "offers", _("Offers that you were given"),
            OfferGrant.objects.filter(customer__in=ids).order_by("pk").values(*OF_GRANT),
        ),
        Section(
            "refused_offers", _("Offers that you were not given, and why"),
            OfferRefusal.objects.filter(customer__in=ids).order_by("pk").values(*OF_REFUSAL),
        ),
    ]  # fmt: skip


def lock_open(person: Person) -> None:
    """
    Wait for whoever decides about it: what that writes names the person, whose row it needs when it commits.

    So who holds several takes them in this order: what waits to be learned, entries, recipients, and then the customer.
    """
    for lock in LOCKS:
        bulk.fetch(lock, [list(person.ids)])


LOCKS = (
    "SELECT id FROM campaigns_waitingfact WHERE customer_id = ANY(%s) ORDER BY id FOR UPDATE",
    "SELECT id FROM campaigns_entry WHERE customer_id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
    "SELECT customer_id FROM campaigns_recipient WHERE customer_id = ANY(%s) ORDER BY customer_id FOR UPDATE",
)
DROP = """
UPDATE campaigns_message SET state = 'dropped', reason = 'erased' WHERE customer_id = ANY(%s) AND state IN ('due', 'held')
"""
# What is on its way has been given to its provider, or is being given: of what has no answer, nobody knows.
LET_GO = """
UPDATE campaigns_message SET state = 'unknown', claimed_until = NULL WHERE customer_id = ANY(%s) AND state = 'claimed'
"""
SAY_NOTHING = """
UPDATE campaigns_message SET subject = '', body = '', button = '', link = '', "values" = '{}', address_hash = '',
    provider_id = '', rendered_hash = '', cause = 'erased:' || id
WHERE customer_id = ANY(%s)
"""
# What they were entered for may name a cart of the person's; that it was one is kept.
LEAVE = """
UPDATE campaigns_entry SET occurrence = split_part(occurrence, ':', 1) || ':' || id, about_date = NULL,
    ended_at = coalesce(ended_at, %s), reason = CASE reason WHEN '' THEN 'erased' ELSE reason END, next_at = NULL
WHERE customer_id = ANY(%s)
"""
# A number alone may be that of another fact of the same kind.
FORGET = """
UPDATE campaigns_outcome SET occurrence = split_part(occurrence, ':', 1) || ':erased:' || id WHERE customer_id = ANY(%s)
"""
# How often an address refused is counted by it, and not of a person.
FORGET_REFUSED = """
UPDATE campaigns_receipt r SET address_hash = '' FROM campaigns_message m
WHERE m.id = r.message_id AND m.customer_id = ANY(%s) AND r.address_hash <> ''
"""
# Because of what they were given an offer, or not, in the words of whoever asked; what those reserve comes back when their
# memberships have ended.
FORGET_OFFERS = """
UPDATE campaigns_offergrant SET occurrence = 'erased:' || id, insight_as_of = NULL WHERE customer_id = ANY(%s)
"""
FORGET_REFUSALS = """
UPDATE campaigns_offerrefusal SET occurrence = 'erased:' || id, rule = '', insight_as_of = NULL WHERE customer_id = ANY(%s)
"""


# A score is counted with all others; its words are the person's.
SAY_LESS = """
UPDATE campaigns_answer a SET comment = '' FROM campaigns_invitation i
WHERE i.id = a.invitation_id AND i.customer_id = ANY(%s) AND a.comment <> ''
"""


def erase(person: Person, now: datetime) -> None:
    """
    Let a person leave all campaigns, and its messages say nothing; that there were some is kept, and that it had offers.

    An address that takes nothing stays known by its keyed hash, of nobody: whoever has it next is not written to either.
    """
    ids = list(person.ids)
    bulk.execute(DROP, [ids])
    bulk.execute(LET_GO, [ids])
    bulk.execute(SAY_NOTHING, [ids])
    bulk.execute(LEAVE, [now, ids])
    with forgetting(Outcome, Answer, Receipt):
        bulk.execute(FORGET, [ids])
        bulk.execute(FORGET_REFUSED, [ids])
        bulk.execute(SAY_LESS, [ids])
    FollowUp.objects.filter(answer__invitation__customer__in=ids).update(note="")
    bulk.execute(FORGET_OFFERS, [ids])
    with forgetting(OfferRefusal):
        bulk.execute(FORGET_REFUSALS, [ids])
    WaitingFact.objects.filter(customer__in=ids).delete()
    Recipient.objects.filter(customer__in=ids).delete()
    PushDevice.objects.filter(customer__in=ids).delete()
    Address.objects.filter(retailer=person.retailer, value_hash__in=_hashes_of(person), suppressed_at=None).delete()


def _hashes_of(person: Person) -> list[str]:
    """Return by what the addresses of a person are known."""
    own = ((Channel.EMAIL, person.customer.email), (Channel.SMS, person.customer.phone))
    return [hash_of(channel, value, person.retailer.country) for channel, value in own if value]


PART = Part(
    "campaigns",
    (
        "campaigns_recipient", "campaigns_address", "campaigns_message", "campaigns_receipt", "campaigns_entry",
        "campaigns_outcome", "campaigns_waitingfact", "campaigns_invitation", "campaigns_answer", "campaigns_followup",
        "campaigns_offergrant", "campaigns_offerrefusal", "campaigns_pushdevice",
    ),
    holds=holds,
    lock_first=lock_open,
    erase=erase,
)  # fmt: skip

from typing import ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.models import Consent, Customer, Retailer
from loyalty.campaigns.models.campaign import Campaign
from loyalty.campaigns.models.entry import Entry
from loyalty.campaigns.models.step import Step
from loyalty.campaigns.models.words import Channel, Ground, MessageKind

# Lost answers may be learned of later, and one of which nobody knows may be sent again where that is safe; nothing else that
# ended comes back. The condition is the trigger's, and not within: of what goes its way, twice a message, no function is called.
HAS_ENDED = ("accepted", "delivered", "bounced", "complained", "failed", "dropped")
MAY_GO = ("due", "held", "claimed", "unknown")
REFUSED = "RAISE EXCEPTION 'pgtrigger: Cannot send again what has ended in % table', TG_TABLE_NAME;"


class MessageQuerySet(models.QuerySet["Message"]):
    def counted(self) -> Self:
        """Return those that count for caps: that went, or may have gone."""
        return self.filter(state__in=COUNTED)

    def sent_before_we_knew(self) -> Self:
        """Return those that went after their member had withdrawn what they needed, before that was recorded."""
        sent = models.OuterRef("claimed_at")
        # Of the program's messages the kind is called as the consent that they need besides the channel's.
        needed = models.Q(purpose=models.OuterRef("channel")) | models.Q(purpose=models.OuterRef("kind"))
        withdrawn = Consent.objects.filter(
            needed, customer=models.OuterRef("customer"), granted=False, occurred_at__lte=sent, recorded_at__gt=sent
        )
        given_again = Consent.objects.filter(
            customer=models.OuterRef("customer"), purpose=models.OuterRef("purpose"), granted=True,
            occurred_at__gt=models.OuterRef("occurred_at"), occurred_at__lte=models.OuterRef(sent),
        )  # fmt: skip
        counted = self.counted().exclude(kind=MessageKind.SERVICE).exclude(channel=Channel.INBOX)
        return counted.filter(models.Exists(withdrawn.exclude(models.Exists(given_again))))

    def in_inbox(self) -> Self:
        """Return those that a member finds in its inbox."""
        return self.filter(channel=Channel.INBOX, state=Message.State.DELIVERED)


class Message(models.Model):
    """
    One text for one customer: what it is, when it is due, and what became of it.

    The text itself is kept where the customer reads it here (the inbox) and of service; of all else there is its hash.
    """

    class State(models.TextChoices):
        DUE = "due", pgettext_lazy("message", "due")
        HELD = "held", pgettext_lazy("message", "held")
        CLAIMED = "claimed", _("on its way")
        ACCEPTED = "accepted", pgettext_lazy("message", "accepted")
        DELIVERED = "delivered", _("delivered")
        BOUNCED = "bounced", _("bounced")
        COMPLAINED = "complained", _("complained")
        FAILED = "failed", pgettext_lazy("message", "refused")
        DROPPED = "dropped", _("not sent")
        UNKNOWN = "unknown", _("nobody knows")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="messages", db_index=False, verbose_name=_("customer")
    )
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="messages", null=True, db_index=False, verbose_name=_("campaign")
    )
    entry = models.ForeignKey(
        Entry, models.PROTECT, related_name="messages", null=True, verbose_name=pgettext_lazy("campaign", "entry")
    )
    step = models.ForeignKey(
        Step, models.PROTECT, related_name="messages", null=True, db_index=False, verbose_name=_("step")
    )
    cause = models.CharField(_("cause"), max_length=200)
    kind = models.CharField(_("kind"), max_length=9, choices=MessageKind)
    ground = models.CharField(_("relies on"), max_length=17, choices=Ground, default=Ground.CONSENT)
    needs_profiling = models.BooleanField(_("decided by a profile"), default=False)
    is_urgent = models.BooleanField(_("urgent"), default=False)
    on_cap = models.CharField(_("over a cap"), max_length=4, default="wait")
    priority = models.PositiveSmallIntegerField(_("priority"), default=0)
    tags = ArrayField(models.SlugField(), verbose_name=_("tags"), default=list)
    channels = ArrayField(models.CharField(max_length=8, choices=Channel), verbose_name=_("may go by"))
    values = models.JSONField(
        _("values"), default=dict, help_text=_("Of the fact that it is about, which its text may name.")
    )
    planned_at = models.DateTimeField(_("planned for"), help_text=_("Before quiet hours and caps had it wait."))
    due_at = models.DateTimeField(_("due"))
    expires_at = models.DateTimeField(_("worth saying until"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DUE)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    rule = models.CharField(_("rule"), max_length=100, blank=True)
    channel = models.CharField(_("channel"), max_length=8, choices=Channel, blank=True)
    address_hash = models.CharField(_("address"), max_length=64, blank=True)
    route = models.CharField(max_length=16, db_default="", blank=True, editable=False)  # by which way it went last
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    is_resent = models.BooleanField(
        _("sent again"), default=False, help_text=_("Nobody knew whether it had arrived: it may have come twice.")
    )
    claimed_at = models.DateTimeField(_("sent"), null=True)
    claimed_until = models.DateTimeField(_("answer awaited until"), null=True)
    provider_id = models.CharField(_("the provider's id"), max_length=200, blank=True)
    settled_at = models.DateTimeField(_("answered"), null=True)
    language = models.CharField(_("language"), max_length=2, blank=True)
    rendered_hash = models.CharField(_("digest of the text"), max_length=64, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    body = models.TextField(_("text"), blank=True)
    button = models.CharField(_("button"), max_length=100, blank=True)
    link = models.CharField(_("link"), max_length=1_000, blank=True)
    read_at = models.DateTimeField(_("read"), null=True)

    objects: ClassVar[MessageQuerySet] = MessageQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "cause"], name="message_once_per_cause"),
            models.CheckConstraint(
                condition=~models.Q(state__in=["claimed", "accepted", "delivered", "bounced", "complained", "unknown"])
                | (models.Q(claimed_at__isnull=False) & ~models.Q(channel="")),
                name="accepted_message_has_a_claim",
            ),
            models.CheckConstraint(
                condition=models.Q(state="claimed", claimed_until__isnull=False)
                | (~models.Q(state="claimed") & models.Q(claimed_until__isnull=True)),
                name="message_on_its_way_has_a_lease",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["dropped", "failed"]) | ~models.Q(reason=""),
                name="message_not_sent_has_a_reason",
            ),
            # What went is looked for, where caps count it, among what had not expired yet.
            models.CheckConstraint(
                condition=models.Q(claimed_at__isnull=True) | models.Q(claimed_at__lt=models.F("expires_at")),
                name="message_goes_before_it_expires",
            ),
            models.CheckConstraint(
                condition=models.Q(claimed_until__isnull=True) | models.Q(claimed_until__gt=models.F("claimed_at")),
                name="message_lease_ends_after_its_claim",
            ),
            models.CheckConstraint(condition=models.Q(channels__len__gte=1), name="message_has_a_channel"),
            models.CheckConstraint(
                condition=models.Q(is_urgent=False) | models.Q(kind="service"), name="only_service_is_urgent"
            ),
            models.CheckConstraint(
                condition=models.Q(read_at__isnull=True) | models.Q(channel="inbox"), name="message_read_in_the_inbox"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["customer", "due_at"],
                condition=models.Q(state__in=["due", "held", "claimed"]),
                name="message_open",
            ),
            models.Index(
                fields=["customer", "claimed_at"],
                condition=models.Q(channel="inbox", state="delivered"),
                name="message_in_inbox",
            ),
            models.Index(fields=["campaign", "state"], name="message_by_campaign"),
            # Nothing goes when it says nothing any more, so what went lately ends lately, or later: and an end never changes,
            # while each change of what an index holds is one more page to be written for every message.
            models.Index(fields=["customer", "expires_at"], name="message_of_customer"),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="messages_end_once",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("state"),  # type: ignore[no-untyped-call] # it has no types
                condition=pgtrigger.Q(old__state__in=HAS_ENDED, new__state__in=MAY_GO),
                func=REFUSED,
            ),
        ]

    def __str__(self) -> str:
        return " · ".join(map(str, filter(None, (self.get_channel_display(), self.get_state_display()))))


COUNTED = (
    Message.State.CLAIMED,
    Message.State.ACCEPTED,
    Message.State.DELIVERED,
    Message.State.BOUNCED,
    Message.State.COMPLAINED,
    Message.State.UNKNOWN,
)


class Receipt(models.Model):
    """What a provider told of a message after it had taken it, once for each of its events. Never changed."""

    class What(models.TextChoices):
        DELIVERED = "delivered", _("delivered")
        SOFT_BOUNCE = "soft_bounce", _("refused for now")
        HARD_BOUNCE = "hard_bounce", _("refused for good")
        COMPLAINT = "complaint", _("complaint")

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    provider = models.CharField(_("provider"), max_length=50)
    event_id = models.CharField(_("the provider's id of it"), max_length=200)
    message = models.ForeignKey(Message, models.PROTECT, related_name="receipts", verbose_name=_("message"))
    what = models.CharField(_("what"), max_length=11, choices=What)
    address_hash = models.CharField(
        _("address"),
        max_length=64,
        blank=True,
        help_text=_("That refused for now: how often is counted, whosever it is."),
    )
    occurred_at = models.DateTimeField(_("when"))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "provider", "event_id"], name="receipt_once_per_event"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["address_hash", "occurred_at"],
                condition=~models.Q(address_hash=""),
                name="receipt_of_an_address",
            ),
        ]
        triggers: ClassVar = append_only("receipts")

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"

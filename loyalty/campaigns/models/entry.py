from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.models import Customer, Retailer
from loyalty.campaigns.models.campaign import Campaign, CampaignVersion
from loyalty.campaigns.models.words import occurrence_in_words


class EntryQuerySet(models.QuerySet["Entry"]):
    def active(self) -> Self:
        """Return those that have not ended."""
        return self.filter(ended_at__isnull=True)


class Entry(models.Model):
    """That a customer entered a campaign, because of one fact: once for each."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    campaign = models.ForeignKey(
        Campaign, models.PROTECT, related_name="entries", db_index=False, verbose_name=_("campaign")
    )
    version = models.ForeignKey(
        CampaignVersion, models.PROTECT, related_name="entries", db_index=False, verbose_name=_("version")
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="campaign_entries", db_index=False, verbose_name=_("customer")
    )
    occurrence = models.CharField(
        _("because of"), max_length=150, help_text=_("The fact, such as birthday:2026 or cart:C1.")
    )
    about_date = models.DateField(
        _("about the day"), null=True, help_text=_("That it is all about, such as a birthday or an expiry.")
    )
    variant = models.SlugField(
        _("variant"),
        db_index=False,
        blank=True,
        help_text=_("Of the campaign's experiment, where it has one that runs."),
    )
    is_held_out = models.BooleanField(_("held out"), default=False)
    entered_at = models.DateTimeField(_("entered"))
    exposure_at = models.DateTimeField(
        _("exposed"), help_text=_("The planned instant of the first message, for those who are held out as well.")
    )
    step = models.PositiveSmallIntegerField(_("next step"), default=0)
    next_at = models.DateTimeField(_("next step at"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    reason = models.CharField(
        _("why it ended"), max_length=40, blank=True, help_text=_("Such as completed, held_out, or the fact: order.")
    )
    reached_goal_at = models.DateTimeField(_("reached the goal"), null=True)

    objects: ClassVar[EntryQuerySet] = EntryQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = pgettext_lazy("campaign", "entry")
        verbose_name_plural = pgettext_lazy("campaign", "entries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "customer", "occurrence"], name="entry_once_per_occurrence"),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, reason="")
                | (models.Q(ended_at__isnull=False, next_at__isnull=True) & ~models.Q(reason="")),
                name="ended_entry_has_a_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(is_held_out=False) | models.Q(ended_at__isnull=False),
                name="held_out_entry_takes_no_step",
            ),
            models.CheckConstraint(
                condition=models.Q(reached_goal_at__isnull=True)
                | models.Q(reached_goal_at__gte=models.F("exposure_at")),
                name="goal_counts_after_exposure",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["retailer", "next_at"], condition=models.Q(next_at__isnull=False), name="entry_to_advance"
            ),
            models.Index(fields=["customer"], condition=models.Q(ended_at__isnull=True), name="entry_active"),
            models.Index(fields=["customer", "campaign", "entered_at"], name="entry_by_customer"),
        ]

    def __str__(self) -> str:
        return occurrence_in_words(self.occurrence)


class Outcome(models.Model):
    """What became of a step of an entry, or of a trigger that entered nobody, and why. Never changed."""

    class What(models.TextChoices):
        ENTERED = "entered", _("entered")
        NOT_ENTERED = "not_entered", _("not entered")
        WAITED = "waited", _("waited")
        PLANNED = "planned", _("planned")
        GRANTED = "granted", _("got the offer")
        NOT_GRANTED = "not_granted", _("did not get the offer")
        SENT = "sent", _("sent")
        DEFERRED = "deferred", _("deferred")
        DROPPED = "dropped", _("not sent")
        FAILED = "failed", _("refused")
        UNKNOWN = "unknown", _("nobody knows")
        EXITED = "exited", _("left")
        COMPLETED = "completed", _("completed")
        GOAL = "goal", _("reached the goal")
        MOVED = "moved", _("moved to another version")
        CARRIED = "carried", _("goes on after a merge")

    # Written with an entry or a message, whose own keys are checked, and none of which is ever deleted: to check these as well
    # costs a fifth of planning a message.
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, related_name="+", db_index=False, db_constraint=False, verbose_name=_("retailer")
    )
    campaign = models.ForeignKey(
        Campaign,
        models.PROTECT,
        related_name="outcomes",
        db_index=False,
        db_constraint=False,
        verbose_name=_("campaign"),
    )
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="+", db_index=False, db_constraint=False, verbose_name=_("customer")
    )
    entry = models.ForeignKey(
        Entry,
        models.PROTECT,
        related_name="outcomes",
        null=True,
        db_index=False,
        db_constraint=False,
        verbose_name=pgettext_lazy("campaign", "entry"),
    )
    occurrence = models.CharField(_("because of"), max_length=150)
    step = models.PositiveSmallIntegerField(_("step"), null=True)
    what = models.CharField(_("what"), max_length=11, choices=What)
    reason = models.CharField(
        _("reason"), max_length=40, blank=True, help_text=_("Such as no_consent, capped, active, again_after.")
    )
    rule = models.CharField(_("rule"), max_length=100, blank=True)
    channel = models.CharField(_("channel"), max_length=8, blank=True)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["campaign", "customer", "occurrence", "reason"],
                condition=models.Q(what="not_entered"),
                name="not_entered_once_per_reason",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer", "campaign", "at"], name="outcome_by_customer"),
            models.Index(fields=["campaign", "what", "reason"], name="outcome_by_campaign"),
        ]
        triggers: ClassVar = append_only("outcomes")

    def __str__(self) -> str:
        return f"{self.get_what_display()} {self.reason}".strip()

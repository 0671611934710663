from typing import ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.calendar import FIRST_YEAR, LAST_YEAR
from customers.core.ids import new_id
from customers.core.texts import can_be_stored
from customers.models import Retailer
from loyalty.campaigns.models.words import Ground, MessageKind
from loyalty.experiments.models import Experiment
from loyalty.programs.models import Program

MAX_PRIORITY = 100
EXPERIMENT_STAYS = _("Members entered under the experiment “%(code)s”, which runs: it stays until it has ended.")

# What was published stays what it was: entries that entered on it finish on it.
FROZEN = """
IF OLD.published_at IS NOT NULL THEN
    RAISE EXCEPTION 'pgtrigger: Cannot change a published version in % table', TG_TABLE_NAME;
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
RETURN NEW;
"""


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def live(self) -> Self:
        """Return those that send: published, neither paused nor ended."""
        return self.filter(state=Campaign.State.LIVE)


class Campaign(models.Model):
    """Something that is said to members of a program: once, or to each when its time has come."""

    class Kind(models.TextChoices):
        BROADCAST = "broadcast", _("broadcast")
        JOURNEY = "journey", _("journey")

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="campaigns", verbose_name=_("retailer")
    )
    program = models.ForeignKey(Program, models.PROTECT, related_name="campaigns", verbose_name=_("program"))
    code = models.SlugField(_("code"))
    name = models.CharField(_("name"), max_length=200)
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    priority = models.PositiveSmallIntegerField(
        _("priority"),
        default=10,
        validators=[MaxValueValidator(MAX_PRIORITY)],
        help_text=_("Of what competes for a member's attention, the higher goes first."),
    )
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(
        _("until"), null=True, blank=True, help_text=_("Then nobody enters any more; who is in it goes on.")
    )
    experiment = models.ForeignKey(
        Experiment,
        models.PROTECT,
        related_name="campaigns",
        null=True,
        blank=True,
        verbose_name=_("experiment"),
        help_text=_("Its control gets nothing, so that the difference is what the campaign did."),
    )
    state = models.CharField(_("state"), max_length=6, choices=State, default=State.DRAFT, editable=False)
    version = models.ForeignKey(
        "CampaignVersion",
        models.PROTECT,
        related_name="+",
        null=True,
        editable=False,
        verbose_name=_("version"),
        help_text=_("On which members enter now."),
    )
    found_until = models.DateField(
        _("looked for members until"), null=True, editable=False, help_text=_("The last night that is done.")
    )
    created_at = models.DateTimeField(_("created"))
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)

    objects: ClassVar[CampaignQuerySet] = CampaignQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "code"], name="campaign_once_per_code"),
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(version__isnull=False),
                name="live_campaign_has_a_version",
            ),
            models.CheckConstraint(
                condition=models.Q(state="ended", ended_at__isnull=False)
                | (~models.Q(state="ended") & models.Q(ended_at__isnull=True)),
                name="ended_campaign_has_an_instant",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True)
                | models.Q(starts_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="campaign_ends_after_it_starts",
                violation_error_message=_("It ends after it starts."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retailer"], condition=models.Q(state="live"), name="campaign_live"),
        ]

    def __str__(self) -> str:
        return self.name or self.code

    @property
    def is_measured(self) -> bool:
        """Tell whether somebody entered under an experiment that still runs: with another one neither would say anything."""
        is_running = self.experiment is not None and self.experiment.state == Experiment.State.RUNNING
        return is_running and self.entries.exists()

    def clean(self) -> None:
        """
        Refuse instants that calendars cannot count with, what belongs to somebody else, and another experiment than the one that
        measures it.

        :raises ValidationError: naming each field
        """
        super().clean()
        if self.program_id and self.program.retailer_id != self.retailer_id:
            raise ValidationError({"program": _("This program is another retailer's.")})
        if self.experiment is not None and self.experiment.retailer_id != self.retailer_id:
            raise ValidationError({"experiment": _("This experiment is another retailer's.")})
        before = Campaign.objects.select_related("experiment").filter(pk=self.pk).first()
        if before is not None and before.experiment_id != self.experiment_id and before.is_measured:
            raise ValidationError({"experiment": EXPERIMENT_STAYS % {"code": before.experiment}})
        years = {"first": FIRST_YEAR, "last": LAST_YEAR}
        found = {
            name: ValidationError(_("Years from %(first)s to %(last)s."), params=years)
            for name in ("starts_at", "ends_at")
            if (instant := getattr(self, name)) is not None and not FIRST_YEAR < instant.year < LAST_YEAR
        }
        if found:
            raise ValidationError(found)


class CampaignVersion(models.Model):
    """
    What a campaign says, to whom and when: a draft until it is published, and then frozen.

    `trigger` says who enters, such as `{"kind": "lapsed", "days": 60}`; `exits` which facts end an entry, such as
    `[{"fact": "order", "goal": true}]`.
    """

    class OnCap(models.TextChoices):
        WAIT = "wait", _("waits until there is room")
        SKIP = "skip", _("is not sent")

    campaign = models.ForeignKey(
        Campaign, models.PROTECT, db_index=False, related_name="versions", verbose_name=_("campaign")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    number = models.PositiveSmallIntegerField(_("number"))
    kind = models.CharField(_("kind of message"), max_length=9, choices=MessageKind)
    ground = models.CharField(_("relies on"), max_length=17, choices=Ground, default=Ground.CONSENT)
    uses_profile = models.BooleanField(
        _("decided by a profile"), default=False, help_text=_("Only who agreed to offers based on a profile gets it.")
    )
    tags = ArrayField(
        models.SlugField(), verbose_name=_("tags"), default=list, blank=True, help_text=_("By which caps may count it.")
    )
    trigger = models.JSONField(_("trigger"), default=dict)
    exits = models.JSONField(_("exits"), default=list, blank=True)
    again_after_days = models.PositiveSmallIntegerField(
        _("again after days"), null=True, blank=True, help_text=_("Local days since the last entry; empty for at once.")
    )
    at_most_one_active = models.BooleanField(
        _("one at a time"), default=True, help_text=_("Who is in it does not enter again before it is over.")
    )
    late_up_to_days = models.PositiveSmallIntegerField(
        _("late up to days"),
        default=3,
        validators=[MinValueValidator(0), MaxValueValidator(60)],
        help_text=_("So late a missed night may still enter somebody."),
    )
    on_cap = models.CharField(_("over a cap, a message"), max_length=4, choices=OnCap, default=OnCap.WAIT)
    published_at = models.DateTimeField(_("published"), null=True, editable=False)
    published_by = models.CharField(_("published by"), max_length=150, blank=True, editable=False)

    class Meta:
        verbose_name = _("version of a campaign")
        verbose_name_plural = _("versions of campaigns")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["campaign", "number"], name="campaign_version_once_per_number"),
            models.UniqueConstraint(
                fields=["campaign"], condition=models.Q(published_at__isnull=True), name="campaign_has_one_draft"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="published_campaigns_are_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=FROZEN,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} · {self.number}"

    def clean(self) -> None:
        """
        Refuse what is written as no trigger and no exits at all; what is wrong in them stands in the way of publishing alone.

        :raises ValidationError: naming each field
        """
        super().clean()
        found = {}
        if not isinstance(self.trigger, dict) or not can_be_stored(self.trigger):
            found["trigger"] = ValidationError(_('A trigger is written such as {"kind": "lapsed", "days": 60}.'))
        if not isinstance(self.exits, list) or not can_be_stored(self.exits):
            found["exits"] = ValidationError(_('Exits are written such as [{"fact": "order", "goal": true}].'))
        if found:
            raise ValidationError(found)

    @property
    def is_draft(self) -> bool:
        return self.published_at is None

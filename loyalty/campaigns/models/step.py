from typing import ClassVar, Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Retailer
from loyalty.campaigns.models.campaign import CampaignVersion
from loyalty.campaigns.models.offer import Offer
from loyalty.campaigns.models.survey import Survey
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.rules.wall_clock import NoWait, read_wait

FROZEN_STEP = """
IF EXISTS (SELECT 1 FROM campaigns_campaignversion v WHERE v.published_at IS NOT NULL AND v.id IN (
    CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)) THEN
    RAISE EXCEPTION 'pgtrigger: Cannot change what was published in % table', TG_TABLE_NAME;
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
RETURN NEW;
"""
FROZEN_TEXT = """
IF EXISTS (
    SELECT 1 FROM campaigns_step s JOIN campaigns_campaignversion v ON v.id = s.version_id
    WHERE v.published_at IS NOT NULL AND s.id IN (
        CASE WHEN TG_OP <> 'INSERT' THEN OLD.step_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.step_id END)) THEN
    RAISE EXCEPTION 'pgtrigger: Cannot change what was published in % table', TG_TABLE_NAME;
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
RETURN NEW;
"""
EVERY_CHANGE = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete


def validate_wait(text: str) -> None:
    """Refuse a text that says no wait."""
    try:
        read_wait(text)
    except NoWait as error:
        raise ValidationError(
            _("“%(text)s” says no wait: PT4H, P3D, P3D@09:00, -P3D@09:00 or 2026-12-24@09:00 do."),
            params={"text": text},
        ) from error


class StepQuerySet(models.QuerySet["Step"]):
    def in_order(self) -> Self:
        """Return them as they are taken."""
        return self.order_by("position")


class Step(models.Model):
    """A step of a campaign: a wait, an offer that is given, or a message by the first channel that reaches the member."""

    class Kind(models.TextChoices):
        WAIT = "wait", _("wait")
        MESSAGE = "message", _("message")
        OFFER = "offer", _("offer")

    version = models.ForeignKey(
        CampaignVersion, models.CASCADE, db_index=False, related_name="steps", verbose_name=_("version")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    wait = models.CharField(
        _("for how long"), max_length=32, blank=True, validators=[validate_wait],
        help_text=_("PT4H for four hours, P3D@09:00 for three days and then at nine, -P3D@09:00 for three days before the day."),
    )  # fmt: skip
    channels = ArrayField(
        models.CharField(max_length=8, choices=Channel), verbose_name=_("channels"), default=list, blank=True,
        help_text=_("The first rather than the next; the member's preferred one before all of them."),
    )  # fmt: skip
    to_all_channels = models.BooleanField(
        _("by all of them"), default=False, help_text=_("One message by each channel instead of one by the best.")
    )
    is_urgent = models.BooleanField(_("urgent"), default=False, help_text=_("Service alone may go in quiet hours."))
    expires_after = models.CharField(
        _("worth saying for"), max_length=32, default="P3D", blank=True, validators=[validate_wait],
        help_text=_("Later it is not sent, such as PT48H; empty until the day that it is all about is over."),
    )  # fmt: skip
    offer = models.ForeignKey(
        Offer, models.PROTECT, null=True, blank=True, related_name="steps", verbose_name=_("offer"),
        help_text=_("Which is given; of a slot, the one of it that goes first. Later texts may name it."),
    )  # fmt: skip
    ends_without = models.BooleanField(
        _("ends without it"), default=True, help_text=_("Who does not get the offer gets no later step either.")
    )
    variant = models.SlugField(
        _("only for the variant"),
        blank=True,
        help_text=_("Of the campaign's experiment; empty for all but the control."),
    )
    survey = models.ForeignKey(
        Survey, models.PROTECT, related_name="steps", null=True, blank=True, verbose_name=_("asks the survey"),
        help_text=_("Its texts lead to {{ survey }}; who was asked lately gets no message."),
    )  # fmt: skip

    objects: ClassVar[StepQuerySet] = StepQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        constraints: ClassVar = [
            models.UniqueConstraint(  # when all have moved: they are written one after the other
                fields=["version", "position"], name="step_once_per_position", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(
                condition=(models.Q(kind="wait") & ~models.Q(wait=""))
                | models.Q(kind="offer", wait="")
                | (models.Q(kind="message", wait="") & models.Q(channels__len__gte=1)),
                name="step_waits_or_says_something",
                violation_error_message=_("A step waits for something, or sends a message by a channel."),
            ),
            models.CheckConstraint(
                condition=models.Q(survey__isnull=True) | models.Q(kind="message"),
                name="step_asks_by_a_message",
                violation_error_message=_("Only a message asks a survey."),
            ),
            models.CheckConstraint(
                condition=models.Q(kind="offer", offer__isnull=False)
                | (~models.Q(kind="offer") & models.Q(offer__isnull=True)),
                name="offering_step_names_its_offer",
                violation_error_message=_("A step that gives an offer names it; no other does."),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="published_steps_are_frozen", when=pgtrigger.Before, operation=EVERY_CHANGE, func=FROZEN_STEP
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position + 1}. {self.get_kind_display()}"

    def clean(self) -> None:
        """
        Refuse what names a survey of somebody else; of an offer the check before publishing says it.

        :raises ValidationError: naming it
        """
        super().clean()
        if self.survey is not None and self.survey.retailer_id != self.version.retailer_id:
            raise ValidationError({"survey": _("This survey is another retailer's.")})


class StepText(models.Model):
    """
    What a message says by a channel, in a language: templates, with values of the member in double braces.

    Paragraphs are parted by empty lines. `button` leads to `link`, in mails and in the inbox.
    """

    step = models.ForeignKey(Step, models.CASCADE, db_index=False, related_name="texts", verbose_name=_("step"))
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    channel = models.CharField(_("channel"), max_length=8, choices=Channel)
    language = models.CharField(_("language"), max_length=2, choices=Retailer.Language)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    body = models.TextField(_("text"), max_length=20_000)
    button = models.CharField(_("button"), max_length=60, blank=True)
    link = models.CharField(_("link"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("text")
        verbose_name_plural = _("texts")
        constraints: ClassVar = [
            models.UniqueConstraint(  # when all have changed: they are written one after the other
                fields=["step", "channel", "language"],
                name="text_once_per_language",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(condition=~models.Q(body=""), name="text_says_something"),
            models.CheckConstraint(
                condition=models.Q(button="", link="") | (~models.Q(button="") & ~models.Q(link="")),
                name="button_leads_somewhere",
                violation_error_message=_("A button has a text and a link."),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="published_texts_are_frozen", when=pgtrigger.Before, operation=EVERY_CHANGE, func=FROZEN_TEXT
            ),
        ]

    def __str__(self) -> str:
        return self.subject or self.body[:60]

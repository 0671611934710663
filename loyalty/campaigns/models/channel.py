import json
from hashlib import sha256
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.formats import time_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.models import Retailer
from loyalty.campaigns.models.device import PushDevice
from loyalty.campaigns.models.words import Channel, MessageKind
from loyalty.campaigns.rules.wall_clock import WEEKDAYS, countries_with_holidays
from loyalty.campaigns.transports.push_keys import flaw_of_settings

MAX_CAP_DAYS = 30
ROUTE_DIGITS = 16


def validate_country(code: str) -> None:
    """Refuse a country whose public holidays nobody knows."""
    if code not in countries_with_holidays():
        raise ValidationError(_("The public holidays of “%(country)s” are not known."), params={"country": code})


class SendingHours(models.Model):
    """In which hours a retailer sends nothing, by whatever channel. Who has no row sends nothing from 21 to 8."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="sending_hours", verbose_name=_("retailer")
    )
    quiet_from = models.TimeField(_("quiet from"), default="21:00")
    quiet_to = models.TimeField(
        _("quiet to"), default="08:00", help_text=_("The same as its beginning where there are no quiet hours.")
    )

    class Meta:
        verbose_name = _("quiet hours")
        verbose_name_plural = _("quiet hours")

    def __str__(self) -> str:
        return f"{time_format(self.quiet_from)} - {time_format(self.quiet_to)}"


class MessageChannel(models.Model):
    """How a retailer reaches people by one channel."""

    class Provider(models.TextChoices):
        MAIL = "mail", _("this site's mail server")
        HTTP = "http", _("an address that takes messages as JSON")
        WEB_PUSH = "web_push", _("browsers, by Web Push")

    retailer = models.ForeignKey(Retailer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("retailer"))
    channel = models.CharField(
        _("channel"), max_length=8, choices=[each for each in Channel.choices if each[0] != Channel.INBOX]
    )
    provider = models.CharField(_("provider"), max_length=8, choices=Provider)
    is_active = models.BooleanField(_("in use"), default=True)
    url = models.URLField(_("address of the provider"), blank=True, max_length=500)
    secret = models.CharField(
        _("secret"),
        max_length=100,
        blank=True,
        editable=False,
        help_text=_("Signs what is sent to it, and its receipts."),
    )
    takes_keys = models.BooleanField(
        _("knows what it has already taken"),
        default=False,
        help_text=_("It takes a message once for each Idempotency-Key: one without an answer may be sent again."),
    )
    needs_verified = models.BooleanField(_("only verified addresses"), default=False)
    sender = models.CharField(_("sender"), max_length=200, blank=True)
    reply_to = models.EmailField(_("answers go to"), blank=True)
    per_second = models.PositiveIntegerField(
        _("at most so many a second"), null=True, blank=True, validators=[MinValueValidator(1)]
    )
    tokens = models.FloatField(default=0, editable=False)
    refilled_at = models.DateTimeField(null=True, editable=False)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet to"), null=True, blank=True)
    days_off = ArrayField(
        models.PositiveSmallIntegerField(validators=[MaxValueValidator(WEEKDAYS - 1)]),
        verbose_name=_("days off"),
        default=list,
        blank=True,
        size=WEEKDAYS - 1,
        help_text=_("Weekdays on which nothing is sent: 0 is Monday, 6 is Sunday."),
    )
    holidays_of = models.CharField(
        _("public holidays of"),
        max_length=2,
        blank=True,
        validators=[validate_country],
        help_text=_("A country, such as FR, on whose public holidays nothing is sent."),
    )

    class Meta:
        verbose_name = _("channel for messages")
        verbose_name_plural = _("channels for messages")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "channel"], name="channel_once_per_retailer"),
            models.CheckConstraint(condition=~models.Q(channel="inbox"), name="inbox_has_no_provider"),
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="channel_quiet_hours_have_both_ends",
                violation_error_message=_("Quiet hours have a beginning and an end."),
            ),
            models.CheckConstraint(
                condition=models.Q(provider="mail", channel="email")
                | models.Q(provider="web_push", channel="push")
                | (models.Q(provider="http") & ~models.Q(url="") & ~models.Q(secret="")),
                name="channel_reaches_its_provider",
                violation_error_message=_(
                    "Mail goes by the mail server or an address, push to browsers or by an address, all else by an address."
                ),
            ),
            models.CheckConstraint(
                condition=models.Q(takes_keys=False) | models.Q(provider="http"), name="mail_server_takes_no_keys"
            ),
            models.CheckConstraint(
                condition=models.Q(per_second__isnull=True) | models.Q(per_second__gte=1), name="channel_speed_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.get_channel_display()

    @property
    def route(self) -> str:
        """Return what its provider is known by on messages: with another one, or told otherwise of its keys, it differs."""
        said = json.dumps([self.provider, self.url, self.takes_keys])
        return sha256(said.encode()).hexdigest()[:ROUTE_DIGITS]

    @property
    def device_kind(self) -> str:
        """The kind of devices to which it sends push messages."""
        return PushDevice.Kind.WEB if self.provider == self.Provider.WEB_PUSH else PushDevice.Kind.APP

    def clean(self) -> None:
        """Refuse Web Push where this site has no key for it, saying what is to be done."""
        if self.is_active and self.provider == self.Provider.WEB_PUSH and (flaw := flaw_of_settings()):
            raise ValidationError({"provider": flaw})


class FrequencyCap(models.Model):
    """At most so many messages in a member's last days; service neither keeps to it nor counts."""

    retailer = models.ForeignKey(Retailer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("retailer"))
    limit = models.PositiveSmallIntegerField(_("at most"), validators=[MinValueValidator(1)])
    days = models.PositiveSmallIntegerField(
        _("in so many days"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_CAP_DAYS)],
        help_text=_("Of the member's own calendar, today included."),
    )
    channel = models.CharField(
        _("only by"), max_length=8, choices=Channel, blank=True, help_text=_("Empty for all channels.")
    )
    kind = models.CharField(
        _("only of the kind"),
        max_length=9,
        choices=[each for each in MessageKind.choices if each[0] != MessageKind.SERVICE],
        blank=True,
    )
    tag = models.SlugField(_("only with the tag"), blank=True)

    class Meta:
        verbose_name = _("cap")
        verbose_name_plural = _("caps")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "channel", "kind", "tag", "days"], name="cap_once_per_window"),
            models.CheckConstraint(condition=models.Q(limit__gte=1), name="cap_lets_one_pass"),
            models.CheckConstraint(condition=models.Q(days__range=(1, MAX_CAP_DAYS)), name="cap_has_days"),
        ]

    def __str__(self) -> str:
        what = " ".join(part for part in (self.get_channel_display(), self.get_kind_display(), self.tag) if part)
        said = ngettext("at most %(limit)s in %(days)s day", "at most %(limit)s in %(days)s days", self.days)
        return f"{said % {'limit': self.limit, 'days': self.days}} {what}".strip()

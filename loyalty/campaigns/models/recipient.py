from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Customer, Retailer
from customers.models.retailer import validate_zone
from loyalty.campaigns.models.words import Channel


class Recipient(models.Model):
    """A customer as one who gets messages. Whatever is decided of its messages is decided under this row's lock."""

    customer = models.OneToOneField(
        Customer, models.CASCADE, primary_key=True, related_name="recipient", verbose_name=_("customer")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[validate_zone],
        help_text=_("Empty for the retailer's."),
    )
    preferred_channel = models.CharField(_("preferred channel"), max_length=8, choices=Channel, blank=True)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_to = models.TimeField(_("quiet to"), null=True, blank=True)
    paused_until = models.DateTimeField(
        _("paused until"), null=True, blank=True, help_text=_("Until then nothing is sent but service.")
    )
    next_due_at = models.DateTimeField(
        _("next due"),
        null=True,
        editable=False,
        help_text=_("When a message is next to be looked at: may be early, never late."),
    )

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_to__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_to__isnull=False),
                name="recipient_quiet_hours_have_both_ends",
                violation_error_message=_("Quiet hours have a beginning and an end."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["retailer", "next_due_at"],
                condition=models.Q(next_due_at__isnull=False),
                name="recipient_due",
            ),
        ]

    def __str__(self) -> str:
        return str(self.customer_id)


class Address(models.Model):
    """What is known of an address, whosever it is: whether it is verified, and whether it takes messages."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", _("does not exist")
        SOFT_BOUNCES = "soft_bounces", _("refused three times in two weeks")
        COMPLAINT = "complaint", _("complained")
        STAFF = "staff", _("by staff")

    retailer = models.ForeignKey(Retailer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("retailer"))
    channel = models.CharField(_("channel"), max_length=8, choices=Channel)
    value_hash = models.CharField(
        _("address"), max_length=64, help_text=_("A keyed hash: it tells nobody the address.")
    )
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    suppressed_at = models.DateTimeField(_("takes nothing since"), null=True, blank=True)
    reason = models.CharField(_("why"), max_length=12, choices=Reason, blank=True)
    released_at = models.DateTimeField(
        _("takes messages again since"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Since then it takes messages again: what refused it before is not counted."),
    )

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "channel", "value_hash"], name="address_once_per_channel"),
            models.CheckConstraint(
                condition=models.Q(suppressed_at__isnull=True, reason="")
                | (models.Q(suppressed_at__isnull=False) & ~models.Q(reason="")),
                name="suppressed_address_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.value_hash[:8]}"

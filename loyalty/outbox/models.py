from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.models import Retailer


class Event(models.Model):
    """Something that happened, written in the transaction in which it happened, told to others after the commit."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    type = models.CharField(_("type"), max_length=50, help_text=_("Such as points.earned or tier.changed."))
    subject = models.CharField(_("subject"), max_length=64, help_text=_("The membership that it is about."))
    payload = models.JSONField(_("payload"))
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"))
    dispatched_at = models.DateTimeField(_("dispatched"), null=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(dispatched_at__isnull=True), name="event_to_dispatch"),
        ]

    def __str__(self) -> str:
        return self.type


class Endpoint(models.Model):
    """A retailer's address to which its events are posted, signed by the Standard Webhooks scheme."""

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="endpoints", verbose_name=_("retailer"))
    url = models.URLField(_("URL"))
    secret = models.CharField(_("secret"), max_length=100, editable=False)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One event on its way to one endpoint: tried again with growing pauses, then kept as dead for a person to see."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries", verbose_name=_("event"))
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries", verbose_name=_("webhook"))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("due"))
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    is_dead = models.BooleanField(_("given up"), default=False)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes: ClassVar = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(delivered_at__isnull=True, is_dead=False),
                name="delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}"

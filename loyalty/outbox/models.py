from typing import ClassVar, Self

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
    failures = models.PositiveIntegerField(
        _("failures in a row"), default=0, editable=False, help_text=_("Tries in which it did not answer, or broke.")
    )
    next_turn_at = models.DateTimeField(
        _("not before"), null=True, editable=False, help_text=_("It rests until then, or has its turn just now.")
    )

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.url


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def waiting(self) -> Self:
        """Return what is neither delivered nor given up."""
        return self.filter(delivered_at__isnull=True, is_dead=False)


class Delivery(models.Model):
    """
    One event on its way to one endpoint: tried again with growing pauses, then kept as dead for a person to see.

    It waits for earlier ones of its member at its endpoint, but not for those of others: only the first has a due instant.
    """

    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries", verbose_name=_("event"))
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries", verbose_name=_("webhook"))
    subject = models.CharField(_("subject"), max_length=64, help_text=_("The membership that its event is about."))
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    queued_at = models.DateTimeField(_("queued"))
    due_at = models.DateTimeField(
        _("due"), null=True, help_text=_("Empty while an earlier event of the member is on its way.")
    )
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    is_dead = models.BooleanField(_("given up"), default=False)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["endpoint", "subject"],
                condition=models.Q(delivered_at__isnull=True, is_dead=False, due_at__isnull=False),
                name="delivery_first_of_member_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["endpoint", "due_at", "id"],
                condition=models.Q(delivered_at__isnull=True, is_dead=False),
                name="delivery_due_to_endpoint",
            ),
            models.Index(
                fields=["endpoint", "subject", "id"],
                condition=models.Q(delivered_at__isnull=True, is_dead=False),
                name="delivery_waiting_of_member",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id}"

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
    position = models.BigIntegerField(
        _("position"),
        null=True,
        editable=False,
        help_text=_("In which it was dispatched; later ones have larger ones."),
    )

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes: ClassVar = [
            models.Index(fields=["id"], condition=models.Q(dispatched_at__isnull=True), name="event_to_dispatch"),
            models.Index(
                fields=["retailer", "position"], condition=models.Q(position__isnull=False), name="event_by_position"
            ),
            models.Index(
                fields=["dispatched_at"], condition=models.Q(dispatched_at__isnull=False), name="event_by_age"
            ),
        ]

    def __str__(self) -> str:
        return self.type


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def present(self) -> Self:
        """Return what was not removed."""
        return self.filter(removed_at__isnull=True)


class FeedStart(models.Model):
    """The position up to which a retailer's events are no longer kept: who left off before it has missed some."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="+", verbose_name=_("retailer")
    )
    position = models.BigIntegerField(_("position"))

    class Meta:
        verbose_name = _("start of the feed")
        verbose_name_plural = _("starts of feeds")

    def __str__(self) -> str:
        return str(self.position)


class Endpoint(models.Model):
    """A retailer's address to which its events are posted, signed by the Standard Webhooks scheme."""

    class State(models.TextChoices):
        OK = "ok", _("answers")
        FAILING = "failing", _("does not answer")
        STOPPED = "stopped", _("switched off: it did not answer for days, or said that it is gone")
        OFF = "off", _("switched off")

    key = models.UUIDField(
        _("id"), default=new_id, unique=True, editable=False, help_text=_("By which its retailer's systems know it.")
    )
    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="endpoints", verbose_name=_("retailer"))
    url = models.URLField(_("URL"))
    events = models.JSONField(
        _("events"), default=list, blank=True, help_text=_("The types that are told here; none chosen for all.")
    )
    secret = models.CharField(_("secret"), max_length=100, editable=False)
    old_secret = models.CharField(_("former secret"), max_length=100, blank=True, editable=False)
    old_secret_until = models.DateTimeField(
        _("former secret signs until"), null=True, editable=False, help_text=_("Both sign until then.")
    )
    older_secrets = models.JSONField(
        _("older secrets"),
        default=list,
        db_default=[],
        editable=False,
        help_text=_("Those before the former one that still sign, the newest first, and until when."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    failing_since = models.DateTimeField(_("fails since"), null=True, editable=False)
    stopped_at = models.DateTimeField(
        _("stopped"),
        null=True,
        editable=False,
        help_text=_("When it had not answered for so long that it was switched off."),
    )
    failures = models.PositiveIntegerField(
        _("failures in a row"), default=0, editable=False, help_text=_("Tries in which it did not answer, or broke.")
    )
    next_turn_at = models.DateTimeField(
        _("not before"), null=True, editable=False, help_text=_("It rests until then, or has its turn just now.")
    )
    removed_at = models.DateTimeField(
        _("removed"), null=True, editable=False, help_text=_("What was delivered to it is forgotten soon after.")
    )

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")

    def __str__(self) -> str:
        return self.url

    @property
    def state(self) -> State:
        """Return whether it is told anything, and answers."""
        if self.stopped_at is not None:
            return self.State.STOPPED
        if not self.is_active:
            return self.State.OFF
        return self.State.OK if self.failing_since is None else self.State.FAILING


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def waiting(self) -> Self:
        """Return what is neither delivered nor given up."""
        return self.filter(delivered_at__isnull=True, is_dead=False)

    def in_state(self, state: "Delivery.State") -> Self:
        """Return what is in a state."""
        match state:
            case Delivery.State.GIVEN_UP:
                return self.filter(is_dead=True)
            case Delivery.State.DELIVERED:
                return self.filter(is_dead=False, delivered_at__isnull=False)
            case Delivery.State.FAILING:
                return self.waiting().filter(attempts__gt=0)
        return self.waiting().filter(attempts=0)


class Delivery(models.Model):
    """
    One event on its way to one endpoint: tried again with growing pauses, then kept as dead for a person to see.

    It waits for earlier ones of its member at its endpoint, but not for those of others: only the first has a due instant.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waits")
        FAILING = "failing", _("is tried again")
        DELIVERED = "delivered", _("delivered")
        GIVEN_UP = "given_up", _("given up")

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
    tried_at = models.DateTimeField(_("last try"), null=True)
    took_ms = models.PositiveIntegerField(_("took (ms)"), null=True)
    status = models.PositiveSmallIntegerField(_("status"), null=True, help_text=_("Of the answer to the last try."))
    answer = models.CharField(_("answer"), max_length=500, blank=True, help_text=_("How the answer began."))

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
            models.Index(
                fields=["endpoint", "id"], condition=models.Q(is_dead=True), name="delivery_given_up_by_endpoint"
            ),
        ]

    def __str__(self) -> str:
        return str(self.event)

    @property
    def state(self) -> State:
        """Return what became of it so far."""
        if self.is_dead:
            return self.State.GIVEN_UP
        if self.delivered_at is not None:
            return self.State.DELIVERED
        return self.State.FAILING if self.attempts else self.State.WAITING

from typing import ClassVar

from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.models import Retailer
from loyalty.programs.models import ProgramVersion


class Simulation(models.Model):
    """
    A past lived again under a version, as a job: asked for, on its way, done or cancelled; its result is kept.

    The work is this row: a task that dies leaves `running` with an old `touched_at`, and the next one begins anew.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        CANCELLED = "cancelled", pgettext_lazy("simulation", "cancelled")
        FAILED = "failed", _("failed")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="simulations", verbose_name=_("retailer"))
    version = models.ForeignKey(ProgramVersion, models.CASCADE, related_name="simulations", verbose_name=_("version"))
    revision = models.UUIDField(help_text=_("The state of the version that was simulated."))
    since = models.DateField(_("from"))
    until = models.DateField(_("through"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    members_done = models.PositiveIntegerField(_("members done"), default=0)
    members_total = models.PositiveIntegerField(_("members"), default=0)
    orders_done = models.PositiveIntegerField(_("orders done"), default=0)
    cancel_asked = models.BooleanField(_("to be cancelled"), default=False)
    result = models.JSONField(_("result"), null=True)
    failure = models.TextField(_("failure"), blank=True)
    author = models.CharField(_("by"), max_length=150, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    touched_at = models.DateTimeField(_("last progress"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("what-if")
        verbose_name_plural = _("what-ifs")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(since__lte=models.F("until")), name="simulation_begins_first"),
            models.CheckConstraint(
                condition=~models.Q(status="done") | models.Q(result__isnull=False), name="simulation_done_has_a_result"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["id"], condition=models.Q(status__in=["waiting", "running"]), name="simulation_to_run"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} · {date_format(self.since)} – {date_format(self.until)}"

    @property
    def is_over(self) -> bool:
        return self.status in {self.Status.DONE, self.Status.CANCELLED, self.Status.FAILED}

    @property
    def percent(self) -> int:
        return min(100, 100 * self.members_done // self.members_total) if self.members_total else 0

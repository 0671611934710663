from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.models import Retailer
from loyalty.experiments.models.experiment import Experiment


class ExperimentEvent(models.Model):
    """Who did what with an experiment, and when. Never changed, never deleted."""

    class Action(models.TextChoices):
        CREATED = "created", _("created")
        CHANGED = "changed", _("changed")
        PLANNED = "planned", _("planned")
        STARTED = "started", _("started")
        ENDED = "ended", _("ended")

    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="events", verbose_name=_("experiment"))
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    action = models.CharField(_("action"), max_length=8, choices=Action)
    author = models.CharField(_("by"), max_length=150, blank=True)
    said = models.JSONField(_("what"), default=dict, encoder=DjangoJSONEncoder)
    occurred_at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("event of an experiment")
        verbose_name_plural = _("events of experiments")
        triggers: ClassVar = append_only("experiment_events")

    def __str__(self) -> str:
        return f"{self.experiment} · {self.get_action_display()}"

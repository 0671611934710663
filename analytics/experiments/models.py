"""Looks at experiments, each with the plan, the data and the code that it rests on; none is ever changed."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.experiments.results import Result
from customers.core.guards import append_only
from customers.core.money import CurrencyField
from customers.models import Retailer
from loyalty.experiments.models import Experiment


class ExperimentLook(models.Model):
    """
    What an experiment showed at an instant.

    By the plan, by what was recorded until `known_at` and by the version of the code it can be computed again to the digit;
    `data_digest` says of which data.
    """

    class Basis(models.TextChoices):
        """What the metric is."""

        REVENUE = "revenue", _("revenue")
        COSTS = "costs", _("margin by the lines’ costs, and by their share where there is none")
        COSTS_AND_RATE = "costs_and_rate", _("margin by the lines’ costs, and by the margin rate where there is none")
        RATE = "rate", _("margin by the margin rate")
        NO_MARGIN = "no_margin", _("revenue, because no margin is known")

    experiment = models.ForeignKey(
        Experiment, models.PROTECT, db_index=False, related_name="looks", verbose_name=_("experiment")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    looked_at = models.DateTimeField(_("looked"))
    known_at = models.DateTimeField(_("as recorded until"))
    is_final = models.BooleanField(
        _("final"), help_text=_("After the planned end. Looks before it only show what holds however often one looks.")
    )
    author = models.CharField(_("asked by"), max_length=150, blank=True, help_text=_("Nobody, where a night did."))
    plan_hash = models.CharField(_("hash of the plan"), max_length=64)
    data_digest = models.CharField(_("hash of the data"), max_length=64)
    code_version = models.CharField(_("version of the code"), max_length=40)
    currency = CurrencyField(_("currency"))
    basis = models.CharField(_("what is measured"), max_length=20, choices=Basis)
    numbers = models.JSONField(_("numbers"))

    class Meta:
        verbose_name = _("look at an experiment")
        verbose_name_plural = _("looks at experiments")
        indexes: ClassVar = [models.Index(fields=["experiment", "-id"], name="look_newest_first")]
        triggers: ClassVar = append_only("experiment_looks")

    def __str__(self) -> str:
        return f"{self.experiment} {self.looked_at:%Y-%m-%d}"

    @property
    def result(self) -> Result:
        """What it said."""
        return Result.from_json(self.numbers)

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.models import Customer, Retailer
from loyalty.experiments.models.experiment import Experiment
from loyalty.experiments.models.variant import Variant
from loyalty.experiments.rules import BUCKETS


class Assignment(models.Model):
    """
    That a customer is in a variant of an experiment, from an instant on: written once, never changed, never decided anew.

    Those who are held out are in it as well, with the instant at which they would have been treated.
    """

    # Both are held by one key of two columns, `assignment_of_a_variant_of_its_experiment`, which is checked once a row.
    experiment = models.ForeignKey(
        Experiment,
        models.PROTECT,
        related_name="assignments",
        db_index=False,
        db_constraint=False,
        verbose_name=_("experiment"),
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="assignments", verbose_name=_("customer"))
    variant = models.ForeignKey(
        Variant,
        models.PROTECT,
        related_name="assignments",
        db_index=False,
        db_constraint=False,
        verbose_name=_("variant"),
    )
    bucket = models.PositiveSmallIntegerField(_("bucket"))
    unit_key = models.CharField(
        _("key"), max_length=64, help_text=_("The id of the customer, or of the household that it was in.")
    )
    assigned_at = models.DateTimeField(_("assigned"))
    exposed_at = models.DateTimeField(
        _("exposed"), help_text=_("When treating begins, or would begin: the metric is added up from then on.")
    )

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["experiment", "customer"], name="assignment_once_per_experiment"),
            models.CheckConstraint(condition=models.Q(bucket__lt=BUCKETS), name="assignment_in_a_bucket"),
        ]
        triggers: ClassVar = append_only("assignments")

    def __str__(self) -> str:
        return f"{self.experiment} · {self.variant}"

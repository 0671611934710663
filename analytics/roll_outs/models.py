"""Roll-outs in some stores, each judged by a plan that was frozen before anybody looked at what the stores sold."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.money import CurrencyField
from customers.models import Retailer


class RollOutRun(models.Model):
    """
    That a roll-out in some stores was judged: by its plan, and what was recorded until `known_at`, again to the digit.

    A run that the data refuse is kept as well, with the reason.
    """

    class Status(models.TextChoices):
        ASKED = "asked", _("waits")
        DONE = "done", _("done")
        REFUSED = "refused", _("not measured")
        FAILED = "failed", _("failed")

    class Metric(models.TextChoices):
        REVENUE = "revenue", _("revenue")
        MARGIN = "margin", _("margin")

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="roll_out_runs", verbose_name=_("retailer")
    )
    status = models.CharField(_("status"), max_length=8, choices=Status, default=Status.ASKED)
    code = models.CharField(_("reason"), max_length=40, blank=True, editable=False)
    details = models.JSONField(_("figures of the reason"), default=dict, editable=False)
    author = models.CharField(_("asked by"), max_length=150, blank=True)
    stores = ArrayField(models.CharField(max_length=50), verbose_name=_("stores with it"))
    began_on = models.DateField(_("began on"))
    metric = models.CharField(_("metric"), max_length=7, choices=Metric, default=Metric.REVENUE)
    plan = models.JSONField(_("frozen plan"), default=dict)
    plan_digest = models.CharField(_("hash of the plan"), max_length=64)
    known_at = models.DateTimeField(_("as recorded until"))
    code_version = models.CharField(_("version of the code"), max_length=40)
    data_digest = models.CharField(_("hash of the data"), max_length=64, blank=True)
    currency = CurrencyField(_("currency"))
    basis = models.CharField(_("what is measured"), max_length=20, blank=True)
    result = models.JSONField(_("result"), null=True, editable=False)
    asked_at = models.DateTimeField(_("asked"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("roll-out in stores")
        verbose_name_plural = _("roll-outs in stores")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(status="done") | models.Q(result__isnull=False), name="roll_out_done_has_a_result"
            ),
            models.CheckConstraint(condition=models.Q(stores__len__gte=1), name="roll_out_names_a_store"),
            models.CheckConstraint(condition=~models.Q(plan_digest=""), name="roll_out_has_a_frozen_plan"),
        ]
        indexes: ClassVar = [models.Index(fields=["retailer", "-id"], name="roll_out_newest_first")]

    def __str__(self) -> str:
        return f"{', '.join(self.stores[:3])} {self.began_on:%Y-%m-%d}"

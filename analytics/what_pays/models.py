"""What was spent beside rewards to reach those whom an experiment tells of."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from customers.core.money import CurrencyField, MoneyField
from customers.models import Retailer
from loyalty.experiments.models import Experiment


class MediaCost(models.Model):
    """
    What was spent on media, on sending or on an agency to reach those of an experiment who are not held out.

    It is told beside what the experiment won. The costs of a channel and month, which `AcquisitionCost` has, may have it in them.
    """

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="media_costs", verbose_name=_("retailer"))
    experiment = models.ForeignKey(
        Experiment, models.CASCADE, related_name="media_costs", verbose_name=_("experiment"),
        help_text=_("Whose control was not reached by it."),
    )  # fmt: skip
    what = models.CharField(_("for what"), max_length=50, help_text=_("Such as search, leaflet or postage."))
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))

    class Meta:
        verbose_name = _("media cost")
        verbose_name_plural = _("media costs")
        constraints: ClassVar = [
            models.UniqueConstraint(
                "experiment", Lower("what"), name="media_cost_once_per_experiment",
                violation_error_message=_("This experiment has a cost for that already: change that one."),
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="media_cost_never_negative"),
            models.CheckConstraint(condition=~models.Q(what=""), name="media_cost_is_for_something"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.experiment} · {self.what}"

    def clean(self) -> None:
        """Refuse what names an experiment of somebody else."""
        super().clean()
        experiment = Experiment.objects.filter(pk=self.experiment_id).first()
        if experiment is not None and experiment.retailer_id != self.retailer_id:
            raise ValidationError({"experiment": _("This experiment is another retailer's.")})

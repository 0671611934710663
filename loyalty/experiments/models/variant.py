from typing import ClassVar, Self

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Retailer
from loyalty.experiments.models.experiment import Experiment
from loyalty.experiments.rules import BUCKETS

NEVER_AFTER_START = """
IF EXISTS (
    SELECT 1 FROM experiments_experiment e
    WHERE (e.state <> 'draft' OR EXISTS (SELECT 1 FROM experiments_assignment a WHERE a.experiment_id = e.id)) AND e.id IN (
        CASE WHEN TG_OP <> 'INSERT' THEN OLD.experiment_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.experiment_id END)
) THEN
    RAISE EXCEPTION 'pgtrigger: Cannot change shares after the first assignment in % table', TG_TABLE_NAME;
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
RETURN NEW;
"""


class VariantQuerySet(models.QuerySet["Variant"]):
    def in_order(self) -> Self:
        """Return them as they divide the buckets: the first has the lowest."""
        return self.order_by("position")


class Variant(models.Model):
    """A part of an experiment's customers: one of them is the control, with which the others are compared."""

    experiment = models.ForeignKey(
        Experiment, models.CASCADE, db_index=False, related_name="variants", verbose_name=_("experiment")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    code = models.SlugField(_("code"), help_text=_("By which parts of a version name it."))
    name = models.CharField(_("name"), max_length=200, blank=True)
    share_bp = models.PositiveSmallIntegerField(
        _("share of the customers"),
        validators=[MinValueValidator(1), MaxValueValidator(BUCKETS)],
        help_text=_("Of 10,000; all together are 10,000."),
    )
    is_control = models.BooleanField(
        _("control"), default=False, help_text=_("In a hold-out, those who are held out; one of them is it.")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    objects: ClassVar[VariantQuerySet] = VariantQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["experiment", "code"], name="variant_once_per_code"),
            models.UniqueConstraint(fields=["experiment", "position"], name="variant_once_per_position"),
            models.CheckConstraint(
                condition=models.Q(share_bp__gte=1, share_bp__lte=BUCKETS), name="variant_has_a_share"
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="variants_never_change_after_start",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=NEVER_AFTER_START,
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.code

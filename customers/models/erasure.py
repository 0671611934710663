from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.models.customer import Customer
from customers.models.retailer import Retailer


class Erasure(models.Model):
    """That a person was erased, for whoever has to show it: when, on whose word, and nothing of the person."""

    class AskedBy(models.TextChoices):
        PERSON = "person", _("the person")
        RETAILER = "retailer", _("the retailer’s system")
        STAFF = "staff", _("staff")

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    customer = models.ForeignKey(
        Customer, models.PROTECT, db_index=False, related_name="erasures", verbose_name=_("customer")
    )
    asked_by = models.CharField(_("asked by"), max_length=10, choices=AskedBy)
    author = models.CharField(_("author"), max_length=150, blank=True, help_text=_("Who of the staff."))
    reason = models.CharField(_("reason"), max_length=100, help_text=_("Without the person's name."))
    erased_at = models.DateTimeField(_("erased"))

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        constraints: ClassVar = [models.UniqueConstraint(fields=["customer"], name="customer_erased_once")]
        triggers: ClassVar = append_only("erasures")

    def __str__(self) -> str:
        return f"{self.erased_at:%Y-%m-%d}"

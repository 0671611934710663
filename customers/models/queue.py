from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models.customer import Customer
from customers.models.retailer import Retailer


class UndecidedFact(models.Model):
    """
    A recorded fact that programs have not decided yet; who decides it deletes it.

    One that cannot be decided stays, with the error, and is tried again later: it stops no other.
    """

    class Kind(models.TextChoices):
        ORDER = "order", _("order")
        RETURN = "return", _("return")
        EVENT = "event", _("event of an order")
        INTERACTION = "interaction", _("interaction")
        CORRECTION = "correction", _("correction of an order")
        CUSTOMER = "customer", _("change of a customer")

    retailer = models.ForeignKey(Retailer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("retailer"))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", verbose_name=_("customer"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    fact_id = models.UUIDField(_("fact"))
    occurred_at = models.DateTimeField(_("occurred"))
    is_again = models.BooleanField(
        _("seen before"), default=False, db_default=False,
        help_text=_("It was looked at as it was told, and waits for a program that has not decided it."),
    )  # fmt: skip
    attempts = models.PositiveIntegerField(_("attempts"), default=0, db_default=0)
    error = models.TextField(_("error"), blank=True, db_default="")
    next_try_at = models.DateTimeField(_("next try"), null=True)

    class Meta:
        verbose_name = _("undecided fact")
        verbose_name_plural = _("undecided facts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "fact_id"], name="undecided_fact_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["retailer", "occurred_at", "id"], name="undecided_fact_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.get_kind_display())

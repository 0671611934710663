from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.money import CurrencyField, MoneyField
from customers.models.customer import Customer


class Insight(models.Model):
    """What analytics last learned about a customer, written down for the floors below it."""

    customer = models.OneToOneField(
        Customer, models.CASCADE, primary_key=True, related_name="insight", verbose_name=_("customer")
    )
    run_id = models.BigIntegerField(_("run"), help_text=_("The analytics run that computed it."))
    as_of = models.DateField(_("data until"))
    horizon_days = models.PositiveIntegerField(_("horizon in days"))
    currency = CurrencyField(_("currency"))
    historic_revenue = MoneyField(_("revenue to date"))
    formula_value = MoneyField(_("value by formula"), null=True)
    predicted_value = MoneyField(_("predicted value"), null=True, help_text=_("Net margin over the horizon."))
    expected_orders = models.FloatField(_("expected purchase days"), null=True)
    probability_active = models.FloatField(_("probability of being active"), null=True)
    value_decile = models.PositiveSmallIntegerField(_("value decile"), null=True, help_text=_("10 is the highest."))

    class Meta:
        verbose_name = _("insight")
        verbose_name_plural = _("insights")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(probability_active__isnull=True) | models.Q(probability_active__range=(0, 1)),
                name="insight_probability_is_one",
            ),
            models.CheckConstraint(
                condition=models.Q(value_decile__isnull=True) | models.Q(value_decile__range=(1, 10)),
                name="insight_decile_is_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.customer_id)

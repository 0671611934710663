from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.money import CurrencyField, MoneyField
from customers.models import Customer, Retailer


class CustomerStatistics(models.Model):
    """
    The sufficient statistics of a customer's purchases, kept up with every order.

    A purchase occasion is a local day whose net value is positive; a return goes to its order's day. The rebuild from
    the orders is the truth.
    """

    customer = models.OneToOneField(
        Customer, models.CASCADE, primary_key=True, related_name="statistics", verbose_name=_("customer")
    )
    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    first_day = models.DateField(_("first purchase"))
    last_day = models.DateField(_("last purchase"))
    purchase_days = models.PositiveIntegerField(_("purchase days"))
    first_value = MoneyField(_("value of the first day"))
    total_value = MoneyField(_("net value"))
    returned_value = MoneyField(_("returned"))
    orders = models.PositiveIntegerField(_("orders"))

    class Meta:
        verbose_name = _("customer statistics")
        verbose_name_plural = _("customer statistics")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(purchase_days__gte=1), name="statistics_have_a_day"),
            models.CheckConstraint(
                condition=models.Q(last_day__gte=models.F("first_day")), name="statistics_end_after_they_begin"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["retailer", "last_day"], name="statistics_by_last_day")]

    def __str__(self) -> str:
        return str(self.customer_id)


class ValueRun(models.Model):
    """One computation of every customer's value: what it was made from, how wrong it was, and what was chosen."""

    class Status(models.TextChoices):
        DONE = "done", _("done")
        REFUSED = "refused", _("no prediction")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="value_runs", verbose_name=_("retailer"))
    status = models.CharField(_("status"), max_length=10, choices=Status)
    reason = models.TextField(_("reason"), blank=True, help_text=_("Why this model, or why none."))
    ran_at = models.DateTimeField(_("ran"))
    data_cut = models.DateField(_("data until"))
    calibration_cut = models.DateField(_("validated on time after"), null=True)
    horizon_days = models.PositiveIntegerField(_("horizon in days"))
    discount_rate = models.DecimalField(_("discount rate a year"), max_digits=5, decimal_places=4)
    currency = CurrencyField(_("currency"))
    margin_rate = models.DecimalField(_("margin rate"), max_digits=5, decimal_places=4, null=True)
    model = models.CharField(_("model"), max_length=50, blank=True)
    parameters = models.JSONField(_("parameters"), default=dict, help_text=_("Each with its standard error."))
    held_out = models.JSONField(_("errors on held-out time"), default=dict)
    customers = models.PositiveIntegerField(_("customers"), default=0)

    class Meta:
        verbose_name = _("value run")
        verbose_name_plural = _("value runs")

    def __str__(self) -> str:
        return f"{self.data_cut}"


class CustomerValue(models.Model):
    """What one run said of one customer. Money is net margin, or net revenue where no margin rate is known."""

    run = models.ForeignKey(ValueRun, models.CASCADE, related_name="values", verbose_name=_("run"))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="values", verbose_name=_("customer"))
    historic_revenue = MoneyField(_("revenue to date"))
    historic_value = MoneyField(_("value to date"))
    formula_value = MoneyField(_("value by formula"))
    predicted_value = MoneyField(_("predicted value"), null=True)
    expected_orders = models.FloatField(_("expected purchase days"), null=True)
    expected_order_value = MoneyField(_("expected value of a purchase day"), null=True)
    probability_active = models.FloatField(_("probability of being active"), null=True)
    value_decile = models.PositiveSmallIntegerField(_("decile"), null=True, help_text=_("10 is the highest."))

    class Meta:
        verbose_name = _("customer value")
        verbose_name_plural = _("customer values")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "customer"], name="customer_value_once_per_run"),
        ]

    def __str__(self) -> str:
        return str(self.customer_id)

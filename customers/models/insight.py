from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.money import CurrencyField, MoneyField
from customers.models.customer import Customer
from customers.segment_names import STAGE_NAMES, TAG_NAMES, TYPE_NAMES, choices_of


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
    historic_margin = MoneyField(_("margin to date"), null=True)
    formula_value = MoneyField(_("value by formula"), null=True)
    predicted_value = MoneyField(_("predicted value"), null=True, help_text=_("Net margin over the horizon."))
    value_low = MoneyField(_("at least"), null=True, help_text=_("Nine of ten customers bring what is in the range."))
    value_high = MoneyField(_("at most"), null=True)
    value_if_active = MoneyField(_("value if active"), null=True, help_text=_("What it would be if it has not left."))
    expected_purchases = models.FloatField(_("expected purchase days"), null=True)
    expected_order_value = MoneyField(_("expected value of a purchase day"), null=True)
    probability_active = models.FloatField(_("probability of being active"), null=True)
    probability_of_buying = models.FloatField(_("probability of buying within the horizon"), null=True)
    at_risk = models.BooleanField(
        _("at risk"), null=True, help_text=_("Buying again has become much less probable since the last purchase.")
    )
    value_decile = models.PositiveSmallIntegerField(_("value decile"), null=True, help_text=_("10 is the highest."))
    segment = models.CharField(
        _("segment"), max_length=20, choices=choices_of(TYPE_NAMES), default="", db_default="", blank=True
    )
    tags = ArrayField(
        models.CharField(max_length=20, choices=choices_of(TAG_NAMES)), verbose_name=_("tags"), default=list,
        db_default=[], blank=True,
    )  # fmt: skip
    life_stage = models.CharField(
        _("stage"), max_length=20, choices=choices_of(STAGE_NAMES), default="", db_default="", blank=True
    )
    rfm = models.CharField(
        _("RFM"), max_length=3, default="", db_default="", blank=True,
        help_text=_("Recency, frequency and spend, each from 1 to 5, the best."),
    )  # fmt: skip
    favourite_category = models.CharField(
        _("favourite category"), max_length=100, default="", db_default="", blank=True,
        help_text=_("Of who loves a category."),
    )  # fmt: skip
    favourite_brand = models.CharField(
        _("favourite brand"),
        max_length=100,
        default="",
        db_default="",
        blank=True,
        help_text=_("Of who loves a brand."),
    )

    class Meta:
        verbose_name = _("insight")
        verbose_name_plural = _("insights")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(probability_active__isnull=True) | models.Q(probability_active__range=(0, 1)),
                name="insight_probability_is_one",
            ),
            models.CheckConstraint(
                condition=models.Q(probability_of_buying__isnull=True) | models.Q(probability_of_buying__range=(0, 1)),
                name="insight_chance_is_one",
            ),
            models.CheckConstraint(
                condition=models.Q(value_low__isnull=True) | models.Q(value_high__gte=models.F("value_low")),
                name="insight_range_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(value_decile__isnull=True) | models.Q(value_decile__range=(1, 10)),
                name="insight_decile_is_one",
            ),
        ]

    def __str__(self) -> str:
        return str(self.as_of)

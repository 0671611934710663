"""What a retailer wants its key figures to be, what serving costs it, and who is told of them each week."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from analytics.kpis.figures import KPIS
from analytics.kpis.words import NAMES
from customers.core.money import MoneyField
from customers.models import Retailer

CHOICES = [(each.code, NAMES[each.code]) for each in KPIS]


class KpiGoal(models.Model):
    """What a key figure is to be in each period of a length."""

    class Per(models.TextChoices):
        WEEK = "week", _("week")
        MONTH = "month", _("month")
        QUARTER = "quarter", _("quarter")
        YEAR = "year", _("year")

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="kpi_goals", verbose_name=_("retailer")
    )
    kpi = models.CharField(_("key figure"), max_length=30, choices=CHOICES)
    per = models.CharField(_("period"), max_length=10, choices=Per, default=Per.MONTH)
    target = models.DecimalField(
        _("goal"),
        max_digits=18,
        decimal_places=4,
        help_text=_("Shares as in 0.35 for 35 %; amounts in the retailer’s currency."),
    )

    class Meta:
        verbose_name = _("goal")
        verbose_name_plural = _("goals")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "kpi", "per"], name="one_goal_per_figure_and_period"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kpi_display()}: {self.target:f}"


class KpiSettings(models.Model):
    """What serving customers costs, where a retailer knows it; what it does not know is not subtracted, and the page says so."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="kpi_settings", verbose_name=_("retailer")
    )
    contact_cost = MoneyField(_("cost of a contact with support"), null=True, blank=True)
    return_cost = MoneyField(
        _("cost of handling a return"), null=True, blank=True, help_text=_("Beside what is paid back for it.")
    )

    class Meta:
        verbose_name = _("costs of serving")
        verbose_name_plural = _("costs of serving")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=(models.Q(contact_cost__isnull=True) | models.Q(contact_cost__gte=0))
                & (models.Q(return_cost__isnull=True) | models.Q(return_cost__gte=0)),
                name="serving_costs_are_no_gain",
            ),
        ]

    def __str__(self) -> str:
        return str(self.retailer)


class PointsDay(models.Model):
    """What was given, redeemed and expired on a retailer's day, net of what was undone, as far as a mark says: all programs."""

    retailer = models.ForeignKey(Retailer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("retailer"))
    day = models.DateField(_("day"))
    issued = models.BigIntegerField(_("issued"))
    redeemed = models.BigIntegerField(_("redeemed"))
    expired = models.BigIntegerField(_("expired"))

    class Meta:
        verbose_name = _("points of a day")
        verbose_name_plural = _("points of days")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "day"], name="points_once_per_day"),
        ]

    def __str__(self) -> str:
        return str(self.day)


class PointsMark(models.Model):
    """Up to which id a retailer's postings are summed by day, and up to which they are to be once all who wrote then are done."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="+", verbose_name=_("retailer")
    )
    zone = models.CharField(_("zone"), max_length=64, help_text=_("By which days are told apart."))
    until = models.UUIDField(_("summed until"))
    waiting = models.UUIDField(_("to be summed until"), null=True)
    waiting_for = models.BigIntegerField(
        _("once transactions are over"), null=True, help_text=_("All that are numbered lower.")
    )

    class Meta:
        verbose_name = _("sum of points")
        verbose_name_plural = _("sums of points")

    def __str__(self) -> str:
        return str(self.until)


class KpiReader(models.Model):
    """Somebody who gets the key figures by e-mail every week."""

    class Language(models.TextChoices):
        FRENCH = "fr", "Français"
        ENGLISH = "en", "English"

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="kpi_readers", verbose_name=_("retailer"))
    email = models.EmailField(_("e-mail"))
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.FRENCH)
    sent_for = models.DateField(
        _("last sent for"), null=True, editable=False, help_text=_("The Monday after the week that was told last.")
    )

    class Meta:
        verbose_name = _("reader of the weekly report")
        verbose_name_plural = _("readers of the weekly report")
        constraints: ClassVar = [
            models.UniqueConstraint("retailer", Lower("email"), name="one_weekly_report_per_address"),
        ]

    def __str__(self) -> str:
        return self.email

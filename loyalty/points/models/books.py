from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.core.money import MoneyField
from customers.models import Retailer
from loyalty.points.models.ledger import Lot
from loyalty.programs.models import Program


class ClosedMonth(models.Model):
    """
    What the books said of one wallet of a program when a month was closed. Never changed, never deleted.

    The next month is computed from it and from what was recorded since. Figures are as of the month's end, by what was
    recorded before it; `cohorts` has them by the month in which points were earned, `lines` the month's journal.
    """

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)
    program = models.ForeignKey(
        Program, models.PROTECT, related_name="closed_months", verbose_name=_("program"), db_index=False
    )
    wallet = models.SlugField(_("wallet"), db_index=False)
    month = models.DateField(_("month"), help_text=_("Its first day."))
    ends_at = models.DateTimeField(_("ends"), help_text=_("The first instant after it."))
    closed_at = models.DateTimeField(_("closed"))
    entries = models.BigIntegerField(_("entries"), help_text=_("That were recorded in it."))
    occurred_through = models.DateTimeField(
        _("occurred through"), null=True, help_text=_("The last instant at which anything of it or before occurred.")
    )
    point_value = models.DecimalField(_("value of a point"), max_digits=12, decimal_places=6)
    redeemed_share = models.DecimalField(
        _("expected share redeemed"), max_digits=5, decimal_places=4, null=True, help_text=_("Empty: by history.")
    )
    pending = models.BigIntegerField(_("pending"))
    available = models.BigIntegerField(_("available"))
    held = models.BigIntegerField(_("held"))
    expected = models.DecimalField(_("expected to be redeemed"), max_digits=24, decimal_places=4)
    value = MoneyField(_("value"), max_digits=24)
    liability = MoneyField(_("liability"), max_digits=24)
    deferred = MoneyField(_("deferred revenue"), max_digits=24)
    cohorts = models.JSONField(_("by month of earning"))
    ends = models.JSONField(_("ends by age"), help_text=_("Points redeemed, expired and taken back, by age in months."))
    lines = models.JSONField(_("journal"))

    class Meta:
        verbose_name = _("closed month")
        verbose_name_plural = _("closed months")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "wallet", "month"], name="month_closed_once"),
        ]
        triggers: ClassVar = append_only("closed_months")

    def __str__(self) -> str:
        return f"{self.wallet} {self.month:%Y-%m}"


class ClosedBooks(models.Model):
    """
    What the books of fees, or of rewards, said when a month was closed. Never changed, never deleted.

    By kind of event, each an amount and a number: `opening` and `sums` are of all that was told before the month and before
    its end; `late` is by how much the opening was other than it had been.
    """

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)
    program = models.ForeignKey(
        Program, models.PROTECT, related_name="closed_books", verbose_name=_("program"), db_index=False
    )
    part = models.SlugField(_("part"), db_index=False, help_text=_("Such as plans or rewards."))
    month = models.DateField(_("month"), help_text=_("Its first day."))
    ends_at = models.DateTimeField(_("ends"), help_text=_("The first instant after it."))
    closed_at = models.DateTimeField(_("closed"))
    opening = models.JSONField(_("sums before"))
    sums = models.JSONField(_("sums"))
    late = models.JSONField(_("of months before"))
    figures = models.JSONField(_("figures"))

    class Meta:
        verbose_name = _("closed month of other books")
        verbose_name_plural = _("closed months of other books")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "part", "month"], name="books_closed_once"),
        ]
        triggers: ClassVar = append_only("closed_books")

    def __str__(self) -> str:
        return f"{self.part} {self.month:%Y-%m}"


class AllocatedPrice(models.Model):
    """
    The part of its order's price that belongs to a lot, fixed when the month in which it was recorded was closed.

    Of a lot that no order gave it is what it was expected to cost. Never changed, never deleted.
    """

    lot = models.OneToOneField(
        Lot,
        models.PROTECT,
        primary_key=True,
        related_name="allocated_price",
        db_constraint=False,
        verbose_name=_("lot"),
    )
    # Without a constraint of its own: its lot has one, and lots are never deleted.
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_constraint=False, db_index=False
    )
    price = models.DecimalField(_("price"), max_digits=28, decimal_places=12)

    class Meta:
        verbose_name = _("allocated price")
        verbose_name_plural = _("allocated prices")
        triggers: ClassVar = append_only("allocated_prices")

    def __str__(self) -> str:
        return f"{self.price:.2f}"

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Interaction, Order, Retailer, Return
from loyalty.memberships.models import Membership
from loyalty.points.models import Wallet
from loyalty.programs.models import Program, ProgramVersion


class OrderDecision(models.Model):
    """
    What an order gave to a wallet: decided once per program, under the version of its own time.

    It keeps what a later return needs to know, so that the rules of the order's own day decide it.
    """

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="decisions", verbose_name=_("order"))
    membership = models.ForeignKey(Membership, models.PROTECT, related_name="decisions", verbose_name=_("member"))
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="+", verbose_name=_("wallet"))
    version = models.ForeignKey(ProgramVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("version"))
    multiplier = models.DecimalField(_("multiplier"), max_digits=6, decimal_places=3)
    is_first = models.BooleanField(_("first order"))
    tier_code = models.SlugField(_("tier"), blank=True, db_default="", help_text=_("On which the member stood then."))
    allowance = models.BigIntegerField(
        _("allowance"), null=True, help_text=_("What limits and budget had room for; empty without any.")
    )
    reason = models.CharField(_("reason"), max_length=30, blank=True, help_text=_("Why it gave less or nothing."))
    points = models.BigIntegerField(_("points"), help_text=_("What the order gave."))
    points_kept = models.BigIntegerField(
        _("points kept"), help_text=_("What it would have given without what came back.")
    )
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("decision on an order")
        verbose_name_plural = _("decisions on orders")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "wallet"], name="order_decided_once_per_wallet"),
        ]
        indexes: ClassVar = [models.Index(fields=["membership"], name="order_decision_by_member")]

    def __str__(self) -> str:
        return f"{self.order_id}"


class ReturnDecision(models.Model):
    """That a return was decided in a program, and what it took."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    order_return = models.ForeignKey(Return, models.PROTECT, related_name="decisions", verbose_name=_("return"))
    points = models.BigIntegerField(_("points"), help_text=_("What the order keeps less."))
    shortfall = models.BigIntegerField(_("shortfall"), help_text=_("What was not there to take and is not owed."))
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("decision on a return")
        verbose_name_plural = _("decisions on returns")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order_return", "program"], name="return_decided_once_per_program"),
        ]

    def __str__(self) -> str:
        return f"{self.order_return_id}"


class InteractionDecision(models.Model):
    """That an interaction was decided in a program, and what it gave in all."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    interaction = models.ForeignKey(
        Interaction, models.PROTECT, related_name="decisions", verbose_name=_("interaction")
    )
    points = models.BigIntegerField(_("points"))
    reason = models.CharField(_("reason"), max_length=30, blank=True)
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("decision on an interaction")
        verbose_name_plural = _("decisions on interactions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["interaction", "program"], name="interaction_decided_once_per_program"),
        ]

    def __str__(self) -> str:
        return f"{self.interaction_id}"


class VersionStart(models.Model):
    """That everyone was assessed anew because a version came into force."""

    version = models.OneToOneField(
        ProgramVersion, models.CASCADE, primary_key=True, related_name="start", verbose_name=_("version")
    )
    moved = models.PositiveIntegerField(_("members moved"), default=0)
    ran_at = models.DateTimeField(_("ran"))

    class Meta:
        verbose_name = _("start of a version")
        verbose_name_plural = _("starts of versions")

    def __str__(self) -> str:
        return str(self.version)


class NightRun(models.Model):
    """A midnight of a program that was carried out."""

    program = models.ForeignKey(Program, models.CASCADE, related_name="nights", verbose_name=_("program"))
    day = models.DateField(_("day"), help_text=_("The day that begins at this midnight."))
    activated = models.BigIntegerField(_("points activated"), default=0)
    expired = models.BigIntegerField(_("points expired"), default=0)
    moved = models.PositiveIntegerField(_("members moved"), default=0)
    ran_at = models.DateTimeField(_("ran"))

    class Meta:
        verbose_name = _("night")
        verbose_name_plural = _("nights")
        constraints: ClassVar = [models.UniqueConstraint(fields=["program", "day"], name="night_once_per_day")]

    def __str__(self) -> str:
        return f"{self.day}"

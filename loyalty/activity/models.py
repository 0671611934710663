from typing import ClassVar

from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

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
    order = models.ForeignKey(Order, models.PROTECT, db_index=False, related_name="decisions", verbose_name=_("order"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="decisions", verbose_name=_("member")
    )
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="+", verbose_name=_("wallet"))
    version = models.ForeignKey(ProgramVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("version"))
    occasion = models.JSONField(
        _("occasion"), default=dict, db_default={}, help_text=_("What besides the basket decided what it earned.")
    )
    is_first = models.BooleanField(_("first order"))
    is_kept = models.BooleanField(_("kept"), default=True, db_default=True, help_text=_("Something of it is left."))
    is_forfeited = models.BooleanField(
        _("forfeited"), default=False, db_default=False, help_text=_("What it gave ended with the membership.")
    )
    allowance = models.BigIntegerField(
        _("allowance"), null=True, help_text=_("What limits and budget had room for; empty without any.")
    )
    reason = models.CharField(_("reason"), max_length=30, blank=True, help_text=_("Why it gave less or nothing."))
    points = models.BigIntegerField(_("points"), help_text=_("What the order gave."))
    points_kept = models.BigIntegerField(
        _("points kept"), help_text=_("What it would have given without what came back.")
    )
    merged_from = models.UUIDField(
        _("merged from"),
        null=True,
        editable=False,
        help_text=_("The membership that decided it, if that was merged since."),
    )
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("decision on an order")
        verbose_name_plural = _("decisions on orders")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["order", "wallet"], name="order_decided_once_per_wallet"),
            models.UniqueConstraint(
                fields=["membership", "wallet"],
                condition=models.Q(is_first=True, is_kept=True),
                name="order_first_once_per_member",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["membership"], name="order_decision_by_member")]

    def __str__(self) -> str:
        return f"{self.order_id}"


class ReturnDecision(models.Model):
    """That a return was decided in a program, and what it took."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    order_return = models.ForeignKey(
        Return, models.PROTECT, db_index=False, related_name="decisions", verbose_name=_("return")
    )
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
        Interaction, models.PROTECT, db_index=False, related_name="decisions", verbose_name=_("interaction")
    )
    points = models.BigIntegerField(_("points"))
    reason = models.CharField(_("reason"), max_length=30, blank=True)
    merged_from = models.UUIDField(
        _("merged from"),
        null=True,
        editable=False,
        help_text=_("The membership that decided it, if that was merged since."),
    )
    decided_at = models.DateTimeField(_("decided"))

    class Meta:
        verbose_name = _("decision on an interaction")
        verbose_name_plural = _("decisions on interactions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["interaction", "program"], name="interaction_decided_once_per_program"),
        ]

    def __str__(self) -> str:
        return str(self.interaction)


class InteractionHold(models.Model):
    """A review or a photo that came with many others: a person looks at it before it is published, and decided at all."""

    class Reason(models.TextChoices):
        MANY_BY_CUSTOMER = "many_by_customer", _("many by one customer")
        MANY_ON_PRODUCT = "many_on_product", _("many about one product by new customers")

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    interaction = models.ForeignKey(
        Interaction, models.PROTECT, db_index=False, related_name="holds", verbose_name=_("interaction")
    )
    reason = models.CharField(_("reason"), max_length=20, choices=Reason)
    counted = models.PositiveIntegerField(_("number"), help_text=_("How many there were with it."))
    held_at = models.DateTimeField(pgettext_lazy("review", "held"))
    decided_at = models.DateTimeField(pgettext_lazy("review", "decided"), null=True, blank=True)
    is_approved = models.BooleanField(_("approved"), null=True, blank=True)

    class Meta:
        verbose_name = _("held review")
        verbose_name_plural = _("held reviews")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["interaction"], name="interaction_held_once"),
            models.CheckConstraint(
                condition=models.Q(decided_at=None, is_approved=None)
                | models.Q(decided_at__isnull=False, is_approved__isnull=False),
                name="interaction_hold_is_decided_at_an_instant",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["retailer", "held_at"], condition=models.Q(decided_at=None), name="interaction_held_open"
            ),
        ]

    def __str__(self) -> str:
        return str(self.interaction)


class NightRun(models.Model):
    """A day whose due members were advanced: what time alone changed, summed up over all runs of that day."""

    program = models.ForeignKey(
        Program, models.CASCADE, db_index=False, related_name="nights", verbose_name=_("program")
    )
    day = models.DateField(_("day"), help_text=_("The day up to whose runs members were advanced."))
    until = models.DateTimeField(
        _("advanced to"), null=True, help_text=_("The last instant to which time was carried out.")
    )
    members = models.PositiveIntegerField(_("members advanced"), default=0, db_default=0)
    activated = models.BigIntegerField(_("points activated"), default=0)
    expired = models.BigIntegerField(_("points expired"), default=0)
    moved = models.PositiveIntegerField(_("changes of tier"), default=0)
    ran_at = models.DateTimeField(_("ran"))

    class Meta:
        verbose_name = _("night")
        verbose_name_plural = _("nights")
        constraints: ClassVar = [models.UniqueConstraint(fields=["program", "day"], name="night_once_per_day")]

    def __str__(self) -> str:
        return date_format(self.day)


class SetAside(models.Model):
    """
    A member whose time, or one of whose facts, could not be carried out: it stops nobody else, and staff are told.

    It is tried again later, and by hand; what succeeds is deleted.
    """

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    membership = models.OneToOneField(
        Membership, models.CASCADE, primary_key=True, related_name="set_aside", verbose_name=_("member")
    )
    what = models.CharField(_("what"), max_length=200, help_text=_("What was to be carried out."))
    error = models.TextField(_("error"))
    attempts = models.PositiveIntegerField(_("attempts"), default=1)
    first_failed_at = models.DateTimeField(_("failed first"))
    next_try_at = models.DateTimeField(_("next try"))

    class Meta:
        verbose_name = _("member set aside")
        verbose_name_plural = _("members set aside")

    def __str__(self) -> str:
        return str(self.membership)

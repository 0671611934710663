from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.core.money import MoneyField
from customers.models import Retailer
from loyalty.programs.models import Program
from loyalty.rewards.models.redemptions import RewardRedemption


class RewardBudget(models.Model):
    """
    What rewards that are given to members may cost in all, in the retailer's currency.

    The row is locked whenever something of it is reserved, spent or comes back; its sums are those of its entries.
    """

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    limit = MoneyField(_("budget"), validators=[MinValueValidator(0)])
    reserved = MoneyField(_("reserved"), default=0, help_text=_("For what members have and have not used."))
    spent = MoneyField(_("spent"), default=0, help_text=_("What was used has cost."))

    class Meta:
        verbose_name = _("budget of rewards")
        verbose_name_plural = _("budgets of rewards")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(limit__gte=models.F("reserved") + models.F("spent")),
                name="grant_never_over_budget",
                violation_error_message=_("More is reserved and spent than this budget."),
            ),
            models.CheckConstraint(
                condition=models.Q(reserved__gte=0, spent__gte=0), name="budget_gives_back_what_it_gave"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.limit:f}"


class RewardBudgetEntry(models.Model):
    """A line of a budget's own ledger: what was reserved, spent or came back, once for each cause. Never changed."""

    id = models.BigAutoField(primary_key=True)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    budget = models.ForeignKey(
        RewardBudget, models.PROTECT, db_index=False, related_name="entries", verbose_name=_("budget")
    )
    redemption = models.ForeignKey(
        RewardRedemption, models.PROTECT, null=True, related_name="budget_entries", verbose_name=_("redemption")
    )
    cause = models.CharField(_("cause"), max_length=80, help_text=_("Such as a grant, its use, its end."))
    reserved = MoneyField(_("reserved"), help_text=_("Negative where it is reserved no more."))
    spent = MoneyField(_("spent"), help_text=_("Negative where it came back."))
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("entry of a budget")
        verbose_name_plural = _("entries of budgets")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "cause"], name="budget_entry_once_per_cause"),
        ]
        triggers: ClassVar = append_only("reward_budget_entries")

    def __str__(self) -> str:
        return self.cause

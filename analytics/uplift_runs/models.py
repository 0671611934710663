"""Measurements of the uplift, each with the plan that was frozen before its first look at the data."""

from datetime import date, datetime
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.money import CurrencyField, MoneyField
from customers.models import Retailer
from loyalty.programs.models import Program

# How orders are identified by what only members have, where a retailer does not say otherwise.
MEMBER_CODES = ("card", "loyalty_card", "member", "member_card", "member_number")


def member_codes() -> list[str]:
    """Return the codes that stand for a member's own key."""
    return list(MEMBER_CODES)


class UpliftSettings(models.Model):
    """How a retailer's uplift is measured; who has no such row is measured by the defaults, and only when asked."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="uplift_settings", verbose_name=_("retailer")
    )
    member_codes = ArrayField(
        models.CharField(max_length=20),
        verbose_name=_("codes that only members have"),
        default=member_codes,
        blank=True,
        help_text=_(
            "Of “identified by” in orders: those whose key exists only since the customer is a member, such as the program’s "
            "card. A payment card or an e-mail address would have linked the order without the program: leave them out."
        ),
    )
    is_nightly = models.BooleanField(
        _("measured every night"), default=False, help_text=_("Each night is one more look at the data, and is listed.")
    )

    monthly_cost = MoneyField(
        _("cost of running the program a month"), null=True, blank=True,
        help_text=_("Of staff, systems and messages: what is not in the program’s books."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("settings of the uplift")
        verbose_name_plural = _("settings of the uplift")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(monthly_cost__isnull=True) | models.Q(monthly_cost__gte=0), name="running_costs_are_no_gain",
                violation_error_message=_("A cost is 0 or more."),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.retailer)


class UpliftRun(models.Model):
    """
    One measurement of what a program's members spend because they are members.

    `plan` is all that decides the result but the data: it is written, and hashed, before the data are looked at. By it and
    by what was recorded until `known_at` the result can be computed again to the digit; `data_digest` says of which data.
    """

    class Status(models.TextChoices):
        ASKED = "asked", _("waits")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        REFUSED = "refused", _("not measured")
        CANCELLED = "cancelled", _("cancelled")
        FAILED = "failed", _("failed")

    class MarginBasis(models.TextChoices):
        """What the margin of an order is."""

        COSTS = "costs", _("margin by the lines’ costs")
        COSTS_EXTENDED = "costs_extended", _("margin by the lines’ costs, and by their share where there is none")
        COSTS_AND_RATE = "costs_and_rate", _("margin by the lines’ costs, and by the margin rate where there is none")
        RATE = "rate", _("margin by the margin rate")
        NONE = "none", _("no margin is known")

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="uplift_runs", verbose_name=_("retailer")
    )
    program = models.ForeignKey(Program, models.CASCADE, related_name="+", verbose_name=_("program"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.ASKED)
    code = models.CharField(_("reason"), max_length=40, blank=True, editable=False)
    details = models.JSONField(_("figures of the reason"), default=dict, editable=False)
    author = models.CharField(_("asked by"), max_length=150, blank=True, help_text=_("Nobody, where a night did."))
    plan = models.JSONField(_("frozen plan"), default=dict)
    plan_digest = models.CharField(_("hash of the plan"), max_length=64, blank=True)
    data_cut = models.DateField(
        _("data until"), null=True, blank=True, help_text=_("The last day with an order if empty.")
    )
    known_at = models.DateTimeField(_("as recorded until"))
    code_version = models.CharField(_("version of the code"), max_length=40)
    seed = models.PositiveIntegerField(_("seed"), default=7)
    data_digest = models.CharField(_("hash of the data"), max_length=64, blank=True)
    currency = CurrencyField(_("currency"))
    margin_basis = models.CharField(_("basis of the margin"), max_length=20, choices=MarginBasis, blank=True)
    step = models.CharField(_("step"), max_length=30, blank=True)
    steps_done = models.PositiveIntegerField(_("done"), default=0)
    steps_total = models.PositiveIntegerField(_("of"), default=0)
    is_cancel_asked = models.BooleanField(_("to be cancelled"), default=False)
    result = models.JSONField(_("result"), null=True, editable=False)
    pictures = models.JSONField(_("event study"), default=dict, editable=False)
    worth = models.JSONField(_("effect on value"), null=True, editable=False)
    asked_at = models.DateTimeField(_("asked"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("measurement of the uplift")
        verbose_name_plural = _("measurements of the uplift")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(status="done") | models.Q(result__isnull=False), name="uplift_done_has_a_result"
            ),
            models.CheckConstraint(
                condition=~models.Q(status__in=("running", "done"))
                | (~models.Q(plan_digest="") & models.Q(data_cut__isnull=False)),
                name="uplift_looks_only_by_a_frozen_plan",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["retailer", "program", "-id"], name="uplift_run_newest_first")]

    def __str__(self) -> str:
        return f"{self.program} {self.data_cut or ''}".strip()

    @property
    def cut(self) -> date:
        """The last day of its data, of a run that has begun."""
        assert self.data_cut is not None, "a run that looked has a cut"
        return self.data_cut

    @property
    def is_open(self) -> bool:
        """Whether it can still be cancelled."""
        return self.status in {self.Status.ASKED, self.Status.RUNNING}

    def finish(self, status: str, at: datetime, **said: Any) -> None:
        """Write down how it ended."""
        self.status, self.finished_at = status, at
        for name, value in said.items():
            setattr(self, name, value)
        self.save(update_fields=["status", "finished_at", *said])

"""Recommendation runs with what was held out, and what a retailer leaves out of its lists."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Retailer


class RecommendationSettings(models.Model):
    """How a retailer's products are recommended; who has no such row is served by the defaults, and only when asked."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="recommendation_settings", verbose_name=_("retailer")
    )
    is_nightly = models.BooleanField(_("recommended anew every night"), default=False)
    excluded_categories = ArrayField(
        models.CharField(max_length=100),
        verbose_name=_("categories that are not recommended"),
        null=True,
        blank=True,
        help_text=_(
            "As orders name them, separated by commas. Empty for the usual ones: fuel, coupons, vouchers, gift cards, bags, "
            "deposits and what has no kind."
        ),
    )

    class Meta:
        verbose_name = _("settings of recommendations")
        verbose_name_plural = _("settings of recommendations")

    def __str__(self) -> str:
        return str(self.retailer)


class RecommendationRun(models.Model):
    """
    Lists of all customers, made once, by methods that were right on time that was held out.

    `verdicts` says of each list what is served, why, and how right every method was; `coverage` what the lists show.
    """

    class Status(models.TextChoices):
        ASKED = "asked", _("waits")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        REFUSED = "refused", _("nothing to recommend")
        FAILED = "failed", _("failed")

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="recommendation_runs", verbose_name=_("retailer")
    )
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.ASKED)
    author = models.CharField(_("asked by"), max_length=150, blank=True)
    data_cut = models.DateField(_("data until"), null=True)
    history_days = models.PositiveIntegerField(_("days of purchases"), default=0)
    customers = models.PositiveIntegerField(_("customers who bought"), default=0)
    consenting = models.PositiveIntegerField(_("of them allow a profile"), default=0)
    items = models.PositiveIntegerField(_("products"), default=0)
    excluded = models.JSONField(_("left out"), default=dict, help_text=_("How many products, by why."))
    verdicts = models.JSONField(_("validation"), default=dict)
    coverage = models.JSONField(_("coverage"), default=dict)
    code = models.CharField(_("reason"), max_length=30, blank=True)
    details = models.JSONField(_("details"), default=dict)
    step = models.CharField(_("step"), max_length=30, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("recommendation run")
        verbose_name_plural = _("recommendation runs")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(status="done") | (models.Q(data_cut__isnull=False) & ~models.Q(verdicts={})),
                name="recommended_only_with_a_verdict",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["retailer", "-id"], name="recommendation_newest_first")]

    def __str__(self) -> str:
        return f"{self.retailer} {self.data_cut or ''}".strip()

    @property
    def is_open(self) -> bool:
        """Whether it waits or goes on."""
        return self.status in {self.Status.ASKED, self.Status.RUNNING}

    def write(self, **said: Any) -> None:
        """Write some of its fields down."""
        for name, value in said.items():
            setattr(self, name, value)
        self.save(update_fields=list(said))

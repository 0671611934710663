from datetime import date
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from analytics.experiments.models import ExperimentLook
from analytics.kpis.models import KpiGoal, KpiReader, KpiSettings, PointsDay, PointsMark
from analytics.paths.models import Funnel
from analytics.recommendations.models import RecommendationRun, RecommendationSettings
from analytics.roll_outs.models import RollOutRun
from analytics.segments.models import CustomerSegment, SegmentRun, SegmentSettings, SegmentSize
from analytics.uplift_runs.models import UpliftRun, UpliftSettings
from analytics.what_pays.models import MediaCost
from customers.core.money import CurrencyField, MoneyField
from customers.models import Customer, Retailer

__all__ = [
    "CustomerSegment",
    "CustomerStatistics",
    "CustomerValue",
    "ExperimentLook",
    "Funnel",
    "KpiGoal",
    "KpiReader",
    "KpiSettings",
    "MediaCost",
    "PointsDay",
    "PointsMark",
    "RecommendationRun",
    "RecommendationSettings",
    "RollOutRun",
    "SegmentRun",
    "SegmentSettings",
    "SegmentSize",
    "UpliftRun",
    "UpliftSettings",
    "ValueRun",
]


class CustomerStatistics(models.Model):
    """
    The sufficient statistics of a customer's purchases, kept up with every order.

    A purchase occasion is a local day whose net value is positive; a return goes to its order's day, and what was paid with
    points is no value. The rebuild from the orders is the truth.
    """

    # Without constraints of their own: customers' rows are never deleted, and this one is written with every order.
    customer = models.OneToOneField(
        Customer,
        models.CASCADE,
        primary_key=True,
        related_name="statistics",
        verbose_name=_("customer"),
        db_constraint=False,
    )
    retailer = models.ForeignKey(
        Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"), db_constraint=False, db_index=False
    )
    first_day = models.DateField(_("first purchase"))
    last_day = models.DateField(_("last purchase"))
    purchase_days = models.PositiveIntegerField(_("purchase days"))
    first_value = MoneyField(_("value of the first day"))
    total_value = MoneyField(_("net value"))
    returned_value = MoneyField(_("returned"))
    orders = models.PositiveIntegerField(_("orders"))
    paid_with_points = MoneyField(_("kept and paid with points"), default=0, db_default=0)
    costed_value = MoneyField(_("value of lines with a cost, however paid"), default=0, db_default=0)
    cost = MoneyField(_("cost of these lines"), default=0, db_default=0)

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
    """
    One computation of every customer's value: what it was made from, how wrong it was, and what was chosen.

    Its values are in a partition of their own; of most runs that are older than a month they are dropped, the run stays.
    """

    class Status(models.TextChoices):
        ASKED = "asked", _("waits")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        REFUSED = "refused", _("no prediction")
        FAILED = "failed", _("failed")

    FINISHED: ClassVar = (Status.DONE, Status.REFUSED)  # whose values are whole
    LAST_FIRST: ClassVar = ("-ran_at", "-pk")  # of one retailer: one that was asked for has its key long before it ran

    class Basis(models.TextChoices):
        """What the money of a run's values is."""

        COSTS = "costs", _("margin by the lines' costs")
        COSTS_EXTENDED = "costs_extended", _("margin by the lines' costs, and by their share where there is none")
        COSTS_AND_RATE = "costs_and_rate", _("margin by the lines' costs, and by the margin rate where there is none")
        RATE = "rate", _("margin by the margin rate")
        REVENUE = "revenue", _("net revenue, because no margin is known")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="value_runs", verbose_name=_("retailer"))
    status = models.CharField(_("status"), max_length=10, choices=Status)
    code = models.CharField(_("reason"), max_length=40, blank=True, editable=False)
    details = models.JSONField(_("figures of the reason"), default=dict, editable=False)
    author = models.CharField(_("asked by"), max_length=150, blank=True, help_text=_("Nobody, where a night did."))
    ran_at = models.DateTimeField(_("ran"))
    data_cut = models.DateField(
        _("data until"), null=True, blank=True, help_text=_("The last day with an order if empty.")
    )
    calibration_cut = models.DateField(_("validated on time after"), null=True)
    horizon_days = models.PositiveIntegerField(_("horizon in days"), default=365)
    discount_rate = models.DecimalField(
        _("discount rate a year"), max_digits=5, decimal_places=4, default=Decimal("0.10"), help_text=_("0.10 is 10 %.")
    )
    currency = CurrencyField(_("currency"))
    margin_rate = models.DecimalField(_("margin rate"), max_digits=5, decimal_places=4, null=True)
    basis = models.CharField(_("basis of the values"), max_length=20, choices=Basis, default=Basis.RATE)
    margin_share = models.FloatField(
        _("margin per unit of revenue"), null=True, help_text=_("By which what is expected to be spent is multiplied.")
    )
    costed_share = models.FloatField(_("share of sales whose costs are known"), null=True)
    model = models.CharField(_("model"), max_length=50, blank=True)
    factor = models.FloatField(
        _("factor"),
        null=True,
        help_text=_("By which the model's purchases are multiplied, from the latest origin."),
    )
    parameters = models.JSONField(_("parameters"), default=dict, help_text=_("Each with its standard error."))
    held_out = models.JSONField(_("errors on held-out time"), default=dict)
    card = models.JSONField(
        _("checks of the model"), default=dict, help_text=_("Tracking, calibration, frequencies, and what changed.")
    )
    customers = models.PositiveIntegerField(_("customers"), default=0)
    never_bought = models.PositiveIntegerField(_("customers who never bought"), default=0)
    total_value = MoneyField(_("predicted value of all"), null=True)
    total_low = MoneyField(_("at least"), null=True)
    total_high = MoneyField(_("at most"), null=True)
    differences = models.PositiveIntegerField(
        _("statistics that were wrong"),
        null=True,
        help_text=_("Customers whose statistics the orders did not confirm."),
    )
    is_truncated = models.BooleanField(
        _("history is cut off"), default=False, help_text=_("Many first purchases are of the data's first days.")
    )
    is_current = models.BooleanField(
        _("of all data"), default=True, help_text=_("Others look at an earlier day, and are not written down.")
    )
    has_values = models.BooleanField(_("values are kept"), default=True)

    class Meta:
        verbose_name = _("value run")
        verbose_name_plural = _("value runs")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(horizon_days__range=(1, 3_653)), name="run_looks_ahead_ten_years"
            ),
            models.CheckConstraint(condition=models.Q(discount_rate__range=(0, 1)), name="run_discounts_by_a_share"),
            models.CheckConstraint(
                condition=models.Q(status__in=("asked", "failed")) | models.Q(data_cut__isnull=False),
                name="run_that_ran_has_a_cut",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.data_cut}"

    @property
    def cut(self) -> date:
        """The last day of its data, of a run that has begun."""
        assert self.data_cut is not None, "a run that ran has a cut"
        return self.data_cut


class CustomerValue(models.Model):
    """
    What one run said of one customer. Money is net margin, or net revenue where no margin is known: the run's basis.

    The table is partitioned by run, see `analytics.writing`, which is its only writer: the key of its rows is the customer and
    the run. Keys to both are not checked for each row: a partition has one run's, and customers' rows are never deleted.
    """

    id = models.BigIntegerField(primary_key=True, editable=False)
    run = models.ForeignKey(
        ValueRun, models.CASCADE, related_name="values", verbose_name=_("run"), db_constraint=False, db_index=False
    )
    customer = models.ForeignKey(
        Customer,
        models.CASCADE,
        related_name="values",
        verbose_name=_("customer"),
        db_constraint=False,
        db_index=False,
    )
    historic_revenue = MoneyField(_("revenue to date"))
    historic_margin = MoneyField(_("margin to date"))
    formula_value = MoneyField(_("value by formula"), null=True)
    predicted_value = MoneyField(_("predicted value"), null=True)
    value_low = MoneyField(_("at least"), null=True)
    value_high = MoneyField(_("at most"), null=True)
    value_if_active = MoneyField(_("value if active"), null=True)
    expected_purchases = models.FloatField(_("expected purchase days"), null=True)
    expected_order_value = MoneyField(_("expected value of a purchase day"), null=True)
    probability_active = models.FloatField(_("probability of being active"), null=True)
    probability_of_buying = models.FloatField(_("probability of buying within the horizon"), null=True)
    at_risk = models.BooleanField(_("at risk"), null=True)
    value_decile = models.PositiveSmallIntegerField(_("decile"), null=True, help_text=_("10 is the highest."))

    class Meta:
        verbose_name = _("customer value")
        verbose_name_plural = _("customer values")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "run"], name="customer_value_once_per_run"),
        ]

    def __str__(self) -> str:
        known = self._state.fields_cache.get("customer")  # no statement is asked for a title
        return str(known.external_id if known is not None and known.external_id else self.customer_id)


class AuditRun(models.Model):
    """
    What one look at a retailer's data found, check by check.

    Findings are kept as codes and numbers, and worded when they are shown. Customers among their examples are ids of rows:
    who is erased is named in no audit.
    """

    retailer = models.ForeignKey(
        Retailer, models.CASCADE, db_index=False, related_name="audits", verbose_name=_("retailer")
    )
    ran_at = models.DateTimeField(_("ran"))
    first_day = models.DateField(_("data since"))
    last_day = models.DateField(_("data until"))
    orders = models.PositiveIntegerField(_("orders"))
    customers = models.PositiveIntegerField(_("customers"))
    findings = models.JSONField(_("findings"))
    hours = models.JSONField(_("orders by hour"), help_text=_("Of the day, on the retailer’s clock."))
    months = models.JSONField(_("orders by month"), help_text=_("Month, orders, and those with a customer."))

    class Meta:
        verbose_name = _("data audit")
        verbose_name_plural = _("data audits")
        indexes: ClassVar = [models.Index(fields=["retailer", "-id"], name="audit_newest_first")]

    def __str__(self) -> str:
        return f"{self.last_day}"


class AuditRequest(models.Model):
    """That somebody wants a retailer's data looked at now; a worker that takes it deletes it."""

    retailer = models.OneToOneField(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    asked_at = models.DateTimeField(_("asked"))

    class Meta:
        verbose_name = _("request for a data audit")
        verbose_name_plural = _("requests for data audits")

    def __str__(self) -> str:
        return f"{self.asked_at}"


class AcquisitionCost(models.Model):
    """What a retailer spent in a month to win customers through a channel."""

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="acquisition_costs", verbose_name=_("retailer"))
    channel = models.CharField(
        _("channel"), max_length=50, help_text=_("As customers are acquired through it, such as search or leaflet.")
    )
    month = models.DateField(_("month"), help_text=_("Any day of it."))
    amount = MoneyField(_("amount"))
    currency = CurrencyField(_("currency"))

    class Meta:
        verbose_name = _("acquisition cost")
        verbose_name_plural = _("acquisition costs")
        constraints: ClassVar = [
            models.UniqueConstraint("retailer", "month", Lower("channel"), name="acquisition_cost_once_per_month"),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="acquisition_cost_never_negative"),
            models.CheckConstraint(condition=~models.Q(channel=""), name="acquisition_cost_has_a_channel"),
            models.CheckConstraint(condition=models.Q(month__day=1), name="acquisition_cost_of_a_whole_month"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.month:%Y-%m}"

"""What a retailer says that its segments are, and what each run made of each customer."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from analytics.segments.rules import SCORES, STAGES, TYPES, Thresholds
from customers.core.money import MoneyField
from customers.models import Customer, Retailer
from customers.segment_names import NAMES, STAGE_NAMES, TAG_NAMES, TYPE_NAMES, choices_of

USUAL = Thresholds()
MAX_DAYS = 3_650
PERCENTS = (
    "top_percent", "lost_percent", "returned_percent", "gift_percent", "lover_percent", "seasonal_percent",
    "promotion_percent",
)  # fmt: skip


def _number(name: str, words: Any, help_text: Any, *, most: int, least: int = 1) -> Any:
    """Return a field for one threshold: whole, within bounds, and as usual where nobody says otherwise."""
    return models.PositiveIntegerField(
        words,
        default=getattr(USUAL, name),
        help_text=help_text,
        validators=[MinValueValidator(least), MaxValueValidator(most)],
    )


class SegmentSettings(models.Model):
    """Where a retailer's segments begin: as usual for whoever has no row."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="segment_settings", verbose_name=_("retailer")
    )
    top_percent = _number(
        "top_percent", _("VIPs, in % of buyers"), _("Those who are worth most, by what they would bring if active."), most=50
    )  # fmt: skip
    few_occasions = _number(
        "few_occasions", _("few purchases"), _("Who bought on so many days at most may still become loyal."), most=100
    )
    first_year_days = _number(
        "first_year_days", _("days of the first year"), _("Who first bought less than so many days ago may, too."),
        most=MAX_DAYS,
    )  # fmt: skip
    new_days = _number(
        "new_days", _("days of being new"), _("Who first bought less than so many days ago is new."), most=MAX_DAYS
    )
    lost_percent = _number(
        "lost_percent", _("lost below, in %"),
        _("Who is at risk, and will buy with a lower probability than that, is lost."), most=100,
    )  # fmt: skip
    overdue_gaps = _number(
        "overdue_gaps", _("at risk after so many gaps"),
        _("Used where nothing could be predicted: who has waited longer than so many of its usual gaps is at risk."),
        most=100,
    )  # fmt: skip
    lost_gaps = _number(
        "lost_gaps", _("lost after so many gaps"), _("The same, for who is lost. Not fewer than for being at risk."),
        most=1_000,
    )  # fmt: skip
    returned_percent = _number(
        "returned_percent", _("returned, in %"), _("Of what a serial returner bought, by value, so much came back."),
        most=100,
    )  # fmt: skip
    returns = _number("returns", _("returns"), _("And so many times at least."), most=1_000)
    visits_per_purchase = _number(
        "visits_per_purchase",
        _("visits per purchase"),
        _("Of a visitor who seldom buys, so many or more."),
        most=10_000,
    )
    gift_percent = _number(
        "gift_percent", _("gifts, in % of orders"), _("Of a gift buyer’s orders, so many or more are gifts."), most=100
    )
    lover_percent = _number(
        "lover_percent", _("favourite, in % of spend"),
        _("Who loves a category, or a brand, spends so much of it there."), most=100,
    )  # fmt: skip
    lover_occasions = _number(
        "lover_occasions", _("purchases of a lover"), _("And bought on so many days at least."), most=1_000
    )
    seasonal_percent = _number(
        "seasonal_percent", _("seasonal, in % of purchase days"),
        _("Of a seasonal buyer’s purchase days, so many are in one quarter of the year."), most=100,
    )  # fmt: skip
    seasonal_days = _number(
        "seasonal_days", _("days to see a season"), _("And it first bought so many days ago at least."), most=MAX_DAYS
    )
    promotion_percent = _number(
        "promotion_percent", _("promotions, in % of orders"),
        _("Of a promotion lover’s orders, so many have a code or a discount."), most=100,
    )  # fmt: skip

    class Meta:
        verbose_name = _("segments’ thresholds")
        verbose_name_plural = _("segments’ thresholds")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(**{f"{name}__range": (1, 100) for name in PERCENTS}), name="segment_shares_are_percents"
            ),
            models.CheckConstraint(
                condition=models.Q(lost_gaps__gte=models.F("overdue_gaps")), name="segment_lost_after_overdue"
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return str(self.retailer)

    def clean(self) -> None:
        """Refuse thresholds of which one makes the other meaningless."""
        if self.overdue_gaps is not None and self.lost_gaps is not None and self.lost_gaps < self.overdue_gaps:
            raise ValidationError({"lost_gaps": _("Who is lost has waited at least as long as who is at risk.")})

    @property
    def thresholds(self) -> Thresholds:
        """Return them as rules take them."""
        return Thresholds(**{name: getattr(self, name) for name in Thresholds.__dataclass_fields__})


def thresholds_of(retailer: Retailer) -> Thresholds:
    """Return where a retailer's segments begin."""
    found = SegmentSettings.objects.filter(retailer=retailer).first()
    return found.thresholds if found else USUAL


class SegmentRun(models.Model):
    """One assignment of all buyers to segments, with a value run; written last, so that what it names is complete."""

    class Basis(models.TextChoices):
        PREDICTION = "prediction", _("by prediction")
        HISTORY = "history", _("by what they bought so far")

    run = models.OneToOneField(
        "analytics.ValueRun", models.CASCADE, primary_key=True, related_name="segments", verbose_name=_("run")
    )
    retailer = models.ForeignKey(Retailer, models.CASCADE, db_index=False, related_name="+", verbose_name=_("retailer"))
    data_cut = models.DateField(_("data until"))
    basis = models.CharField(_("basis"), max_length=10, choices=Basis)
    thresholds = models.JSONField(_("thresholds"))
    unknown = ArrayField(
        models.CharField(max_length=20, choices=choices_of(TAG_NAMES)), verbose_name=_("not known"), default=list,
        blank=True, help_text=_("Tags of which no order, return or visit tells anything."),
    )  # fmt: skip
    customers = models.PositiveIntegerField(_("customers who bought"))
    never_bought = models.PositiveIntegerField(_("customers who never bought"))

    class Meta:
        verbose_name = _("assignment of segments")
        verbose_name_plural = _("assignments of segments")
        indexes: ClassVar = [models.Index(fields=["retailer", "-data_cut"], name="segment_run_by_cut")]

    def __str__(self) -> str:
        return f"{self.data_cut}"


class SegmentSize(models.Model):
    """How many customers a type, tag or stage had in a run, and what they were worth."""

    run = models.ForeignKey(SegmentRun, models.CASCADE, db_index=False, related_name="sizes", verbose_name=_("run"))
    name = models.CharField(_("name"), max_length=20, choices=choices_of(NAMES))
    customers = models.PositiveIntegerField(_("customers"))
    historic_revenue = MoneyField(_("revenue to date"))
    predicted_value = MoneyField(_("predicted value"), null=True)
    value_if_active = MoneyField(_("value if active"), null=True)

    class Meta:
        verbose_name = _("size of a segment")
        verbose_name_plural = _("sizes of segments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "name"], name="segment_size_once_per_run"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.customers}"


class CustomerSegment(models.Model):
    """
    What one run made of one customer who bought: its type, tags, scores and stage.

    Keys are not checked for each row, as those of values are not: a run writes a row for each of its values.
    """

    run = models.ForeignKey(
        "analytics.ValueRun", models.CASCADE, related_name="+", verbose_name=_("run"), db_constraint=False
    )
    customer = models.ForeignKey(
        Customer, models.CASCADE, related_name="+", verbose_name=_("customer"), db_constraint=False, db_index=False
    )
    segment = models.CharField(_("segment"), max_length=20, choices=choices_of(TYPE_NAMES))
    tags = ArrayField(
        models.CharField(max_length=20, choices=choices_of(TAG_NAMES)), verbose_name=_("tags"), default=list, blank=True
    )
    life_stage = models.CharField(_("stage"), max_length=20, choices=choices_of(STAGE_NAMES))
    recency_score = models.PositiveSmallIntegerField(_("recency score"))
    frequency_score = models.PositiveSmallIntegerField(_("frequency score"))
    spend_score = models.PositiveSmallIntegerField(_("spend score"))
    favourite_category = models.CharField(_("favourite category"), max_length=100, blank=True)
    favourite_brand = models.CharField(_("favourite brand"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("customer’s segment")
        verbose_name_plural = _("customers’ segments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer", "run"], name="customer_segment_once_per_run"),
            models.CheckConstraint(
                condition=models.Q(segment__in=[str(each) for each in TYPES]), name="customer_segment_is_a_type"
            ),
            models.CheckConstraint(
                condition=models.Q(life_stage__in=[str(each) for each in STAGES[1:]]), name="customer_segment_has_a_stage"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    recency_score__range=(1, SCORES), frequency_score__range=(1, SCORES), spend_score__range=(1, SCORES)
                ),
                name="customer_segment_scores_are_fifths",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.segment}"

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.core.languages import own_lines, own_text
from customers.core.money import MoneyField
from customers.models import Retailer
from loyalty.experiments.fields import ArmsField
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion, frozen_with_version
from loyalty.programs.spans import WithinCalendars


class TierPolicy(WithinCalendars):
    """What a version's tiers count, and over which time."""

    class Basis(models.TextChoices):
        SPEND = "spend", _("money spent, net of returns")
        POINTS = "points", _("points earned, net of returns")
        ORDERS = "orders", _("orders, but for those that came back as a whole")
        VISITS = "visits", _("visits")
        BALANCE = "balance", _("points that can be spent now")

    class Window(models.TextChoices):
        ROLLING = "rolling", _("the last months")
        CALENDAR_YEAR = "calendar_year", _("the calendar year")
        MEMBERSHIP_YEAR = "membership_year", _("the year of membership")
        LIFETIME = "lifetime", _("all time")

    class Combination(models.TextChoices):
        ALL = "all", _("all of them, besides the threshold")
        ANY = "any", _("any of them, or the threshold")

    class Downgrade(models.TextChoices):
        AT_ONCE = "at_once", _("in the night after it stops qualifying")
        GRACE = "grace", _("after a grace period")
        PERIOD_END = "period_end", _("at the end of the period")
        NEVER = "never", _("never")

    version = models.OneToOneField(ProgramVersion, models.CASCADE, primary_key=True, related_name="tier_policy")
    basis = models.CharField(_("counted"), max_length=10, choices=Basis, default=Basis.SPEND)
    wallet = models.SlugField(_("wallet"), default="points", help_text=_("Whose points count."))
    window = models.CharField(_("over"), max_length=20, choices=Window, default=Window.ROLLING)
    window_months = models.PositiveSmallIntegerField(
        _("months"), default=12, validators=[MinValueValidator(1)], help_text=_("Of a rolling window.")
    )
    combination = models.CharField(
        _("further conditions"),
        max_length=5,
        choices=Combination,
        default=Combination.ALL,
        help_text=_("Which of a tier’s further conditions a member must meet."),
    )
    downgrade = models.CharField(_("a member falls"), max_length=12, choices=Downgrade, default=Downgrade.AT_ONCE)
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"), default=0, help_text=_("After the day on which it stopped qualifying.")
    )
    grace_to_month_end = models.BooleanField(_("through the end of that month"), default=False)
    soft_landing = models.BooleanField(
        _("one tier at a time"), default=False, help_text=_("Otherwise straight to the tier that it has earned.")
    )

    class Meta:
        verbose_name = _("tier policy")
        verbose_name_plural = _("tier policies")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(window_months__gte=1), name="tier_window_has_a_month"),
            models.CheckConstraint(
                condition=~models.Q(downgrade="grace")
                | models.Q(grace_days__gte=1)
                | models.Q(grace_to_month_end=True),
                name="tier_grace_has_a_day",
                violation_error_message=_("A grace has at least one day, or runs through the end of the month."),
            ),
        ]
        triggers: ClassVar = frozen_with_version("tier_policies")

    def __str__(self) -> str:
        return f"{self.get_basis_display()}, {self.get_window_display()}"


class Tier(WithinCalendars):
    """A tier of a version's scheme. Members without one have the multiplier 1."""

    version = models.ForeignKey(
        ProgramVersion, models.CASCADE, db_index=False, related_name="tiers", verbose_name=_("version")
    )
    key = models.UUIDField(default=new_id, editable=False, help_text=_("Its identity from version to version."))
    code = models.SlugField(_("code"), help_text=_("May be renamed: members keep the tier."))
    name = models.CharField(_("name"), max_length=50)
    name_fr = models.CharField(_("name in French"), max_length=50, blank=True)
    rank = models.PositiveSmallIntegerField(_("place"), default=0, help_text=_("From the lowest, 0, to the highest."))
    threshold = MoneyField(
        _("from"),
        validators=[MinValueValidator(0)],
        help_text=_("Of what the tiers count within the window; 0 for everybody."),
    )
    also_spend = MoneyField(_("money spent"), null=True, blank=True, validators=[MinValueValidator(0)])
    also_points = models.PositiveBigIntegerField(_("points earned"), null=True, blank=True)
    also_orders = models.PositiveIntegerField(_("orders"), null=True, blank=True)
    also_visits = models.PositiveIntegerField(_("visits"), null=True, blank=True)
    multiplier = models.DecimalField(
        _("multiplier"),
        max_digits=6,
        decimal_places=3,
        default=1,
        validators=[MinValueValidator(0)],
        help_text=_("Of earned points: 1.5 is half again as much."),
    )
    entry_gift = models.PositiveIntegerField(
        _("points on entry"),
        default=0,
        help_text=_("Given with each entry; taken back, if unspent, when a return undoes the entry."),
    )
    extra_months = models.PositiveSmallIntegerField(
        _("points live longer"), default=0, help_text=_("By so many months, where points expire on a date.")
    )
    reward_discount = models.DecimalField(
        _("rewards cheaper by percent"),
        max_digits=5,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    free_shipping = models.BooleanField(_("free shipping"), default=False)
    early_access = models.BooleanField(_("early access"), default=False)
    benefits = models.TextField(_("benefits"), blank=True, help_text=_("One per line, as members read them."))
    benefits_fr = models.TextField(_("benefits in French"), blank=True)
    arms = ArmsField()

    class Meta:
        verbose_name = _("tier")
        verbose_name_plural = _("tiers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="tier_once_per_code"),
            models.UniqueConstraint(fields=["version", "key"], name="tier_once_per_key"),
            models.UniqueConstraint(
                fields=["version", "rank"], name="tier_once_per_rank", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(condition=models.Q(threshold__gte=0), name="tier_threshold_never_negative"),
            models.CheckConstraint(condition=models.Q(multiplier__gte=0), name="tier_multiplier_never_negative"),
            models.CheckConstraint(
                condition=models.Q(reward_discount__range=(0, 100)), name="tier_discount_is_a_percentage"
            ),
        ]
        triggers: ClassVar = frozen_with_version("tiers")

    def __str__(self) -> str:
        return own_text(self, "name")

    @property
    def further(self) -> tuple[tuple[str, Decimal], ...]:
        """What the tier asks for besides its threshold, basis by basis."""
        asked = (("spend", self.also_spend), ("points", self.also_points), ("orders", self.also_orders),
                 ("visits", self.also_visits))  # fmt: skip
        return tuple((basis, Decimal(least)) for basis, least in asked if least is not None)

    def benefit_list(self) -> list[str]:
        """Return the benefits in the reader's language."""
        return own_lines(self, "benefits")


class Standing(models.Model):
    """Where a member stands now."""

    membership = models.OneToOneField(
        Membership, models.PROTECT, primary_key=True, related_name="standing", verbose_name=_("member")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, related_name="standings", verbose_name=_("tier"))
    since = models.DateTimeField(_("since"), null=True)
    gifts_missing = models.BigIntegerField(
        _("gifts missing"),
        default=0,
        db_default=0,
        help_text=_("Of gifts that were to be taken back, what was not there: the next gifts are less by it."),
    )
    protected_until = models.DateField(
        _("protected until"),
        null=True,
        help_text=_("The first day on which the tier may be lost: the end of its period, or of its grace."),
    )

    class Meta:
        verbose_name = _("standing")
        verbose_name_plural = _("standings")
        indexes: ClassVar = [
            models.Index(fields=["program", "tier"], name="standing_by_tier"),
            models.Index(
                fields=["program", "protected_until"],
                condition=models.Q(protected_until__isnull=False),
                name="standing_by_its_end",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(gifts_missing__gte=0), name="standing_gifts_missing_never_negative"
            ),
        ]

    def __str__(self) -> str:
        return str(self.tier or "-")


class TierChange(models.Model):
    """A member went from one tier to another. Never changed, never deleted."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="tier_changes", verbose_name=_("member")
    )
    from_tier = models.ForeignKey(Tier, models.PROTECT, null=True, related_name="+", verbose_name=_("from"))
    to_tier = models.ForeignKey(Tier, models.PROTECT, null=True, related_name="+", verbose_name=_("to"))
    cause = models.CharField(_("cause"), max_length=100)
    qualifying = MoneyField(_("qualifying"), help_text=_("Money or points within the window at that moment."))
    protected_until = models.DateField(
        _("protected until"),
        null=True,
        help_text=_("The first day on which the tier before could have been lost: the end of a period or of a grace."),
    )
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("tier change")
        verbose_name_plural = _("tier changes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "cause"], name="tier_change_once_per_cause"),
        ]
        indexes: ClassVar = [models.Index(fields=["membership", "-id"], name="tier_change_newest_first")]
        triggers: ClassVar = append_only("tier_changes")

    def __str__(self) -> str:
        return f"{self.from_tier or '-'} → {self.to_tier or '-'}"

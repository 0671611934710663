from decimal import Decimal
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.languages import own_text
from customers.core.money import MoneyField
from customers.models import Interaction
from loyalty.experiments.fields import ArmsField
from loyalty.points.conditions import InvalidCondition, parse, to_json
from loyalty.points.rules import Counted
from loyalty.programs.models import ProgramVersion, frozen_with_version
from loyalty.programs.spans import WithinCalendars


def validate_condition(said: object) -> None:
    """Refuse what is no condition, in words."""
    try:
        parse(said)
    except InvalidCondition as error:
        raise ValidationError(words_for(error), code=error.reason) from error


def words_for(error: InvalidCondition) -> str:
    """Say what is wrong with a condition, and where."""
    return _("At %(place)s: %(what)s") % {
        "place": error.pointer or "/",
        "what": str(CONDITION_WORDS[error.reason]).format(**error.facts),
    }


CONDITION_WORDS = {
    "not_an_object": _('a condition is an object, such as {{"field": "category", "in": ["FRESH"]}}.'),
    "too_deep": _("conditions may be nested {limit} deep."),
    "not_a_list": _("a list with at least one element is expected."),
    "too_large": _("a condition may ask {limit} things; lists of values are one."),
    "too_many": _("the list has more than {limit} elements."),
    "unknown_word": _("“{word}” is not known here."),
    "unknown_field": _("“{field}” is no field. Use one of {fields}."),
    "not_a_text": _("a text holds a character that cannot be stored."),
    "not_a_flag": _("true or false is expected."),
    "not_a_weekday": _("weekdays are {weekdays}."),
    "not_a_segment": _("segments are {segments}."),
    "not_a_value_decile": _("a decile is a whole number from 1 to 10, the best."),
    "not_a_order_amount": _('an amount such as "50.00" is expected, at most {limit}.'),
    "not_a_date": _('a day such as "2026-03-31" is expected.'),
    "not_a_time": _('a time such as "18:00" is expected.'),
    "no_bounds": _("“from”, “to” or both are expected."),
}


class ConditionField(models.JSONField):
    """A condition: refused by forms and documents when it is none, and stored in its one way of writing it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["validators"] = [validate_condition]
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """Let migrations see the column that it is."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", list(args), dict(kwargs)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Read a condition that an older release wrote in another way as one of today."""
        return _normalized(super().from_db_value(value, expression, connection))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001 - Django's signature
        """Write a condition as `to_json` does; what is none waits for whoever checks the version."""
        said = _normalized(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, said)
        return said


def _normalized(said: Any) -> Any:
    try:
        return to_json(parse(said))
    except InvalidCondition:
        return said


class PointsPolicy(WithinCalendars):
    """A wallet of a version: when its points become active, when they expire, how many there may be, what they are worth."""

    class Expiry(models.TextChoices):
        NEVER = "never", _("never")
        DAYS = "days", _("days after activation")
        MONTHS = "months", _("months after activation")
        END_OF_MONTH = "end_of_month", _("at the end of the month, so many months later")
        END_OF_QUARTER = "end_of_quarter", _("at the end of the quarter, so many months later")
        END_OF_YEAR = "end_of_year", _("at the end of the year, so many months later")
        FIXED_DATES = "fixed_dates", _("on the next of fixed dates")
        INACTIVITY = "inactivity", _("after so many months without earning or redeeming")

    class Period(models.TextChoices):
        DAY = "day", _("day")
        WEEK = "week", _("week from Monday")
        MONTH = "month", _("month")
        YEAR = "year", _("year")

    class BudgetPeriod(models.TextChoices):
        DAY = "day", _("day")
        WEEK = "week", _("week from Monday")
        MONTH = "month", _("month")
        YEAR = "year", _("year")
        EVER = "ever", _("all time")

    class OnReturn(models.TextChoices):
        STOP_AT_ZERO = "stop_at_zero", _("take what is there and record the shortfall")
        ALLOW_NEGATIVE = "allow_negative", _("owe the rest; later earnings repay it first")

    version = models.ForeignKey(ProgramVersion, models.CASCADE, db_index=False, related_name="points_policies")
    code = models.SlugField(
        _("wallet"), default="points", help_text=_("Keep it from version to version; every program has “points”.")
    )
    name = models.CharField(_("name"), max_length=50, blank=True, help_text=_("As members read it."))
    name_fr = models.CharField(_("name in French"), max_length=50, blank=True)
    is_spendable = models.BooleanField(
        _("can be spent"), default=True, help_text=_("Points that cannot be spent only count for tiers.")
    )
    pending_days = models.PositiveSmallIntegerField(
        _("pending days"), default=0, help_text=_("Points become active at midnight after so many days; 0 at once.")
    )
    pending_until = models.DateField(_("not active before"), null=True, blank=True)
    pending_event = models.SlugField(
        _("pending until the event"),
        blank=True,
        help_text=_(
            "The pending days count from this event of the order, such as delivered; empty for the order itself."
        ),
    )
    expiry = models.CharField(_("points expire"), max_length=20, choices=Expiry, default=Expiry.NEVER)
    expiry_count = models.PositiveSmallIntegerField(_("how many"), default=0, help_text=_("Days or months, as chosen."))
    expiry_dates = ArrayField(
        models.CharField(max_length=5, validators=[RegexValidator(r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]),
        verbose_name=_("fixed dates"),
        default=list,
        blank=True,
        help_text=_("Month and day, such as 06-30, with commas between; points can be spent through that day."),
    )
    transaction_limit = models.PositiveIntegerField(
        _("most points of one order"),
        null=True,
        blank=True,
        help_text=_("An order worth more gives nothing, so that somebody looks at it; empty for no limit."),
    )
    period_limit = models.PositiveIntegerField(
        _("most points of a member in a period"),
        null=True,
        blank=True,
        help_text=_("What is beyond is cut; what a return takes back makes room again; empty for no limit."),
    )
    period = models.CharField(_("period"), max_length=10, choices=Period, default=Period.MONTH)
    budget = models.PositiveBigIntegerField(
        _("most points of all members"),
        null=True,
        blank=True,
        help_text=_("What is beyond is cut; what a return takes back can be given again; empty for no budget."),
    )
    budget_period = models.CharField(_("within"), max_length=10, choices=BudgetPeriod, default=BudgetPeriod.EVER)
    on_return = models.CharField(
        _("when a return takes back more than is there"),
        max_length=20,
        choices=OnReturn,
        default=OnReturn.STOP_AT_ZERO,
    )
    may_transfer = models.BooleanField(_("members may transfer points"), default=False)
    point_value = models.DecimalField(
        _("value of a point"),
        max_digits=12,
        decimal_places=6,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0))],
        help_text=_("What a redeemed point is worth in money, such as 0.01; without it no liability is shown."),
    )
    redeemed_share = models.DecimalField(
        _("expected share redeemed"),
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(1))],
        help_text=_("Your estimate, such as 0.8; the rest is breakage. Empty to take it from history."),
    )

    class Meta:
        verbose_name = _("points policy")
        verbose_name_plural = _("points policies")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="points_policy_once_per_wallet"),
            models.CheckConstraint(
                condition=models.Q(redeemed_share__isnull=True) | models.Q(redeemed_share__range=(0, 1)),
                name="points_policy_share_is_a_share",
            ),
            models.CheckConstraint(
                condition=~models.Q(expiry="fixed_dates") | ~models.Q(expiry_dates=[]),
                name="points_policy_fixed_dates_are_named",
                violation_error_message=_("Name the dates on which the points expire, such as 06-30 and 12-31."),
            ),
        ]
        triggers: ClassVar = frozen_with_version("points_policies")

    def __str__(self) -> str:
        return own_text(self, "name") or self.code


class EarningGroup(models.Model):
    """Rules that belong together: of some groups only the best rule gives points."""

    class Combination(models.TextChoices):
        BEST_OF = "best_of", _("the best rule gives its points")
        STACK = "stack", _("all rules give their points")

    version = models.ForeignKey(ProgramVersion, models.CASCADE, db_index=False, related_name="earning_groups")
    code = models.SlugField(_("code"))
    name = models.CharField(_("name"), max_length=100, blank=True)
    name_fr = models.CharField(_("name in French"), max_length=100, blank=True)
    combination = models.CharField(_("combination"), max_length=10, choices=Combination, default=Combination.BEST_OF)

    class Meta:
        verbose_name = _("group of earning rules")
        verbose_name_plural = _("groups of earning rules")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="earning_group_once_per_code"),
        ]
        triggers: ClassVar = frozen_with_version("earning_groups")

    def __str__(self) -> str:
        return own_text(self, "name") or self.code


class EarningRule(models.Model):
    """One reason to earn points. Rules that match an order add up, but for those of a group that gives the best."""

    class Kind(models.TextChoices):
        PER_AMOUNT = Counted.PER_AMOUNT.value, _("points per unit of money")
        PER_ITEM = Counted.PER_ITEM.value, _("points per item")
        PER_ORDER = Counted.PER_ORDER.value, _("points per order")
        FIRST_ORDER = Counted.FIRST_ORDER.value, _("bonus on the first order")
        PER_INTERACTION = Counted.PER_INTERACTION.value, _("points per interaction")
        BIRTHDAY = Counted.BIRTHDAY.value, _("gift on the birthday")
        ANNIVERSARY = Counted.ANNIVERSARY.value, _("gift on the anniversary of joining")

    version = models.ForeignKey(ProgramVersion, models.CASCADE, db_index=False, related_name="earning_rules")
    code = models.SlugField(_("code"))
    name = models.CharField(_("name"), max_length=100)
    name_fr = models.CharField(_("name in French"), max_length=100, blank=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind, default=Kind.PER_AMOUNT)
    points = models.DecimalField(
        _("points"),
        max_digits=10,
        decimal_places=4,
        validators=[MinValueValidator(Decimal("0.0001"))],
        help_text=_("Per unit of money, or in all for a bonus."),
    )
    wallet = models.SlugField(_("wallet"), default="points", help_text=_("Where the points go."))
    interaction = models.CharField(
        _("interaction"), max_length=20, choices=Interaction.Kind, blank=True, help_text=_("That earns, for that kind.")
    )
    minimum_amount = MoneyField(
        _("minimum amount"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Of what the rule counts; 0 for none."),
    )
    condition = ConditionField(
        _("condition"),
        default=dict,
        blank=True,
        help_text=_("Which lines of which orders count; empty for all."),
    )
    cap = models.PositiveIntegerField(
        _("most points at once"), null=True, blank=True, help_text=_("What is beyond is cut; empty for no limit.")
    )
    group = models.SlugField(
        _("group"), blank=True, help_text=_("Of a group that gives the best, only one rule gives points.")
    )
    uses_multiplier = models.BooleanField(_("tier multiplies"), default=True)
    counts_free_lines = models.BooleanField(
        _("counts free lines"),
        default=True,
        db_default=True,
        help_text=_(
            "Lines that cost nothing are items, and make an order; where they do not count, a gift earns nothing."
        ),
    )
    counts_gift_cards = models.BooleanField(
        _("counts gift cards"),
        default=False,
        db_default=False,
        help_text=_("Lines by which a gift card is bought: what is paid with it later earns too."),
    )
    day_limit = models.PositiveSmallIntegerField(
        _("rewarded a day"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("Of interactions: so many of one member on a day at most; empty for no limit."),
    )  # fmt: skip
    month_limit = models.PositiveSmallIntegerField(
        _("rewarded a month"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("Of interactions: so many of one member in a month at most; empty for no limit."),
    )  # fmt: skip
    once_per_product = models.BooleanField(
        _("once per product"), default=False, help_text=_("Only the first interaction of a member about a product.")
    )
    bought_within_days = models.PositiveSmallIntegerField(
        _("bought within days"), null=True, blank=True,
        help_text=_("Only about a product that the member bought, and did not return; empty for any."),
    )  # fmt: skip
    needs_approval = models.BooleanField(
        _("needs an approval"), default=False, help_text=_("The points are pending until somebody approves.")
    )
    is_taken_back = models.BooleanField(
        _("taken back with the product"),
        default=False,
        help_text=_("When the member returns the last of the product, the points go with it."),
    )
    arms = ArmsField()

    class Meta:
        verbose_name = _("earning rule")
        verbose_name_plural = _("earning rules")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="earning_rule_once_per_code"),
            models.CheckConstraint(condition=models.Q(points__gt=0), name="earning_rule_gives_something"),
            models.CheckConstraint(
                condition=models.Q(minimum_amount__gte=0), name="earning_rule_minimum_never_negative"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="per_interaction") | ~models.Q(interaction=""),
                name="earning_rule_names_its_interaction",
                violation_error_message=_("Say which interaction earns the points."),
            ),
            models.CheckConstraint(
                condition=models.Q(kind="per_interaction")
                | models.Q(
                    day_limit=None,
                    month_limit=None,
                    once_per_product=False,
                    bought_within_days=None,
                    needs_approval=False,
                    is_taken_back=False,
                ),
                name="earning_rule_limits_interactions",
                violation_error_message=_(
                    "Limits a day, a month or per product, approvals and returns are for interactions."
                ),
            ),
        ]
        triggers: ClassVar = frozen_with_version("earning_rules")

    def __str__(self) -> str:
        return own_text(self, "name")

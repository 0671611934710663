from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.core.images import validate_image
from customers.core.languages import own_text
from customers.core.money import MoneyField
from loyalty.experiments.fields import ArmsField
from loyalty.programs.fields import codes_field
from loyalty.programs.models import ProgramVersion, frozen_with_version
from loyalty.programs.spans import WithinCalendars


class Reward(WithinCalendars):
    """What members may get for points under a version."""

    class Kind(models.TextChoices):
        AMOUNT_OFF = "amount_off", _("an amount off")
        PERCENT_OFF = "percent_off", _("a percentage off")
        PRODUCT = "product", _("a product")
        VOUCHER = "voucher", _("a voucher code")
        EXPERIENCE = "experience", _("an experience")
        DONATION = "donation", _("a donation")
        PAY_WITH_POINTS = "pay_with_points", _("paying with points")

    class Codes(models.TextChoices):
        NONE = "none", _("none")
        GENERATED = "generated", _("generated")
        POOL = "pool", _("from the imported pool")

    class Period(models.TextChoices):
        EVER = "ever", _("all time")
        DAY = "day", _("day")
        WEEK = "week", _("week from Monday")
        MONTH = "month", _("month")
        YEAR = "year", _("year")

    class OnEnd(models.TextChoices):
        KEEP = "keep", _("nothing comes back")
        GIVE_BACK = "give_back", _("the points come back")

    class OnWithdrawal(models.TextChoices):
        KEEP = "keep", _("codes stay good")
        GIVE_BACK = "give_back", _("the points come back")

    version = models.ForeignKey(
        ProgramVersion, models.CASCADE, db_index=False, related_name="rewards", verbose_name=_("version")
    )
    key = models.UUIDField(default=new_id, editable=False, help_text=_("Its identity from version to version."))
    code = models.SlugField(_("code"), help_text=_("May be renamed: stock and codes stay with the reward."))
    place = models.PositiveSmallIntegerField(_("place"), default=0, help_text=_("In the catalogue, from 0."))
    name = models.CharField(_("name"), max_length=100)
    name_fr = models.CharField(_("name in French"), max_length=100, blank=True)
    description = models.TextField(_("description"), blank=True)
    description_fr = models.TextField(_("description in French"), blank=True)
    image = models.CharField(
        _("image"),
        max_length=300,
        blank=True,
        validators=[validate_image],
        help_text=_("Its address, or the name of an image that was uploaded."),
    )
    kind = models.CharField(_("kind"), max_length=15, choices=Kind)
    wallet = models.SlugField(_("wallet"), default="points", help_text=_("Whose points pay it."))
    points = models.PositiveIntegerField(
        _("price in points"), help_text=_("Of donations and of paying with points: the fewest at once.")
    )
    value = MoneyField(
        _("amount"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Of an amount off; of other kinds what it is worth to the member."),
    )
    percent = models.DecimalField(
        _("percent off"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    sku = models.CharField(_("SKU"), max_length=100, blank=True, help_text=_("Of a product."))
    points_per_unit = models.PositiveIntegerField(
        _("points for one of the currency"),
        null=True,
        blank=True,
        help_text=_("Of donations and of paying with points: 100 points are 1.00."),
    )
    match_percent = models.PositiveSmallIntegerField(
        _("match in percent"), default=0, help_text=_("Of a donation: what the retailer adds to what members give.")
    )
    match_budget = MoneyField(
        _("budget of the match"), null=True, blank=True, validators=[MinValueValidator(0)], help_text=_("In all.")
    )
    cost = MoneyField(
        _("cost"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("What one costs the retailer; empty where it costs its amount."),
    )
    minimum_amount = MoneyField(
        _("from an order of"), default=0, validators=[MinValueValidator(0)], help_text=_("At the till.")
    )
    codes = models.CharField(_("codes"), max_length=10, choices=Codes, default=Codes.NONE)
    stock = models.PositiveIntegerField(
        _("stock"),
        null=True,
        blank=True,
        help_text=_("How many there are in all, of all versions; empty for no limit."),
    )
    member_limit = models.PositiveIntegerField(_("most per member"), null=True, blank=True)
    member_period = models.CharField(_("within"), max_length=10, choices=Period, default=Period.EVER)
    tiers = codes_field(_("only for tiers"), _("Their codes."))
    plans = codes_field(_("only for plans"), _("Their codes."))
    segments = codes_field(_("only for segments"), _("Of members who agreed to offers based on a profile."))
    first_day = models.DateField(_("from the day"), null=True, blank=True)
    last_day = models.DateField(_("through the day"), null=True, blank=True)
    valid_days = models.PositiveSmallIntegerField(
        _("good for days"), null=True, blank=True, help_text=_("After the day of its redemption; empty for ever.")
    )
    valid_until = models.DateField(_("good through the day"), null=True, blank=True)
    on_expiry = models.CharField(_("unused when it ends"), max_length=10, choices=OnEnd, default=OnEnd.KEEP)
    on_withdrawal = models.CharField(
        _("unused when it leaves the catalogue"), max_length=10, choices=OnWithdrawal, default=OnWithdrawal.KEEP
    )
    may_cancel = models.BooleanField(
        _("members may cancel"), default=False, help_text=_("As long as it is not used or sent.")
    )
    granted_only = models.BooleanField(
        _("only as an offer"),
        default=False,
        help_text=_("It stands in no catalogue: members get it by an offer, without points."),
    )
    arms = ArmsField()

    class Meta:
        verbose_name = _("reward")
        verbose_name_plural = _("rewards")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="reward_once_per_code"),
            models.UniqueConstraint(fields=["version", "key"], name="reward_once_per_key"),
            models.UniqueConstraint(
                fields=["version", "place"], name="reward_once_per_place", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="amount_off") | models.Q(value__isnull=False, value__gt=0),
                name="reward_amount_off_has_an_amount",
                violation_error_message=_("An amount off has an amount."),
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="percent_off")
                | models.Q(percent__isnull=False, percent__gt=0, percent__lte=100),
                name="reward_percent_off_has_a_percentage",
                violation_error_message=_("A percentage off has a percentage, of 100 at most."),
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["donation", "pay_with_points"])
                | models.Q(points_per_unit__isnull=False, points_per_unit__gt=0, points__gt=0),
                name="reward_of_any_points_has_a_rate",
                violation_error_message=_(
                    "Donations and paying with points say how many points one of the currency is."
                ),
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="donation") | models.Q(codes="none"),
                name="reward_donation_has_no_code",
                violation_error_message=_("A donation has no code."),
            ),
            models.CheckConstraint(
                condition=~models.Q(kind__in=["amount_off", "percent_off", "voucher", "pay_with_points"])
                | ~models.Q(codes="none"),
                name="reward_for_the_till_has_codes",
                violation_error_message=_("What is used at a till has codes: generated ones or those of a pool."),
            ),
            models.CheckConstraint(
                condition=models.Q(granted_only=False) | ~models.Q(kind__in=["donation", "pay_with_points"]),
                name="reward_of_any_points_is_not_granted",
                violation_error_message=_("Donations and paying with points take points, and are no offers."),
            ),
            models.CheckConstraint(
                condition=models.Q(match_percent=0) | models.Q(kind="donation", match_budget__isnull=False),
                name="reward_match_has_a_budget",
                violation_error_message=_("A match belongs to a donation and has a budget."),
            ),
        ]
        triggers: ClassVar = frozen_with_version("rewards")

    def __str__(self) -> str:
        return own_text(self, "name")


class RewardPrice(models.Model):
    """Another price of a reward: for some members, or in another wallet. Who may pay several pays the least."""

    version = models.ForeignKey(
        ProgramVersion, models.CASCADE, db_index=False, related_name="reward_prices", verbose_name=_("version")
    )
    code = models.SlugField(_("code"))
    reward = models.SlugField(_("reward"), help_text=_("Its code."))
    wallet = models.SlugField(_("wallet"), default="points")
    points = models.PositiveIntegerField(_("price in points"))
    tier = models.SlugField(_("for the tier"), blank=True)
    plan = models.SlugField(_("for the plan"), blank=True)
    segment = models.SlugField(_("for the segment"), blank=True)
    arms = ArmsField()

    class Meta:
        verbose_name = _("price of a reward")
        verbose_name_plural = _("prices of rewards")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="reward_price_once_per_code"),
        ]
        triggers: ClassVar = frozen_with_version("reward_prices")

    def __str__(self) -> str:
        return self.code

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.core.ids import new_id
from customers.core.money import MoneyField
from customers.models import Order, Retailer
from loyalty.memberships.models import Membership
from loyalty.points.models import Grant
from loyalty.programs.models import Program, ProgramVersion, frozen_with_version


class Period(models.TextChoices):
    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")
    YEAR = "year", _("year")
    EVER = "ever", _("ever")


class ReferralPolicy(models.Model):
    """What a version promises to who refers a friend, and to the friend; a version without one takes no claims."""

    version = models.OneToOneField(
        ProgramVersion, models.CASCADE, related_name="referral_policy", verbose_name=_("version")
    )
    code = models.SlugField(_("code"), default="friends")
    link = models.CharField(
        _("link"),
        max_length=300,
        blank=True,
        help_text=_("The address that members share, with {code} in the place of their code."),
    )
    wallet = models.SlugField(_("wallet"), default="points", help_text=_("Into which both rewards go."))
    advocate_points = models.PositiveIntegerField(
        _("points for the referrer"), default=0, validators=[MaxValueValidator(1_000_000)]
    )
    friend_points = models.PositiveIntegerField(
        _("points for the friend"), default=0, validators=[MaxValueValidator(1_000_000)]
    )
    first_order_only = models.BooleanField(
        _("first order only"),
        default=True,
        help_text=_("Else the first order counts that reaches the minimum amount."),
    )
    minimum_amount = MoneyField(
        _("minimum amount"),
        default=0,
        validators=[MinValueValidator(0)],
        help_text=_("Of what the friend keeps of the order, net, as far as it was paid with money."),
    )
    waiting_days = models.PositiveSmallIntegerField(
        _("days of waiting"),
        default=14,
        validators=[MaxValueValidator(366)],
        help_text=_("Both rewards are pending for so many days after the order."),
    )
    window_days = models.PositiveSmallIntegerField(
        _("days to order"),
        default=90,
        validators=[MaxValueValidator(3_660)],
        help_text=_("From the claim, within which the order is to come; 0 for no end."),
    )
    advocate_limit = models.PositiveIntegerField(
        _("rewards per referrer"),
        null=True,
        blank=True,
        help_text=_("At most so many in a period; empty for no limit."),
    )
    limit_period = models.CharField(_("period of the limit"), max_length=5, choices=Period, default=Period.MONTH)
    budget = models.BigIntegerField(
        _("budget"),
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("Points that all referrers and friends together may get in a period; empty for no limit."),
    )
    budget_period = models.CharField(_("period of the budget"), max_length=5, choices=Period, default=Period.EVER)
    claims_limit = models.PositiveSmallIntegerField(
        _("claims from one address"),
        default=10,
        validators=[MinValueValidator(1)],
        help_text=_("Or device: the next one within the days beside is held for somebody to look at."),
    )
    claims_days = models.PositiveSmallIntegerField(
        _("within days"), default=7, validators=[MinValueValidator(1), MaxValueValidator(366)]
    )
    hold_score = models.PositiveSmallIntegerField(
        _("score to hold"),
        default=50,
        validators=[MinValueValidator(1)],
        help_text=_("A claim of which so much is suspicious waits for somebody to decide."),
    )

    class Meta:
        verbose_name = _("referral policy")
        verbose_name_plural = _("referral policies")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(minimum_amount__gte=0), name="referral_minimum_never_negative"),
            models.CheckConstraint(
                condition=models.Q(budget__isnull=True) | models.Q(budget__gte=0), name="referral_budget_never_negative"
            ),
        ]
        triggers: ClassVar = frozen_with_version("referral_policies")

    def __str__(self) -> str:
        return self.code


class ReferralCode(models.Model):
    """A member's own code, drawn the first time that it is asked for; a code of one who was merged leads to who stays."""

    membership = models.OneToOneField(
        Membership, models.PROTECT, primary_key=True, related_name="referral_code", verbose_name=_("member")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"), db_index=False)
    code = models.CharField(_("code"), max_length=12)
    drawn_at = models.DateTimeField(_("drawn"))

    class Meta:
        verbose_name = _("referral code")
        verbose_name_plural = _("referral codes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "code"], name="referral_code_once_per_program"),
        ]

    def __str__(self) -> str:
        return self.code


class Referral(models.Model):
    """A friend who was referred by a member, from the claim on: what is suspicious of it, and what it earned."""

    class Status(models.TextChoices):
        OPEN = "open", _("waits for the order")
        HELD = "held", _("to be reviewed")
        EARNED = "earned", pgettext_lazy("referral", "earned")
        TAKEN_BACK = "taken_back", _("taken back")
        REFUSED = "refused", _("refused")

    class Channel(models.TextChoices):
        ENROLMENT = "enrolment", _("enrolment")
        MEMBER = "member", _("the member itself")
        SHOP = "shop", _("the shop")
        ORDER = "order", _("order’s promotion code")

    class Reason(models.TextChoices):
        SAME_CUSTOMER = "same_customer", _("the friend is the referrer")
        SAME_EMAIL = "same_email", _("same e-mail")
        SAME_PHONE = "same_phone", _("same phone")
        SAME_PAYMENT = "same_payment", _("same means of payment")
        BOUGHT_BEFORE = "bought_before", _("bought before")
        CYCLE = "cycle", _("refers who referred it")
        ADVOCATE_LEFT = "advocate_left", _("the referrer has left")
        SUSPICIOUS = "suspicious", _("suspicious")
        REFUSED_BY_STAFF = "refused_by_staff", _("refused by staff")
        ORDER_RETURNED = "order_returned", _("the order came back")
        BELOW_MINIMUM = "below_minimum", _("below the minimum amount")
        TOO_LATE = "too_late", _("ordered too late")
        FRIEND_LEFT = "friend_left", _("the friend has left")
        REFERRED_BEFORE = "referred_before", _("referred before")
        NOT_CLAIMED = "not_claimed", _("the corrected order names it no more")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    advocate = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="referrals_made", verbose_name=_("referrer")
    )
    friend = models.ForeignKey(Membership, models.PROTECT, related_name="referrals_of", verbose_name=_("friend"))
    version = models.ForeignKey(ProgramVersion, models.PROTECT, related_name="+", verbose_name=_("version"))
    code = models.CharField(_("code"), max_length=12)
    channel = models.CharField(_("claimed by"), max_length=10, choices=Channel)
    status = models.CharField(_("status"), max_length=10, choices=Status)
    reason = models.CharField(_("reason"), max_length=30, choices=Reason, blank=True)
    score = models.PositiveIntegerField(_("score"), default=0)
    suspicions = models.JSONField(_("what is suspicious"), default=list)
    claimed_at = models.DateTimeField(pgettext_lazy("referral", "claimed"))
    recorded_at = models.DateTimeField(_("recorded"))
    round = models.PositiveIntegerField(_("times earned"), default=0)
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="referrals", verbose_name=_("order"))
    orders = models.JSONField(default=list, editable=False)
    earned_at = models.DateTimeField(pgettext_lazy("referral", "earned"), null=True)
    pending_until = models.DateTimeField(_("pending until"), null=True)
    friend_grant = models.ForeignKey(
        Grant, models.PROTECT, null=True, related_name="+", verbose_name=_("friend’s reward")
    )
    advocate_grant = models.ForeignKey(
        Grant, models.PROTECT, null=True, related_name="+", verbose_name=_("referrer’s reward")
    )
    reviewed_by = models.CharField(_("reviewed by"), max_length=150, blank=True)
    review_note = models.CharField(_("note"), max_length=500, blank=True)
    reviewed_at = models.DateTimeField(_("reviewed"), null=True)

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["friend"], condition=~models.Q(status="refused"), name="referral_live_once_per_friend"
            ),
            models.CheckConstraint(
                condition=~models.Q(friend=models.F("advocate")) | models.Q(status__in=["refused", "taken_back"]),
                name="referral_of_oneself_is_none",
            ),
            models.CheckConstraint(
                condition=models.Q(status="earned", order__isnull=False, earned_at__isnull=False)
                | (~models.Q(status="earned") & models.Q(order__isnull=True, earned_at__isnull=True)),
                name="referral_earned_has_an_order",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["advocate", "-id"], name="referral_of_advocate"),
            models.Index(fields=["program", "status", "-id"], name="referral_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.code} · {self.get_status_display()}"


class ReferralSignal(models.Model):
    """What a shop told of a member's device, addresses or means of payment: a digest that nobody reads a value from."""

    class Kind(models.TextChoices):
        DEVICE = "device", _("device")
        ADDRESS = "address", _("postal address")
        IP = "ip", _("IP address")
        PAYMENT = "payment", _("means of payment")

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"), db_index=False)
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="referral_signals", verbose_name=_("member")
    )
    referral = models.ForeignKey(
        Referral, models.CASCADE, null=True, related_name="signals", verbose_name=_("referral")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    digest = models.CharField(_("digest"), max_length=64)
    seen_at = models.DateTimeField(_("seen"))

    class Meta:
        verbose_name = _("signal of a referral")
        verbose_name_plural = _("signals of referrals")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "kind", "digest"], name="referral_signal_once_per_member"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["program", "kind", "digest", "seen_at"], name="referral_signal_by_digest"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()

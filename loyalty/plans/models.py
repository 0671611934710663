from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.core.languages import own_lines, own_text
from customers.core.money import CurrencyField, MoneyField, written
from customers.models import Retailer
from loyalty.experiments.fields import ArmsField
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion, frozen_with_version

MAX_AMOUNT = 10_000_000_000  # of which many fit into what a member has of credit
MAX_GRACE_DAYS = 27  # a period of a month has 28 days at least: what it costs is paid, or given up, before the next one


class PaidPlan(models.Model):
    """
    A membership that a version offers for a fee: its price, its period, its trial, and what it gives.

    A member has one at most. What it is paid for stays as it was sold until the end of the period.
    """

    class Period(models.TextChoices):
        MONTH = "month", _("month")
        YEAR = "year", _("year")

    version = models.ForeignKey(
        ProgramVersion, models.CASCADE, db_index=False, related_name="plans", verbose_name=_("version")
    )
    key = models.UUIDField(default=new_id, editable=False, help_text=_("Its identity from version to version."))
    code = models.SlugField(_("code"), help_text=_("May be renamed: members keep the plan."))
    name = models.CharField(_("name"), max_length=50)
    name_fr = models.CharField(_("name in French"), max_length=50, blank=True)
    rank = models.PositiveSmallIntegerField(_("place"), default=0, help_text=_("From the smallest, 0, to the largest."))
    price = MoneyField(
        _("price"),
        validators=[MinValueValidator(0), MaxValueValidator(MAX_AMOUNT)],
        help_text=_("Of a period, in the retailer’s currency."),
    )
    period = models.CharField(_("period"), max_length=5, choices=Period, default=Period.MONTH)
    trial_days = models.PositiveSmallIntegerField(
        _("days of trial"),
        default=0,
        validators=[MaxValueValidator(366)],
        help_text=_("Before the first period that is paid, once per member; 0 for none."),
    )
    grace_days = models.PositiveSmallIntegerField(
        _("days of grace"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_GRACE_DAYS)],
        help_text=_("For so many days from the day on which a period begins its benefits go on while it is not paid."),
    )
    retry_days = models.PositiveSmallIntegerField(
        _("days between tries"),
        default=2,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_GRACE_DAYS)],
        help_text=_("After a payment failed it is tried again after so many days, as long as the grace lasts."),
    )
    multiplier = models.DecimalField(
        _("multiplier"),
        max_digits=6,
        decimal_places=3,
        default=1,
        validators=[MinValueValidator(0)],
        help_text=_("Of earned points, on top of the tier’s: 1.5 is half again as much."),
    )
    free_shipping = models.BooleanField(_("free shipping"), default=False)
    early_access = models.BooleanField(_("early access"), default=False)
    benefits = models.TextField(_("benefits"), blank=True, help_text=_("One per line, as members read them."))
    benefits_fr = models.TextField(_("benefits in French"), blank=True)
    perks_cost = MoneyField(
        _("cost of the perks"),
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_AMOUNT)],
        help_text=_("What its benefits besides points cost you in a period, by your own estimate."),
    )
    arms = ArmsField()

    class Meta:
        verbose_name = _("paid plan")
        verbose_name_plural = _("paid plans")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "code"], name="plan_once_per_code"),
            models.UniqueConstraint(fields=["version", "key"], name="plan_once_per_key"),
            models.UniqueConstraint(
                fields=["version", "rank"], name="plan_once_per_rank", deferrable=models.Deferrable.DEFERRED
            ),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="plan_price_never_negative"),
            models.CheckConstraint(condition=models.Q(perks_cost__gte=0), name="plan_perks_cost_never_negative"),
            models.CheckConstraint(condition=models.Q(multiplier__gte=0), name="plan_multiplier_never_negative"),
            models.CheckConstraint(
                condition=models.Q(grace_days__range=(1, MAX_GRACE_DAYS)), name="plan_grace_ends_before_the_period"
            ),
        ]
        triggers: ClassVar = frozen_with_version("plans")

    def __str__(self) -> str:
        return own_text(self, "name")

    @property
    def months(self) -> int:
        return 12 if self.period == self.Period.YEAR else 1

    def benefit_list(self) -> list[str]:
        """Return the benefits in the reader's language."""
        return own_lines(self, "benefits")


class Subscription(models.Model):
    """A member's plan, from joining it to its end; who joins again has a new one."""

    class Status(models.TextChoices):
        AWAITING = "awaiting", _("awaits its first payment")
        TRIAL = "trial", _("on trial")
        ACTIVE = "active", pgettext_lazy("plan", "active")
        PAST_DUE = "past_due", _("payment failed")
        ENDED = "ended", _("ended")

    class EndReason(models.TextChoices):
        CANCELLED = "cancelled", _("cancelled")
        UNPAID = "unpaid", _("not paid")
        WITHDRAWN = "withdrawn", _("the plan is offered no more")
        LEFT = "left", _("the member left the program")
        MERGED = "merged", _("two members turned out to be one")
        STAFF = "staff", _("ended by staff")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="subscriptions", verbose_name=_("member")
    )
    plan = models.ForeignKey(PaidPlan, models.PROTECT, related_name="subscriptions", verbose_name=_("paid plan"))
    key = models.UUIDField(null=True, editable=False, help_text=_("Of the plan whose benefits the member has now."))
    status = models.CharField(_("status"), max_length=10, choices=Status)
    joined_at = models.DateTimeField(pgettext_lazy("plan", "joined"))
    since = models.DateTimeField(_("since"), help_text=_("When its plan last changed."))
    anchor_on = models.DateField(_("periods counted from"), null=True)
    first_day = models.DateField(_("period from"), null=True)
    end_day = models.DateField(_("period ends before"), null=True, help_text=_("The first day after the period."))
    paid_from = models.DateField(null=True, editable=False)
    paid = MoneyField(
        _("fee from then on"), default=0, help_text=_("For the days from the last change to the period’s end.")
    )
    had_trial = models.BooleanField(_("had a trial"), default=False)
    cancels = models.BooleanField(_("ends with the period"), default=False)
    next_key = models.UUIDField(
        null=True, editable=False, help_text=_("Of the plan with which the next period begins.")
    )
    credit = MoneyField(_("fee credit"), default=0, help_text=_("Of earlier fees: the next invoices are less by it."))
    method = models.CharField(
        _("payment method"), max_length=200, blank=True, help_text=_("As the payment provider knows it.")
    )
    ended_at = models.DateTimeField(_("ended"), null=True)
    end_reason = models.CharField(_("why it ended"), max_length=10, choices=EndReason, blank=True)

    class Meta:
        verbose_name = _("member’s plan")
        verbose_name_plural = _("members’ plans")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["membership"],
                condition=models.Q(ended_at__isnull=True),
                name="subscription_open_once_per_member",
            ),
            models.CheckConstraint(condition=models.Q(credit__gte=0), name="subscription_credit_never_negative"),
            models.CheckConstraint(
                condition=models.Q(end_day__isnull=True) | models.Q(end_day__gt=models.F("first_day")),
                name="subscription_period_has_a_day",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=False, status="ended", key__isnull=True)
                | models.Q(ended_at__isnull=True, status="awaiting", key__isnull=True)
                | models.Q(
                    ended_at__isnull=True,
                    status__in=["trial", "active", "past_due"],
                    key__isnull=False,
                    end_day__isnull=False,
                ),
                name="subscription_status_is_one",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["membership", "id"], name="subscription_of_member"),
            models.Index(fields=["program", "status"], name="subscription_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.plan} · {self.get_status_display()}"


class PlanChange(models.Model):
    """A member's plan changed: joined, upgraded, downgraded, ended. Never changed, never deleted."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="plan_changes", verbose_name=_("member")
    )
    from_plan = models.ForeignKey(PaidPlan, models.PROTECT, null=True, related_name="+", verbose_name=_("from"))
    to_plan = models.ForeignKey(PaidPlan, models.PROTECT, null=True, related_name="+", verbose_name=_("to"))
    cause = models.CharField(_("cause"), max_length=100)
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("change of plan")
        verbose_name_plural = _("changes of plan")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "cause"], name="plan_change_once_per_cause"),
        ]
        triggers: ClassVar = append_only("plan_changes")

    def __str__(self) -> str:
        return f"{self.from_plan_id or '-'} → {self.to_plan_id or '-'}"


class Invoice(models.Model):
    """What a member is to pay for a plan: a period, or the rest of one under another plan."""

    class Kind(models.TextChoices):
        FIRST = "first", _("first period")
        RENEWAL = "renewal", _("renewal")
        CHANGE = "change", _("change of plan")
        ENDING = "ending", _("ended early")
        SECOND = "second", _("paid once more")

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        PAID = "paid", _("paid")
        VOID = "void", _("void")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    subscription = models.ForeignKey(
        Subscription, models.PROTECT, related_name="invoices", verbose_name=_("member’s plan")
    )
    plan = models.ForeignKey(PaidPlan, models.PROTECT, related_name="+", verbose_name=_("paid plan"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    status = models.CharField(_("status"), max_length=5, choices=Status)
    currency = CurrencyField(_("currency"))
    first_day = models.DateField(_("from"), help_text=_("The first day that it pays for."))
    end_day = models.DateField(_("ends before"), help_text=_("The first day that it does not pay for any more."))
    fee = MoneyField(_("fee"), help_text=_("For these days, before credit."))
    credit_used = MoneyField(_("fee credit used"), default=0)
    amount = MoneyField(_("amount"), help_text=_("That is to be paid."))
    refunded = MoneyField(_("refunded"), default=0)
    issued_at = models.DateTimeField(_("issued"))
    unpaid_on = models.DateField(_("to be paid before"), help_text=_("The day on which it is given up."))
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    next_try_at = models.DateTimeField(_("next try"), null=True)
    asked_method = models.CharField(
        max_length=200, blank=True, editable=False, help_text=_("Of a try of which nobody knows yet what became of it.")
    )
    last_failed_at = models.DateTimeField(_("failed last"), null=True)
    last_error = models.CharField(_("why"), max_length=200, blank=True)
    paid_at = models.DateTimeField(_("paid"), null=True)
    settled_at = models.DateTimeField(
        _("payment recorded"), null=True, help_text=_("When we knew of it: by this the books count it.")
    )
    voided_at = models.DateTimeField(_("voided"), null=True)
    provider = models.CharField(_("provider"), max_length=20, blank=True)
    provider_reference = models.CharField(_("provider’s reference"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("invoice")
        verbose_name_plural = _("invoices")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subscription"], condition=models.Q(status="open"), name="invoice_open_once_per_subscription"
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="invoice_amount_never_negative"),
            models.CheckConstraint(condition=models.Q(credit_used__gte=0), name="invoice_credit_never_negative"),
            models.CheckConstraint(
                condition=models.Q(refunded__range=(0, models.F("amount"))), name="invoice_refunds_what_was_paid"
            ),
            models.CheckConstraint(
                condition=~models.Q(status="paid") | models.Q(paid_at__isnull=False), name="invoice_paid_has_an_instant"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(status="open", next_try_at__isnull=False),
                name="invoice_to_collect",
            ),
        ]

    def __str__(self) -> str:
        return written(self.amount, self.currency)


class InvoiceLine(models.Model):
    """A part of an invoice: a fee for days, or, negative, the credit for days that are not used any more."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines", verbose_name=_("invoice"))
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    plan = models.ForeignKey(PaidPlan, models.PROTECT, related_name="+", verbose_name=_("paid plan"))
    first_day = models.DateField(_("from"))
    end_day = models.DateField(_("ends before"))
    amount = MoneyField(_("amount"), help_text=_("Negative for a credit."))

    class Meta:
        verbose_name = _("line of an invoice")
        verbose_name_plural = _("lines of invoices")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(end_day__gt=models.F("first_day")), name="invoice_line_has_a_day"
            ),
        ]

    def __str__(self) -> str:
        return str(number_format(self.amount))


class Refund(models.Model):
    """Money that goes back to a member: asked for, then carried out by the provider, or by hand."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="refunds", verbose_name=_("invoice"))
    amount = MoneyField(_("amount"))
    reason = models.CharField(_("reason"), max_length=200)
    author = models.CharField(_("by"), max_length=150, blank=True)
    reference = models.CharField(
        _("reference"), max_length=80, blank=True, help_text=_("Of whoever asked for it by API: once per invoice.")
    )
    status = models.CharField(_("status"), max_length=7, choices=Status, default=Status.WAITING)
    asked_at = models.DateTimeField(_("asked"))
    next_try_at = models.DateTimeField(_("next try"), null=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    ended_at = models.DateTimeField(_("ended"), null=True)
    last_error = models.CharField(_("why"), max_length=200, blank=True)
    provider_reference = models.CharField(_("provider’s reference"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="refund_amount_positive"),
            models.UniqueConstraint(
                fields=["invoice", "reference"], condition=~models.Q(reference=""), name="refund_once_per_reference"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(status="waiting", next_try_at__isnull=False),
                name="refund_to_carry_out",
            ),
        ]

    def __str__(self) -> str:
        return str(number_format(self.amount))


class PaymentNotice(models.Model):
    """What a payment provider told by webhook, once per its own id: what it caused stands with the invoice."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, db_index=False, related_name="+", verbose_name=_("retailer"))
    provider = models.CharField(_("provider"), max_length=20)
    notice_id = models.CharField(_("provider’s id"), max_length=200)
    kind = models.CharField(_("kind"), max_length=20)
    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="notices", verbose_name=_("invoice"))
    effect = models.CharField(_("what it caused"), max_length=20)
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("payment notice")
        verbose_name_plural = _("payment notices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "provider", "notice_id"], name="payment_notice_once"),
        ]
        triggers: ClassVar = append_only("payment_notices")

    def __str__(self) -> str:
        return self.notice_id

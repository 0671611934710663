"""Plans, what members have of them, and invoices, as the API says them."""

from typing import Any

from rest_framework import serializers

from customers.api.fields import ExactField, NumberField
from customers.api.strict import Strict
from loyalty.plans.account.joining import When
from loyalty.plans.models import Invoice, InvoiceLine, PaidPlan, Refund, Subscription


class PlanOut(serializers.ModelSerializer[PaidPlan]):
    name = serializers.CharField(source="__str__", help_text="In the caller's language.")
    price = ExactField(help_text="Of a period.")
    benefits = serializers.ListField(
        child=serializers.CharField(), source="benefit_list", help_text="In the caller's language."
    )

    class Meta:
        model = PaidPlan
        fields = (
            "code",
            "name",
            "price",
            "period",
            "trial_days",
            "multiplier",
            "free_shipping",
            "early_access",
            "benefits",
        )


class LineOut(serializers.ModelSerializer[InvoiceLine]):
    plan = serializers.CharField(source="plan.code")
    ends_before = serializers.DateField(source="end_day", help_text="The first day that it is not for.")
    amount = ExactField(help_text="Negative: a credit for days that are used no more.")

    class Meta:
        model = InvoiceLine
        fields = ("plan", "first_day", "ends_before", "amount")


class OpenInvoiceOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Invoice.Kind.choices, help_text="What it is for.")
    plan = serializers.CharField(source="plan.code")
    amount = ExactField(help_text="That is to be paid.")
    credit_used = ExactField(source="due.credit_used", help_text="Of earlier fees, by which it is less.")
    last_day = serializers.DateField(help_text="On which it can be paid.")
    lines = LineOut(many=True)


class MembersPlanOut(serializers.Serializer[Any]):
    plan = PlanOut()
    status = serializers.ChoiceField(source="state.status", choices=Subscription.Status.choices)
    joined_at = serializers.DateTimeField(source="state.joined_at")
    first_day = serializers.DateField(allow_null=True, help_text="Of the period; null before the first payment.")
    last_day = serializers.DateField(allow_null=True, help_text="Of the period.")
    ends = serializers.BooleanField(source="state.cancels", help_text="Whether it ends with the period.")
    next_plan = serializers.CharField(
        source="next_plan.code",
        allow_null=True,
        default=None,
        help_text="With which the next period begins; null for the same.",
    )
    credit = ExactField(source="state.credit", help_text="By which the next invoices are less.")
    invoice = OpenInvoiceOut(allow_null=True, help_text="What is to be paid now.")


class OverviewOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    currency = serializers.CharField(help_text="Of all amounts.")
    mine = MembersPlanOut(allow_null=True)
    offered = PlanOut(many=True)


class ToldIn(Strict):
    """A plan, for what a member was told of it."""

    plan = serializers.SlugField(max_length=50, help_text="Its code.")
    told_price = NumberField(
        required=False, allow_null=True, default=None,
        help_text="The plan's `price` that the member was told: where it is another now, nothing is done (409 price_changed).",
    )  # fmt: skip
    told_amount = NumberField(
        required=False, allow_null=True, default=None,
        help_text="What the member was told is to be paid now, as a dry run says it; 0 for nothing; likewise.",
    )  # fmt: skip


class JoinIn(ToldIn):
    payment_method = serializers.CharField(
        max_length=200, required=False, default="", allow_blank=True, help_text="As the payment provider knows it."
    )


class ChangeIn(ToldIn):
    when = serializers.ChoiceField(
        choices=[each.value for each in When],
        required=False,
        allow_null=True,
        default=None,
        help_text="Left out: now for a larger plan, at the period's end for a smaller one.",
    )


class MethodIn(Strict):
    payment_method = serializers.CharField(max_length=200, help_text="As the payment provider knows it.")


class PaidIn(Strict):
    reference = serializers.CharField(max_length=200, help_text="Your own, such as the number of the till's receipt.")


class RefundIn(Strict):
    reference = serializers.CharField(max_length=80, help_text="Your own: the same again changes nothing.")
    amount = NumberField(required=False, allow_null=True, default=None, help_text="Left out: all that is left of it.")
    reason = serializers.CharField(max_length=200)
    author = serializers.CharField(max_length=150, help_text="Who decided it.")


class RefundOut(serializers.ModelSerializer[Refund]):
    amount = ExactField()

    class Meta:
        model = Refund
        fields = ("amount", "status", "asked_at", "ended_at")


class DecidedRefundOut(RefundOut):
    class Meta(RefundOut.Meta):
        fields = (*RefundOut.Meta.fields, "reference", "reason", "author")  # type: ignore[assignment] # some more


class InvoiceOut(serializers.ModelSerializer[Invoice]):
    plan = serializers.CharField(source="plan.code")
    ends_before = serializers.DateField(source="end_day", help_text="The first day that it is not for.")
    amount = ExactField(help_text="That is, or was, to be paid.")
    credit_used = ExactField()
    refunded = ExactField(help_text="That goes back, or has gone.")
    lines = LineOut(many=True)
    refunds = RefundOut(many=True, help_text="What goes back of it, the first one first.")

    class Meta:
        model = Invoice
        fields = (
            "id", "kind", "plan", "status", "currency", "first_day", "ends_before", "amount", "credit_used", "refunded",
            "issued_at", "paid_at", "voided_at", "attempts", "last_failed_at", "last_error", "lines", "refunds",
        )  # fmt: skip


class MembersInvoiceOut(InvoiceOut):
    """An invoice as a retailer's systems see it: with who decided on what goes back, and why."""

    refunds = DecidedRefundOut(many=True, help_text="What goes back of it, the first one first.")


class NoticeOut(serializers.Serializer[Any]):
    effect = serializers.ChoiceField(
        choices=["paid", "paid_twice", "other_amount", "failed", "refunded", "known", "older", "ignored"]
    )

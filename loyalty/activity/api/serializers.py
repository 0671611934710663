"""What facts caused, as retailers' systems are answered; what shoppers read of themselves."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.api.fields import ExactField
from customers.api.told import Told
from loyalty.activity.models import InteractionHold
from loyalty.points.models import Entry


@extend_schema_field({"anyOf": [{"$ref": "#/components/schemas/Problem"}, {"type": "null"}]})
class ProblemField(serializers.JSONField):
    """Problem details, as an answer that is one has them."""


class AwardOut(Told):
    challenge = serializers.CharField(help_text="Its code.")
    badge = serializers.CharField(allow_blank=True, help_text="The code of the badge with it; empty for none.")
    level = serializers.IntegerField(help_text="That was reached; 0 where there are none.")
    points = serializers.IntegerField(
        help_text="Besides those of the fact itself; negative: taken back with the award."
    )


class EffectOut(Told):
    program = serializers.CharField()
    points = serializers.IntegerField(help_text="Given in all wallets, or negative: taken back.")
    pending = serializers.IntegerField(help_text="Of them, those that are not active yet.")
    shortfall = serializers.IntegerField(help_text="What a return could not take back and nobody owes.")
    restored = serializers.IntegerField(help_text="What a return gave back of redemptions that had paid the order.")
    kept_rewards = serializers.ListField(
        child=serializers.CharField(),
        help_text="The references of donations that had paid the order and stay, with their points: the causes have them.",
    )
    tier_changed_to = serializers.CharField(allow_null=True)
    awards = AwardOut(many=True, help_text="That it gave, and those that it took back.")
    reason = serializers.CharField(
        allow_blank=True,
        help_text="Why it gave nothing or less: no_version_in_force_then, not_a_member_then, left_since, no_rule_gave_points, "
        "no_points_at_present, over_transaction_limit, over_period_limit or over_budget; of interactions "
        "product_not_bought, rewarded_for_product, "
        "over_day_limit or over_month_limit.",
    )
    explanation = serializers.JSONField(help_text="An object per entry of the ledger, with its kind.")


class ReviewedOut(Told):
    number = serializers.CharField()
    points = serializers.IntegerField(
        help_text="That are given, become active, or are cancelled; 0 where that was done before."
    )


class AnswerOut(Told):
    number = serializers.CharField()
    status = serializers.ChoiceField(choices=["created", "corrected", "unchanged", "failed"])
    id = serializers.UUIDField(allow_null=True, help_text="Ours; null where it failed.")
    effects = EffectOut(many=True)
    error = ProblemField(allow_null=True, help_text="Problem details of a row that failed.")


class InteractionAnswerOut(AnswerOut):
    held = serializers.ChoiceField(
        choices=["", *InteractionHold.Reason.values], required=False,
        help_text="Why a person has to look at it before it is published and rewarded (POST /interactions/NUMBER/approve or "
        "/refuse): many reviews of one customer, or of one product by new customers. Empty where nobody has to.",
    )  # fmt: skip


class CorrectedEffectOut(EffectOut):
    points_kept = serializers.IntegerField(
        help_text="What the order gives in all wallets without what came back of it."
    )
    change = serializers.IntegerField(help_text="By how much it keeps more or, negative, less than before.")


class CorrectedOut(AnswerOut):
    effects = CorrectedEffectOut(many=True)
    former_effects = CorrectedEffectOut(many=True, help_text="Of the customer who had the order and has it no more.")


class ClaimOut(Told):
    number = serializers.CharField(help_text="Of the order.")
    customer = serializers.CharField(help_text="Whose it is now.")
    status = serializers.ChoiceField(choices=["claimed", "unchanged"])
    effects = EffectOut(many=True)


class MergedMembershipOut(Told):
    program = serializers.CharField()
    member_number = serializers.CharField(source="number", help_text="Of the membership that stays.")
    merged_number = serializers.CharField(
        allow_blank=True, help_text="Of the one that ended, which leads there; empty where there was one only."
    )
    points = serializers.DictField(child=serializers.IntegerField(), help_text="What went over, by wallet.")
    pending = serializers.DictField(child=serializers.IntegerField(), help_text="What went over and is not active yet.")
    tier = serializers.CharField(allow_blank=True, help_text="That the member has now; empty for none.")


class MergeOut(Told):
    customer = serializers.CharField(help_text="Who stays.")
    status = serializers.ChoiceField(choices=["merged", "unchanged"])
    orders = serializers.IntegerField(help_text="That went over.")
    interactions = serializers.IntegerField(help_text="That went over.")
    waiting = serializers.IntegerField(help_text="Facts that are decided for the one who stays within a minute.")
    memberships = MergedMembershipOut(many=True)


class BatchOut(Told):
    results = AnswerOut(many=True)


class InteractionBatchOut(BatchOut):
    results = InteractionAnswerOut(many=True)


class EnrolmentOut(Told):
    member_number = serializers.CharField()
    program = serializers.CharField()
    customer = serializers.CharField()
    referral = serializers.CharField(
        allow_null=True, help_text="The status of the referral where a code was named: open, held, refused, earned."
    )


class EndedTokensOut(serializers.Serializer[Any]):
    tokens = serializers.IntegerField(help_text="How many ended.")


class TokenOut(Told):
    token = serializers.CharField()
    expires_at = serializers.DateTimeField()


class HeldPlanOut(Told):
    code = serializers.CharField()
    name = serializers.CharField(help_text="In the caller's language.")
    status = serializers.CharField(help_text="`awaiting` its first payment, on `trial`, `active`, or `past_due`.")
    since = serializers.DateTimeField(help_text="When the member got it, or asked for it.")
    until = serializers.DateField(
        allow_null=True, help_text="The last day of the period; null before the first payment."
    )
    ends = serializers.BooleanField(help_text="Whether it ends with the period.")
    benefits = serializers.ListField(
        child=serializers.CharField(), source="benefit_list", help_text="That it gives now, in the caller's language."
    )


class MembershipOut(Told):
    program = serializers.CharField()
    name = serializers.CharField()
    member_number = serializers.CharField()
    enrolled_at = serializers.CharField()
    plan = HeldPlanOut(allow_null=True, help_text="The paid plan that the member has.")


class ProfileOut(Told):
    external_id = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.CharField()
    language = serializers.CharField()
    retailer = serializers.CharField()
    memberships = MembershipOut(many=True)


class WalletOut(Told):
    program = serializers.CharField()
    wallet = serializers.SlugField(help_text="`points`, or another wallet of the program.")
    name = serializers.CharField(help_text="In the caller's language.")
    can_be_spent = serializers.BooleanField()
    available = serializers.IntegerField(help_text="Points that can be spent now.")
    pending = serializers.IntegerField(help_text="Points that are not active yet.")
    held = serializers.IntegerField()
    owed = serializers.IntegerField(help_text="Points that later earnings repay first.")
    expires_next_points = serializers.IntegerField()
    expires_next_on = serializers.DateField(allow_null=True, help_text="The last day on which those can be spent.")
    household_available = serializers.IntegerField(
        help_text="What the others of the household can add to a redemption."
    )


class EntryOut(serializers.ModelSerializer[Entry]):
    """An entry; what tells them is `entries`."""

    order = serializers.CharField(source="order.number", allow_null=True, default=None)
    wallet = serializers.CharField(source="wallet.code")
    kind_label = serializers.CharField(source="label")
    sentences = serializers.ListField(
        child=serializers.CharField(), help_text="The explanation in the caller's language."
    )

    class Meta:
        model = Entry
        fields = (
            "id",
            "kind",
            "kind_label",
            "wallet",
            "order",
            "occurred_at",
            "recorded_at",
            "available_change",
            "pending_change",
            "owed_change",
            "balance_after",
            "sentences",
            "explanation",
        )


class TierOut(Told):
    code = serializers.CharField()
    name = serializers.CharField()
    threshold = ExactField()
    multiplier = serializers.DecimalField(max_digits=6, decimal_places=3)
    free_shipping = serializers.BooleanField()
    early_access = serializers.BooleanField()
    reward_discount = serializers.DecimalField(max_digits=5, decimal_places=2, help_text="Percent off rewards.")
    extra_months = serializers.IntegerField(help_text="By how many months points live longer.")
    entry_gift = serializers.IntegerField(help_text="Points given with each entry.")
    benefits = serializers.ListField(child=serializers.CharField())


class MissingOut(Told):
    basis = serializers.CharField(help_text="spend, points, orders, visits or balance")
    amount = ExactField()


class ProgressOut(Told):
    program = serializers.CharField()
    basis = serializers.CharField(help_text="What counts: spend, points, orders, visits or balance.")
    current = TierOut(allow_null=True)
    since = serializers.DateTimeField(allow_null=True)
    qualifying = ExactField(help_text="What counts today.")
    window_from = serializers.DateField(allow_null=True, help_text="The first day that counts.")
    next = TierOut(allow_null=True)
    to_next = ExactField(allow_null=True)
    missing = MissingOut(many=True, help_text="What is missing for the next tier.")
    is_any = serializers.BooleanField(help_text="Whether one of what is missing is enough.")
    keeps_through = serializers.DateField(allow_null=True, help_text="Until when the tier is safe.")
    to_keep = MissingOut(many=True, help_text="What is missing in this window for the tier the member has.")
    projected = TierOut(allow_null=True, help_text="Where the member will stand if it goes on as in the last 90 days.")
    projected_on = serializers.DateField(allow_null=True)


class MemberOut(Told):
    member_number = serializers.CharField()
    customer = serializers.CharField()
    enrolled_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True, help_text="When it left; null for a member.")
    wallet = WalletOut(help_text="The one named `points`.")
    wallets = WalletOut(many=True)
    tier = ProgressOut()
    plan = HeldPlanOut(allow_null=True, help_text="The paid plan that the member has.")

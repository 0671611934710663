"""What retailers' systems report, and what it caused; what shoppers read of themselves."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.api.fields import ExactField, InstantField, NumberField
from customers.api.quick import Reader, reader_of
from customers.api.strict import Strict, unknown_fields
from customers.api.told import Told, kept
from customers.checks import MAX_VERSION, NOTHING, InvalidFact, quantity_of
from customers.core.contacts import MAX_COMMENT, MAX_TOPIC
from customers.facts import (
    CorrectionFact,
    InteractionFact,
    LineFact,
    OrderEventFact,
    OrderFact,
    ReturnFact,
    ReturnLineFact,
    line_of,
)
from customers.models import Interaction
from loyalty.activity.models import InteractionHold
from loyalty.points.models import Entry


def fact_of(kind: type[serializers.Serializer[Any]], said: Any) -> Any:
    """
    Return the fact that a row says.

    :raises ValidationError: naming what is wrong with each field
    """
    return kept(kind).run_validation(said)["fact"]


def _refuse(error: InvalidFact) -> serializers.ValidationError:
    return serializers.ValidationError({error.column: [str(error)]}, code=error.code)


class FactReader(Strict):
    """
    Reads a fact from JSON as its parent does, in half the time: what a row leaves out, or says to be null, is not looked into.

    For serializers without validators, read-only fields and methods for single fields.
    """

    @cached_property
    def _known(self) -> Mapping[str, serializers.Field[Any, Any, Any, Any]]:
        return dict(self.fields)

    @cached_property
    def _readers(self) -> Mapping[str, Reader]:
        found = {name: _rows_at_once(field) or reader_of(field) for name, field in self._known.items()}
        return {name: read for name, read in found.items() if read}

    @cached_property
    def _constants(self) -> Mapping[str, Any]:
        return {name: given for name, given in self._given.items() if not callable(given)}

    @cached_property
    def _made(self) -> Mapping[str, Callable[[], Any]]:
        return {name: given for name, given in self._given.items() if callable(given)}

    @cached_property
    def _given(self) -> Mapping[str, Any]:
        """Return the defaults of what may be left out."""
        optional = ((name, field.default) for name, field in self._known.items() if not field.required)
        return {name: given for name, given in optional if given is not serializers.empty}

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if not isinstance(data, Mapping):
            return super().run_validation(data)
        return self.validate(self.to_internal_value(data))

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            return dict(super().to_internal_value(data))
        found = dict(self._constants)
        errors: dict[str, Any] = unknown_fields(data, self._known)
        readers, made = self._readers, self._made
        for name, field in self._known.items():
            value = data.get(name)
            if value is None and not field.required:  # null says as much as nothing
                if name in made:
                    found[name] = made[name]()
                continue
            if name in readers and (read := readers[name](value)) is not None:
                found[name] = read
                continue
            try:
                found[name] = field.run_validation(data.get(name, serializers.empty))
            except serializers.ValidationError as error:
                errors[name] = error.detail
        if errors:
            raise serializers.ValidationError(errors)
        return found


def _rows_at_once(field: serializers.Field[Any, Any, Any, Any]) -> Reader | None:
    """Return what reads the rows of a field if all of them are right; who is to say which is wrong is the field."""
    if not isinstance(field, serializers.ListSerializer) or not isinstance(field.child, FactReader):
        return None
    read = field.child.run_validation

    def rows(value: Any) -> list[Any] | None:
        try:
            return [read(each) for each in value] if type(value) is list and value else None
        except serializers.ValidationError:
            return None

    return rows


class OrderLineIn(FactReader):
    sku = serializers.CharField(max_length=100)
    quantity = NumberField()
    net_amount = NumberField(required=False, help_text="The whole line after its discount.")
    unit_price = NumberField(required=False)
    discount = NumberField(required=False, default=NOTHING)
    category = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    brand = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    unit_cost = NumberField(required=False)
    is_gift_card = serializers.BooleanField(
        required=False,
        default=False,
        help_text="A gift card is bought by it; rules do not count it unless they say so.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, LineFact]:
        try:
            return {"fact": line_of(**attrs)}
        except InvalidFact as error:
            raise _refuse(error) from error


class OrderIn(FactReader):
    number = serializers.CharField(max_length=100, help_text="Your own order number.")
    customer = serializers.CharField(
        max_length=100, required=False, allow_null=True, default=None, help_text="Your own id; leave out for a guest."
    )
    occurred_at = InstantField(help_text="With its zone.")
    currency = serializers.CharField(
        max_length=3, required=False, default="", allow_blank=True, help_text="Your own if left out."
    )
    shipping_amount = NumberField(required=False, default=NOTHING)
    channel = serializers.CharField(max_length=50, required=False, default="", allow_blank=True)
    store = serializers.CharField(max_length=50, required=False, default="", allow_blank=True)
    promotion_code = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    is_gift = serializers.BooleanField(required=False, default=False)
    identified_by = serializers.CharField(max_length=20, required=False, default="", allow_blank=True)
    paid_with_points = NumberField(
        required=False,
        default=NOTHING,
        help_text="The part of the lines' amounts that was paid with points; it earns none.",
    )
    redemptions = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        default=list,
        max_length=20,
        help_text="The references of the redemptions or holds that paid it; undone when everything comes back.",
    )
    lines = OrderLineIn(many=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, OrderFact]:
        try:
            lines = tuple(line["fact"] for line in attrs.pop("lines"))
            redemptions = tuple(attrs.pop("redemptions"))
            return {"fact": OrderFact(**attrs, lines=lines, redemptions=redemptions)}
        except InvalidFact as error:
            raise _refuse(error) from error


class CorrectionIn(OrderIn):
    number = serializers.CharField(max_length=100, required=False, help_text="The one of the path, if it is said.")
    version = serializers.IntegerField(
        min_value=1,
        max_value=MAX_VERSION,
        help_text="Your count of the order's contents: a later one replaces an earlier one.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        version = attrs.pop("version")
        return {"fact": CorrectionFact(super().validate(attrs)["fact"], version)}


class ClaimIn(Strict):
    customer = serializers.CharField(max_length=100, help_text="Your own id of the customer.")
    reference = serializers.CharField(
        max_length=100, help_text="Your proof, such as the number of a receipt that was shown."
    )


class ReturnLineIn(FactReader):
    position = serializers.IntegerField(
        min_value=1, max_value=10_000, required=False, help_text="In the order, from 1."
    )
    sku = serializers.CharField(max_length=100, required=False, default="")
    quantity = NumberField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, ReturnLineFact]:
        try:
            return {"fact": ReturnLineFact(quantity_of(attrs["quantity"]), attrs.get("position"), attrs["sku"])}
        except InvalidFact as error:
            raise _refuse(error) from error


class ReturnIn(FactReader):
    number = serializers.CharField(max_length=100, help_text="Your own number of the return.")
    order_number = serializers.CharField(max_length=100)
    occurred_at = InstantField(help_text="With its zone.")
    lines = ReturnLineIn(many=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, ReturnFact]:
        try:
            lines = tuple(line["fact"] for line in attrs.pop("lines"))
            return {"fact": ReturnFact(**attrs, lines=lines)}
        except InvalidFact as error:
            raise _refuse(error) from error


class InteractionIn(FactReader):
    number = serializers.CharField(max_length=100, help_text="Your own id of the interaction.")
    customer = serializers.CharField(max_length=100, help_text="Your own id of the customer.")
    kind = serializers.ChoiceField(choices=Interaction.Kind.choices)
    occurred_at = InstantField()
    channel = serializers.CharField(max_length=50, required=False, default="", allow_blank=True)
    sku = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)
    score = serializers.IntegerField(min_value=-32_000, max_value=32_000, required=False, default=None, allow_null=True)
    topic = serializers.CharField(
        max_length=MAX_TOPIC, required=False, default="", allow_blank=True,
        help_text="What a contact with support (`support`) was about, in your words, such as delivery.",
    )  # fmt: skip
    outcome = serializers.ChoiceField(
        choices=Interaction.Outcome.choices, required=False, default="", allow_blank=True,
        help_text="How a contact with support ended; empty where nobody says.",
    )  # fmt: skip
    comment = serializers.CharField(
        max_length=MAX_COMMENT, required=False, default="", allow_blank=True,
        help_text="A few words of a contact with support. Staff read it, it is in the person's export, and erasure takes it out.",
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        comment = "\n".join(attrs.pop("comment").splitlines())  # one text, whichever ends of line it was written with
        try:
            return {"fact": InteractionFact(**attrs, comment=comment)}
        except InvalidFact as error:
            raise _refuse(error) from error


class OrderEventIn(FactReader):
    order_number = serializers.CharField(max_length=100)
    kind = serializers.SlugField(max_length=50, help_text="Such as delivered; once per order.")
    occurred_at = InstantField(help_text="With its zone.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, OrderEventFact]:
        try:
            return {"fact": OrderEventFact(**attrs)}
        except InvalidFact as error:
            raise _refuse(error) from error


class RowField(serializers.Field[Any, Any, Any, Any]):
    """A row as it comes: one that is wrong, whatever it is, is that row's own matter."""

    def to_internal_value(self, data: Any) -> Any:
        return data


def rows_of(kind: type[serializers.Serializer[Any]]) -> serializers.ListField:
    """Return a field of rows, each documented as what it has to be."""
    row: Any = extend_schema_field(kind)(type(f"{kind.__name__}Row", (RowField,), {}))
    words = "Up to 1,000; each is taken or refused by itself."
    return serializers.ListField(child=row(allow_null=True), allow_empty=False, help_text=words)


class BatchIn(Strict):
    orders = rows_of(OrderIn)


class ReturnBatchIn(Strict):
    returns = rows_of(ReturnIn)


class InteractionBatchIn(Strict):
    interactions = rows_of(InteractionIn)


class OrderEventBatchIn(Strict):
    events = rows_of(OrderEventIn)


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


class MergeIn(Strict):
    into = serializers.CharField(max_length=100, help_text="Your own id of the customer who stays.")
    reference = serializers.CharField(max_length=100, help_text="Your proof, such as the number of a case.")


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


class EnrolmentIn(Strict):
    program = serializers.SlugField()
    customer = serializers.CharField(max_length=100, help_text="Your own id of the customer.")
    occurred_at = InstantField(required=False, help_text="When the customer agreed; now if left out.")
    source = serializers.CharField(max_length=50, required=False, default="api")  # type: ignore[assignment] # hides an attribute of the base class
    wording = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="What the customer agreed to."
    )
    referral_code = serializers.CharField(
        max_length=40,
        required=False,
        default="",
        allow_blank=True,
        help_text="Of the member who referred the customer.",
    )


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

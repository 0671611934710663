"""What retailers' systems report: orders, returns, interactions, events of orders, merges, enrolments."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.api.fields import InstantField, NumberField
from customers.api.quick import Reader, reader_of
from customers.api.strict import Strict, is_no_text, naming_choices, no_text, unknown_fields
from customers.api.told import kept
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
            if is_no_text(field, value):
                errors[name] = no_text(value)
                continue
            try:
                found[name] = field.run_validation(data.get(name, serializers.empty))
            except serializers.ValidationError as error:
                errors[name] = naming_choices(field, value, error.detail)
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


class MergeIn(Strict):
    into = serializers.CharField(max_length=100, help_text="Your own id of the customer who stays.")
    reference = serializers.CharField(max_length=100, help_text="Your proof, such as the number of a case.")


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

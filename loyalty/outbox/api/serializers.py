"""Webhooks and their deliveries as the API takes and says them."""

import json
from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from customers.api.fields import InstantField
from customers.api.strict import Strict
from loyalty.outbox.addresses import MAX_LENGTH
from loyalty.outbox.catalogue import EXAMPLES
from loyalty.outbox.endpoints import MAX_OVERLAP, OVERLAP
from loyalty.outbox.models import Delivery, Endpoint
from loyalty.outbox.posting import Reason
from loyalty.outbox.signing import body_of
from loyalty.outbox.wording import reason_of, said_of

TYPES = sorted(EXAMPLES)
HOUR = timedelta(hours=1)


class UrlField(serializers.CharField):
    """Where events are posted; what it may be is said by the verbs, for the admin as well."""

    def __init__(self, **kwargs: Any) -> None:
        words = "On the internet, http or https: where the events are posted."
        super().__init__(max_length=MAX_LENGTH, help_text=words, **kwargs)


class TypesField(serializers.ListField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            child=serializers.ChoiceField(choices=TYPES, help_text="A type of event."), max_length=len(TYPES),
            help_text="The types that are told here; none for all, also those that there will be.", **kwargs,
        )  # fmt: skip


class WebhookIn(Strict):
    url = UrlField()
    events = TypesField(required=False, default=list)
    is_active = serializers.BooleanField(required=False, default=True, help_text="Whether it is told anything.")


class WebhookChangeIn(Strict):
    url = UrlField(required=False)
    events = TypesField(required=False)
    is_active = serializers.BooleanField(required=False, help_text="Whether it is told anything.")


class RotationIn(Strict):
    overlap_hours = serializers.IntegerField(
        required=False, default=OVERLAP // HOUR, min_value=0, max_value=MAX_OVERLAP // HOUR,
        help_text="For so long the former secret signs as well; 0 where strangers know it.",
    )  # fmt: skip


class WebhookOut(serializers.ModelSerializer[Endpoint]):
    id = serializers.UUIDField(source="key", help_text="By which this webhook is read and changed.")
    url = serializers.CharField(help_text="Where the events are posted.")
    is_active = serializers.BooleanField(help_text="Whether it is told anything.")
    events = serializers.ListField(
        child=serializers.CharField(help_text="A type of event."), help_text="The types that are told; none for all."
    )
    state = serializers.ChoiceField(
        choices=Endpoint.State.values,
        help_text="`stopped`: it did not answer for five days, or said 410; switch it on again by `is_active`.",
    )
    failures = serializers.IntegerField(help_text="Tries in a row in which it did not answer, or broke.")
    failing_since = serializers.DateTimeField(allow_null=True, help_text="Since when it does not answer.")
    stopped_at = serializers.DateTimeField(allow_null=True, help_text="When it was switched off for that.")
    next_turn_at = serializers.DateTimeField(allow_null=True, help_text="Until when it is left alone; null for not.")
    old_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when the former secret signs as well; null where there is none."
    )
    created_at = serializers.DateTimeField(help_text="When it was added.")

    class Meta:
        model = Endpoint
        fields = (
            "id", "url", "events", "is_active", "state", "failures", "failing_since", "stopped_at", "next_turn_at",
            "old_secret_until", "created_at",
        )  # fmt: skip


class SecretOut(WebhookOut):
    secret = serializers.CharField(
        allow_null=True,
        help_text="That signs what is posted, told once: null where an answer is given again. A lost one is rotated.",
    )

    class Meta:
        model = Endpoint
        fields = (*WebhookOut.Meta.fields, "secret")


class DeliveryQuery(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=Delivery.State.values, required=False, help_text="Only these.")
    type = serializers.ChoiceField(choices=TYPES, required=False, help_text="Only events of this type.")
    queued_from = InstantField(required=False, help_text="Only what was queued then or later.")
    queued_until = InstantField(required=False, help_text="Only what was queued before then.")


class DeliveryOut(serializers.ModelSerializer[Delivery]):
    event = serializers.UUIDField(source="event_id", help_text="Its id, as in `webhook-id`.")
    type = serializers.CharField(source="event.type", help_text="Of the event, such as points.earned.")
    member = serializers.CharField(
        source="event.payload.member", default=None, allow_null=True, help_text="The number; null for no member's."
    )
    state = serializers.ChoiceField(choices=Delivery.State.values, help_text="What became of it so far.")
    queued_at = serializers.DateTimeField(help_text="When it was put into the queue.")
    due_at = serializers.DateTimeField(
        allow_null=True, help_text="When it is tried next; null while an earlier event of the member is on its way."
    )
    delivered_at = serializers.DateTimeField(allow_null=True, help_text="When it was taken.")
    tried_at = serializers.DateTimeField(allow_null=True, help_text="When it was tried last.")
    took_ms = serializers.IntegerField(allow_null=True, help_text="How long the last try took, in milliseconds.")
    status = serializers.IntegerField(allow_null=True, help_text="Of the answer to the last try.")
    answer = serializers.CharField(allow_blank=True, help_text="How the answer's body began.")
    error_code = serializers.SerializerMethodField(help_text="Why the last try was not taken; null where it was.")
    error = serializers.SerializerMethodField(help_text="The same in words, in the caller's language.")

    class Meta:
        model = Delivery
        fields = (
            "event", "type", "member", "state", "attempts", "queued_at", "due_at", "delivered_at", "tried_at", "took_ms",
            "status", "answer", "error_code", "error",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(choices=[each.value for each in Reason], allow_null=True))
    def get_error_code(self, delivery: Delivery) -> str | None:
        reason = reason_of(delivery)
        return reason.value if reason else None

    def get_error(self, delivery: Delivery) -> str:
        return said_of(delivery)


class DeliveryWithBodyOut(DeliveryOut):
    body = serializers.SerializerMethodField(help_text="What is posted.")

    class Meta:
        model = Delivery
        fields = (*DeliveryOut.Meta.fields, "body")

    @extend_schema_field(serializers.DictField())
    def get_body(self, delivery: Delivery) -> Any:
        return json.loads(body_of(delivery.event))


class ResendIn(Strict):
    queued_from = InstantField(help_text="What was queued then or later.")
    queued_until = InstantField(required=False, help_text="What was queued before then; until now if left out.")


class ResendOut(serializers.Serializer[Any]):
    resent = serializers.IntegerField(help_text="How many are queued again.")
    left = serializers.IntegerField(help_text="How many more there are: ask again.")

"""Messages, preferences and campaigns, as the API says them."""

from typing import Any

from rest_framework import serializers

from customers.api.strict import Strict
from loyalty.campaigns.models import Campaign, Message, Outcome, Receipt
from loyalty.campaigns.models.words import Channel, MessageKind


class MyMessageOut(serializers.ModelSerializer[Message]):
    sent_at = serializers.DateTimeField(source="claimed_at", help_text="When it was put into the inbox.")
    kind = serializers.ChoiceField(choices=MessageKind.choices, help_text="Whether it is of service, or an offer.")
    subject = serializers.CharField(help_text="Its first line.")
    body = serializers.CharField(help_text="Its text; paragraphs are parted by empty lines.")
    button = serializers.CharField(help_text="What its button says; empty where it has none.")
    link = serializers.CharField(help_text="Where the button leads; empty where there is none.")
    read_at = serializers.DateTimeField(help_text="When it was read first; null for not yet.", allow_null=True)

    class Meta:
        model = Message
        fields = ("id", "kind", "subject", "body", "button", "link", "sent_at", "read_at")


class PreferencesOut(serializers.Serializer[Any]):
    zone = serializers.CharField(help_text="In which hours and days are counted.")
    preferred_channel = serializers.CharField(help_text="Empty where none is preferred.")
    quiet_from = serializers.TimeField(
        help_text="Of quiet hours besides the retailer's; null for none.", allow_null=True
    )
    quiet_to = serializers.TimeField(help_text="When its own quiet hours end; null for none.", allow_null=True)
    paused_until = serializers.DateTimeField(help_text="Until then nothing is sent but service.", allow_null=True)
    agreed = serializers.DictField(
        child=serializers.BooleanField(), help_text="By channel, whether messages are agreed to."
    )


class AgreedIn(Strict):
    email = serializers.BooleanField(required=False, help_text="To mails.")
    sms = serializers.BooleanField(required=False, help_text="To SMS.")
    push = serializers.BooleanField(required=False, help_text="To push messages.")


class PreferencesIn(Strict):
    zone = serializers.CharField(required=False, allow_blank=True, max_length=64, help_text="Empty for the retailer's.")
    preferred_channel = serializers.ChoiceField(
        required=False,
        choices=Channel.choices,
        allow_blank=True,
        help_text="By which messages rather come; empty for any.",
    )
    quiet_from = serializers.TimeField(
        required=False, allow_null=True, help_text="Of quiet hours besides the retailer's; null for none."
    )
    quiet_to = serializers.TimeField(required=False, allow_null=True, help_text="When they end; null for none.")
    paused_until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Until then nothing is sent but service; null for no pause."
    )
    agreed = AgreedIn(required=False, help_text="By channel, whether messages are agreed to.")


class MessageReceiptIn(Strict):
    event_id = serializers.CharField(max_length=200, help_text="The provider's own id of it: it is taken once.")
    message = serializers.CharField(
        max_length=200, help_text="Our id of the message, or the one that the provider gave it."
    )
    what = serializers.ChoiceField(choices=Receipt.What.choices, help_text="What became of the message.")
    occurred_at = serializers.DateTimeField(help_text="When it happened.")


class MessageReceiptOut(serializers.Serializer[Any]):
    is_new = serializers.BooleanField(help_text="False where it was told before.")


class CampaignOut(serializers.ModelSerializer[Campaign]):
    program = serializers.CharField(source="program.slug")
    experiment = serializers.CharField(
        source="experiment.code", default=None, allow_null=True, help_text="Whose control gets nothing; null for none."
    )
    version = serializers.IntegerField(
        source="version.number", default=None, allow_null=True, help_text="On which members enter now; null for none."
    )
    trigger = serializers.DictField(source="version.trigger", default=None, allow_null=True, help_text="Who enters.")

    kind = serializers.ChoiceField(
        choices=Campaign.Kind.choices, help_text="Whether it is said once, or to each in time."
    )
    priority = serializers.IntegerField(help_text="Of what competes for a member's attention, the higher goes first.")
    state = serializers.ChoiceField(choices=Campaign.State.choices, help_text="Whether it sends.")

    class Meta:
        model = Campaign
        fields = (
            "code", "name", "program", "kind", "priority", "state", "version", "trigger", "experiment", "starts_at", "ends_at",
            "ended_at",
        )  # fmt: skip


class OutcomeOut(serializers.ModelSerializer[Outcome]):
    occurrence = serializers.CharField(help_text="The fact because of which it was looked at, such as birthday:2026.")
    step = serializers.IntegerField(allow_null=True, help_text="The place of the step, from 0; null for none.")
    reason = serializers.CharField(help_text="Such as no_consent or capped_until_late; empty where it went as planned.")
    rule = serializers.CharField(help_text="Which rule had it wait, or not be sent, such as cap:any_3_per_7_days.")

    what = serializers.ChoiceField(choices=Outcome.What.choices, help_text="What became of it.")
    at = serializers.DateTimeField(help_text="When it was decided.")
    channel = serializers.CharField(help_text="By which it went; empty where it did not.")

    class Meta:
        model = Outcome
        fields = ("at", "occurrence", "step", "what", "reason", "rule", "channel")

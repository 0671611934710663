"""Messages, preferences and campaigns, as the API says them."""

from typing import Any

from rest_framework import serializers

from customers.api.fields import HourField, InstantField
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
        child=serializers.BooleanField(allow_null=True),
        help_text="By channel, whether messages are agreed to; null where nothing was ever said of it.",
    )


class AgreedIn(Strict):
    email = serializers.BooleanField(required=False, allow_null=True, help_text="To mails; null leaves it as it is.")
    sms = serializers.BooleanField(required=False, allow_null=True, help_text="To SMS; null leaves it as it is.")
    push = serializers.BooleanField(
        required=False, allow_null=True, help_text="To push messages; null leaves it as it is."
    )


class PreferencesIn(Strict):
    zone = serializers.CharField(required=False, allow_blank=True, max_length=64, help_text="Empty for the retailer's.")
    preferred_channel = serializers.ChoiceField(
        required=False,
        choices=Channel.choices,
        allow_blank=True,
        help_text="By which messages rather come; empty for any.",
    )
    quiet_from = HourField(
        required=False, allow_null=True, help_text="Of quiet hours besides the retailer's; null for none."
    )
    quiet_to = HourField(required=False, allow_null=True, help_text="When they end; null for none.")
    paused_until = InstantField(
        required=False, allow_null=True, help_text="Until then nothing is sent but service; null for no pause."
    )
    agreed = AgreedIn(required=False, help_text="By channel, whether messages are agreed to: false is a refusal.")


class MessageReceiptIn(Strict):
    event_id = serializers.CharField(max_length=200, help_text="The provider's own id of it: it is taken once.")
    message = serializers.CharField(
        max_length=200, help_text="Our id of the message, or the one that the provider gave it."
    )
    what = serializers.ChoiceField(choices=Receipt.What.choices, help_text="What became of the message.")
    occurred_at = InstantField(help_text="When it happened.")


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


class CampaignFindingOut(serializers.Serializer[Any]):
    severity = serializers.ChoiceField(choices=["error", "warning"], help_text="It cannot be published with an error.")
    code = serializers.CharField(help_text="What is wrong, such as text_missing.")
    place = serializers.CharField(help_text="Where in the document, such as steps/1/texts/email/fr/subject.")
    message = serializers.CharField(help_text="What is wrong and what to do, in the caller's language.")


class CampaignChangeOut(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="Where in the document, such as steps/0/wait.")
    before = serializers.JSONField(allow_null=True, help_text="Null where it was not there.")
    after = serializers.JSONField(allow_null=True, help_text="Null where it is not there any more.")


class CampaignCheckOut(serializers.Serializer[Any]):
    publishable = serializers.BooleanField(help_text="Whether nothing is in the way of publishing it.")
    findings = CampaignFindingOut(many=True, help_text="What is wrong, place by place.")


class CampaignArmOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="Of the experiment's variant.")
    is_control = serializers.BooleanField(help_text="Whether it gets nothing.")
    customers = serializers.IntegerField(help_text="How many of those who enter will be in it.")


class CampaignAudienceOut(serializers.Serializer[Any]):
    is_by_fact = serializers.BooleanField(help_text="Whether what members do brings them, and nobody is looked for.")
    found = serializers.IntegerField(help_text="For whom the trigger holds today.")
    in_a_month = serializers.IntegerField(
        allow_null=True, help_text="How many it finds in a month; null where that is not known before."
    )
    expected = serializers.IntegerField(
        help_text="How many will enter: in a month where that is known, and else today."
    )
    counted = serializers.IntegerField(help_text="How many of them were looked at; of more than 10,000 an even part.")
    enters = serializers.IntegerField(help_text="How many of them enter.")
    not_entered = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many do not, by reason, such as no_consent."
    )
    held_out = serializers.IntegerField(help_text="How many of those who enter are held out by an experiment.")
    unreachable = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="To how many the first message cannot go, by reason, such as no_channel or no_offer.",
    )
    reached = serializers.IntegerField(help_text="How many get the first message.")
    arms = CampaignArmOut(many=True, help_text="Of the campaign's experiment; empty where it has none.")


class CampaignOutlookOut(serializers.Serializer[Any]):
    audience = CampaignAudienceOut(help_text="Whom it finds, and what becomes of them.")
    effect = serializers.DictField(
        allow_null=True,
        help_text="The smallest effect that the experiment can detect: amount, percent and currency, or the reason why "
        "that is not known; null where the campaign has no experiment.",
    )
    needs_confirmation = serializers.BooleanField(
        help_text="Whether an arm has fewer than 100 customers, so that its start has to be confirmed."
    )


class CampaignPlanOut(serializers.Serializer[Any]):
    changes = CampaignChangeOut(many=True, help_text="Against what is in force, or else against the draft.")
    findings = CampaignFindingOut(many=True, help_text="What is wrong, place by place.")
    outlook = CampaignOutlookOut(
        allow_null=True, help_text="Who would enter; null where it cannot be published as it is."
    )


class CampaignAppliedOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Of the campaign.")
    version = serializers.IntegerField(help_text="The number of its draft.")
    revision = serializers.CharField(help_text="Of its draft, for the document with which you change it next.")
    changes = CampaignChangeOut(many=True, help_text="Against what is in force, or else against the draft.")
    findings = CampaignFindingOut(many=True, help_text="What is still in the way of publishing it.")


class ReadyMadeOut(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="By which it is asked for.")
    title = serializers.CharField(help_text="What it is called, in the caller's language.")
    about = serializers.CharField(help_text="What it does, in the caller's language.")
    trigger = serializers.DictField(source="content.trigger", help_text="Who enters.")


class ReadyMadeIn(Strict):
    program = serializers.SlugField(help_text="The slug of the program that it is for.")
    code = serializers.SlugField(
        required=False,
        max_length=50,
        default="",
        allow_blank=True,
        help_text="Of the campaign; its own name if left out.",
    )


class CampaignStartIn(Strict):
    confirms_few = serializers.BooleanField(
        required=False, default=False, help_text="That it shall start although an arm has fewer than 100 customers."
    )


class CampaignStartOut(serializers.Serializer[Any]):
    campaign = CampaignOut(help_text="As it is now.")
    outlook = CampaignOutlookOut(help_text="What was known of it when it started.")


class CampaignMovesOut(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="The number of the version in force.")
    moved = serializers.IntegerField(help_text="How many go on with it, behind as many messages as they have had.")
    completed = serializers.IntegerField(help_text="How many of them have had all that it says, and are through.")
    at_once = serializers.IntegerField(help_text="How many of them are to hear its next message now.")
    stay = serializers.IntegerField(help_text="How many stay on their version, which something else begins.")

"""Referrals as the API says them: to members in plain words, to shops with all that is suspicious."""

from typing import Any

from rest_framework import serializers

from customers.api.fields import ExactField, InstantField
from customers.api.strict import Strict
from loyalty.referrals.models import Referral, ReferralSignal
from loyalty.referrals.overview import STATES

MAX_SIGNAL = 500


class OfferOut(serializers.Serializer[Any]):
    advocate_points = serializers.IntegerField(help_text="For who refers.")
    friend_points = serializers.IntegerField(help_text="For the friend.")
    wallet = serializers.SlugField()
    minimum_amount = ExactField(help_text="Of the friend's order, in the retailer's currency.")
    first_order_only = serializers.BooleanField()
    window_days = serializers.IntegerField(help_text="From the claim, within which the order is to come; 0 for no end.")
    waiting_days = serializers.IntegerField(help_text="For which both rewards are pending.")


class FriendOut(serializers.Serializer[Any]):
    initial = serializers.CharField(allow_blank=True, help_text="Of the friend's first name.")
    state = serializers.ChoiceField(choices=STATES)
    words = serializers.CharField(help_text="The state, in the caller's language.")
    claimed_at = serializers.DateTimeField()
    points = serializers.IntegerField(help_text="Of the reward, pending or paid; 0 for none.")
    wallet = serializers.CharField(allow_blank=True, help_text="Where they go; empty for none.")
    pending_until = serializers.DateTimeField(allow_null=True)


class CountsOut(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()
    checking = serializers.IntegerField()
    pending = serializers.IntegerField()
    rewarded = serializers.IntegerField()
    no_reward = serializers.IntegerField()
    ended = serializers.IntegerField()


class ReferralsOut(serializers.Serializer[Any]):
    program = serializers.CharField(source="membership.program.slug")
    member_number = serializers.CharField(source="membership.number")
    code = serializers.CharField(
        allow_blank=True,
        help_text="The member's own; a friend may use it as the promotion code of its first order. Empty where none is offered.",
    )
    link = serializers.CharField(allow_blank=True, help_text="To share; empty where the program names no address.")
    offer = OfferOut(source="rules", allow_null=True, help_text="What is promised now; null for nothing.")
    friends = CountsOut(source="counts", help_text="How many, by state.")
    mine = FriendOut(allow_null=True, help_text="The referral by which the member itself came.")


class ReferralCodeIn(Strict):
    code = serializers.CharField(max_length=40, help_text="Of who referred the member, however it is typed.")


class SignalsIn(Strict):
    device = serializers.CharField(max_length=MAX_SIGNAL, required=False, default="", allow_blank=True)
    address = serializers.CharField(
        max_length=MAX_SIGNAL,
        required=False,
        default="",
        allow_blank=True,
        help_text="The postal address, on one line.",
    )
    ip = serializers.IPAddressField(required=False, default="")
    payment = serializers.CharField(
        max_length=MAX_SIGNAL,
        required=False,
        default="",
        allow_blank=True,
        help_text="A card's fingerprint or the like.",
    )


class ReferralClaimIn(ReferralCodeIn):
    claimed_at = InstantField(required=False, help_text="Where it is told later; now if left out.")
    signals = SignalsIn(required=False, help_text="What you know of the friend. Digests of it are kept.")


class ReviewIn(Strict):
    approve = serializers.BooleanField()
    author = serializers.CharField(max_length=150, help_text="Who decided.")
    note = serializers.CharField(max_length=500, help_text="Why, for your own staff.")


class SuspicionOut(serializers.Serializer[Any]):
    code = serializers.CharField()
    score = serializers.IntegerField()
    count = serializers.IntegerField(required=False)


class ReferralOut(serializers.ModelSerializer[Referral]):
    program = serializers.CharField(source="program.slug")
    advocate = serializers.CharField(source="advocate.number", help_text="Member number of who referred.")
    friend = serializers.CharField(source="friend.number", help_text="Member number of the friend.")
    suspicions = SuspicionOut(many=True)
    order = serializers.CharField(source="order.number", allow_null=True, default=None, help_text="That earns it.")

    class Meta:
        model = Referral
        fields = (
            "id", "program", "advocate", "friend", "code", "channel", "status", "reason", "score", "suspicions",
            "claimed_at", "order", "earned_at", "pending_until", "reviewed_by", "review_note", "reviewed_at",
        )  # fmt: skip


class MyClaimOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    code = serializers.CharField()
    mine = FriendOut()


class NotedOut(serializers.Serializer[Any]):
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=ReferralSignal.Kind.choices), help_text="Of which digests are kept."
    )

"""Offers: those of a shopper, of a member at the till, and what retailers' systems read of them and give."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import customer_of, retailer_of, the_one
from customers.api.pagination import NewestFirst
from customers.api.strict import Strict
from customers.core.money import to_unit
from loyalty.activity.api.asking import NotThere, listed, member_of
from loyalty.activity.api.member import shopper
from loyalty.activity.api.rewards import ReceiptOut, receipt_answer
from loyalty.campaigns.models import Offer, OfferGrant, OfferRefusal
from loyalty.campaigns.offering.granting import Ask, grant_offer
from loyalty.campaigns.offering.reading import (
    OfferFigures,
    figures_of,
    offers_of,
    offers_of_member,
    rewards_of_grants,
    status_of,
)
from loyalty.campaigns.offering.steps import OF_A_STEP
from loyalty.campaigns.offering.taking import decline_offer, take_offer
from loyalty.rewards.models import Reward


class NoSuchOffer(NotThere):
    message = _("There is no offer “{code}”. There are: {known}.")


class NoSuchGrant(NotThere):
    message = _("There is no offer {id} of this member. The list of its offers has the ids of those that there are.")


class GivenOfferOut(serializers.Serializer[Any]):
    """An offer that a member was given."""

    id = serializers.UUIDField(required=False, help_text="Left out in a dry run.")
    offer = serializers.CharField(help_text="Its code.")
    name = serializers.CharField(help_text="In the caller's language.")
    reward = serializers.CharField(help_text="What it is, in the caller's language.")
    kind = serializers.CharField(help_text="Of the reward: amount_off, percent_off, product, voucher or experience.")
    amount = serializers.CharField(allow_null=True, help_text="That it takes off; null where it takes none off.")
    percent = serializers.CharField(allow_null=True, help_text="That it takes off; null where it takes none off.")
    status = serializers.CharField(
        help_text="granted, declined, expired or withdrawn; once it is taken, the status of its reward: issued, used and so on."
    )
    granted_at = serializers.DateTimeField(help_text="Since when it is the member's.")
    expires_at = serializers.DateTimeField(help_text="With which instant it ends, taken or not.")
    redemption = serializers.UUIDField(allow_null=True, help_text="The redeemed reward, once it is taken; null before.")


class OfferBudgetOut(serializers.Serializer[Any]):
    limit = serializers.CharField(help_text="What the offer may cost in all.")
    reserved = serializers.CharField(help_text="For what members have and have not used.")
    spent = serializers.CharField(help_text="What was used has cost.")
    free = serializers.CharField(help_text="What is left for others.")


class CampaignOfferOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Of the offer.")
    name = serializers.CharField(help_text="In the caller's language.")
    program = serializers.CharField(help_text="Of whose members it is.")
    state = serializers.ChoiceField(choices=Offer.State.choices, help_text="Whether it is given.")
    slot = serializers.CharField(help_text="Of offers with the same slot a member has one at a time; empty for none.")
    priority = serializers.IntegerField(help_text="In its slot, the higher goes first.")
    expected_margin = serializers.CharField(
        allow_null=True,
        help_text="What it brings for each member that it is meant for, less its cost, as the experiment of its campaign found; "
        "null where none did. In its slot the one that brings most goes first, where that is known of all.",
    )
    expected_as_of = serializers.DateTimeField(allow_null=True, help_text="When that was found; null for never.")
    hold_out = serializers.CharField(
        allow_null=True, help_text="The experiment whose control does not get it; null for none."
    )
    found_in = serializers.CharField(
        allow_null=True, help_text="The experiment from whose report of depths it was drawn up; null for none."
    )
    found_look = serializers.IntegerField(allow_null=True, help_text="The id of that report's look; null for none.")
    first_day = serializers.DateField(allow_null=True, help_text="From which it is given; null for at once.")
    last_day = serializers.DateField(allow_null=True, help_text="Through which it is given and used; null for ever.")
    currency = serializers.CharField(help_text="Of its amounts.")
    budget = OfferBudgetOut(help_text="What it may cost, and what of that is taken.")
    granted = serializers.IntegerField(help_text="How often it was given.")
    taken = serializers.IntegerField(help_text="How many of those members redeemed.")
    used = serializers.IntegerField(help_text="How many of those were used.")
    declined = serializers.IntegerField(help_text="How many were given back.")
    expired = serializers.IntegerField(help_text="How many ended unused.")
    excluded = serializers.IntegerField(help_text="To how many customers it was not given because they are excluded.")
    not_reserved = serializers.CharField(help_text="What would have been reserved for those, at most.")
    expected_loss_avoided = serializers.CharField(
        allow_null=True, help_text="What those would have cost, by what others did; null while fewer than 30 are over."
    )
    refused = serializers.DictField(
        child=serializers.IntegerField(), help_text="To how many customers it was not given, by the reason."
    )


class OfferGrantIn(Strict):
    customer = serializers.CharField(max_length=100, help_text="Your id of the customer.")
    because = serializers.CharField(
        max_length=150, help_text="The fact, such as complaint:4711: for the same one it is given once."
    )

    def validate_because(self, said: str) -> str:
        """Refuse what stands for a step of a campaign, which asks by itself."""
        if said.startswith(OF_A_STEP):
            words = _("“%(word)s” begins the facts of campaigns' steps. Begin yours with another word.")
            raise serializers.ValidationError(words % {"word": OF_A_STEP}, code="reserved")
        return said


class GrantingOut(serializers.Serializer[Any]):
    granted = serializers.BooleanField(
        help_text="Whether it was given, now or for the same fact before; its status says what became of it since."
    )
    is_new = serializers.BooleanField(help_text="False where it was given for the same fact before.")
    reason = serializers.ChoiceField(
        choices=["", *OfferRefusal.Reason.values], help_text="Why it was not given, as a code; empty where it was."
    )
    rule = serializers.CharField(
        help_text="Such as the segment, or the offer of the slot that the member has; or empty."
    )
    offer = GivenOfferOut(
        allow_null=True,
        help_text="What was given: of a slot, what goes first, or what the excluded get; null for nothing.",
    )


def _given(*grants: OfferGrant) -> list[dict[str, Any]]:
    rewards, now = rewards_of_grants(grants), timezone.now()
    return [_one(grant, rewards[grant.pk], now) for grant in grants]


def _one(grant: OfferGrant, reward: Reward, now: datetime) -> dict[str, Any]:
    takes_off = reward.value if reward.kind == reward.Kind.AMOUNT_OFF else None
    return {
        "id": grant.pk, "offer": grant.offer.code, "name": str(grant.offer), "reward": str(reward), "kind": reward.kind,
        "amount": _amount(takes_off, grant.offer.program.retailer.currency),
        "percent": None if reward.percent is None else f"{reward.percent:f}", "status": status_of(grant, at=now),
        "granted_at": grant.granted_at, "expires_at": grant.expires_at, "redemption": grant.redemption_id,
    }  # fmt: skip


def _offer(offer: Offer, found: OfferFigures) -> dict[str, Any]:
    currency, money = offer.retailer.currency, ("limit", "reserved", "spent", "free")
    counts = ("granted", "taken", "used", "declined", "expired", "excluded", "refused")
    return {
        "code": offer.code, "name": str(offer), "program": offer.program.slug, "state": offer.state, "slot": offer.slot,
        "priority": offer.priority, "expected_margin": _amount(offer.expected_margin, currency),
        "hold_out": offer.hold_out and offer.hold_out.code, "found_in": offer.found_in and offer.found_in.code,
        "found_look": offer.found_look,
        "expected_as_of": offer.expected_as_of, "first_day": offer.first_day, "last_day": offer.last_day, "currency": currency,
        "budget": {name: _amount(getattr(found, name), currency) for name in money},
        "not_reserved": _amount(found.not_reserved, currency),
        "expected_loss_avoided": _amount(found.expected_loss_avoided, currency),
        **{name: getattr(found, name) for name in counts},
    }  # fmt: skip


def offer_out(offer: Offer) -> dict[str, Any]:
    """Return an offer as systems are told it."""
    return _offer(offer, figures_of(offer)[offer.pk])


def _amount(amount: Decimal | None, currency: str) -> str | None:
    """Return an amount in the decimals of its currency."""
    return None if amount is None else f"{to_unit(amount, currency):f}"


class GrantPages(NewestFirst):
    ordering = "-granted_at"


class _GivenView(AskedView, ListAPIView[OfferGrant]):
    serializer_class = GivenOfferOut
    pagination_class = GrantPages

    def get_serializer(self, rows: Any = None, **given: Any) -> Any:
        return GivenOfferOut(_given(*rows or ()), **given)


class MyOffersView(_GivenView):
    def get_queryset(self) -> QuerySet[OfferGrant]:
        if getattr(self, "swagger_fake_view", False):
            return OfferGrant.objects.none()
        return offers_of(shopper(self.request))

    @extend_schema(tags=["me"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """List the offers that I was given, the newest first, with what became of them."""
        return super().get(request, *given, **named)


class MyOfferTakeView(AskedView):
    ids = ("id", "code")
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses={200: ReceiptOut, 201: ReceiptOut}, tags=["me"])
    def post(self, request: Request, offer_id: UUID) -> Response:
        """Take an offer of mine: its reward is redeemed without points; again it changes nothing."""
        grant = _grant(offers_of(shopper(request)), offer_id)
        with all_or_dry(request):
            receipt = take_offer(grant, now=timezone.now())
        return receipt_answer(receipt)


class MyOfferDeclineView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=GivenOfferOut, tags=["me"])
    def post(self, request: Request, offer_id: UUID) -> Response:
        """Give an offer back that I do not want, as long as I have not used it; again it changes nothing."""
        rows = offers_of(shopper(request))
        with all_or_dry(request):
            decline_offer(_grant(rows, offer_id), now=timezone.now())
            body = GivenOfferOut(_given(rows.get(pk=offer_id))[0]).data
        return Response(body)


def _grant(rows: QuerySet[OfferGrant], key: UUID) -> OfferGrant:
    return the_one(rows.filter(pk=key), lambda: NoSuchGrant(id=key))


class MemberOffersView(_GivenView):
    scopes: ClassVar = {"GET": "members:read"}

    def get_queryset(self) -> QuerySet[OfferGrant]:
        if getattr(self, "swagger_fake_view", False):
            return OfferGrant.objects.none()
        return offers_of_member(member_of(self.request, self.kwargs["number"]))

    @extend_schema(tags=["offers"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """List the offers that a member was given, the newest first."""
        return super().get(request, *given, **named)


class MemberOfferTakeView(AskedView):
    ids = ("id", "code")
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses={200: ReceiptOut, 201: ReceiptOut}, tags=["offers"])
    def post(self, request: Request, number: str, offer_id: UUID) -> Response:
        """Take an offer for a member, at the till; hold and confirm its voucher then, as that of any reward."""
        grant = _grant(offers_of_member(member_of(request, number)), offer_id)
        with all_or_dry(request):
            receipt = take_offer(grant, now=timezone.now())
        return receipt_answer(receipt)


def _offers(request: Request) -> QuerySet[Offer]:
    return Offer.objects.filter(retailer=retailer_of(request)).select_related(
        "program", "retailer", "budget", "instead", "hold_out", "found_in"
    )


def offer_named(request: Request, code: str) -> Offer:
    """Return one of the caller's offers. :raises NoSuchOffer: naming those that there are"""
    rows = _offers(request)
    known = rows.order_by("code").values_list("code", flat=True)
    return the_one(rows.filter(code=code), lambda: NoSuchOffer(code=code, known=listed(known)))


class OffersView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=CampaignOfferOut(many=True), tags=["offers"])
    def get(self, request: Request) -> Response:
        """List offers with their budgets and what became of them, the newest first."""
        rows = list(_offers(request).order_by("-created_at", "-pk"))
        found = figures_of(*rows)
        return Response(CampaignOfferOut([_offer(row, found[row.pk]) for row in rows], many=True).data)


class OfferView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=CampaignOfferOut, tags=["offers"])
    def get(self, request: Request, code: str) -> Response:
        """Return an offer with its budget and what became of it."""
        return Response(CampaignOfferOut(offer_out(offer_named(request, code))).data)


class OfferGrantsView(AskedView):
    scopes: ClassVar = {"POST": "points:adjust"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=OfferGrantIn, responses={200: GrantingOut, 201: GrantingOut}, tags=["offers"])
    def post(self, request: Request, code: str) -> Response:
        """Give a member an offer, if it is for it and the budget has room; for the same fact once."""
        given = OfferGrantIn(data=request.data)
        given.is_valid(raise_exception=True)
        offer, customer = offer_named(request, code), customer_of(request, given.validated_data["customer"])
        ask = Ask(customer.pk, given.validated_data["because"])
        with all_or_dry(request):
            found = grant_offer(offer, [ask], now=timezone.now())[ask]
            row = offers_of(customer).get(pk=found.grant_id) if found.grant_id else None
            body = {
                "granted": row is not None,
                "is_new": found.is_new and row is not None,
                "reason": found.refusal.reason if found.refusal else "",
                "rule": found.refusal.rule if found.refusal else "",
                "offer": None if row is None else _given(row)[0],
            }
        made = body["is_new"]
        return Response(GrantingOut(body).data, status=status.HTTP_201_CREATED if made else status.HTTP_200_OK)

    def _without_ids(self, said: dict[str, Any]) -> dict[str, Any]:
        """Leave out the id of what would be given as well."""
        offer = said.get("offer")
        return super()._without_ids(said) | {"offer": offer and super()._without_ids(offer)}

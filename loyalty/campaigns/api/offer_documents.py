"""Offers as documents, and their start, for retailers' tools."""

from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.callers import retailer_of
from customers.core.money import to_unit
from loyalty.activity.api.documents import DOCUMENT, FORMAT
from loyalty.campaigns.api.documents import BODY, OfDocument, finding_out, told, written
from loyalty.campaigns.api.offers import CampaignOfferOut, offer_named, offer_out
from loyalty.campaigns.api.serializers import CampaignChangeOut, CampaignFindingOut
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.checking import schema
from loyalty.campaigns.offering.documents import Said, check, room_of, say, written_out
from loyalty.campaigns.offering.managing import start


class OfferFindingOut(CampaignFindingOut):
    severity = serializers.ChoiceField(choices=["error"], help_text="It cannot start with an error.")
    code = serializers.CharField(help_text="What is wrong, such as unknown_tier.")
    place = serializers.CharField(help_text="Where in the document, such as tiers/0.")


class OfferChangeOut(CampaignChangeOut):
    path = serializers.CharField(help_text="Where in the document, such as budget.")


class OfferCheckOut(serializers.Serializer[Any]):
    can_start = serializers.BooleanField(help_text="Whether nothing is in the way of starting it.")
    findings = OfferFindingOut(many=True, help_text="What is wrong, place by place.")


class OfferRoomOut(serializers.Serializer[Any]):
    reserves = serializers.CharField(help_text="What one that is given reserves at most.")
    times = serializers.IntegerField(help_text="How often it can be given with what is free, at least.")
    currency = serializers.CharField(help_text="Of the amount.")


class OfferPlanOut(serializers.Serializer[Any]):
    changes = OfferChangeOut(many=True, help_text="Against what is there; all of it where nothing is.")
    findings = OfferFindingOut(many=True, help_text="What would be in the way of starting it.")
    room = OfferRoomOut(
        allow_null=True,
        help_text="How far its budget goes; null where nobody knows what one costs, or it costs nothing.",
    )


class OfferAppliedOut(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Of the offer.")
    state = serializers.ChoiceField(choices=Offer.State.choices, help_text="Whether it is given: a new one is a draft.")
    revision = serializers.CharField(help_text="Of the document as it is now, for the next change.")
    changes = OfferChangeOut(many=True, help_text="Against what was there; all of it where nothing was.")
    findings = OfferFindingOut(many=True, help_text="What is still in the way of starting it.")


class OfferSchemaView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses={(200, "application/schema+json"): OpenApiTypes.OBJECT}, tags=["offers"])
    def get(self, _request: Request) -> Response:
        """Return the JSON Schema of an offer's document."""
        return Response(schema(), content_type="application/schema+json")


class OfferDocumentView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(parameters=[FORMAT], responses=DOCUMENT, tags=["offers"])
    def get(self, request: Request, code: str) -> Response | HttpResponse:
        """Return an offer as one document, as JSON or YAML, with its revision."""
        return written(request, written_out(offer_named(request, code)))


class OfferCheckView(OfDocument):
    scopes: ClassVar = {"POST": "program:read"}

    @extend_schema(request=BODY, responses=OfferCheckOut, tags=["offers"])
    def post(self, request: Request) -> Response:
        """Say what is wrong with an offer's document, place by place; nothing is kept."""
        found = check(retailer_of(request), request.data, now=timezone.now())
        return Response(OfferCheckOut({"can_start": not found, "findings": map(finding_out, found)}).data)


class OfferPlanView(OfDocument):
    scopes: ClassVar = {"POST": "program:read"}

    @extend_schema(request=BODY, responses=OfferPlanOut, tags=["offers"])
    def post(self, request: Request) -> Response:
        """Say what an offer's document would change, and how far its budget goes; nothing is kept."""
        with transaction.atomic():
            found = _said(request)
            body = OfferPlanOut({**told(found.changes, found.findings), "room": _room(found.offer)}).data
            transaction.set_rollback(True)
        return Response(body)


class OfferApplyView(OfDocument):
    scopes: ClassVar = {"POST": "program:write"}

    @extend_schema(request=BODY, responses=OfferAppliedOut, tags=["offers"])
    def post(self, request: Request) -> Response:
        """Make a draft of an offer's document, or change the one with its code; of what is given, the budget alone."""
        found = _said(request)
        about = {
            "code": found.offer.code, "state": found.offer.state, "revision": written_out(found.offer)["revision"],
        }  # fmt: skip
        return Response(OfferAppliedOut({**about, **told(found.changes, found.findings)}).data)


class OfferStartView(AskedView):
    scopes: ClassVar = {"POST": "program:publish"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=CampaignOfferOut, tags=["offers"])
    def post(self, request: Request, code: str) -> Response:
        """Start an offer: it is given from now on, and can be changed no more but for its budget."""
        with all_or_dry(request):
            start(offer_named(request, code), now=timezone.now())
            body = CampaignOfferOut(offer_out(offer_named(request, code))).data
        return Response(body)


def _said(request: Request) -> Said:
    return say(retailer_of(request), request.data, now=timezone.now())


def _room(offer: Offer) -> dict[str, Any] | None:
    found, currency = room_of(offer, now=timezone.now()), offer.retailer.currency
    if found is None:
        return None
    return {"reserves": f"{to_unit(found.reserves, currency):f}", "times": found.times, "currency": currency}

"""What is held on a person, for the person itself and for the retailer's systems: all of it, and the end of it."""

from dataclasses import asdict
from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, asked_for
from customers.api.callers import retailer_of
from customers.api.strict import Strict
from customers.models import Customer, Erasure
from customers.packing import as_zip
from customers.privacy import REASON_LENGTH, Erased, erase, export, find
from loyalty.activity.api.member import shopper

CONFIRMED = "erase"
FILE = {"Content-Disposition": 'attachment; filename="data.zip"', "Cache-Control": "no-store"}
PRIVATE = {"Cache-Control": "no-store"}


class SectionOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField(help_text="In the person's language.")
    rows = serializers.ListField(child=serializers.DictField())


class ExportOut(serializers.Serializer[Any]):
    retailer = serializers.CharField()
    customer = serializers.CharField(help_text="The retailer's id.")
    made_at = serializers.DateTimeField()
    language = serializers.CharField()
    sections = SectionOut(many=True)


class ConfirmedIn(Strict):
    confirm = serializers.ChoiceField(
        choices=[CONFIRMED], required=False, help_text="Say `erase`; a dry run needs it not."
    )


class ReasonIn(Strict):
    reason = serializers.CharField(
        max_length=REASON_LENGTH, help_text="On whose word, without the person's name: it is kept."
    )


class LostMembershipOut(serializers.Serializer[Any]):
    program = serializers.CharField()
    member_number = serializers.CharField()
    points = serializers.DictField(child=serializers.IntegerField(), help_text="That could be spent, by wallet.")
    pending = serializers.DictField(child=serializers.IntegerField())
    tier = serializers.CharField(allow_blank=True)
    holds = serializers.IntegerField()
    rewards = serializers.IntegerField(help_text="Not used yet.")
    plan = serializers.CharField(allow_blank=True)


class ErasedOut(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["erased"])
    orders = serializers.IntegerField(help_text="That stay in the books, of nobody.")
    interactions = serializers.IntegerField()
    memberships = LostMembershipOut(
        many=True, help_text="What cannot be used any more; empty in the answer to the act."
    )


class MyExportView(AskedView):
    @extend_schema(responses=ExportOut, tags=["me"])
    def get(self, request: Request) -> Response:
        """Return all that is held on me."""
        return Response(export(shopper(request), now=timezone.now()), headers=PRIVATE)


class MyExportFileView(AskedView):
    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, tags=["me"])
    def get(self, request: Request) -> HttpResponse:
        """Return all that is held on me as a ZIP of JSON and CSV files."""
        return _file(shopper(request))


class MyErasureView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ConfirmedIn, responses={200: ErasedOut}, tags=["me"])
    def post(self, request: Request) -> Response:
        """
        Erase me: nothing leads to me any more, and what I have cannot be used. With `dry_run` tell what that is.

        This cannot be undone, and ends the token of the request.
        """
        given = ConfirmedIn(data=request.data)
        given.is_valid(raise_exception=True)
        dry_run = asked_for(request, "dry_run")
        if not dry_run and given.validated_data.get("confirm") != CONFIRMED:
            words = _("Say “erase” in confirm; this cannot be undone. Nothing was done.")
            raise serializers.ValidationError({"confirm": [words]}, code="not_confirmed")
        who = shopper(request)
        return _answer(
            erase(who, asked_by=Erasure.AskedBy.PERSON, reason="api", now=timezone.now(), dry_run=dry_run),
            dry_run=dry_run,
        )


class ExportView(AskedView):
    scopes: ClassVar = {"GET": "customers:privacy"}

    @extend_schema(responses=ExportOut, tags=["customers"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return all that is held on a customer."""
        return Response(export(find(retailer_of(request), external_id), now=timezone.now()), headers=PRIVATE)


class ExportFileView(AskedView):
    scopes: ClassVar = {"GET": "customers:privacy"}

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY}, tags=["customers"])
    def get(self, request: Request, external_id: str) -> HttpResponse:
        """Return all that is held on a customer as a ZIP of JSON and CSV files."""
        return _file(find(retailer_of(request), external_id))


class ErasureView(AskedView):
    scopes: ClassVar = {"POST": "customers:privacy"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ReasonIn, responses={200: ErasedOut}, tags=["customers"])
    def post(self, request: Request, external_id: str) -> Response:
        """
        Erase a customer: orders and points stay in the books, and lead to nobody. With `dry_run` tell what is lost.

        This cannot be undone. The id is free afterwards: who is reported under it is somebody new.
        """
        given = ReasonIn(data=request.data)
        given.is_valid(raise_exception=True)
        customer, dry_run = find(retailer_of(request), external_id), asked_for(request, "dry_run")
        reason: str = given.validated_data["reason"]
        return _answer(
            erase(customer, asked_by=Erasure.AskedBy.RETAILER, reason=reason, now=timezone.now(), dry_run=dry_run),
            dry_run=dry_run,
        )


def _file(customer: Customer) -> HttpResponse:
    document = export(customer, now=timezone.now())
    return HttpResponse(as_zip(document), content_type="application/zip", headers=FILE)


def _answer(erased: Erased, *, dry_run: bool) -> Response:
    """Return what became of a person; once it is erased, without its numbers: answers are kept for requests that come again."""
    said = asdict(erased)
    body = {"status": "erased", "orders": said["orders"], "interactions": said["interactions"]}
    memberships = said["lost"].get("memberships", []) if dry_run else []
    return Response(ErasedOut(body | {"memberships": memberships}).data)

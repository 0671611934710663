"""What causes were given: for a shop's page, and for the app of a member; of nobody alone."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import AskedView
from customers.core.images import address_of
from customers.core.languages import own_text
from customers.core.money import to_unit
from loyalty.activity.api.asking import program_of, site_of
from loyalty.activity.api.member import memberships_of
from loyalty.programs.models import Program
from loyalty.rewards.causes import CauseTotal, totals_of


class CauseOut(serializers.Serializer[Any]):
    """A cause to which members give their points, and what it was given by all of them."""

    program = serializers.CharField(help_text="Whose members give to it.")
    code = serializers.CharField(help_text="Of the reward by which they give.")
    name = serializers.CharField(help_text="In the caller's language.")
    description = serializers.CharField(help_text="In the caller's language; may be empty.")
    image = serializers.CharField(help_text="Its address; empty where there is none.")
    is_open = serializers.BooleanField(help_text="Whether members can give to it now.")
    currency = serializers.CharField(help_text="Of the amounts.")
    total = serializers.CharField(help_text="What it was given in all; what was taken back is not in it.")
    given = serializers.CharField(help_text="Of that, by members.")
    matched = serializers.CharField(help_text="Of that, added by the retailer.")
    match_left = serializers.CharField(
        allow_null=True, help_text="What the retailer still adds; null where it adds nothing."
    )
    paid_out = serializers.CharField(help_text="Of the total, what the cause has received.")
    donors = serializers.IntegerField(
        allow_null=True, help_text="How many members gave; null for fewer than 5, so that nobody is found out."
    )


def _shown(request: Request, program: Program) -> Iterable[dict[str, Any]]:
    for each in totals_of(program, at=timezone.now()):
        yield _one(each, program, site_of(request))


def _one(cause: CauseTotal, program: Program, site: str) -> dict[str, Any]:
    currency, row = program.retailer.currency, cause.reward

    def said(amount: Decimal) -> str:
        return f"{to_unit(amount, currency):f}"

    money = ("total", "given", "matched", "paid_out")
    return {
        "program": program.slug, "code": row.code, "name": str(row), "description": own_text(row, "description"),
        "image": address_of(row.image, site), "is_open": cause.is_open, "currency": currency,
        **{name: said(getattr(cause, name)) for name in money},
        "match_left": None if cause.match_left is None else said(cause.match_left), "donors": cause.donors,
    }  # fmt: skip


class CausesView(AskedView):
    scopes: ClassVar = {"GET": "program:read"}

    @extend_schema(responses=CauseOut(many=True), tags=["rewards"])
    def get(self, request: Request, slug: str) -> Response:
        """Return what each cause of a program was given by all its members, for all to see."""
        return Response(CauseOut(list(_shown(request, program_of(request, slug))), many=True).data)


class MyCausesView(AskedView):
    @extend_schema(responses=CauseOut(many=True), tags=["me"])
    def get(self, request: Request) -> Response:
        """Return what each cause to which I can give was given by all of us."""
        mine = [each.program for each in memberships_of(request) if each.left_at is None]
        return Response(CauseOut([said for program in mine for said in _shown(request, program)], many=True).data)

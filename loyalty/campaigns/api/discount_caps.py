"""How many discounts a program's members are given at most, for retailers' systems."""

from typing import Any, ClassVar

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.api.callers import author_of
from customers.api.strict import Strict
from loyalty.activity.api.asking import program_of
from loyalty.campaigns.models import DiscountCap as DiscountCapRow
from loyalty.campaigns.models.offer import MAX_DISCOUNT_DAYS
from loyalty.campaigns.offering.discounts import set_caps
from loyalty.campaigns.rules.discounts import DiscountCap
from loyalty.programs.models import Program

MAX_CAPS, MAX_LIMIT = 10, 1_000


class DiscountCapIn(Strict):
    limit = serializers.IntegerField(min_value=1, max_value=MAX_LIMIT, help_text="At most so many discounts.")
    days = serializers.IntegerField(
        min_value=1, max_value=MAX_DISCOUNT_DAYS, help_text="In so many of the member's own last days, today included."
    )


class DiscountCapsIn(Strict):
    caps = serializers.ListField(
        child=DiscountCapIn(), max_length=MAX_CAPS, help_text="All that are to be there; none for no cap."
    )

    def validate_caps(self, said: list[dict[str, int]]) -> list[dict[str, int]]:
        """Refuse two caps of the same days: one of them would say nothing."""
        if len({cap["days"] for cap in said}) < len(said):
            raise serializers.ValidationError(_("Say one cap for each number of days."), code="said_twice")
        return said


class DiscountCapOut(serializers.Serializer[Any]):
    limit = serializers.IntegerField(help_text="At most so many discounts: what takes an amount or a percentage off.")
    days = serializers.IntegerField(help_text="In so many of the member's own last days, today included.")
    set_by = serializers.CharField(allow_blank=True, help_text="Who set it; empty where it was not noted.")
    set_at = serializers.DateTimeField(allow_null=True, help_text="When; null where it was not noted.")


class DiscountCapsOut(serializers.Serializer[Any]):
    program = serializers.CharField(help_text="Of whose members.")
    caps = DiscountCapOut(many=True, help_text="The shortest time first; all of them hold.")


class DiscountCapsView(AskedView):
    scopes: ClassVar = {"GET": "program:read", "PUT": "program:publish"}
    switches: ClassVar = {"PUT": (DRY_RUN,)}

    @extend_schema(responses=DiscountCapsOut, tags=["offers"])
    def get(self, request: Request, slug: str) -> Response:
        """Say how many discounts members of a program are given at most, by whatever offers."""
        return Response(_said(program_of(request, slug)))

    @extend_schema(request=DiscountCapsIn, responses=DiscountCapsOut, tags=["offers"])
    def put(self, request: Request, slug: str) -> Response:
        """Cap how many discounts members of a program are given; what they were given before counts."""
        program = program_of(request, slug)
        caps = [DiscountCap(**cap) for cap in said_in(DiscountCapsIn, request)["caps"]]
        with all_or_dry(request):
            set_caps(program, caps, author=author_of(request), now=timezone.now())
            body = _said(program)
        return Response(body)


def _said(program: Program) -> Any:
    caps = DiscountCapRow.objects.in_force().filter(program=program).order_by("days")
    return DiscountCapsOut({"program": program.slug, "caps": caps}).data

"""Members, found by what a till or a support desk knows of them, and what is theirs: memberships, redemptions, holds."""

import re
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import BigIntegerField, OuterRef, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import AskedView
from customers.api.callers import customer_of, retailer_of, the_one
from customers.api.listing import Listing
from customers.core.made_up import MadeUp
from customers.models import Customer
from loyalty.activity.api.asking import NotThere, member_of, program_of
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Hold, Movement
from loyalty.points.states import State

NO_DIGITS = re.compile(r"\D")


class MemberQuery(serializers.Serializer[Any]):
    program = serializers.SlugField(required=False, help_text="Of this program.")
    customer = serializers.CharField(required=False, max_length=100, help_text="This one, by your own id.")
    email = serializers.CharField(required=False, max_length=254, help_text="In capital or small letters.")
    phone = serializers.CharField(
        required=False,
        max_length=32,
        help_text="Whole, however it is written; without a country’s code it is of your own country.",
    )
    card = serializers.CharField(
        required=False, max_length=40, help_text="The member number as on the card, with or without blanks."
    )
    is_member = serializers.BooleanField(
        required=False, default=None, allow_null=True, help_text="Who is one now, or who has left."
    )


class FoundMemberOut(serializers.Serializer[Any]):
    member_number = serializers.CharField(source="number")
    program = serializers.CharField(source="program.slug")
    customer = serializers.CharField(source="customer.external_id", help_text="Your own id.")
    first_name = serializers.CharField(source="customer.first_name", allow_blank=True)
    last_name = serializers.CharField(source="customer.last_name", allow_blank=True)
    enrolled_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True, help_text="When it left; null for a member.")


class MembersView(Listing):
    scopes: ClassVar = {"GET": "members:read"}
    model = Membership
    serializer_class = FoundMemberOut
    filters = MemberQuery

    def rows(self, asked: dict[str, Any]) -> QuerySet[Membership]:
        retailer = retailer_of(self.request)
        members = Membership.objects.filter(retailer=retailer, merged_into=None)
        if "card" in asked:
            members = members.numbered(retailer.pk, NO_DIGITS.sub("", asked["card"]))
        if "program" in asked:
            members = members.filter(program=program_of(self.request, asked["program"]))
        if asked.get("is_member") is not None:
            members = members.filter(left_at__isnull=asked["is_member"])
        if {"customer", "email", "phone"} & asked.keys():
            members = members.filter(customer__in=self._customers(asked))
        return members.select_related("program", "customer")

    def _customers(self, asked: dict[str, Any]) -> QuerySet[Customer, Any]:
        retailer = retailer_of(self.request)
        persons = Customer.objects.persons().filter(retailer=retailer)
        if "customer" in asked:
            persons = persons.known_as(asked["customer"])
        if "email" in asked:
            persons = persons.at_address(asked["email"].lower(), retailer)
        if "phone" in asked:
            persons = persons.at_phone(asked["phone"], retailer)
        return persons.values("pk")

    @extend_schema(parameters=[MemberQuery], tags=["members"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Find members by card, customer, e-mail or phone, or list them, the newest first."""
        return super().get(request, *given, **named)


class MembershipRowOut(serializers.Serializer[Any]):
    member_number = serializers.CharField(source="number")
    program = serializers.CharField(source="program.slug")
    name = serializers.CharField(source="program.name", help_text="Of the program.")
    enrolled_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True, help_text="When it left; null for a member.")


class MembershipsView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=MembershipRowOut(many=True), tags=["customers"])
    def get(self, request: Request, external_id: str) -> Response:
        """Return in which programs a customer is, or was, a member."""
        mine = Membership.objects.filter(customer=customer_of(request, external_id), merged_into=None)
        return Response(MembershipRowOut(mine.select_related("program").order_by("program__slug"), many=True).data)


class RedemptionOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The ledger's entry, by which it is reversed.")
    reference = serializers.CharField(allow_blank=True, help_text="The caller's own.")
    wallet = serializers.CharField(source="wallet.code")
    points = serializers.IntegerField(source="spent", help_text="That were spent.")
    reward = serializers.CharField(
        allow_blank=True, help_text="The id of the redeemed reward that they paid; or empty."
    )
    occurred_at = serializers.DateTimeField()
    reversed_at = serializers.DateTimeField(allow_null=True, help_text="When the points came back.")


def redemptions_of(member: Membership) -> QuerySet[Entry, Any]:
    """Return the entries by which a member spent points, with how many and when they came back."""
    spent = Movement.objects.filter(entry=OuterRef("pk"), to_state=State.REDEEMED).values("entry")
    back = Entry.objects.filter(wallet=OuterRef("wallet"), cause=MadeUp("restore:", OuterRef("pk")))
    return (
        Entry.objects.filter(wallet__membership=member, kind=Entry.Kind.REDEEM)
        .select_related("wallet")
        .annotate(
            spent=Coalesce(
                Subquery(spent.annotate(sum=Sum("amount")).values("sum")), 0, output_field=BigIntegerField()
            ),
            reversed_at=Subquery(back.values("recorded_at")[:1]),
            reference=Coalesce(KeyTextTransform("reference", "explanation"), Value(""), output_field=TextField()),
            reward=Coalesce(KeyTextTransform("reward", "explanation"), Value(""), output_field=TextField()),
        )
    )


class MemberRedemptionListing(Listing):
    """A member's redemptions of points, the newest first."""

    model = Entry
    serializer_class = RedemptionOut

    def rows(self, _asked: dict[str, Any]) -> QuerySet[Entry, Any]:
        return redemptions_of(member_of(self.request, self.kwargs["number"]))


class NoSuchHold(NotThere):
    message = _("There is no hold {id}. A member's holds are listed at /api/v1/members/NUMBER/holds.")


class HoldOut(serializers.ModelSerializer[Hold]):
    class Meta:
        model = Hold
        fields = ("id", "reference", "points", "redeemed", "status", "held_at", "times_out_at", "ended_at")

    def to_representation(self, instance: Hold) -> dict[str, Any]:
        """Return a hold as it is now: past its time it is over, whether or not that was carried out."""
        shown, status = super().to_representation(instance), instance.status_at(timezone.now())
        if status != instance.status:
            shown |= {"status": status.value, "ended_at": shown["times_out_at"]}
        return shown


class HoldQuery(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=Hold.Status.values, required=False, help_text="Only these.")
    reference = serializers.CharField(required=False, max_length=80, help_text="Only this one, by the caller's own.")


class HoldListing(Listing):
    """A member's holds, the newest first."""

    model = Hold
    serializer_class = HoldOut
    filters = HoldQuery

    def rows(self, asked: dict[str, Any]) -> QuerySet[Hold]:
        found = Hold.objects.filter(wallet__membership=member_of(self.request, self.kwargs["number"]))
        if "reference" in asked:
            found = found.filter(reference=asked["reference"])
        return found.standing(asked["status"], at=timezone.now()) if "status" in asked else found


class HoldView(AskedView):
    scopes: ClassVar = {"GET": "members:read"}

    @extend_schema(responses=HoldOut, tags=["points"])
    def get(self, request: Request, hold_id: UUID) -> Response:
        """Return a hold: whether it is open, and what became of it."""
        mine = Hold.objects.filter(retailer=retailer_of(request), pk=hold_id)
        return Response(HoldOut(the_one(mine, lambda: NoSuchHold(id=hold_id))).data)

"""Redemptions, holds, adjustments and leaving, for tills and checkouts."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.api.callers import retailer_of, the_one
from customers.api.strict import Strict
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.households import transfer
from loyalty.activity.account.leaving import leave as leave_program
from loyalty.activity.account.session import LedgerReceipt
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse
from loyalty.activity.api.asking import NotThere, member_of
from loyalty.activity.api.members import (
    HoldListing,
    HoldOut,
    HoldQuery,
    MemberRedemptionListing,
    NoSuchHold,
    RedemptionOut,
)
from loyalty.memberships.households import leave, share
from loyalty.memberships.models import Household
from loyalty.points.models import Hold

LARGEST = 10**15


class NoSuchHousehold(NotThere):
    message = _("Member {number} shares with nobody.")


class RedemptionIn(Strict):
    points = serializers.IntegerField(min_value=1, max_value=LARGEST)
    reference = serializers.CharField(
        max_length=80, help_text="Your own, once per member: the same again changes nothing."
    )
    wallet = serializers.SlugField(max_length=50, default="points")


class HoldIn(RedemptionIn):
    minutes = serializers.IntegerField(min_value=1, max_value=24 * 60, default=15, help_text="Until it times out.")


class ConfirmIn(Strict):
    points = serializers.IntegerField(
        min_value=1, max_value=LARGEST, required=False, help_text="A part; the rest goes back. All if left out."
    )


class AdjustmentIn(Strict):
    points = serializers.IntegerField(min_value=-LARGEST, max_value=LARGEST, help_text="To give, or negative: to take.")
    reference = serializers.CharField(max_length=80)
    reason = serializers.CharField(max_length=500)
    author = serializers.CharField(max_length=100, help_text="Who decided it.")
    wallet = serializers.SlugField(max_length=50, default="points")


class LedgerReceiptOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The ledger's entry.")
    points = serializers.IntegerField()
    expired = serializers.IntegerField(help_text="Given back, but expired meanwhile.")
    available = serializers.IntegerField(help_text="What can be spent afterwards.")


class RedemptionsView(MemberRedemptionListing):
    scopes: ClassVar = {"GET": "members:read", "POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=RedemptionOut(many=True), tags=["points"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return a member's redemptions of points, the newest first."""
        return super().get(request, *given, **named)

    @extend_schema(request=RedemptionIn, responses={200: LedgerReceiptOut, 201: LedgerReceiptOut}, tags=["points"])
    def post(self, request: Request, number: str) -> Response:
        """Spend a member's points at once: all that is asked for, or nothing."""
        said = said_in(RedemptionIn, request)
        with all_or_dry(request):
            return _receipt(redeem(member_of(request, number), now=timezone.now(), **said))


class ReversalView(AskedView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses={200: LedgerReceiptOut, 201: LedgerReceiptOut}, tags=["points"])
    def post(self, request: Request, number: str, entry_id: UUID) -> Response:
        """Undo a redemption: the same lots get their points back, with their own expiry."""
        with all_or_dry(request):
            return _receipt(reverse(member_of(request, number), entry_id, now=timezone.now()))


class HoldsView(HoldListing):
    scopes: ClassVar = {"GET": "members:read", "POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(parameters=[HoldQuery], responses=HoldOut(many=True), tags=["points"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """Return a member's holds, the newest first."""
        return super().get(request, *given, **named)

    @extend_schema(request=HoldIn, responses={200: HoldOut, 201: HoldOut}, tags=["points"])
    def post(self, request: Request, number: str) -> Response:
        """Set a member's points aside until they are confirmed, released, or the hold times out."""
        said = said_in(HoldIn, request)
        life = timedelta(minutes=said.pop("minutes"))
        with all_or_dry(request):
            made, _ = hold(member_of(request, number), now=timezone.now(), life=life, **said)
        return Response(HoldOut(made).data, status=status.HTTP_201_CREATED)


class ConfirmView(AskedView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ConfirmIn, responses=HoldOut, tags=["points"])
    def post(self, request: Request, hold_id: UUID) -> Response:
        """Redeem held points, all or a part; the rest goes back."""
        held = _hold_of(request, hold_id)
        points = said_in(ConfirmIn, request).get("points")
        with all_or_dry(request):
            return Response(HoldOut(confirm(held.pk, points=points, now=timezone.now())).data)


class ReleaseView(AskedView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=HoldOut, tags=["points"])
    def post(self, request: Request, hold_id: UUID) -> Response:
        """Give all held points back."""
        held = _hold_of(request, hold_id)
        with all_or_dry(request):
            return Response(HoldOut(release(held.pk, now=timezone.now())).data)


class AdjustmentsView(AskedView):
    scopes: ClassVar = {"POST": "points:adjust"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=AdjustmentIn, responses={200: LedgerReceiptOut, 201: LedgerReceiptOut}, tags=["points"])
    def post(self, request: Request, number: str) -> Response:
        """Give or take points by a decision of staff, with its reason and author."""
        said = said_in(AdjustmentIn, request)
        with all_or_dry(request):
            return _receipt(adjust(member_of(request, number), now=timezone.now(), **said))


class TransferIn(RedemptionIn):
    to = serializers.CharField(max_length=16, help_text="The other member's number.")


class HouseholdIn(Strict):
    members = serializers.ListField(
        child=serializers.CharField(max_length=16),
        max_length=20,
        help_text="Numbers of members who spend with this one.",
    )
    name = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)


class HouseholdOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    members = serializers.ListField(child=serializers.CharField())


class TransfersView(AskedView):
    scopes: ClassVar = {"POST": "rewards:redeem"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=TransferIn, responses={200: LedgerReceiptOut, 201: LedgerReceiptOut}, tags=["points"])
    def post(self, request: Request, number: str) -> Response:
        """Move points to another member of the program; they keep their expiry."""
        said = said_in(TransferIn, request)
        giver, taker = member_of(request, number), member_of(request, said.pop("to"))
        with all_or_dry(request):
            return _receipt(transfer(giver, taker, now=timezone.now(), **said))


class HouseholdView(AskedView):
    scopes: ClassVar = {"GET": "members:read", "PUT": "activity:write", "DELETE": "activity:write"}
    switches: ClassVar = {"PUT": (DRY_RUN,), "DELETE": (DRY_RUN,)}

    @extend_schema(responses=HouseholdOut, tags=["members"])
    def get(self, request: Request, number: str) -> Response:
        """Return with whom a member spends."""
        shared = Household.objects.filter(members__membership=member_of(request, number))
        return Response(_household(the_one(shared, lambda: NoSuchHousehold(number=number))))

    @extend_schema(request=HouseholdIn, responses={200: HouseholdOut, 201: HouseholdOut}, tags=["members"])
    def put(self, request: Request, number: str) -> Response:
        """Let a member spend with others: open its household, or let them join the one that it has."""
        said, now, first = said_in(HouseholdIn, request), timezone.now(), member_of(request, number)
        others = [member_of(request, other) for other in said["members"]]
        with all_or_dry(request):
            household, is_new = share(first, others, name=said["name"], now=now)
            body = _household(household)
        return Response(body, status=status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)

    @extend_schema(responses={204: None}, tags=["members"])
    def delete(self, request: Request, number: str) -> Response:
        """Let a member spend alone again, with the points that it has."""
        with all_or_dry(request):
            leave(member_of(request, number), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class LeaveOut(serializers.Serializer[Any]):
    left_at = serializers.DateTimeField(help_text="When it left; in a dry run, when it would.")
    points = serializers.DictField(
        child=serializers.IntegerField(), help_text="What can be spent or is held, and is lost, by wallet."
    )
    pending = serializers.DictField(child=serializers.IntegerField(), help_text="What is not active yet and is lost.")
    tier = serializers.CharField(help_text="The tier that is lost; empty for none.")
    holds = serializers.IntegerField(help_text="Open holds, which end.")
    plan = serializers.CharField(
        help_text="The paid plan that ends, by its code, with what is left of its fee; empty for none."
    )
    rewards = serializers.IntegerField(help_text="Rewards that are not used, and are lost.")


class LeaveView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=LeaveOut, tags=["members"])
    def post(self, request: Request, number: str) -> Response:
        """Let a member leave its program: points and tier are lost. With `dry_run` tell what would be, and change nothing."""
        member = member_of(request, number)
        with all_or_dry(request):
            lost = leave_program(member, now=timezone.now())
        return Response(LeaveOut(lost).data)


def _hold_of(request: Request, hold_id: UUID) -> Hold:
    return the_one(Hold.objects.filter(retailer=retailer_of(request), pk=hold_id), lambda: NoSuchHold(id=hold_id))


def _household(household: Household) -> dict[str, Any]:
    numbers = household.members.order_by("joined_at", "pk").values_list("membership__number", flat=True)
    return dict(HouseholdOut({"id": household.pk, "name": household.name, "members": list(numbers)}).data)


def _receipt(receipt: LedgerReceipt) -> Response:
    body = {
        "id": receipt.entry_id,
        "points": receipt.points,
        "expired": receipt.expired,
        "available": receipt.available,
    }
    return Response(
        LedgerReceiptOut(body).data, status=status.HTTP_201_CREATED if receipt.is_new else status.HTTP_200_OK
    )

"""What becomes of facts after they were reported: orders corrected or claimed, customers merged."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import (
    DRY_RUN,
    AskedView,
    all_or_dry,  # sorted below
    asked_for,
)
from customers.api.callers import retailer_of, the_one
from customers.batches import Status
from customers.models import Order
from customers.returning import UnknownOrder
from loyalty.activity.account.approving import review
from loyalty.activity.account.merging import take_merge
from loyalty.activity.api.orders import OrderOut, with_contents
from loyalty.activity.api.rendering import corrected, effects_of
from loyalty.activity.api.reported import ClaimIn, CorrectionIn, MergeIn, fact_of
from loyalty.activity.api.serializers import ClaimOut, CorrectedOut, MergeOut, ReviewedOut
from loyalty.activity.correcting import take_claim, take_correction
from loyalty.activity.payments import wrong_payments


class OrderView(AskedView):
    scopes: ClassVar = {"GET": "members:read", "PUT": "activity:write"}
    switches: ClassVar = {"PUT": (DRY_RUN,)}

    @extend_schema(responses=OrderOut, tags=["activity"])
    def get(self, request: Request, number: str) -> Response:
        """Return an order as it says now, with what came back of it."""
        orders = Order.objects.filter(retailer=retailer_of(request), number=number)
        return Response(OrderOut(the_one(with_contents(orders), lambda: UnknownOrder(order_number=number))).data)

    @extend_schema(request=CorrectionIn, responses={200: CorrectedOut, 201: CorrectedOut}, tags=["activity"])
    def put(self, request: Request, number: str) -> Response:
        """
        Correct an order: send the whole of it with your next version; it is then as if it had never said anything else.

        What came back of it remains. `points` of the answer is what the order gives now, `points_kept` what of it is left and
        `change` by how much that is more, or less, than before. An order that is not known is taken as a new one; one that
        names no customer is a guest's. What whoever had it before loses stands in `former_effects`.
        """
        fact = fact_of(CorrectionIn, _with_number(request.data, number))
        retailer, dry_run = retailer_of(request), asked_for(request, "dry_run")
        with transaction.atomic():
            if wrong := wrong_payments(retailer, [fact.order]):
                raise wrong[0]
            answer = take_correction(retailer, fact, now=timezone.now(), dry_run=dry_run)
        if answer.outcome.error is not None:
            raise answer.outcome.error
        code = status.HTTP_201_CREATED if answer.outcome.status is Status.CREATED else status.HTTP_200_OK
        return Response(corrected(answer), status=code)


class NumberView(AskedView):
    """
    An action whose path may be that of an order as well, for a number may be anything: `A1/claim`, or `batch`.

    Only the method tells: PUT is never the action, it corrects the order of that number, as GET reads it.

    :cvar name: of the action, by which its path ends
    """

    of_order: ClassVar[Sequence[str]] = ("GET", "HEAD", "PUT")

    name: ClassVar[str]

    def dispatch(self, request: HttpRequest, *given: Any, **named: Any) -> Any:
        """Answer as the order's own path where the order is meant."""
        if request.method in self.of_order:
            return OrderView.as_view()(request, number="/".join([*named.values(), self.name]))
        return super().dispatch(request, *given, **named)


class ClaimView(NumberView):
    name = "claim"
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ClaimIn, responses={200: ClaimOut, 201: ClaimOut}, tags=["activity"])
    def post(self, request: Request, number: str) -> Response:
        """
        Give a guest's order to a customer who has proved to you that it is theirs; it earns what it would have earned.

        The same claim again changes nothing; an order that belongs to somebody else is a conflict.
        """
        given = ClaimIn(data=request.data)
        given.is_valid(raise_exception=True)
        said, dry_run = given.validated_data, asked_for(request, "dry_run")
        answer = take_claim(retailer_of(request), number, **said, now=timezone.now(), dry_run=dry_run)
        is_new = answer.claimed.is_new
        body = {
            "number": number,
            "customer": said["customer"],
            "status": "claimed" if is_new else "unchanged",
            "effects": effects_of(answer.decisions),
        }
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(ClaimOut(body).data, status=code)


class MergeView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=MergeIn, responses=MergeOut, tags=["customers"])
    def post(self, request: Request, external_id: str) -> Response:
        """
        Merge a customer into another one: orders, points with their dates, tier and consents go to the one who stays.

        The id, and the member numbers, of the one who goes lead to the one who stays. This cannot be undone: ask with
        `dry_run` first. The same merge again changes nothing.
        """
        given = MergeIn(data=request.data)
        given.is_valid(raise_exception=True)
        into, reference = given.validated_data["into"], given.validated_data["reference"]
        dry_run = asked_for(request, "dry_run")
        answer = take_merge(
            retailer_of(request), external_id, into, reference=reference, now=timezone.now(), dry_run=dry_run
        )
        body = {
            "customer": answer.customer,
            "status": "merged" if answer.merged.is_new else "unchanged",
            "orders": answer.merged.orders,
            "interactions": answer.merged.interactions,
            "waiting": answer.waiting,
            "memberships": answer.memberships,
        }
        return Response(MergeOut(body).data)


def _with_number(data: Any, number: str) -> Any:
    """Return an order's body with the number of its path."""
    if not isinstance(data, dict):
        return data
    if data.get("number") not in (None, number):
        raise serializers.ValidationError(
            {"number": [_("It is another one than that of the path.")]}, code="other_number"
        )
    return {**data, "number": number}


class ApproveView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=ReviewedOut, tags=["activity"])
    def post(self, request: Request, number: str) -> Response:
        """Approve what is held, or whose points wait for that: it is decided as of its own time, they become active."""
        return _reviewed(request, number, is_approved=True)


class RefuseView(AskedView):
    scopes: ClassVar = {"POST": "activity:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=None, responses=ReviewedOut, tags=["activity"])
    def post(self, request: Request, number: str) -> Response:
        """Refuse what is held, or whose points wait for an approval: it gets none, they are cancelled."""
        return _reviewed(request, number, is_approved=False)


def _reviewed(request: Request, number: str, *, is_approved: bool) -> Response:
    with all_or_dry(request):
        points = review(retailer_of(request), number, is_approved=is_approved, now=timezone.now())
    return Response(ReviewedOut({"number": number, "points": points}).data)

"""What was posted to webhooks, and what they answered; sent again."""

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry, said_in
from customers.api.callers import the_one
from customers.api.listing import Listing
from customers.core.errors import DomainError, Kind
from loyalty.outbox.api.serializers import DeliveryOut, DeliveryQuery, DeliveryWithBodyOut, ResendIn, ResendOut
from loyalty.outbox.api.views import webhook_of
from loyalty.outbox.models import Delivery
from loyalty.outbox.resending import given_up, resend, resend_given_up


class NoSuchDelivery(DomainError):
    code = "not_found"
    kind = Kind.NOT_FOUND
    message = _(
        "The webhook was never sent the event {id}. What it was sent is listed at /api/v1/webhooks/ID/deliveries."
    )


def delivery_of(request: Request, webhook_id: UUID, event_id: UUID) -> Delivery:
    """
    Return the delivery of an event to a webhook of the caller's retailer.

    :raises NoSuchWebhook: when there is no such webhook
    :raises NoSuchDelivery: when it was never sent the event
    """
    endpoint = webhook_of(request, webhook_id)
    rows = Delivery.objects.select_related("event", "endpoint").filter(endpoint=endpoint, event=event_id)
    return the_one(rows, lambda: NoSuchDelivery(id=event_id))


class DeliveriesView(Listing):
    scopes: ClassVar = {"GET": "webhooks:read"}
    model = Delivery
    serializer_class = DeliveryOut
    filters = DeliveryQuery

    def rows(self, asked: dict[str, Any]) -> QuerySet[Delivery]:
        rows = Delivery.objects.filter(endpoint=webhook_of(self.request, self.kwargs["webhook_id"]))
        if "state" in asked:
            rows = rows.in_state(Delivery.State(asked["state"]))
        wanted = {"type": "event__type", "queued_from": "queued_at__gte", "queued_until": "queued_at__lt"}
        return rows.filter(**{wanted[name]: asked[name] for name in wanted if name in asked}).select_related("event")

    @extend_schema(parameters=[DeliveryQuery], responses=DeliveryOut(many=True), tags=["webhooks"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """List what is on its way to a webhook, or was: with its answers, the newest first."""
        return super().get(request, *given, **named)


class DeliveryView(AskedView):
    scopes: ClassVar = {"GET": "webhooks:read"}

    @extend_schema(responses=DeliveryWithBodyOut, tags=["webhooks"])
    def get(self, request: Request, webhook_id: UUID, event_id: UUID) -> Response:
        """Return how an event came to a webhook: its body, its tries, and the last answer."""
        return Response(DeliveryWithBodyOut(delivery_of(request, webhook_id, event_id)).data)


class ResendView(AskedView):
    scopes: ClassVar = {"POST": "webhooks:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    ids: ClassVar = ()

    @extend_schema(request=None, responses={202: DeliveryOut}, tags=["webhooks"])
    def post(self, request: Request, webhook_id: UUID, event_id: UUID) -> Response:
        """Send an event again that was delivered or given up; what is still on its way is a conflict (`on_its_way`)."""
        with all_or_dry(request):
            queued = resend(delivery_of(request, webhook_id, event_id), now=timezone.now())
            return Response(DeliveryOut(queued).data, status=status.HTTP_202_ACCEPTED)


class ResendAllView(AskedView):
    scopes: ClassVar = {"POST": "webhooks:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(request=ResendIn, responses={202: ResendOut}, tags=["webhooks"])
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send again what was given up, the oldest first, up to 1,000 at a time; the answer says how many are left."""
        said, now = said_in(ResendIn, request), timezone.now()
        since, until = said["queued_from"], said.get("queued_until", now)
        with all_or_dry(request):
            endpoint = webhook_of(request, webhook_id)
            count = resend_given_up(endpoint, since, until, now=now)
            left = given_up(endpoint, since, until).count()
        return Response(ResendOut({"resent": count, "left": left}).data, status=status.HTTP_202_ACCEPTED)

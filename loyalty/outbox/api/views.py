"""Webhooks, for retailers' systems: added, read, changed, removed, tried out, and given another secret."""

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
from customers.api.callers import retailer_of, the_one
from customers.api.listing import Listing
from customers.core.errors import DomainError, Kind
from loyalty.outbox.api.serializers import (
    HOUR,
    DeliveryOut,
    RotationIn,
    SecretOut,
    WebhookChangeIn,
    WebhookIn,
    WebhookOut,
)
from loyalty.outbox.endpoints import add_endpoint, change_endpoint, remove_endpoint, rotate_secret, send_test
from loyalty.outbox.models import Endpoint


class NoSuchWebhook(DomainError):
    code = "not_found"
    kind = Kind.NOT_FOUND
    message = _("There is no webhook {id}. They are listed at /api/v1/webhooks.")


def webhooks_of(request: Request) -> QuerySet[Endpoint]:
    """Return the caller's webhooks."""
    return Endpoint.objects.present().select_related("retailer").filter(retailer=retailer_of(request))


def webhook_of(request: Request, webhook_id: UUID) -> Endpoint:
    """
    Return a webhook of the caller's retailer.

    :raises NoSuchWebhook: when there is no such one
    """
    return the_one(webhooks_of(request).filter(key=webhook_id), lambda: NoSuchWebhook(id=webhook_id))


class WebhooksView(Listing):
    scopes: ClassVar = {"GET": "webhooks:read", "POST": "webhooks:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    ids: ClassVar = ("id", "secret")
    model = Endpoint
    serializer_class = WebhookOut

    def rows(self, _asked: dict[str, Any]) -> QuerySet[Endpoint]:
        return webhooks_of(self.request)

    @extend_schema(responses=WebhookOut(many=True), tags=["webhooks"])
    def get(self, request: Request, *given: Any, **named: Any) -> Response:
        """List the webhooks, the newest first."""
        return super().get(request, *given, **named)

    @extend_schema(request=WebhookIn, responses={201: SecretOut}, tags=["webhooks"])
    def post(self, request: Request) -> Response:
        """
        Add a webhook; the answer tells the secret that signs what is posted to it, once.

        One that has the same address is a conflict (`same_address`). The same Idempotency-Key gives the answer again, without the
        secret.
        """
        said = said_in(WebhookIn, request)
        with all_or_dry(request):
            made = add_endpoint(retailer_of(request), **said)
            return with_secret(made, status.HTTP_201_CREATED)


class WebhookView(AskedView):
    scopes: ClassVar = {"GET": "webhooks:read", "PATCH": "webhooks:write", "DELETE": "webhooks:write"}
    switches: ClassVar = {"PATCH": (DRY_RUN,), "DELETE": (DRY_RUN,)}

    @extend_schema(responses=WebhookOut, tags=["webhooks"])
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Return a webhook: what it is told, and whether it answers."""
        return Response(WebhookOut(webhook_of(request, webhook_id)).data)

    @extend_schema(request=WebhookChangeIn, responses=WebhookOut, tags=["webhooks"])
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """
        Change a webhook: its address, its types, or whether it is switched on.

        What is left out stays. A webhook that was changed is tried at once, also where it rested, and so is what it had not
        taken. What waits for one that is switched off waits for five days.
        """
        said = said_in(WebhookChangeIn, request)
        with all_or_dry(request):
            return Response(
                WebhookOut(change_endpoint(webhook_of(request, webhook_id), now=timezone.now(), **said)).data
            )

    @extend_schema(request=None, responses={204: None}, tags=["webhooks"])
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Remove a webhook; what waits for it is told no more."""
        with all_or_dry(request):
            remove_endpoint(webhook_of(request, webhook_id), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class RotationView(AskedView):
    scopes: ClassVar = {"POST": "webhooks:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    ids: ClassVar = ("secret",)

    @extend_schema(request=RotationIn, responses=SecretOut, tags=["webhooks"])
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Give a webhook a new secret, told once; the former one signs as well for a day, or as long as is said."""
        overlap, now = said_in(RotationIn, request)["overlap_hours"] * HOUR, timezone.now()
        with all_or_dry(request):
            endpoint = webhook_of(request, webhook_id)
            rotate_secret(endpoint, overlap=overlap, now=now)
            return with_secret(endpoint, status.HTTP_200_OK)


class TrialView(AskedView):
    scopes: ClassVar = {"POST": "webhooks:write"}
    switches: ClassVar = {"POST": (DRY_RUN,)}
    ids: ClassVar = ("event",)

    @extend_schema(request=None, responses={202: DeliveryOut}, tags=["webhooks"])
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Send a test event to a webhook, whatever types it chose; its delivery says what was answered."""
        with all_or_dry(request):
            queued = send_test(webhook_of(request, webhook_id), now=timezone.now())
            return Response(DeliveryOut(queued).data, status=status.HTTP_202_ACCEPTED)


def with_secret(endpoint: Endpoint, code: int) -> Response:
    """Return an answer that tells a secret; the same answer to the same key tells it no more."""
    said = SecretOut(endpoint).data
    response = Response(said, status=code, headers={"Cache-Control": "no-store"})
    response.told_again = {**said, "secret": None}  # type: ignore[attr-defined] # read by who keeps answers
    return response

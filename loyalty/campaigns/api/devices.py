"""The devices on which a shopper sees push messages."""

from typing import Any, ClassVar
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from customers.api.asking import DRY_RUN, AskedView, all_or_dry
from customers.api.strict import Strict
from loyalty.activity.api.asking import NotThere
from loyalty.activity.api.member import shopper
from loyalty.campaigns.models import PushDevice
from loyalty.campaigns.models.device import MAX_ADDRESS
from loyalty.campaigns.reaching.devices import DeviceFact, devices_of, kind_in_use, register, server_key, unregister


class NoSuchDevice(NotThere):
    message = _("There is no device {id} of yours. GET /me/push-devices has the ids of those that there are.")


class PushDeviceOut(serializers.Serializer[Any]):
    id = serializers.UUIDField(required=False, help_text="By which it is deleted; left out in a dry run.")
    kind = serializers.ChoiceField(choices=PushDevice.Kind.choices, help_text="A browser, or an app.")
    created_at = serializers.DateTimeField(help_text="Since when it shows my messages.")


class PushDevicesOut(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(
        choices=["", *PushDevice.Kind.values], help_text="Of devices to which the retailer sends; empty for none."
    )
    application_server_key = serializers.CharField(
        allow_null=True,
        help_text="For the browser's pushManager.subscribe, as Base64 for addresses; null where browsers get nothing.",
    )
    devices = PushDeviceOut(many=True, help_text="Mine, the one that was registered first comes first.")


class PushDeviceIn(Strict):
    kind = serializers.ChoiceField(choices=PushDevice.Kind.choices, help_text="A browser, or an app.")
    endpoint = serializers.CharField(
        max_length=MAX_ADDRESS,
        help_text="Of a browser's subscription, https alone; of an app its token, as its provider knows it.",
    )
    p256dh = serializers.CharField(
        required=False, default="", max_length=87, help_text="Of a browser's subscription: its key p256dh, 65 bytes."
    )
    auth = serializers.CharField(
        required=False, default="", max_length=22, help_text="Of a browser's subscription: its key auth, 16 bytes."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for the keys of a browser, and of an app for none."""
        is_web = attrs["kind"] == PushDevice.Kind.WEB
        said = _("A browser has one.") if is_web else _("An app has none.")
        wrong = {name: said for name in ("p256dh", "auth") if bool(attrs[name]) != is_web}
        if wrong:
            raise serializers.ValidationError(wrong)
        return attrs


class MyDevicesView(AskedView):
    switches: ClassVar = {"POST": (DRY_RUN,)}

    @extend_schema(responses=PushDevicesOut, tags=["me"])
    def get(self, request: Request) -> Response:
        """List the devices that show me push messages, with what a browser needs to subscribe."""
        customer = shopper(request)
        said = {
            "kind": kind_in_use(customer.retailer_id),
            "application_server_key": server_key(customer.retailer_id) or None,
            "devices": devices_of(customer).order_by("created_at", "pk"),
        }
        return Response(PushDevicesOut(said).data)

    @extend_schema(request=PushDeviceIn, responses={200: PushDeviceOut, 201: PushDeviceOut}, tags=["me"])
    def post(self, request: Request) -> Response:
        """Let a device show my push messages; it shows nobody else's then. Beyond ten, the first one goes."""
        given = PushDeviceIn(data=request.data)
        given.is_valid(raise_exception=True)
        said = given.validated_data
        fact = DeviceFact(said["kind"], said["endpoint"], said["p256dh"], said["auth"])
        with all_or_dry(request):
            found = register(shopper(request), fact, now=timezone.now())
            body = PushDeviceOut(found.device).data
        return Response(body, status=status.HTTP_201_CREATED if found.is_new else status.HTTP_200_OK)


class MyDeviceView(AskedView):
    switches: ClassVar = {"DELETE": (DRY_RUN,)}

    @extend_schema(responses={204: None}, tags=["me"])
    def delete(self, request: Request, device_id: UUID) -> Response:
        """Let a device of mine show me nothing more."""
        with all_or_dry(request):
            if not unregister(shopper(request), device_id=device_id):
                raise NoSuchDevice(id=device_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

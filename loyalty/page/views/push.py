"""Push messages on a member's own browser: what shows them, and the member's choice of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from customers.core.values import dataclass
from customers.models import Customer
from loyalty.campaigns.models import PushDevice
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.reaching.devices import (
    DeviceFact,
    InvalidDevice,
    KnownBy,
    devices_of,
    register,
    server_key,
    unregister,
)
from loyalty.campaigns.reaching.devices import renew as renew_device
from loyalty.campaigns.reaching.preferences import choose
from loyalty.page.visit import Shop, Visit, go, of_member, of_shop


@dataclass(frozen=True, slots=True)
class Push:
    """
    What a browser needs to know.

    :param key: under which it subscribes
    :param addresses: of the browsers that show messages to which the member agreed, by which one knows whether it is among them
    """

    key: str
    addresses: list[str]


def push_of(customer: Customer, *, agrees: bool) -> Push | None:
    """
    Return what a customer's browser needs to know; None where its retailer sends nothing to browsers.

    :param agrees: whether it agreed to push messages; who has withdrawn that is asked again, whatever is registered
    """
    key = server_key(customer.retailer_id)
    if not key:
        return None
    rows = devices_of(customer).filter(kind=PushDevice.Kind.WEB).order_by("pk")
    return Push(key, list(rows.values_list("address", flat=True)) if agrees else [])


@of_shop
def worker(request: HttpRequest, _shop: Shop) -> HttpResponse:
    """Return what shows messages in a browser while no page is open; it is for this retailer's pages alone."""
    response = render(request, "page/worker.js", content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response


@require_POST
@of_member
def start(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Let this browser show a member's messages; by that it agrees to push messages."""
    said, now, customer = request.POST, timezone.now(), visit.member.customer
    fact = DeviceFact(
        PushDevice.Kind.WEB,
        said.get("endpoint", ""),
        said.get("p256dh", "").rstrip("="),
        said.get("auth", "").rstrip("="),
    )
    try:
        register(customer, fact, now=now)
    except InvalidDevice:
        messages.error(request, _("Your browser did not say how to reach it. Please try again."))
        return go(visit, "messages")
    choose(customer, {}, {Channel.PUSH.value: True}, source="page", now=now)
    messages.success(request, _("You get messages on this device."))
    return go(visit, "messages")


@require_POST
@of_member
def stop(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Let this browser show a member no messages any more; others of its devices go on."""
    unregister(visit.member.customer, address=request.POST.get("endpoint", ""))
    messages.success(request, _("You get no more messages on this device."))
    return go(visit, "messages")


@csrf_exempt  # a browser asks for it while no page is open; who knows its subscription's secret is who may
@require_POST
@of_shop
def renew(request: HttpRequest, shop: Shop) -> HttpResponse:
    """Let a browser whose subscription was replaced go on showing what it showed; nobody is signed in, and nothing is told."""
    said = request.POST
    before = KnownBy(said.get("old_endpoint", ""), said.get("old_auth", ""))
    fact = DeviceFact(PushDevice.Kind.WEB, said.get("endpoint", ""), said.get("p256dh", ""), said.get("auth", ""))
    try:
        is_known = renew_device(shop.retailer, before, fact)
    except InvalidDevice:
        return HttpResponse(status=400)
    return HttpResponse(status=204 if is_known else 404)

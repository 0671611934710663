"""Tells committed events to subscribers and webhooks: at least once each, whatever dies in between."""

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from customers.core import bulk
from customers.models import Retailer
from loyalty.outbox.models import Delivery, Endpoint, Event

Subscriber = Callable[[Sequence[Event]], None]

BATCH = 500
TIMEOUT_SECONDS = 10
LEASE = timedelta(minutes=5)
# The pauses that the Standard Webhooks specification recommends, in seconds; after the last the delivery is dead.
PAUSES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)


class RefusedTarget(Exception):
    """An endpoint's address is inside our own network."""


def add_endpoint(retailer: Retailer, url: str) -> Endpoint:
    """Register an address for a retailer's events, with a secret of its own."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return Endpoint.objects.create(retailer=retailer, url=url, secret=secret)


@transaction.atomic
def dispatch(*, now: datetime, limit: int = BATCH) -> int:
    """
    Hand one batch of events to the subscribers and queue them for the webhooks; an event that nobody awaits is done.

    :returns: how many events were taken; 0 means that none waits
    """
    waiting = Event.objects.filter(dispatched_at__isnull=True).order_by("id")
    events = list(waiting.select_for_update(skip_locked=True)[:limit])
    if not events:
        return 0
    for path in settings.OUTBOX_SUBSCRIBERS:
        subscriber: Subscriber = import_string(path)
        subscriber(events)
    endpoints = Endpoint.objects.filter(is_active=True, retailer__in={event.retailer_id for event in events})
    rows = [
        (event.pk, endpoint.pk, 0, now, False, "")
        for event in events
        for endpoint in endpoints
        if endpoint.retailer_id == event.retailer_id
    ]
    bulk.insert(Delivery, ("event_id", "endpoint_id", "attempts", "due_at", "is_dead", "last_error"), rows)
    awaited = {row[0] for row in rows}
    Event.objects.filter(pk__in=awaited).update(dispatched_at=now)
    Event.objects.filter(pk__in=[event.pk for event in events if event.pk not in awaited])._raw_delete("default")
    return len(events)


def deliver(*, now: datetime, limit: int = BATCH) -> int:
    """Post one batch of deliveries that are due; tell how many were tried."""
    claimed = _claim(now, limit)
    for delivery in claimed:
        error = _post(delivery, now)
        _settle(delivery, error, now)
    return len(claimed)


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of a body (Standard Webhooks, version v1: HMAC-SHA256)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _claim(now: datetime, limit: int) -> list[Delivery]:
    """Take deliveries that are due, and put them out of others' reach for as long as a try may last."""
    with transaction.atomic():
        due = Delivery.objects.filter(delivered_at__isnull=True, is_dead=False, due_at__lte=now).order_by("due_at")
        claimed = list(due.select_for_update(skip_locked=True)[:limit].values_list("pk", flat=True))
        Delivery.objects.filter(pk__in=claimed).update(due_at=now + LEASE)
    return list(Delivery.objects.filter(pk__in=claimed).select_related("event", "endpoint").order_by("event_id"))


def _post(delivery: Delivery, now: datetime) -> str:
    """Post one event and return why it failed, or nothing."""
    event, endpoint = delivery.event, delivery.endpoint
    body = json.dumps(
        {"type": event.type, "timestamp": event.occurred_at.isoformat(), "data": event.payload}, separators=(",", ":")
    ).encode()
    timestamp = int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": str(event.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(endpoint.secret, str(event.pk), timestamp, body),
    }
    request = urllib.request.Request(endpoint.url, data=body, headers=headers, method="POST")  # noqa: S310 - checked next
    try:
        _refuse_inside(endpoint.url)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS):  # noqa: S310 - http or https only, see above
            return ""
    except (OSError, RefusedTarget, ValueError) as error:
        return str(error)[:200]


def _settle(delivery: Delivery, error: str, now: datetime) -> None:
    delivery.attempts += 1
    delivery.last_error = error
    if not error:
        delivery.delivered_at = now
    elif delivery.attempts > len(PAUSES):
        delivery.is_dead = True
    else:
        delivery.due_at = now + timedelta(seconds=PAUSES[delivery.attempts - 1])
    delivery.save(update_fields=["attempts", "last_error", "delivered_at", "is_dead", "due_at"])


def _refuse_inside(url: str) -> None:
    """Refuse to post into a private network: in production a retailer's address is on the internet."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise RefusedTarget(f"{url} is no http or https address")
    if getattr(settings, "WEBHOOKS_MAY_GO_INSIDE", False):
        return
    for *_, address in socket.getaddrinfo(parts.hostname, parts.port or 443):
        if not ipaddress.ip_address(address[0]).is_global:
            raise RefusedTarget(f"{parts.hostname} is a private address")

"""What is posted of an event, and how it is signed (Standard Webhooks, version v1)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime

from loyalty.outbox.models import Endpoint, Event


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of a body (Standard Webhooks, version v1: HMAC-SHA256)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def secrets_of(endpoint: Endpoint, now: datetime) -> list[str]:
    """Return the secrets that sign what is sent to an endpoint: the new one first, then the former one while both do."""
    both = endpoint.old_secret_until is not None and now < endpoint.old_secret_until
    return [endpoint.secret, endpoint.old_secret] if both else [endpoint.secret]


def body_of(event: Event) -> bytes:
    """Return what is posted of an event: the same at each try."""
    said = {"id": str(event.pk), "type": event.type, "timestamp": event.occurred_at.isoformat(), "data": event.payload}
    return json.dumps(said, separators=(",", ":")).encode()


def signed(event: Event, keys: Sequence[str], now: datetime) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an event that is sent now, signed by each of some secrets."""
    body = body_of(event)
    timestamp = int(now.timestamp())
    return body, {
        "content-type": "application/json",
        "webhook-id": str(event.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, str(event.pk), timestamp, body) for key in keys),
    }

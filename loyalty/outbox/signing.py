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
    """Return the secrets that sign what is sent to an endpoint: the newest first, then the former ones that still do."""
    return [endpoint.secret, *(secret for secret, _until in former_secrets(endpoint, now))]


def former_secrets(endpoint: Endpoint, now: datetime) -> list[tuple[str, datetime]]:
    """Return the former secrets that still sign, the newest first, and until when."""
    former = [(endpoint.old_secret, endpoint.old_secret_until)] if endpoint.old_secret_until else []
    former += [(each["secret"], datetime.fromisoformat(each["until"])) for each in endpoint.older_secrets]
    return [(secret, until) for secret, until in former if now < until]


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

"""
Messages to browsers by Web Push: encrypted for each (RFC 8291), signed by this site's key (RFC 8292), posted to its push service.

A message has one Topic and one tag wherever it goes: what is posted again replaces what a service still has or a browser still
shows, so it may be tried again where a service says that it failed.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.utils import timezone

from loyalty.campaigns.rules.consent import MARKETING, PROGRAM, SERVICE
from loyalty.campaigns.transports.http import NO_DEVICE, answer_of, beside_each_other
from loyalty.campaigns.transports.port import (
    Accepted,
    Answer,
    Device,
    IsOver,
    NoAnswer,
    NotNow,
    Outgoing,
    Refused,
    Route,
)
from loyalty.campaigns.transports.push_keys import flaw_of_settings, to_bytes
from loyalty.outbox.posting import NotTaken, Reason, Terms, origin_of, post

log = structlog.get_logger(__name__)

GONE = (404, 410)  # RFC 8030, 7.3
FAILED = 500
MAX_PLAIN = 3_993  # bytes, which encrypted are the 4096 that every service takes (RFC 8291, 4)
MAX_TTL = timedelta(days=1)
SIGNED_FOR = timedelta(hours=12)  # of at most 24 (RFC 8292, 2)
URGENCY: Mapping[str, str] = {SERVICE: "high", PROGRAM: "normal", MARKETING: "low"}


class WebPushTransport:
    """:param terms: of each post; those of the settings if None"""

    def __init__(self, clock: Callable[[], datetime] = timezone.now, terms: Terms | None = None) -> None:
        self.clock, self.terms = clock, terms

    def send(self, route: Route, batch: Sequence[Outgoing], is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        """Post each message to all devices of its recipient, a few messages beside each other."""
        if flaw := flaw_of_settings():
            log.error("web_push_not_set_up", retailer=route.retailer, flaw=str(flaw))
            yield from ((message, NotNow("not_set_up")) for message in batch)
            return
        own = self.terms or Terms(settings.WEBHOOK_SECONDS, settings.WEBHOOKS_MAY_GO_INSIDE)
        poster = _Poster(own, self.clock, is_over)
        yield from beside_each_other(batch, lambda message: poster.send(route, message))


@dataclass(slots=True)
class _Poster:
    """What posts a batch. :param signed: what is signed for a push service serves for all of its devices"""

    terms: Terms
    clock: Callable[[], datetime]
    is_over: IsOver
    signed: dict[str, str] = field(default_factory=dict)

    def send(self, route: Route, message: Outgoing) -> Answer:
        """Post a message to each device once."""
        said = plain_of(route, message)
        if said is None:
            return Refused("too_long")
        return of_all([(each, self._to_one(message, each, said)) for each in message.devices])

    def _to_one(self, message: Outgoing, device: Device, said: bytes) -> Answer:
        if self.is_over():
            return NotNow("out_of_time")
        if not device.address.startswith("https://"):
            return Refused("not_secure")
        now = self.clock()
        try:
            headers = headers_of(message, now) | {"authorization": self._signed_for(device.address, now)}
            post(device.address, encrypt(said, device), headers, self.terms)
        except NotTaken as problem:
            return _answer_of(problem)
        return Accepted()

    def _signed_for(self, address: str, now: datetime) -> str:
        service = origin_of(address)
        if service not in self.signed:
            self.signed[service] = sign(service, now)
        return self.signed[service]


def of_all(answers: Sequence[tuple[Device, Answer]]) -> Answer:
    """
    Return what became of a message, of what its devices' services answered: taken where one of them took it.

    Where none did and one gave no answer, nobody knows; a device that is gone takes no message from the others.
    """
    gone = tuple(device.id for device, answer in answers if isinstance(answer, Refused) and answer.is_address)
    by_kind = {type(answer): answer for _, answer in answers if not (isinstance(answer, Refused) and answer.is_address)}
    if Accepted in by_kind:
        return Accepted(gone=gone)
    for open_kind in (NoAnswer, NotNow):
        if open_kind in by_kind:
            return by_kind[open_kind]
    refused = by_kind.get(Refused)
    return Refused(refused.reason if isinstance(refused, Refused) else NO_DEVICE, gone=gone)


def plain_of(route: Route, message: Outgoing) -> bytes | None:
    """Return what a browser is to show, its text cut to what fits; None where not even its title and link do."""
    said = {"id": str(message.id), "title": message.subject or route.sender, "body": message.text, "link": message.link}
    over = len(_json(said)) - MAX_PLAIN
    if over > 0:
        said["body"] = _cut(message.text, len(message.text.encode()) - over)
    while said["body"] and len(_json(said)) > MAX_PLAIN:  # what JSON writes in several letters
        said["body"] = _cut(said["body"], len(said["body"].encode()) * 3 // 4)
    plain = _json(said)
    return plain if len(plain) <= MAX_PLAIN else None


def _json(said: Mapping[str, str]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _cut(text: str, size: int) -> str:
    """Return how a text begins, in so many bytes with the mark that there was more."""
    mark = "…"
    begins = text.encode()[: max(size - len(mark.encode()), 0)].decode(errors="ignore").rstrip()
    return begins + mark if begins else ""


def headers_of(message: Outgoing, now: datetime) -> dict[str, str]:
    """Return how a push service is to treat a message: for how long, how urgently, and in whose place."""
    left = MAX_TTL if message.expires_at is None else min(message.expires_at - now, MAX_TTL)
    return {
        "content-type": "application/octet-stream",
        "content-encoding": "aes128gcm",
        "ttl": str(max(int(left.total_seconds()), 0)),
        "urgency": URGENCY.get(message.kind, "normal"),
        "topic": message.id.hex,
    }


def encrypt(plain: bytes, device: Device) -> bytes:
    """Return a text that a device's browser alone reads: by a key pair and a salt of its own."""
    import http_ece  # noqa: PLC0415 - an extra

    once = ec.generate_private_key(ec.SECP256R1())
    secret = to_bytes(device.auth)
    found: bytes = http_ece.encrypt(plain, private_key=once, dh=to_bytes(device.p256dh), auth_secret=secret)
    return found


def sign(service: str, now: datetime) -> str:
    """Return the header by which a push service knows this site."""
    from py_vapid import Vapid02  # noqa: PLC0415 - an extra

    claims: dict[str, Any] = {
        "sub": settings.VAPID_SUBJECT, "aud": service, "exp": int((now + SIGNED_FOR).timestamp())
    }  # fmt: skip
    return str(Vapid02.from_raw(settings.VAPID_PRIVATE_KEY.encode()).sign(claims)["Authorization"])


def _answer_of(problem: NotTaken) -> Answer:
    status = problem.answer.status if problem.answer else 0
    if problem.reason == Reason.NO_ADDRESS:
        return Refused("no_address", is_address=True)
    if status in GONE:
        return Refused(f"status_{status}", is_address=True)
    return NotNow(f"status_{status}") if status >= FAILED else answer_of(problem)

"""
Messages as JSON to a provider's address: one POST each, signed by the Standard Webhooks scheme, with its key.

What any provider of SMS, push or letters needs besides is a few lines behind that address.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import structlog
from django.conf import settings
from django.utils import timezone

from loyalty.campaigns.transports.port import Accepted, Answer, IsOver, NoAnswer, NotNow, Outgoing, Refused, Route
from loyalty.outbox.posting import NotTaken, Reason, Terms, post
from loyalty.outbox.signing import signature

log = structlog.get_logger(__name__)

PARALLEL = 8
LATER = (408, 425, 429, 503)
NEVER_ARRIVED = (Reason.NO_ADDRESS, Reason.UNKNOWN_HOST, Reason.INSIDE, Reason.NOT_SECURE)
NO_SUCH_ADDRESS = 410
NO_DEVICE = "no_device"  # that is left: they are all gone
MAX_ID = 200


class HttpTransport:
    def __init__(self, clock: Callable[[], datetime] = timezone.now) -> None:
        self.clock = clock

    def send(self, route: Route, batch: Sequence[Outgoing], is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        """Post messages, a few beside each other."""
        terms = Terms(settings.WEBHOOK_SECONDS, settings.WEBHOOKS_MAY_GO_INSIDE)

        def send_one(message: Outgoing) -> Answer:
            return NotNow("out_of_time") if is_over() else _post(route, message, terms, self.clock())

        yield from beside_each_other(batch, send_one)


def beside_each_other(
    batch: Sequence[Outgoing], send_one: Callable[[Outgoing], Answer]
) -> Iterator[tuple[Outgoing, Answer]]:
    """Send messages, a few beside each other. Whatever fails is one message's own failure: of it alone nobody knows."""

    def alone(message: Outgoing) -> Answer:
        try:
            return send_one(message)
        except Exception:  # of ours: told to us, and no reason to leave the others in the dark
            log.exception("message_failed", message=str(message.id))
            return NoAnswer()

    with ThreadPoolExecutor(min(PARALLEL, len(batch)), "messages") as pool:
        yield from zip(batch, pool.map(alone, batch), strict=True)


def body_of(route: Route, message: Outgoing) -> bytes:
    """Return what is posted of a message: the same at each try."""
    to = [each.address for each in message.devices] or message.address
    said = {
        "id": str(message.id), "channel": route.channel, "kind": message.kind, "to": to, "from": route.sender,
        "language": message.language, "subject": message.subject, "text": message.text, "html": message.html,
        "button": message.button, "link": message.link, "unsubscribe": message.unsubscribe,
    }  # fmt: skip
    return json.dumps({name: value for name, value in said.items() if value}, separators=(",", ":")).encode()


def _post(route: Route, message: Outgoing, terms: Terms, now: datetime) -> Answer:
    body, stamp = body_of(route, message), int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "idempotency-key": str(message.id),
        "webhook-id": str(message.id),
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(route.secret, str(message.id), stamp, body),
    }
    try:
        answer = post(route.url, body, headers, terms)
    except NotTaken as problem:
        return _of_devices(message, answer_of(problem))
    return Accepted(_id_in(answer.begins))


def _of_devices(message: Outgoing, answer: Answer) -> Answer:
    """Return what an answer says where a message is for devices: of whom there is no address, there is none of these."""
    if message.devices and isinstance(answer, Refused) and answer.is_address:
        return Refused(NO_DEVICE, gone=tuple(each.id for each in message.devices))
    return answer


def answer_of(problem: NotTaken) -> Answer:
    """Return what a failure says: only what certainly never arrived, or was refused, is told as that."""
    if problem.reason in NEVER_ARRIVED or isinstance(problem.__cause__, ConnectionRefusedError):
        return NotNow(problem.reason)
    status = problem.answer.status if problem.answer else 0
    if status in LATER:
        return NotNow(f"status_{status}")
    if 400 <= status < 500:  # noqa: PLR2004 - as HTTP has it: the message is at fault
        return Refused(f"status_{status}", is_address=status == NO_SUCH_ADDRESS)
    return NoAnswer()


def _id_in(begins: str) -> str:
    """Return the id that a provider gave a message; empty where it said none."""
    try:
        said = json.loads(begins)
    except ValueError:
        return ""
    return str(said["id"])[:MAX_ID] if isinstance(said, dict) and said.get("id") else ""

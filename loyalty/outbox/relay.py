"""
Tells committed events to subscribers and webhooks: at least once each, whatever dies in between.

Each endpoint has a queue of its own and gets turns. A turn posts what is due, a few at a time, and ends when nothing is due,
when its time is over or when the endpoint does not answer; then the endpoint rests, and nobody else waits for it.
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from customers.core import bulk
from customers.models import Retailer
from loyalty.outbox.models import Delivery, Endpoint, Event
from loyalty.outbox.posting import NotTaken, Reason, Terms, post

Subscriber = Callable[[Sequence[Event]], None]
Clock = Callable[[], datetime]

BATCH = 500
LOCK = 7_002  # the first key of the advisory lock of the one who dispatches
PARALLEL = 8  # posts to one endpoint at the same time
TURN_SECONDS = 15.0
LEASE = timedelta(minutes=2)  # longer than a turn; so long does an endpoint wait whose worker was killed
# The pauses that the Standard Webhooks specification recommends, in seconds; after the last the delivery is dead.
PAUSES = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
FIRST_REST, MAX_REST = 5, 900  # seconds
KEPT = timedelta(days=5)
WAITING = "d.endpoint_id = queue.endpoint_id AND d.subject = queue.subject AND d.delivered_at IS NULL AND NOT d.is_dead"
# The limits keep PostgreSQL from reading all queues at once to look into a few.
LET_FIRST_GO = f"""
UPDATE outbox_delivery SET due_at = %s
FROM (SELECT unnest(%b::bigint[]) AS endpoint_id, unnest(%b::text[]) AS subject) queue
CROSS JOIN LATERAL (SELECT d.id FROM outbox_delivery d WHERE {WAITING} ORDER BY d.id LIMIT 1) first
LEFT JOIN LATERAL (SELECT d.id FROM outbox_delivery d WHERE {WAITING} AND d.due_at IS NOT NULL LIMIT 1) due ON true
WHERE outbox_delivery.id = first.id AND due.id IS NULL
"""
# What is on its way just now is due later, and left alone.
GIVE_UP = """
UPDATE outbox_delivery SET is_dead = true, due_at = NULL
WHERE delivered_at IS NULL AND NOT is_dead AND coalesce(due_at, %(now)s) <= %(now)s
    AND (queued_at <= %(since)s OR (due_at IS NOT NULL AND attempts > %(tries)s))
RETURNING endpoint_id, subject
"""
TRY_LATER = (408, 429)  # refuse the sender for now, not the event

log = structlog.get_logger()


def add_endpoint(retailer: Retailer, url: str) -> Endpoint:
    """Register an address for a retailer's events, with a secret of its own."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    return Endpoint.objects.create(retailer=retailer, url=url, secret=secret)


@transaction.atomic
def dispatch(*, now: datetime, limit: int = BATCH) -> int:
    """
    Hand one batch of events to the subscribers and queue them for the webhooks; an event that nobody awaits is done.

    One at a time, or a member's events could be queued in another order than they happened in.

    :returns: how many events were taken; 0 means that none waits, or that somebody else dispatches
    """
    if not bulk.fetch("SELECT pg_try_advisory_xact_lock(%s, 0)", [LOCK])[0][0]:
        return 0
    events = list(Event.objects.filter(dispatched_at__isnull=True).order_by("id").select_for_update()[:limit])
    if not events:
        return 0
    for path in settings.OUTBOX_SUBSCRIBERS:
        subscriber: Subscriber = import_string(path)
        subscriber(events)
    told = Endpoint.objects.filter(is_active=True, retailer__in={event.retailer_id for event in events})
    endpoints = _locked(told)
    rows = [
        (event.pk, endpoint.pk, event.subject, 0, now, False, "")
        for event in events
        for endpoint in endpoints
        if endpoint.retailer_id == event.retailer_id
    ]
    columns = ("event_id", "endpoint_id", "subject", "attempts", "queued_at", "is_dead", "last_error")
    bulk.insert(Delivery, columns, rows)
    _let_first_go(((row[1], row[2]) for row in rows), now)
    awaited = {row[0] for row in rows}
    Event.objects.filter(pk__in=awaited).update(dispatched_at=now)
    Event.objects.filter(pk__in=[event.pk for event in events if event.pk not in awaited])._raw_delete("default")
    return len(events)


def endpoints_due(*, now: datetime) -> list[int]:
    """Return the ids of the endpoints that rest no longer and for which something is due."""
    waiting = Delivery.objects.filter(endpoint=OuterRef("pk"), due_at__lte=now).waiting()
    return list(_free(now).filter(Exists(waiting)).order_by("pk").values_list("pk", flat=True))


def deliver(endpoint_id: int, *, clock: Clock = timezone.now) -> int:
    """
    Give an endpoint a turn.

    :returns: how many posts were tried; 0 also when it rests, or has a turn elsewhere
    """
    if not _free(clock()).filter(pk=endpoint_id).update(next_turn_at=clock() + LEASE):
        return 0
    endpoint = Endpoint.objects.get(pk=endpoint_id)
    over_at = time.monotonic() + TURN_SECONDS
    tried = 0
    while time.monotonic() < over_at:
        claimed = _claim(endpoint, 1 if endpoint.failures else PARALLEL, clock())
        if not claimed:
            break
        tried += len(claimed)
        problems = _post_all(endpoint, claimed, clock)
        _settle(claimed, problems, clock())
        endpoint.failures = 0 if any(map(_answers, problems)) else endpoint.failures + 1
        if endpoint.failures:
            break
    rests_until = clock() + _rest(endpoint.failures) if endpoint.failures else None
    Endpoint.objects.filter(pk=endpoint_id).update(failures=endpoint.failures, next_turn_at=rests_until)
    return tried


@transaction.atomic
def give_up(*, now: datetime) -> int:
    """Keep as dead what was tried often enough or has waited too long; tell how many."""
    _locked(Endpoint.objects.all())
    given_up = bulk.fetch(GIVE_UP, {"now": now, "tries": len(PAUSES), "since": now - KEPT})
    _let_first_go(given_up, now)
    return len(given_up)


@transaction.atomic
def send_again(deliveries: QuerySet[Delivery], *, now: datetime) -> int:
    """Queue dead deliveries anew, behind what waits of their members; tell how many."""
    dead = deliveries.filter(is_dead=True)
    _locked(Endpoint.objects.filter(deliveries__in=dead))
    pairs = {delivery.pk: (delivery.endpoint_id, delivery.subject) for delivery in dead}
    count = dead.filter(pk__in=list(pairs)).update(is_dead=False, attempts=0, queued_at=now, due_at=None)
    _let_first_go(pairs.values(), now)
    return count


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of a body (Standard Webhooks, version v1: HMAC-SHA256)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{event_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _free(now: datetime) -> QuerySet[Endpoint]:
    """Return the endpoints that may have a turn."""
    return Endpoint.objects.filter(Q(next_turn_at__isnull=True) | Q(next_turn_at__lte=now), is_active=True)


@transaction.atomic
def _claim(endpoint: Endpoint, limit: int, now: datetime) -> list[Delivery]:
    """
    Take what is due to an endpoint, and count the try before it is made.

    So a try counts and has a next instant also if nobody lives to tell how it ended.
    """
    due = Delivery.objects.filter(endpoint=endpoint, due_at__lte=now, attempts__lte=len(PAUSES))
    locked = due.waiting().select_related("event").select_for_update(skip_locked=True, of=("self",))
    claimed = list(locked.order_by("due_at", "pk")[:limit])
    for delivery in claimed:
        delivery.attempts += 1
        delivery.due_at = now + max(_pause(delivery), LEASE)
    Delivery.objects.bulk_update(claimed, ["attempts", "due_at"])
    return claimed


def _locked(endpoints: QuerySet[Endpoint]) -> list[Endpoint]:
    """Lock the queues of endpoints: whose delivery goes first is decided by one at a time."""
    return list(Endpoint.objects.filter(pk__in=endpoints.values("pk")).order_by("pk").select_for_update(no_key=True))


def _let_first_go(queues: Iterable[tuple[int, str]], now: datetime) -> None:
    """Make the first delivery of each queue, of an endpoint and a member, due, where none is; the endpoint is locked."""
    pairs = sorted(set(queues))
    if pairs:
        endpoints, subjects = bulk.columns_of(pairs)
        bulk.execute(LET_FIRST_GO, [now, endpoints, subjects])


def _post_all(endpoint: Endpoint, deliveries: Sequence[Delivery], clock: Clock) -> list[NotTaken | None]:
    """Post deliveries beside each other, and return what went wrong with each."""
    with ThreadPoolExecutor(len(deliveries), "webhook") as pool:
        return list(pool.map(lambda delivery: _try(endpoint, delivery, clock), deliveries))


def _try(endpoint: Endpoint, delivery: Delivery, clock: Clock) -> NotTaken | None:
    """Post one delivery; whatever fails is this one's own failure."""
    try:
        body, headers = signed(delivery.event, endpoint.secret, clock())
        post(endpoint.url, body, headers, Terms(settings.WEBHOOK_SECONDS, settings.WEBHOOKS_MAY_GO_INSIDE))
    except NotTaken as problem:
        return problem
    except Exception:  # of ours: told to us, and no reason to keep the others waiting
        log.exception("webhook_failed", delivery=delivery.pk)
        return NotTaken(Reason.FAILED)
    return None


def signed(event: Event, secret: str, now: datetime) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an event that is sent now."""
    said = {"type": event.type, "timestamp": event.occurred_at.isoformat(), "data": event.payload}
    body = json.dumps(said, separators=(",", ":")).encode()
    timestamp = int(now.timestamp())
    return body, {
        "content-type": "application/json",
        "webhook-id": str(event.pk),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, str(event.pk), timestamp, body),
    }


@transaction.atomic
def _settle(deliveries: Sequence[Delivery], problems: Sequence[NotTaken | None], now: datetime) -> None:
    _locked(Endpoint.objects.filter(pk=deliveries[0].endpoint_id))
    for delivery, problem in zip(deliveries, problems, strict=True):
        delivery.last_error = str(problem or "")[:200]
        if problem is None:
            delivery.delivered_at, delivery.due_at = now, None
        elif delivery.attempts > len(PAUSES):
            delivery.is_dead, delivery.due_at = True, None
        else:
            delivery.due_at = now + _pause(delivery)
    Delivery.objects.bulk_update(deliveries, ["last_error", "delivered_at", "is_dead", "due_at"])
    done = [delivery for delivery in deliveries if delivery.is_dead or delivery.delivered_at]
    _let_first_go(((delivery.endpoint_id, delivery.subject) for delivery in done), now)


def _pause(delivery: Delivery) -> timedelta:
    """Return how long a delivery waits after its latest try."""
    return timedelta(seconds=PAUSES[min(delivery.attempts, len(PAUSES)) - 1])


def _answers(problem: NotTaken | None) -> bool:
    """Tell whether an endpoint works, even if it refused this event."""
    if problem is None:
        return True
    refused = problem.reason == Reason.STATUS and problem.detail.startswith("4")
    return (refused and int(problem.detail) not in TRY_LATER) or problem.reason == Reason.FAILED


def _rest(failures: int) -> timedelta:
    return timedelta(seconds=min(FIRST_REST * 2 ** (min(failures, 10) - 1), MAX_REST))

"""
Tells committed events to subscribers and webhooks: at least once each, whatever dies in between.

Each endpoint has a queue of its own and gets turns. A turn posts what is due, a few at a time, and ends when nothing is due,
when its time is over or when the endpoint does not answer; then the endpoint rests, and nobody else waits for it.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.outbox.lanes import LANES
from loyalty.outbox.models import Delivery, Endpoint, Event
from loyalty.outbox.posting import SHOWN_BYTES, Answer, NotTaken, Reason, Terms, post
from loyalty.outbox.queues import let_first_go, locked
from loyalty.outbox.signing import secrets_of, signed

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
STOPS_AFTER = timedelta(days=5)  # without an answer
GONE = 410  # by which an endpoint asks to be told nothing more
# What is on its way just now is due later, and left alone.
GIVE_UP = """
UPDATE outbox_delivery SET is_dead = true, due_at = NULL
WHERE delivered_at IS NULL AND NOT is_dead AND coalesce(due_at, %(now)s) <= %(now)s
    AND (queued_at <= %(since)s OR (due_at IS NOT NULL AND attempts > %(tries)s))
RETURNING endpoint_id, subject
"""
# But not what a turn may be posting just now: no turn takes as long as a lease.
TRY_AT_ONCE = f"""
UPDATE outbox_delivery d SET due_at = LEAST(d.due_at, GREATEST(%(now)s, d.due_at - greatest(p.pause, lease) + lease))
FROM (VALUES {", ".join(f"({n}, interval '{pause} s')" for n, pause in enumerate(PAUSES, 1))}) p (attempts, pause),
    (VALUES (interval '{LEASE.total_seconds()} s')) l (lease)
WHERE d.endpoint_id = %(endpoint)s AND d.attempts = p.attempts AND d.delivered_at IS NULL AND NOT d.is_dead
    AND d.due_at > %(now)s
"""
# What subscribers made known of an event goes to webhooks too. Ids are not the order of commits; positions are, because one
# dispatches at a time.
POSITIONS = "SELECT nextval('outbox_event_position') FROM generate_series(1, %s)"
DISPATCHED = """
UPDATE outbox_event e SET dispatched_at = %s, payload = told.payload::jsonb, position = told.position
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS payload, unnest(%b::bigint[]) AS position) told
WHERE told.id = e.id
"""
TRY_LATER = (408, 429)  # refuse the sender for now, not the event

SETTLED = ("tried_at", "took_ms", "status", "answer")

log = structlog.get_logger()


@transaction.atomic
def dispatch(*, now: datetime, limit: int = BATCH) -> int:
    """
    Hand one batch of events to the subscribers and queue them for the webhooks.

    Of a retailer that has a webhook events are kept, also while it is switched off or awaits other types: the feed is for who was
    away. Others' are done. One at a time, or a member's events could be queued in another order than they happened in.

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
    endpoints = locked(Endpoint.objects.present().filter(retailer__in={event.retailer_id for event in events}))
    rows = [
        (event.pk, endpoint.pk, event.subject, 0, now, False, "", "")
        for event in events
        for endpoint in endpoints
        if endpoint.is_active
        and endpoint.retailer_id == event.retailer_id
        and (not endpoint.events or event.type in endpoint.events)
    ]
    columns = ("event_id", "endpoint_id", "subject", "attempts", "queued_at", "is_dead", "last_error", "answer")
    bulk.insert(Delivery, columns, rows)
    let_first_go(((row[1], row[2]) for row in rows), now)
    listening = {endpoint.retailer_id for endpoint in endpoints}
    told = [(event.pk, json.dumps(event.payload)) for event in events if event.retailer_id in listening]
    if told:
        positions = sorted(position for (position,) in bulk.fetch(POSITIONS, [len(told)]))
        bulk.execute(DISPATCHED, [now, *bulk.columns_of(told), positions])
    Event.objects.filter(pk__in=[event.pk for event in events if event.retailer_id not in listening])._raw_delete(
        "default"
    )
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
    now = clock()
    endpoint = _free(now).filter(pk=endpoint_id).first()
    if endpoint is None:
        return 0
    with LANES.turn(endpoint) as may_go:
        if not may_go or not _free(now).filter(pk=endpoint_id).update(next_turn_at=now + LEASE):
            return 0
        return _turn(endpoint, clock)


def _turn(endpoint: Endpoint, clock: Clock) -> int:
    was_slow, over_at = LANES.is_slow(endpoint), time.monotonic() + TURN_SECONDS
    tried, tries = 0, list[Try]()
    while (began := time.monotonic()) < over_at:
        claimed = _claim(endpoint, 1 if endpoint.failures else PARALLEL, clock())
        if not claimed:
            break
        tried += len(claimed)
        tries = _post_all(endpoint, claimed, clock)
        _settle(claimed, tries, clock())
        LANES.note(endpoint, time.monotonic() - began)
        answers = any(_answers(each.problem) for each in tries)
        endpoint.failures = 0 if answers else endpoint.failures + 1
        endpoint.failing_since = None if answers else endpoint.failing_since or clock()
        if endpoint.failures or _asks_to_stop(tries) or (LANES.is_slow(endpoint) and not was_slow):
            break
    _rest_after(endpoint, clock(), is_gone=_asks_to_stop(tries))
    return tried


def _rest_after(endpoint: Endpoint, now: datetime, *, is_gone: bool) -> None:
    """
    Let an endpoint rest that did not answer; switch it off when it has not done so for days, or asks for it.

    What an address did that is none of its any more says nothing of the one that was given it meanwhile.
    """
    changed: dict[str, Any] = {"failures": endpoint.failures, "failing_since": endpoint.failing_since}
    changed["next_turn_at"] = now + _rest(endpoint.failures) if endpoint.failures else None
    if is_gone or (endpoint.failing_since is not None and endpoint.failing_since <= now - STOPS_AFTER):
        changed |= {"is_active": False, "stopped_at": now}
        log.warning("webhook_stopped", endpoint=endpoint.pk, retailer=endpoint.retailer_id, url=endpoint.url)
    Endpoint.objects.filter(pk=endpoint.pk, url=endpoint.url).update(**changed)


@transaction.atomic
def give_up(*, now: datetime) -> int:
    """Keep as dead what was tried often enough or has waited too long; tell how many."""
    locked(Endpoint.objects.all())
    given_up = bulk.fetch(GIVE_UP, {"now": now, "tries": len(PAUSES), "since": now - KEPT})
    let_first_go(given_up, now)
    return len(given_up)


@transaction.atomic
def send_again(deliveries: QuerySet[Delivery], *, now: datetime) -> int:
    """Queue anew what was delivered or given up, behind what waits of their members; tell how many."""
    over = deliveries.filter(Q(is_dead=True) | Q(delivered_at__isnull=False))
    locked(Endpoint.objects.filter(deliveries__in=over))
    pairs = {delivery.pk: (delivery.endpoint_id, delivery.subject) for delivery in over}
    anew = {"is_dead": False, "delivered_at": None, "attempts": 0, "queued_at": now, "due_at": None}
    count = over.filter(pk__in=list(pairs)).update(**anew)
    let_first_go(pairs.values(), now)
    return count


def try_at_once(endpoint: Endpoint, *, now: datetime) -> None:
    """Let nothing wait any longer that was not taken: it was posted to what its endpoint was until now."""
    bulk.change(TRY_AT_ONCE, {"now": now, "endpoint": endpoint.pk})


def _free(now: datetime) -> QuerySet[Endpoint]:
    """Return the endpoints that may have a turn."""
    return Endpoint.objects.filter(Q(next_turn_at__isnull=True) | Q(next_turn_at__lte=now), is_active=True)


@transaction.atomic
def _claim(endpoint: Endpoint, limit: int, now: datetime) -> list[Delivery]:
    """
    Take what is due to an endpoint, and count the try before it is made.

    So a try counts and has a next instant also if nobody lives to tell how it ended.
    """
    due = Delivery.objects.filter(_still_as(endpoint), endpoint=endpoint, due_at__lte=now, attempts__lte=len(PAUSES))
    locked = due.waiting().select_related("event").select_for_update(skip_locked=True, of=("self",))
    claimed = list(locked.order_by("due_at", "pk")[:limit])
    for delivery in claimed:
        delivery.attempts += 1
        delivery.due_at = now + max(_pause(delivery), LEASE)
    Delivery.objects.bulk_update(claimed, ["attempts", "due_at"])
    return claimed


def _still_as(endpoint: Endpoint) -> Q:
    """Return that an endpoint is what it was when its turn began: no other address, no new secret, not switched off."""
    return Q(endpoint__url=endpoint.url, endpoint__secret=endpoint.secret, endpoint__is_active=True)


@dataclass(frozen=True, slots=True)
class Try:
    """What became of one post: what went wrong, what was answered, and how long it took."""

    problem: NotTaken | None
    answer: Answer | None
    took_ms: int


def _post_all(endpoint: Endpoint, deliveries: Sequence[Delivery], clock: Clock) -> list[Try]:
    """Post deliveries beside each other, and return what became of each."""
    with ThreadPoolExecutor(len(deliveries), "webhook") as pool:
        return list(pool.map(lambda delivery: _try(endpoint, delivery, clock), deliveries))


def _try(endpoint: Endpoint, delivery: Delivery, clock: Clock) -> Try:
    """Post one delivery; whatever fails is this one's own failure."""
    began = time.monotonic()
    problem, answer = None, None
    try:
        body, headers = signed(delivery.event, secrets_of(endpoint, clock()), clock())
        answer = post(endpoint.url, body, headers, Terms(settings.WEBHOOK_SECONDS, settings.WEBHOOKS_MAY_GO_INSIDE))
    except NotTaken as error:
        problem, answer = error, error.answer
    except Exception:  # of ours: told to us, and no reason to keep the others waiting
        log.exception("webhook_failed", delivery=delivery.pk)
        problem = NotTaken(Reason.FAILED)
    return Try(problem, answer, round((time.monotonic() - began) * 1000))


@transaction.atomic
def _settle(deliveries: Sequence[Delivery], tries: Sequence[Try], now: datetime) -> None:
    locked(Endpoint.objects.filter(pk=deliveries[0].endpoint_id))
    for delivery, made in zip(deliveries, tries, strict=True):
        problem = made.problem
        delivery.last_error = str(problem or "")[:200]
        delivery.tried_at, delivery.took_ms = now, made.took_ms
        delivery.status = made.answer.status if made.answer else None
        delivery.answer = made.answer.begins[:SHOWN_BYTES] if made.answer else ""
        if problem is None:
            delivery.delivered_at, delivery.due_at = now, None
        elif delivery.attempts > len(PAUSES):
            delivery.is_dead, delivery.due_at = True, None
        else:
            delivery.due_at = now + _pause(delivery)
    Delivery.objects.bulk_update(deliveries, [*SETTLED, "last_error", "delivered_at", "is_dead", "due_at"])
    done = [delivery for delivery in deliveries if delivery.is_dead or delivery.delivered_at]
    let_first_go(((delivery.endpoint_id, delivery.subject) for delivery in done), now)


def _pause(delivery: Delivery) -> timedelta:
    """Return how long a delivery waits after its latest try."""
    return timedelta(seconds=PAUSES[min(delivery.attempts, len(PAUSES)) - 1])


def _asks_to_stop(tries: Sequence[Try]) -> bool:
    """Tell whether an endpoint says that it is gone for good."""
    return any(each.answer is not None and each.answer.status == GONE for each in tries)


def _answers(problem: NotTaken | None) -> bool:
    """Tell whether an endpoint works, even if it refused this event."""
    if problem is None:
        return True
    refused = problem.reason == Reason.STATUS and problem.detail.startswith("4")
    return (refused and int(problem.detail) not in TRY_LATER) or problem.reason == Reason.FAILED


def _rest(failures: int) -> timedelta:
    return timedelta(seconds=min(FIRST_REST * 2 ** (min(failures, 10) - 1), MAX_REST))

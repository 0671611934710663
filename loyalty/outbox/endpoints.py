"""Endpoints of retailers: added, changed, given another secret, tried out, removed. The verbs of the admin and the API."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.models import Retailer
from loyalty.outbox.addresses import check_address, target_of
from loyalty.outbox.models import Delivery, Endpoint, Event
from loyalty.outbox.queues import let_first_go, locked
from loyalty.outbox.relay import try_at_once
from loyalty.outbox.signing import former_secrets

OVERLAP = timedelta(days=1)  # for which a former secret signs beside its successor
MAX_OVERLAP = timedelta(days=30)
MAX_OLDER = 8  # secrets that sign beside the newest and the former one: each makes a post's head longer
SECRETS = ("secret", "old_secret", "old_secret_until", "older_secrets")
TEST = "webhook.test"
MAX_ENDPOINTS = 50  # of a retailer: each event is queued for all of them
LOCK = 7_003  # the first key of the advisory lock of a retailer's endpoints
FORGOTTEN_AT_ONCE = 5_000
FORGET = """
DELETE FROM outbox_delivery WHERE id = ANY(ARRAY(
    SELECT d.id FROM outbox_delivery d JOIN outbox_endpoint e ON e.id = d.endpoint_id
    WHERE e.removed_at IS NOT NULL LIMIT %s))
"""


class SameAddress(DomainError):
    """A retailer's address is told already: its events would arrive twice."""

    code = "same_address"
    kind = Kind.CONFLICT
    message = _("{url} is the address of the webhook {id} already. Change that one, or remove it.")


class TooManyEndpoints(DomainError):
    code = "too_many_webhooks"
    message = _("There are {count} webhooks, and {limit} at most. Remove one first.")


class NotInForce(DomainError):
    """Nothing is posted to an endpoint that is switched off."""

    code = "webhook_is_off"
    message = _("The webhook is switched off; switch it on first.")


@transaction.atomic
def add_endpoint(retailer: Retailer, url: str, events: Sequence[str] = (), *, is_active: bool = True) -> Endpoint:
    """
    Register an address for a retailer's events, with a secret of its own.

    :param events: the types that it is told; all if empty
    :raises BadAddress: when nothing can be posted to it
    :raises SameAddress: when it is registered already
    :raises TooManyEndpoints: when the retailer has as many as it may
    """
    check_new_address(retailer, url)
    count = Endpoint.objects.present().filter(retailer=retailer).count()
    if count >= MAX_ENDPOINTS:
        raise TooManyEndpoints(count=count, limit=MAX_ENDPOINTS)
    told = list(dict.fromkeys(events))
    return Endpoint.objects.create(retailer=retailer, url=url, events=told, secret=new_secret(), is_active=is_active)


def check_new_address(retailer: Retailer, url: str, *, of: Endpoint | None = None) -> None:
    """
    Look whether a retailer's endpoint may have an address; until the transaction ends nobody else gives it to another.

    :param of: the endpoint that is to have it; None for a new one
    :raises BadAddress: when nothing can be posted to it
    :raises SameAddress: when another one has it
    """
    check_address(url)
    bulk.fetch("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, retailer.pk])
    for other in Endpoint.objects.present().filter(retailer=retailer).order_by("pk"):
        if other != of and target_of(other.url) == target_of(url):
            raise SameAddress(url=url, id=other.key)


@transaction.atomic
def change_endpoint(
    endpoint: Endpoint,
    *,
    now: datetime,
    url: str | None = None,
    events: Sequence[str] | None = None,
    is_active: bool | None = None,
) -> Endpoint:
    """
    Change what is said of an endpoint, and return it. What was mended is tried at once.

    :param url: None leaves it as it is at that moment, as do the others
    :raises BadAddress: when nothing can be posted to the new address
    :raises SameAddress: when another endpoint has it
    """
    _lock(endpoint)
    if url is not None and url != endpoint.url:
        check_new_address(endpoint.retailer, url, of=endpoint)
        endpoint.url = url
    if events is not None:
        endpoint.events = list(dict.fromkeys(events))
    if is_active is not None:
        endpoint.is_active, endpoint.stopped_at = is_active, None
    endpoint.failures, endpoint.next_turn_at, endpoint.failing_since = 0, None, None
    changed = ("url", "events", "is_active", "failures", "next_turn_at", "failing_since", "stopped_at")
    endpoint.save(update_fields=changed)
    if endpoint.is_active:
        try_at_once(endpoint, now=now)
    return endpoint


def _lock(endpoint: Endpoint) -> None:
    """Lock an endpoint and read it anew: of two who change it at once the second one changes what the first one left."""
    endpoint.refresh_from_db(from_queryset=Endpoint.objects.select_for_update(no_key=True))


def new_secret() -> str:
    """Return a secret that signs what is posted (Standard Webhooks)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


@transaction.atomic
def rotate_secret(endpoint: Endpoint, *, now: datetime, overlap: timedelta = OVERLAP) -> str:
    """
    Give an endpoint a new secret and return it; its former one signs as well for a while, so that nothing is refused.

    Those before it sign for as long as was said of them: the answer that told a secret may be lost, and another one asked for.

    :param overlap: for how long; none where former ones are known to strangers
    """
    _lock(endpoint)
    signing = former_secrets(endpoint, now) if overlap else []
    endpoint.older_secrets = [{"secret": secret, "until": until.isoformat()} for secret, until in signing[:MAX_OLDER]]
    endpoint.old_secret, endpoint.old_secret_until = endpoint.secret, now + overlap
    if not overlap:
        endpoint.old_secret, endpoint.old_secret_until = "", None
    endpoint.secret = new_secret()
    endpoint.save(update_fields=SECRETS)
    return endpoint.secret


@transaction.atomic
def send_test(endpoint: Endpoint, *, now: datetime) -> Delivery:
    """
    Queue an event that says nothing but that it is one, for this endpoint alone and whatever types it chose.

    :raises NotInForce: when it is switched off
    """
    (locked_one,) = locked(Endpoint.objects.filter(pk=endpoint.pk))
    if not locked_one.is_active:
        raise NotInForce
    subject = f"endpoint:{endpoint.pk}"
    event = Event.objects.create(
        retailer_id=endpoint.retailer_id, type=TEST, subject=subject, payload={}, occurred_at=now, recorded_at=now,
        dispatched_at=now,
    )  # fmt: skip
    delivery = Delivery.objects.create(event=event, endpoint=endpoint, subject=subject, queued_at=now)
    let_first_go([(endpoint.pk, subject)], now)
    delivery.refresh_from_db(fields=["due_at"])
    return delivery


def remove_endpoint(endpoint: Endpoint, *, now: datetime) -> None:
    """Let an endpoint be told nothing any more, and forget its secrets; what was delivered to it is forgotten soon."""
    endpoint.is_active, endpoint.removed_at = False, now
    endpoint.secret = endpoint.old_secret = ""
    endpoint.old_secret_until, endpoint.older_secrets = None, []
    endpoint.save(update_fields=["is_active", "removed_at", *SECRETS])


def forget_removed() -> int:
    """Delete what was on its way to endpoints that were removed, some at a time, and then those; return how many."""
    forgotten = 0
    while count := bulk.change(FORGET, [FORGOTTEN_AT_ONCE]):
        forgotten += count
    gone = Endpoint.objects.filter(removed_at__isnull=False, deliveries__isnull=True)
    return forgotten + gone.delete()[0]

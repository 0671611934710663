"""Who is slow, or does not answer, never holds all threads of a worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from socket import socket

import pytest
from django.utils import timezone
from pytest_django import Settings

from loyalty.outbox import relay
from loyalty.outbox.endpoints import add_endpoint, send_test
from loyalty.outbox.lanes import SLOW_SECONDS, Lanes
from loyalty.outbox.models import Delivery, Endpoint
from tests import make
from tests.outbox.servers import Server, closes, serving, takes

pytestmark = pytest.mark.django_db
Talk = Callable[[Server, socket], None]


def endpoints(count: int) -> list[Endpoint]:
    shop = make.retailer()
    return [add_endpoint(shop, f"https://shop.example/{place}") for place in range(count)]


def turns(lanes: Lanes, asking: list[Endpoint]) -> list[bool]:
    """Let endpoints have turns at the same time, and return which may."""
    with ExitStack() as stack:
        return [stack.enter_context(lanes.turn(each)) for each in asking]


def test_of_those_who_are_slow_only_some_have_a_turn_at_once_and_the_fast_all() -> None:
    lanes, asking = Lanes(slow=2, new=1), endpoints(6)
    for place, each in enumerate(asking):
        lanes.note(each, SLOW_SECONDS * 2 if place % 2 else 0.01)

    assert turns(lanes, asking) == [True, True, True, True, True, False]
    assert turns(lanes, asking) == [True, True, True, True, True, False]  # what was taken is given back


def test_of_those_who_were_never_met_only_some_have_a_turn_at_once() -> None:
    lanes, asking = Lanes(slow=2, new=1), endpoints(2)

    assert turns(lanes, asking) == [True, False]


def test_who_does_not_answer_is_slow_however_fast_it_fails() -> None:
    lanes, asking = Lanes(slow=1, new=1), endpoints(2)
    for each in asking:
        each.failures = 3
        lanes.note(each, 0.01)

    assert turns(lanes, asking) == [True, False]
    asking[1].failures = 0
    assert turns(lanes, asking) == [True, True]


@pytest.fixture
def lanes() -> Lanes:
    return Lanes(slow=1, new=1)


@pytest.fixture
def serve(settings: Settings, monkeypatch: pytest.MonkeyPatch, lanes: Lanes) -> Iterator[Callable[[Talk], Server]]:
    settings.WEBHOOKS_MAY_GO_INSIDE = True
    settings.WEBHOOK_SECONDS = 0.5
    monkeypatch.setattr(relay, "LANES", lanes)
    with ExitStack() as stack:
        yield lambda talk: stack.enter_context(serving(talk))


def test_a_turn_without_a_free_lane_tries_nothing_and_leaves_it_for_later(
    serve: Callable[[Talk], Server], lanes: Lanes
) -> None:
    server = serve(takes)
    shop = make.retailer()
    endpoint, other = add_endpoint(shop, server.url), add_endpoint(shop, f"{server.url}/other")
    send_test(endpoint, now=timezone.now())

    with lanes.turn(other):
        refused = relay.deliver(endpoint.pk)
    row = Delivery.objects.get()
    before = (refused, row.attempts, Endpoint.objects.get(pk=endpoint.pk).next_turn_at)

    assert before == (0, 0, None)
    assert relay.deliver(endpoint.pk) == 1
    assert Delivery.objects.get().delivered_at is not None


def test_who_answered_once_needs_no_lane_any_more_and_who_failed_does(
    serve: Callable[[Talk], Server], lanes: Lanes
) -> None:
    good, bad = serve(takes), serve(closes)
    shop = make.retailer()
    known = {server: add_endpoint(shop, server.url) for server in (good, bad)}
    for endpoint in known.values():
        send_test(endpoint, now=timezone.now())
        relay.deliver(endpoint.pk)
        endpoint.refresh_from_db()

    assert [lanes.is_slow(known[server]) for server in (good, bad)] == [False, True]

"""What endpoints are told, by which secrets it is signed, how they are tried out, and when they are switched off."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from socket import socket
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from loyalty.outbox.endpoints import OVERLAP, add_endpoint, change_endpoint, rotate_secret, send_test
from loyalty.outbox.models import Delivery, Endpoint
from loyalty.outbox.relay import LEASE, STOPS_AFTER, deliver, dispatch, send_again
from loyalty.outbox.signing import secrets_of
from tests import make
from tests.make import NOON
from tests.outbox.servers import Server, closes, saying, serving

pytestmark = pytest.mark.django_db
Talk = Callable[[Server, socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome"


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[..., Server]]:
    settings.WEBHOOKS_MAY_GO_INSIDE = True
    settings.WEBHOOK_SECONDS = 0.5
    with ExitStack() as stack:
        yield lambda talk: stack.enter_context(serving(talk))


def told(server: Server) -> list[str]:
    return [json.loads(request.partition(b"\r\n\r\n")[2])["type"] for request in server.requests]


def test_an_endpoint_is_told_what_it_chose(serve: Callable[[Talk], Server]) -> None:
    some, everything = serve(saying(OK)), serve(saying(OK))
    club = make.program(points={"pending_days": 0})
    chosen = add_endpoint(club.retailer, some.url, ["points.earned"])
    other = add_endpoint(club.retailer, everything.url)
    make.buys(make.member(club, "ada"), "10.00")
    dispatch(now=NOON)

    deliver(chosen.pk, clock=lambda: NOON)
    deliver(other.pk, clock=lambda: NOON)

    assert (told(some), told(everything)) == (["points.earned"], ["membership.enrolled", "points.earned"])


def test_what_an_endpoint_answered_is_kept(serve: Callable[[Talk], Server]) -> None:
    server = serve(saying(OK))
    endpoint = add_endpoint(make.retailer(), server.url)
    send_test(endpoint, now=NOON)

    deliver(endpoint.pk, clock=lambda: NOON)

    row = Delivery.objects.get()
    assert (row.status, row.answer, row.tried_at, row.last_error) == (200, "welcome", NOON, "")
    assert row.took_ms is not None


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nno\x00", (500, "no", "status 500")),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, (503, "x" * 500, "status 503")),
        (b"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1/\r\n\r\n", (302, "", "status 302")),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 9\r\n\r\n", (400, "", "status 400")),
    ],
)
def test_what_it_refused_is_kept_too(
    serve: Callable[[Talk], Server], answer: bytes, kept: tuple[int, str, str]
) -> None:
    endpoint = add_endpoint(make.retailer(), serve(saying(answer)).url)
    send_test(endpoint, now=NOON)

    deliver(endpoint.pk, clock=lambda: NOON)

    row = Delivery.objects.get()
    assert (row.status, row.answer, row.last_error) == kept
    assert row.delivered_at is None


def test_a_test_event_goes_to_its_endpoint_alone_whatever_it_chose(serve: Callable[[Talk], Server]) -> None:
    one, other = serve(saying(OK)), serve(saying(OK))
    shop = make.retailer()
    endpoint = add_endpoint(shop, one.url, ["tier.changed"])
    add_endpoint(shop, other.url)

    send_test(endpoint, now=NOON)
    dispatch(now=NOON)
    for each in Endpoint.objects.all():
        deliver(each.pk, clock=lambda: NOON)

    assert (told(one), told(other)) == (["webhook.test"], [])


def test_for_a_day_both_secrets_sign(serve: Callable[[Talk], Server]) -> None:
    server = serve(saying(OK))
    endpoint = add_endpoint(make.retailer(), server.url)
    old = endpoint.secret
    new = rotate_secret(endpoint, now=NOON)
    for at in (NOON, NOON + OVERLAP):
        send_test(endpoint, now=at)
        deliver(endpoint.pk, clock=partial(datetime.fromisoformat, at.isoformat()))

    heads = [request.partition(b"\r\n\r\n")[0].decode().lower() for request in server.requests]
    signatures = [
        next(line for line in head.split("\r\n") if "webhook-signature" in line).split()[1:] for head in heads
    ]
    assert [len(each) for each in signatures] == [2, 1]
    assert old != new == Endpoint.objects.get().secret


def test_the_standards_own_library_takes_what_either_secret_signed(serve: Callable[[Talk], Server]) -> None:
    server = serve(saying(OK))
    endpoint = add_endpoint(make.retailer(), server.url)
    now = timezone.now()  # the library looks at the clock
    keys = [endpoint.secret, rotate_secret(endpoint, now=now)]
    send_test(endpoint, now=now)
    deliver(endpoint.pk)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])}

    for key in keys:
        assert Webhook(key).verify(body, headers)["type"] == "webhook.test"


def test_a_secret_that_was_lost_and_rotated_again_signs_on_as_was_promised() -> None:
    endpoint = add_endpoint(make.retailer(), "https://shop.example/hooks")
    first = endpoint.secret
    second = rotate_secret(endpoint, now=NOON, overlap=timedelta(hours=48))  # the answer is lost
    third = rotate_secret(endpoint, now=NOON + timedelta(hours=1), overlap=timedelta(hours=24))

    row = Endpoint.objects.get()
    signing = {hours: secrets_of(row, NOON + timedelta(hours=hours)) for hours in (1, 24, 25, 47, 48)}
    assert signing == {
        1: [third, second, first], 24: [third, second, first], 25: [third, first], 47: [third, first], 48: [third],
    }  # fmt: skip


def test_none_that_strangers_know_signs_after_a_rotation_without_an_overlap() -> None:
    endpoint = add_endpoint(make.retailer(), "https://shop.example/hooks")
    for hours in (48, 24, 0):
        new = rotate_secret(endpoint, now=NOON, overlap=timedelta(hours=hours))

    row = Endpoint.objects.get()
    assert (secrets_of(row, NOON), row.older_secrets) == ([new], [])


def test_of_two_who_rotate_at_once_both_were_told_a_secret_that_signs() -> None:
    first = add_endpoint(make.retailer(), "https://shop.example/hooks").secret
    one, other = Endpoint.objects.get(), Endpoint.objects.get()

    told = [rotate_secret(each, now=NOON) for each in (one, other)]

    assert secrets_of(Endpoint.objects.get(), NOON) == [told[1], told[0], first]


def test_former_secrets_that_sign_are_eight_besides_the_last_two() -> None:
    endpoint = add_endpoint(make.retailer(), "https://shop.example/hooks")
    told = [endpoint.secret, *(rotate_secret(endpoint, now=NOON) for _ in range(12))]

    assert secrets_of(Endpoint.objects.get(), NOON) == told[:2:-1]


def test_of_two_who_change_an_endpoint_at_once_both_are_heard() -> None:
    add_endpoint(make.retailer(), "https://shop.example/hooks")
    one, other = Endpoint.objects.get(), Endpoint.objects.get()

    change_endpoint(one, now=NOON, is_active=False)
    change_endpoint(other, now=NOON, events=["tier.changed"])

    found = Endpoint.objects.get()
    assert (found.is_active, found.events) == (False, ["tier.changed"])


def test_who_was_switched_off_for_not_answering_is_told_so_until_it_is_switched_on() -> None:
    add_endpoint(make.retailer(), "https://shop.example/hooks")
    Endpoint.objects.update(is_active=False, stopped_at=NOON)

    changes: list[dict[str, Any]] = [{"events": ["tier.changed"]}, {"is_active": True}, {"is_active": False}]
    states = [change_endpoint(Endpoint.objects.get(), now=NOON, **said).state for said in changes]

    assert states == ["stopped", "ok", "off"]


@pytest.mark.parametrize("said", [{"url": None}, {"events": ["webhook.test"]}, {"is_active": True}])
def test_what_waits_for_an_endpoint_that_was_mended_is_tried_at_once(
    serve: Callable[[Talk], Server], said: dict[str, Any]
) -> None:
    bad, good = serve(saying(b"HTTP/1.1 500 Oops\r\n\r\n")), serve(saying(OK))
    endpoint = add_endpoint(make.retailer(), bad.url)
    send_test(endpoint, now=NOON)
    # Tried for the eighth time at noon: by itself it is tried again at eight on the next day.
    Delivery.objects.update(attempts=7)
    deliver(endpoint.pk, clock=lambda: NOON)
    assert Delivery.objects.get().due_at == NOON + timedelta(hours=20)
    Endpoint.objects.filter(url=bad.url).update(url=bad.url if "url" in said else good.url)
    later = NOON + timedelta(hours=1)
    changes: dict[str, Any] = {name: value or good.url for name, value in said.items()}

    change_endpoint(Endpoint.objects.get(), now=later, **changes)
    deliver(endpoint.pk, clock=lambda: later)

    assert (Delivery.objects.get().delivered_at, len(good.requests)) == (later, 1)


def test_what_is_being_posted_while_an_endpoint_is_changed_is_not_posted_twice() -> None:
    endpoint = add_endpoint(make.retailer(), "https://shop.example/hooks")
    send_test(endpoint, now=NOON)
    dues = []
    # Claimed at noon: for the first time it is due when its lease ends, for the eighth after its pause of 20 hours.
    for attempts, due_at in ((1, NOON + LEASE), (8, NOON + timedelta(hours=20))):
        Delivery.objects.update(attempts=attempts, due_at=due_at)
        change_endpoint(Endpoint.objects.get(), now=NOON + timedelta(seconds=9), is_active=True)
        dues.append(Delivery.objects.get().due_at)

    assert dues == [NOON + LEASE, NOON + LEASE]


def test_who_does_not_answer_for_days_is_switched_off_and_goes_on_where_it_stopped(
    serve: Callable[[Talk], Server],
) -> None:
    deaf = serve(closes)
    endpoint = add_endpoint(make.retailer(), deaf.url)
    send_test(endpoint, now=NOON)
    deliver(endpoint.pk, clock=lambda: NOON)
    assert Endpoint.objects.get().failing_since == NOON

    Delivery.objects.update(due_at=NOON)
    late = NOON + STOPS_AFTER
    deliver(endpoint.pk, clock=lambda: late)

    stopped = Endpoint.objects.get()
    assert (stopped.is_active, stopped.stopped_at) == (False, late)
    good = serve(saying(OK))
    Endpoint.objects.update(
        url=good.url, is_active=True, stopped_at=None, failing_since=None, failures=0, next_turn_at=None
    )
    Delivery.objects.update(due_at=late)
    deliver(endpoint.pk, clock=lambda: late)
    assert told(good) == ["webhook.test"]


def test_one_answer_between_begins_the_days_anew(serve: Callable[[Talk], Server]) -> None:
    endpoint = add_endpoint(make.retailer(), serve(saying(OK)).url)
    Endpoint.objects.update(failing_since=NOON - STOPS_AFTER, failures=3)
    send_test(endpoint, now=NOON)

    deliver(endpoint.pk, clock=lambda: NOON)

    found = Endpoint.objects.get()
    assert (found.is_active, found.failing_since, found.failures) == (True, None, 0)


def test_who_says_that_it_is_gone_is_told_nothing_more(serve: Callable[[Talk], Server]) -> None:
    endpoint = add_endpoint(make.retailer(), serve(saying(b"HTTP/1.1 410 Gone\r\n\r\n")).url)
    send_test(endpoint, now=NOON)

    deliver(endpoint.pk, clock=lambda: NOON)

    assert (Endpoint.objects.get().is_active, Endpoint.objects.get().stopped_at) == (False, NOON)


def test_what_was_delivered_can_be_sent_again(serve: Callable[[Talk], Server]) -> None:
    server = serve(saying(OK))
    endpoint = add_endpoint(make.retailer(), server.url)
    send_test(endpoint, now=NOON)
    deliver(endpoint.pk, clock=lambda: NOON)

    assert send_again(Delivery.objects.all(), now=NOON + timedelta(hours=1)) == 1
    deliver(endpoint.pk, clock=lambda: NOON + timedelta(hours=1))

    bodies = {request.partition(b"\r\n\r\n")[2] for request in server.requests}
    assert (len(server.requests), len(bodies)) == (2, 1)


def test_staff_try_an_endpoint_out_and_change_its_secret(client: Client, serve: Callable[[Talk], Server]) -> None:
    client.force_login(User.objects.create_superuser("staff"))
    endpoint = add_endpoint(make.retailer(), serve(saying(OK)).url)
    address = reverse("admin:outbox_endpoint_changelist")
    before = endpoint.secret

    for verb in ("try_out", "change_secret"):
        answer = client.post(address, {"action": verb, "_selected_action": [endpoint.pk]}, follow=True)
        assert answer.status_code == 200
    deliver(endpoint.pk, clock=lambda: NOON + timedelta(days=3650))

    endpoint.refresh_from_db()
    assert endpoint.secret in answer.content.decode()
    assert (endpoint.old_secret, Delivery.objects.get().status) == (before, 200)
    page = client.get(reverse("admin:outbox_delivery_change", args=[Delivery.objects.get().pk])).content.decode()
    assert "welcome" in page
    assert "webhook.test" in page

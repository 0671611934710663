"""What endpoints are told, by which secrets it is signed, how they are tried out, and when they are switched off."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from socket import socket

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from loyalty.outbox.endpoints import OVERLAP, add_endpoint, rotate_secret, send_test
from loyalty.outbox.models import Delivery, Endpoint
from loyalty.outbox.relay import STOPS_AFTER, deliver, dispatch, send_again
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

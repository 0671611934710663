"""Events reach endpoints: each in its own queue, whatever another one does."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from socket import socket
from threading import Thread, current_thread, main_thread
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.celery import app
from loyalty.outbox import tasks
from loyalty.outbox.endpoints import add_endpoint, change_endpoint, remove_endpoint, rotate_secret
from loyalty.outbox.models import Delivery, Endpoint, Event
from loyalty.outbox.publishing import NewEvent, publish
from loyalty.outbox.relay import KEPT, LEASE, PAUSES, deliver, dispatch, endpoints_due, give_up, send_again
from loyalty.outbox.signing import signature
from tests import make
from tests.make import NOON
from tests.outbox.servers import OK, Server, babbles, closes, hangs, saying, serving, takes, trickles

Talk = Callable[[Server, socket], None]
ADA, BOB = new_id(), new_id()


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[..., Server]]:
    settings.WEBHOOKS_MAY_GO_INSIDE = True
    settings.WEBHOOK_SECONDS = 0.3
    with ExitStack() as stack:
        yield lambda talk: stack.enter_context(serving(talk))


def happen(shop: Retailer, *subjects: UUID, count: int = 1) -> None:
    """Publish events of members: of each in turn, numbered."""
    said = [NewEvent(shop.pk, "test", who, {"n": n}, NOON) for n in range(count) for who in subjects or (ADA,)]
    publish(said, now=NOON)


def turn(endpoint: Endpoint, at: datetime = NOON) -> int:
    return deliver(endpoint.pk, clock=lambda: at)


def state(endpoint: Endpoint) -> list[tuple[int, bool, bool, str]]:
    """Return of each delivery how often it was tried, whether it arrived or is dead, and why not."""
    rows = Delivery.objects.filter(endpoint=endpoint).order_by("pk")
    return [(row.attempts, row.delivered_at is not None, row.is_dead, row.last_error) for row in rows]


def got(server: Server) -> list[Any]:
    return [json.loads(request.partition(b"\r\n\r\n")[2])["data"]["n"] for request in server.requests]


def headers_of(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


@pytest.mark.django_db
def test_an_event_that_nobody_awaits_is_done() -> None:
    make.buys(make.member(make.program()), "10.00")

    assert (dispatch(now=NOON), dispatch(now=NOON)) == (2, 0)
    assert Event.objects.count() == 0


@pytest.mark.django_db
def test_a_webhook_gets_each_event_signed_at_the_instant_of_sending(serve: Callable[[Talk], Server]) -> None:
    server = serve(takes)
    club = make.program()
    endpoint = add_endpoint(club.retailer, server.url)
    ada = make.member(club)
    make.buys(ada, "10.00", name="A1")
    dispatch(now=NOON)
    later = NOON + timedelta(hours=1)

    tried = turn(endpoint, later)

    assert tried == 2
    head, _, body = server.requests[1].partition(b"\r\n\r\n")
    headers = headers_of(head)
    about = {"program": club.slug, "member": ada.number, "customer": ada.customer.external_id}
    said = json.loads(body)
    assert said["data"] == {**about, "order": "A1", "points": 10, "balances": {"points": 10}}
    assert said["id"] == headers["webhook-id"]
    assert headers["webhook-timestamp"] == str(int(later.timestamp()))
    expected = signature(endpoint.secret, headers["webhook-id"], int(later.timestamp()), body)
    assert headers["webhook-signature"] == expected
    assert Delivery.objects.filter(delivered_at=later).count() == 2
    assert turn(endpoint, later) == 0


@pytest.mark.django_db
def test_a_failing_webhook_is_tried_again_later_and_given_up_after_the_last_pause(
    serve: Callable[[Talk], Server],
) -> None:
    server = serve(saying(b"HTTP/1.1 404 Not Found\r\n\r\n"))
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    happen(shop)
    dispatch(now=NOON)
    at = NOON

    for pause in (*PAUSES, 0):
        assert turn(endpoint, at) == 1
        assert turn(endpoint, at) == 0
        at += timedelta(seconds=pause)

    assert state(endpoint) == [(len(PAUSES) + 1, False, True, "status 404")]


@pytest.mark.django_db
def test_a_webhook_into_our_own_network_is_refused(serve: Callable[[Talk], Server], settings: Settings) -> None:
    server = serve(takes)
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    settings.WEBHOOKS_MAY_GO_INSIDE = False  # as for a name whose address moved inside since it was added
    happen(shop)
    dispatch(now=NOON)

    turn(endpoint)

    assert server.requests == []
    assert state(endpoint) == [(1, False, False, "inside 127.0.0.1")]


@pytest.mark.django_db
def test_another_retailers_webhook_gets_nothing(serve: Callable[[Talk], Server]) -> None:
    add_endpoint(make.retailer(), serve(takes).url)
    happen(make.retailer())

    dispatch(now=NOON)

    assert Delivery.objects.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("talk", [hangs, trickles, babbles, closes, saying(b"garbage\n"), saying(OK[:30])])
def test_whatever_an_endpoint_does_is_counted_and_costs_the_others_nothing(
    serve: Callable[[Talk], Server], talk: Talk
) -> None:
    bad, good = serve(talk), serve(takes)
    endpoints = {server: add_endpoint(make.retailer(), server.url) for server in (bad, good)}
    for endpoint in endpoints.values():
        happen(endpoint.retailer, *[new_id() for _ in range(20)])

    tasks.deliver()

    assert sorted(row[:3] for row in state(endpoints[bad])) == [(0, False, False)] * 12 + [(1, False, False)] * 8
    assert state(endpoints[good]) == [(1, True, False, "")] * 20
    assert len(good.requests) == 20


@pytest.mark.usefixtures("committed_db")
def test_while_one_endpoint_hangs_another_gets_everything(serve: Callable[[Talk], Server], settings: Settings) -> None:
    settings.WEBHOOK_SECONDS = 60
    bad, good = serve(hangs), serve(takes)
    hanging, working = (add_endpoint(make.retailer(), server.url) for server in (bad, good))
    for endpoint in (hanging, working):
        happen(endpoint.retailer, count=10)
    dispatch(now=NOON)

    def wait_for_it() -> None:
        try:
            turn(hanging)
        finally:
            connection.close()

    waiting = Thread(target=wait_for_it)
    waiting.start()
    bad.asked.wait()
    turn(working)
    meanwhile = state(hanging)[0], turn(hanging)
    bad.closing.set()
    waiting.join()

    assert got(good) == list(range(10))
    assert meanwhile == ((1, False, False, ""), 0)  # counted before it is known how it ends; one turn at a time
    assert state(hanging)[0] == (1, False, False, "not_http HTTPException")


@pytest.mark.django_db
def test_a_members_events_arrive_in_their_order_and_wait_for_none_of_another_member(
    serve: Callable[[Talk], Server],
) -> None:
    def refuses_adas_first(server: Server, connection: socket) -> None:
        refused = refusing and b'{"n":0,"who":"ada"}' in server.asked_by[connection]
        connection.sendall(b"HTTP/1.1 422 No\r\n\r\n" if refused else OK)

    refusing = [ADA]
    server = serve(refuses_adas_first)
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    said = [NewEvent(shop.pk, "test", who, {"who": name, "n": n}, NOON)
            for n in range(3) for name, who in (("ada", ADA), ("bob", BOB))]  # fmt: skip
    publish(said, now=NOON)
    dispatch(now=NOON)

    turn(endpoint)
    first = arrived(server)
    refusing.clear()
    turn(endpoint, NOON + timedelta(seconds=PAUSES[0]))

    assert first["ada"] == [0]
    assert first["bob"] == [0, 1, 2]
    assert arrived(server)["ada"] == [0, 0, 1, 2]


def arrived(server: Server) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"ada": [], "bob": []}
    for request in server.requests:
        data = json.loads(request.partition(b"\r\n\r\n")[2])["data"]
        found[data["who"]].append(data["n"])
    return found


@pytest.mark.usefixtures("committed_db")
def test_one_at_a_time_dispatches_so_that_events_are_queued_in_their_order() -> None:
    shop = make.retailer()
    add_endpoint(shop, "https://hooks.test/")
    happen(shop, count=3)
    seen: list[int] = []

    def dispatch_too() -> None:
        try:
            seen.append(dispatch(now=NOON))
        finally:
            connection.close()

    with transaction.atomic():
        dispatched = dispatch(now=NOON, limit=1)
        other = Thread(target=dispatch_too)
        other.start()
        other.join()

    assert (dispatched, seen) == (1, [0])
    assert dispatch(now=NOON) == 2


@pytest.mark.django_db
def test_an_endpoint_that_does_not_answer_rests_and_is_asked_by_one_event_before_it_gets_all(
    serve: Callable[[Talk], Server],
) -> None:
    answers = [saying(b"HTTP/1.1 503 Busy\r\n\r\n")] * 8 + [closes, closes]

    def recovers(server: Server, connection: socket) -> None:
        answer = answers.pop() if answers else takes
        answer(server, connection)

    server = serve(recovers)
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    happen(shop, *[new_id() for _ in range(20)])
    dispatch(now=NOON)
    at, seen = NOON, []

    for rest in (5, 10, 20):
        seen.append((turn(endpoint, at), endpoints_due(now=at), turn(endpoint, at + timedelta(seconds=rest - 1))))
        at += timedelta(seconds=rest)

    endpoint.refresh_from_db()
    assert seen == [(8, [], 0), (1, [], 0), (1, [], 0)]
    assert (endpoint.failures, endpoint.next_turn_at) == (3, at)
    assert turn(endpoint, at) == 20
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.next_turn_at) == (0, None)


class Killed(BaseException):
    pass


@pytest.mark.django_db
def test_a_try_counts_that_nobody_lived_to_tell_of(serve: Callable[[Talk], Server]) -> None:
    server = serve(takes)
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    happen(shop)
    dispatch(now=NOON)
    instants = iter([NOON] * 2)  # of the turn and the claim: it dies when it looks at the clock to sign

    def clock() -> datetime:
        try:
            return next(instants)
        except StopIteration:
            raise Killed from None

    with pytest.raises(Killed):
        deliver(endpoint.pk, clock=clock)

    assert state(endpoint) == [(1, False, False, "")]
    assert turn(endpoint, NOON + LEASE - timedelta(seconds=1)) == 0
    assert turn(endpoint, NOON + LEASE) == 1
    assert state(endpoint) == [(2, True, False, "")]


@pytest.mark.django_db
def test_a_delivery_that_kills_each_time_or_waits_for_days_is_given_up() -> None:
    shop = make.retailer()
    endpoint = add_endpoint(shop, "https://hooks.test/")
    happen(shop, *[new_id() for _ in range(4)])
    dispatch(now=NOON)
    often, long, busy, _short = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=often.pk).update(attempts=len(PAUSES) + 1)
    Delivery.objects.filter(pk=long.pk).update(queued_at=NOON - KEPT)

    Delivery.objects.filter(pk=busy.pk).update(queued_at=NOON - KEPT, due_at=NOON + LEASE)
    happen(shop, UUID(long.subject))
    dispatch(now=NOON)

    assert give_up(now=NOON) == 2
    assert [row[2] for row in state(endpoint)] == [True, True, False, False, False]
    assert Delivery.objects.get(subject=long.subject, is_dead=False).due_at == NOON  # the next one of the member goes


@pytest.mark.django_db
def test_what_fails_in_our_own_code_is_that_deliverys_failure(serve: Callable[[Talk], Server]) -> None:
    server = serve(takes)
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    Endpoint.objects.filter(pk=endpoint.pk).update(secret="whsec_a")  # of which no key can be made
    happen(shop)
    dispatch(now=NOON)

    turn(endpoint)

    assert state(endpoint) == [(1, False, False, "failed")]


@pytest.mark.django_db
def test_an_inactive_endpoint_gets_nothing_until_it_is_active_again(serve: Callable[[Talk], Server]) -> None:
    server = serve(takes)
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    happen(shop)
    dispatch(now=NOON)
    Endpoint.objects.update(is_active=False)

    assert (turn(endpoint), endpoints_due(now=NOON)) == (0, [])

    Endpoint.objects.update(is_active=True)
    assert (endpoints_due(now=NOON), turn(endpoint)) == ([endpoint.pk], 1)


def _while_posts_are_answered(do: Callable[[], object]) -> Callable[[], datetime]:
    """Return a clock that does something when the turn looks at it for the third time: behind its first posts."""
    looks = count(1)

    def clock() -> datetime:
        if current_thread() is main_thread() and next(looks) == 3:
            do()
        return NOON

    return clock


@pytest.mark.django_db
def test_what_an_address_says_is_of_no_other_that_was_given_meanwhile(serve: Callable[[Talk], Server]) -> None:
    old, new = serve(saying(b"HTTP/1.1 410 Gone\r\n\r\n")), serve(takes)
    shop = make.retailer()
    endpoint = add_endpoint(shop, old.url)
    happen(shop, ADA, BOB)
    dispatch(now=NOON)
    mend = partial(change_endpoint, Endpoint.objects.get(), now=NOON, url=new.url)

    deliver(endpoint.pk, clock=_while_posts_are_answered(mend))

    found = Endpoint.objects.get()
    assert (found.url, found.state, found.next_turn_at) == (new.url, Endpoint.State.OK, None)


@pytest.mark.django_db
@pytest.mark.parametrize("what", ["address", "secret", "off", "removed"])
def test_a_turn_ends_where_the_endpoint_is_another_than_when_it_began(
    serve: Callable[[Talk], Server], what: str
) -> None:
    server, shop = serve(takes), make.retailer()
    endpoint = add_endpoint(shop, server.url)
    happen(shop, count=2)
    dispatch(now=NOON)
    now_said = Endpoint.objects.get()
    changes: dict[str, Callable[[], object]] = {
        "address": partial(change_endpoint, now_said, now=NOON, url=serve(takes).url),
        "secret": partial(rotate_secret, now_said, now=NOON, overlap=timedelta(0)),
        "off": partial(change_endpoint, now_said, now=NOON, is_active=False),
        "removed": partial(remove_endpoint, now_said, now=NOON),
    }

    deliver(endpoint.pk, clock=_while_posts_are_answered(changes[what]))

    assert got(server) == [0]


@pytest.mark.django_db
def test_what_was_given_up_can_be_seen_and_sent_again(serve: Callable[[Talk], Server], client: Client) -> None:
    server = serve(saying(b"HTTP/1.1 410 Gone\r\n\r\n"))
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    happen(shop)
    dispatch(now=NOON)
    turn(endpoint)
    Delivery.objects.update(is_dead=True)
    client.force_login(User.objects.create_superuser("boss"))
    page = reverse("admin:outbox_delivery_changelist")

    shown = client.get(f"{page}?is_dead__exact=1").content.decode()
    done = client.post(page, {"action": "send_again", "_selected_action": [Delivery.objects.get().pk]}, follow=True)

    assert "answered 410" in shown
    assert "1 delivery is queued again." in done.content.decode()
    assert state(endpoint) == [(0, False, False, "status 410")]
    assert send_again(Delivery.objects.all(), now=NOON) == 0


@pytest.mark.django_db
def test_what_is_sent_again_waits_behind_what_is_on_its_way(serve: Callable[[Talk], Server]) -> None:
    server = serve(takes)
    shop = make.retailer()
    endpoint = add_endpoint(shop, server.url)
    happen(shop, count=3)
    dispatch(now=NOON)
    Delivery.objects.filter(due_at=NOON).update(is_dead=True)
    Delivery.objects.filter(pk=Delivery.objects.filter(is_dead=False).earliest("pk").pk).update(due_at=NOON)

    send_again(Delivery.objects.all(), now=NOON)
    turn(endpoint)

    assert got(server) == [1, 0, 2]


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["ftp://example.org/", "javascript:alert(1)", "https://"])
def test_the_admin_takes_addresses_of_http_alone(client: Client, url: str) -> None:
    client.force_login(User.objects.create_superuser("boss"))

    page = client.post(
        reverse("admin:outbox_endpoint_add"), {"retailer": make.retailer().pk, "url": url, "is_active": "on"}
    )

    assert page.status_code == 200
    assert Endpoint.objects.count() == 0


def test_what_waits_for_strangers_has_a_queue_of_its_own_and_nothing_else_is_in_it() -> None:
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith("celery.")]

    queues = {name: app.amqp.router.route({}, name)["queue"].name for name in ours}

    assert {name for name, queue in queues.items() if queue == "webhooks"} == {
        "loyalty.outbox.tasks.deliver",
        "loyalty.outbox.tasks.deliver_to",
        "loyalty.outbox.tasks.give_up",
        "loyalty.signin.tasks.mail",
        "loyalty.staff_signin.tasks.mail",
        "loyalty.campaigns.tasks.send_messages",
        "analytics.tasks.mail_key_figures",
    }
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(ours)


def test_the_signature_is_that_of_the_standard() -> None:
    # The example of the Standard Webhooks specification's reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'

    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )

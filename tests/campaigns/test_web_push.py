"""What push services get, and what their answers say of a message."""

import base64
import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from socket import socket
from uuid import UUID

import pytest
from py_vapid import Vapid02
from pytest_django import Settings

from customers.core.ids import new_id
from loyalty.campaigns.models import MessageChannel
from loyalty.campaigns.transports import Accepted, Answer, Device, NoAnswer, NotNow, Outgoing, Refused, Route
from loyalty.campaigns.transports.http import HttpTransport
from loyalty.campaigns.transports.push_keys import new_key, public_key
from loyalty.campaigns.transports.web_push import WebPushTransport, plain_of
from loyalty.outbox.posting import Terms
from tests.campaigns.browsers import Browser
from tests.campaigns.make_campaigns import NOON
from tests.outbox.servers import PEM, Server, saying, serving

ROUTE = Route("shop", "push", "Corner Shop")
MESSAGE = Outgoing(
    UUID("0198c0de-0000-7000-8000-000000000001"), "marketing", "ada", "en", "Ten off", "Héllo Ada", link="https://shop.example/",
    expires_at=NOON + timedelta(hours=2),
)  # fmt: skip


@pytest.fixture(autouse=True)
def key(settings: Settings) -> None:
    settings.VAPID_PRIVATE_KEY, settings.VAPID_SUBJECT = new_key(), "mailto:it@shop.example"


def service(*statuses: int) -> Callable[[Server, socket], None]:
    """Return a push service that answers by a device's place: /0, /1 and so on; 0 for one that says nothing."""

    def talk(server: Server, connection: socket) -> None:
        place = int(server.asked_by[connection].split(b" ")[1].lstrip(b"/"))
        if not statuses[place]:
            server.closing.wait()
        connection.sendall(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % statuses[place])

    return talk


def sent(
    *statuses: int, seconds: float = 5, is_over: Callable[[], bool] = lambda: False, message: Outgoing = MESSAGE
) -> tuple[Answer, list[bytes], list[Browser], list[Device]]:
    """Send a message to a device for each status; return the answer, what the service got, and the devices."""
    with serving(service(*statuses), secure=True) as server:
        browsers = [Browser(f"https://hooks.test:{server.port}/{place}") for place in range(len(statuses))]
        devices = [Device(new_id(), each.endpoint, **each.keys) for each in browsers]
        trust = ssl.create_default_context(cafile=str(PEM))
        terms = Terms(seconds, may_go_inside=True, resolve=lambda _host, _port: ["127.0.0.1"], trust=trust)
        way = WebPushTransport(lambda: NOON, terms)
        ((_, answer),) = way.send(ROUTE, [replace(message, devices=tuple(devices))], is_over)
    return answer, server.requests, browsers, devices


def body_and_head(request: bytes) -> tuple[bytes, dict[str, str]]:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return body, {name.lower(): value for name, _, value in lines}


def test_a_browser_reads_what_its_key_alone_opens_and_its_service_knows_who_sends() -> None:
    answer, (request,), (browser,), _ = sent(201)
    body, head = body_and_head(request)

    assert answer == Accepted()
    assert browser.reads(body) == {
        "id": str(MESSAGE.id), "title": "Ten off", "body": "Héllo Ada", "link": "https://shop.example/"
    }  # fmt: skip
    assert b"Ten off" not in body
    names = ("content-encoding", "ttl", "urgency", "topic")
    assert [head[name] for name in names] == ["aes128gcm", "7200", "low", "0198c0de000070008000000000000001"]
    assert Vapid02.verify(head["authorization"])
    token, _, own = head["authorization"].removeprefix("vapid t=").partition(",k=")
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert own == public_key()
    assert claims == {
        "sub": "mailto:it@shop.example", "aud": browser.endpoint.removesuffix("/0"),
        "exp": int((NOON + timedelta(hours=12)).timestamp()),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("statuses", "expected", "gone"),
    [
        ((201, 410), Accepted(), (1,)),
        ((404, 410), Refused("no_device"), (0, 1)),
        ((413, 410), Refused("status_413"), (1,)),
        ((429,), NotNow("status_429"), ()),
        ((500,), NotNow("status_500"), ()),
        ((500, 410), NotNow("status_500"), ()),
        ((403,), Refused("status_403"), ()),
        ((302,), NoAnswer(), ()),
        ((503, 201), Accepted(), ()),
    ],
)
def test_what_the_services_answer_is_what_became_of_the_message(
    statuses: tuple[int, ...], expected: Answer, gone: tuple[int, ...]
) -> None:
    answer, requests, _, devices = sent(*statuses)

    if isinstance(expected, Accepted | Refused):
        expected = replace(expected, gone=tuple(devices[place].id for place in gone))
    assert (answer, len(requests)) == (expected, len(statuses))


def test_of_one_that_hangs_nobody_knows_unless_another_device_took_it() -> None:
    alone, *_ = sent(0, seconds=0.2)
    beside, requests, *_ = sent(0, 201, seconds=0.5)

    assert (alone, beside, len(requests)) == (NoAnswer(), Accepted(), 2)


def test_when_the_time_is_over_nothing_more_is_begun() -> None:
    answers = iter((False, True))

    first, requests, *_ = sent(201, 201, is_over=lambda: next(answers))
    none, unasked, *_ = sent(201, is_over=lambda: True)

    assert (first, len(requests)) == (Accepted(), 1)
    assert (none, unasked) == (NotNow("out_of_time"), [])


def test_a_long_text_is_cut_to_what_every_service_takes() -> None:
    long = replace(MESSAGE, text="é\n" * 3_000)
    answer, (request,), (browser,), _ = sent(201, message=long)
    body, head = body_and_head(request)

    assert (answer, int(head["content-length"]) <= 4_096) == (Accepted(), True)
    assert browser.reads(body)["body"].endswith("…")
    assert plain_of(ROUTE, replace(MESSAGE, link="https://shop.example/" + "a" * 4_000)) is None


def test_a_message_that_expires_now_is_kept_by_no_service() -> None:
    _, (request,), *_ = sent(201, message=replace(MESSAGE, kind="service", expires_at=NOON - timedelta(seconds=1)))
    _, head = body_and_head(request)

    assert (head["ttl"], head["urgency"]) == ("0", "high")


def test_what_is_no_https_is_never_posted() -> None:
    browser = Browser("http://hooks.test/0")
    message = replace(MESSAGE, devices=(Device(new_id(), browser.endpoint, **browser.keys),))

    ((_, answer),) = WebPushTransport(lambda: NOON).send(ROUTE, [message], lambda: False)

    assert answer == Refused("not_secure")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("VAPID_PRIVATE_KEY", "", "Web Push needs a key: run “manage.py push_key”"),
        ("VAPID_PRIVATE_KEY", "abc", "VAPID_PRIVATE_KEY is no key"),
        ("VAPID_SUBJECT", "it@shop.example", "Web Push needs VAPID_SUBJECT"),
    ],
)
def test_without_its_settings_nothing_is_sent_and_the_channel_says_what_to_do(
    settings: Settings, name: str, value: str, said: str
) -> None:
    setattr(settings, name, value)

    ((_, answer),) = WebPushTransport(lambda: NOON).send(ROUTE, [MESSAGE], lambda: False)
    with pytest.raises(Exception, match=said):
        MessageChannel(channel="push", provider="web_push").clean()

    assert answer == NotNow("not_set_up")


def test_a_provider_of_apps_says_by_410_that_none_of_the_devices_is_left(settings: Settings) -> None:
    settings.WEBHOOKS_MAY_GO_INSIDE = True
    device = Device(new_id(), "token-1")

    with serving(saying(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")) as server:
        route = replace(ROUTE, url=server.url, secret="whsec_c2VjcmV0")
        ((_, answer),) = HttpTransport(lambda: NOON).send(route, [replace(MESSAGE, devices=(device,))], lambda: False)

    assert answer == Refused("no_device", gone=(device.id,))
    assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["to"] == ["token-1"]

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest
from pytest_django import Settings

from loyalty.outbox.models import Delivery, Event
from loyalty.outbox.relay import PAUSES, add_endpoint, deliver, dispatch, signature
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


class Receiver(BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []
    status: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def receiver(settings: Settings) -> Iterator[str]:
    settings.WEBHOOKS_MAY_GO_INSIDE = True
    Receiver.got, Receiver.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()
    thread.join()


def test_an_event_that_nobody_awaits_is_done() -> None:
    make.buys(make.member(make.program()), "10.00")

    assert (dispatch(now=NOON), dispatch(now=NOON)) == (2, 0)
    assert Event.objects.count() == 0


def test_a_webhook_gets_each_event_signed(receiver: str) -> None:
    club = make.program()
    endpoint = add_endpoint(club.retailer, receiver)
    make.buys(make.member(club), "10.00", name="A1")

    dispatch(now=NOON)
    deliver(now=NOON)

    headers, body = Receiver.got[1]
    assert json.loads(body)["data"] == {"order": "A1", "points": 10}
    expected = signature(endpoint.secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == expected
    assert Delivery.objects.filter(delivered_at=NOON).count() == 2
    assert deliver(now=NOON) == 0


def test_a_failing_webhook_is_tried_again_later_and_given_up_after_the_last_pause(receiver: str) -> None:
    Receiver.status = 500
    club = make.program()
    add_endpoint(club.retailer, receiver)
    make.member(club)
    dispatch(now=NOON)
    at = NOON

    for pause in (*PAUSES, 0):
        assert deliver(now=at) == 1
        assert deliver(now=at) == 0
        at += timedelta(seconds=pause)

    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.is_dead, delivery.delivered_at) == (len(PAUSES) + 1, True, None)
    assert "500" in delivery.last_error


def test_a_webhook_into_our_own_network_is_refused(receiver: str, settings: Settings) -> None:
    settings.WEBHOOKS_MAY_GO_INSIDE = False
    club = make.program()
    add_endpoint(club.retailer, receiver)
    make.member(club)
    dispatch(now=NOON)

    deliver(now=NOON)

    assert Receiver.got == []
    assert Delivery.objects.get().last_error == "127.0.0.1 is a private address"


def test_another_retailers_webhook_gets_nothing(receiver: str) -> None:
    add_endpoint(make.retailer(), receiver)
    make.member(make.program())

    dispatch(now=NOON)

    assert Delivery.objects.count() == 0


def test_the_signature_is_that_of_the_standard() -> None:
    # The example of the Standard Webhooks specification's reference libraries.
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'

    assert signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )

"""What a stranger's server may do to a post: fail it, and nothing else."""

import ssl
from collections.abc import Callable, Sequence
from socket import create_server, socket
from threading import Event

import pytest

from loyalty.outbox.posting import NotTaken, Reason, Resolver, Terms, is_public, post
from tests.outbox.servers import (
    OK,
    PEM,
    Server,
    babbles,
    closes,
    continues,
    hangs,
    hints,
    pours,
    saying,
    serving,
    takes,
    trickles,
)

SOON = Terms(seconds=0.3, may_go_inside=True)
LATER = Terms(seconds=30, may_go_inside=True)
HEADERS = {"content-type": "application/json", "webhook-id": "1"}


def failure(url: str, terms: Terms) -> tuple[Reason, str]:
    with pytest.raises(NotTaken) as refused:
        post(url, b"{}", HEADERS, terms)
    return refused.value.reason, refused.value.detail


def test_a_post_is_taken_by_a_success() -> None:
    with serving(takes) as server:
        post(f"{server.url}?a=1&b=é", b'{"a": 1}', HEADERS, LATER)

    head, body = server.requests[0].split(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /hook?a=1&b=%C3%A9 HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}".encode() in head
    assert b"webhook-id: 1" in head
    assert body == b'{"a": 1}'


@pytest.mark.parametrize(
    ("answer", "status"),
    [(b"HTTP/1.1 204 No Content\r\n\r\n", None), (b"HTTP/1.0 200 OK\r\n\r\n", None), (b"HTTP/1.1 202\n\n", None),
     (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, None), (b"HTTP/1.1 500 Oops\r\n\r\n", "500"), (b"HTTP/1.1 404 No\r\n\r\n", "404"),
     (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, None), (b"HTTP/1.1 102 Wait\r\n\r\n" * 3 + OK, None),
     (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 500 Oops\r\n\r\n", "500"), (b"HTTP/1.1 101 Switch\r\n\r\n" + OK, "101"),
     (b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "302"), (b"HTTP/1.1 304 Not Modified\r\n\r\n", "304")],
)  # fmt: skip
def test_the_status_decides(answer: bytes, status: str | None) -> None:
    with serving(saying(answer)) as server:
        if status is None:
            post(server.url, b"{}", HEADERS, LATER)
        else:
            assert failure(server.url, LATER) == (Reason.STATUS, status)


@pytest.mark.parametrize(
    "answer",
    [b"garbage\n", b"\n", b"\x00\xff" * 50, b"220 mail.example ESMTP\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 99999 OK\r\n\r\n",
     b"HTTP/\x00 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nA: b\r\n", b"HTTP/1.1 200", b"H"],
)  # fmt: skip
def test_garbage_and_half_answers_are_no_answers(answer: bytes) -> None:
    with serving(saying(answer)) as server:
        assert failure(server.url, LATER)[0] == Reason.NOT_HTTP


@pytest.mark.parametrize("talk", [hangs, trickles])
def test_one_deadline_is_for_the_whole_answer(talk: Callable[[Server, socket], None]) -> None:
    with serving(talk) as server:
        assert failure(server.url, SOON) == (Reason.TIMED_OUT, "")


@pytest.mark.parametrize("talk", [babbles, continues, hints])
def test_an_answer_without_end_is_read_no_further(talk: Callable[[Server, socket], None]) -> None:
    with serving(talk) as server:
        assert failure(server.url, LATER)[0] == Reason.NOT_HTTP


def test_a_gigabyte_behind_a_success_is_not_waited_for() -> None:
    with serving(pours) as server:
        post(server.url, b"{}", HEADERS, LATER)


def test_who_closes_at_once_or_does_not_listen_took_nothing() -> None:
    with serving(closes) as server:
        closed = failure(server.url, LATER)[0]
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert closed == Reason.NOT_HTTP
    assert failure(f"http://127.0.0.1:{port}/", LATER) == (Reason.UNREACHABLE, "Connection refused")


def test_who_listens_and_takes_no_connection_or_no_byte_costs_no_more_than_the_deadline() -> None:
    with create_server(("127.0.0.1", 0)) as listener:  # the system takes connections, nobody reads
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(NotTaken) as refused:
            post(url, b"a" * 50_000_000, HEADERS, SOON)

    assert refused.value.reason == Reason.TIMED_OUT


def test_a_redirect_is_not_followed() -> None:
    with serving(takes) as inside:
        answer = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {inside.url}\r\n\r\n".encode()
        with serving(saying(answer)) as server:
            assert failure(server.url, LATER) == (Reason.STATUS, "307")

    assert inside.requests == []


def changing(*answers: Sequence[str]) -> Resolver:
    """Return a name's addresses, which are others each time."""
    waiting = list(answers)
    return lambda _host, _port: waiting.pop(0)


def test_a_name_is_resolved_once_and_connected_to_where_it_was_checked() -> None:
    with serving(takes) as inside:
        url = f"http://hooks.test:{inside.port}/"
        first = Terms(0.3, resolve=changing(["127.0.0.1"], ["8.8.8.8"]))
        # 192.0.2.1 is nobody's. What the name says when it is asked again would be connected to by any other way.
        second = Terms(0.3, may_go_inside=True, resolve=changing(["192.0.2.1"], ["127.0.0.1"]))

        assert failure(url, first) == (Reason.INSIDE, "127.0.0.1")
        assert failure(url, second)[0] in {Reason.TIMED_OUT, Reason.UNREACHABLE}

    assert inside.requests == []


def test_one_address_inside_is_enough_to_refuse_a_name() -> None:
    terms = Terms(30, resolve=lambda _host, _port: ["8.8.8.8", "10.0.0.1"])

    assert failure("https://hooks.test/", terms) == (Reason.INSIDE, "10.0.0.1")


def test_the_next_address_of_a_name_is_tried_when_one_refuses() -> None:
    with serving(takes) as server:
        terms = Terms(30, may_go_inside=True, resolve=lambda _host, _port: ["127.0.0.2", "127.0.0.1"])
        post(f"http://hooks.test:{server.port}/", b"{}", HEADERS, terms)

    assert f"Host: hooks.test:{server.port}".encode() in server.requests[0]


def test_a_resolver_that_hangs_is_left_behind() -> None:
    answered = Event()

    def hanging(_host: str, _port: int) -> Sequence[str]:
        answered.wait()
        return []

    assert failure("http://hooks.test/", Terms(0.1, resolve=hanging)) == (Reason.TIMED_OUT, "")
    answered.set()


def unknown(_host: str, _port: int) -> Sequence[str]:
    raise OSError("Name or service not known")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/", Reason.NO_ADDRESS),
        ("file:///etc/passwd", Reason.NO_ADDRESS),
        ("https:///nowhere", Reason.NO_ADDRESS),
        ("http://example.org:99999/", Reason.NO_ADDRESS),
        ("http://[::1/", Reason.NO_ADDRESS),
        ("", Reason.NO_ADDRESS),
        ("http://hooks.test/", Reason.UNKNOWN_HOST),
    ],
)
def test_what_is_no_address_is_not_asked_for(url: str, reason: Reason) -> None:
    assert failure(url, Terms(30, resolve=unknown))[0] == reason


def test_a_name_that_is_none_has_no_address() -> None:
    assert failure(f"http://{'a' * 70}.example/", LATER)[0] == Reason.UNKNOWN_HOST


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("64:ff9b::808:808", True), ("::ffff:8.8.8.8", True),
        ("127.0.0.1", False), ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("0.0.0.0", False), ("224.0.0.1", False), ("255.255.255.255", False), ("192.0.2.1", False),  # noqa: S104
        ("::1", False), ("::", False), ("fe80::1", False), ("fe80::1%eth0", False), ("fc00::1", False), ("fec0::1", False),
        ("ff02::1", False), ("::ffff:10.0.0.1", False), ("::10.0.0.1", False), ("64:ff9b::a00:1", False),
        ("64:ff9b::7f00:1", False), ("2002:a00:1::", False), ("2001:db8::1", False),
    ],
)  # fmt: skip
def test_an_address_is_on_the_internet_or_inside(address: str, *, public: bool) -> None:
    assert is_public(address) is public


def secure(trust: ssl.SSLContext | None) -> Terms:
    return Terms(30, may_go_inside=True, resolve=lambda _host, _port: ["127.0.0.1"], trust=trust)


def test_a_certificate_is_of_the_name_and_of_somebody_who_is_trusted() -> None:
    trust = ssl.create_default_context(cafile=str(PEM))
    with serving(takes, secure=True) as server:
        post(f"https://hooks.test:{server.port}/", b"{}", HEADERS, secure(trust))
        of_another = failure(f"https://other.test:{server.port}/", secure(trust))
        of_nobody = failure(f"https://hooks.test:{server.port}/", secure(None))

    assert of_another == of_nobody == (Reason.NOT_SECURE, "CERTIFICATE_VERIFY_FAILED")
    assert len(server.requests) == 1


def test_a_handshake_with_somebody_who_never_answers_ends_with_the_deadline() -> None:
    with create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/"

        assert failure(url, SOON) == (Reason.TIMED_OUT, "")

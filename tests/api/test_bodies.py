"""A body is whole, or nothing is done: in chunks, cut off, empty or too large, from a handler's environ to a real socket."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client
from django.utils import timezone

from loyalty.activity.account.spending import hold
from loyalty.api.models import IdempotencyRecord
from loyalty.embedded.folder import free_port
from loyalty.points.models import EarningRule, Hold
from tests import make
from tests.api.test_integration import ORDER

CHUNKED: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
CONFIRM = b'{"points": 10}'
ORDER_BODY = str(ORDER).replace("'", '"').encode()


def answered(key: str, path: str, body: bytes, *, method: str = "POST", **environ: Any) -> tuple[int, str]:
    """Send a body through a WSGI environ, and return the answer's status and code."""
    given: dict[str, Any] = {
        "wsgi.input": BytesIO(body),
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Api-Key {key}",
    } | environ
    answer = Client(raise_request_exception=False).generic(method, f"/api/v1/{path}", b"", **given)
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else ""


def held() -> tuple[str, Hold]:
    ada = make.member(make.program())
    make.given(ada, 100, make.NOON)
    made, _ = hold(ada, 60, reference="till", now=timezone.now())
    return make.key(ada.program.retailer), made


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "environ", "told"),
    [
        (CONFIRM, CHUNKED, (411, "length_required")),
        (b"", CHUNKED, (411, "length_required")),
        (CONFIRM, {"HTTP_TRANSFER_ENCODING": "gzip, chunked"}, (411, "length_required")),
        (CONFIRM, {"SERVER_PROTOCOL": "HTTP/2", "CONTENT_LENGTH": ""}, (411, "length_required")),
        (CONFIRM, CHUNKED | {"HTTP_IDEMPOTENCY_KEY": "one"}, (411, "length_required")),
        (CONFIRM[:-1], {"CONTENT_LENGTH": "14"}, (400, "incomplete_body")),
        (b"", {"CONTENT_LENGTH": "14"}, (400, "incomplete_body")),
        (b" ", {"CONTENT_LENGTH": str(8 * 1024 * 1024 + 1)}, (413, "too_large")),
    ],
    ids=["chunks", "no chunk", "packed chunks", "a stream", "chunks and key", "cut", "cut at once", "too large"],
)
def test_a_body_that_may_be_incomplete_confirms_nothing(
    body: bytes, environ: dict[str, str], told: tuple[int, str]
) -> None:
    key, made = held()

    answer = answered(key, f"holds/{made.pk}/confirm", body, **environ)

    made.refresh_from_db()
    assert (answer, made.status, IdempotencyRecord.objects.count()) == (told, "open", 0)


@pytest.mark.django_db
def test_a_whole_body_and_none_are_what_they_say() -> None:
    key, made = held()

    part = answered(key, f"holds/{made.pk}/confirm", CONFIRM)
    all_of_it = answered(key, f"holds/{made.pk}/release", b"", CONTENT_LENGTH="", SERVER_PROTOCOL="HTTP/1.1")
    read = answered(key, "programs", b"", method="GET", CONTENT_LENGTH="", SERVER_PROTOCOL="HTTP/2")

    made.refresh_from_db()
    assert (part, all_of_it, read) == ((200, ""), (409, "hold_ended"), (200, ""))
    assert (made.status, made.redeemed) == ("confirmed", 10)


@pytest.mark.django_db
@pytest.mark.parametrize("environ", [CHUNKED, {"CONTENT_LENGTH": "9999"}], ids=["chunks", "cut"])
def test_half_a_document_is_no_document(environ: dict[str, str]) -> None:
    draft = make.version(rules=[make.Rule(), make.Rule(code="more")])
    key = make.key(draft.program.retailer)
    path = f"programs/{draft.program.slug}/versions/{draft.number}"

    code, _ = answered(
        key, path, b"rules: []\n", method="PUT",
        CONTENT_TYPE="application/yaml", HTTP_IF_MATCH=f'"{draft.revision}"', **environ,
    )  # fmt: skip

    assert (code, EarningRule.objects.filter(version=draft).count()) == (411 if environ is CHUNKED else 400, 2)


@pytest.mark.django_db
def test_half_a_form_is_no_form() -> None:
    """What a browser sends to the admin is held to the same."""
    codes = []

    for cut in (CHUNKED, {"CONTENT_LENGTH": "30"}):
        form: dict[str, Any] = {
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "wsgi.input": BytesIO(b"username=a"),
        }
        codes.append(Client().generic("POST", "/admin/login/", b"", **form | cut).status_code)

    assert codes == [411, 400]


@pytest.mark.django_db
def test_the_handler_that_servers_call_refuses_chunks() -> None:
    told: list[str] = []
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/api/v1/orders", "SERVER_NAME": "localhost", "SERVER_PORT": "80",
        "wsgi.url_scheme": "http", "wsgi.input": BytesIO(ORDER_BODY), "CONTENT_TYPE": "application/json",
        "HTTP_TRANSFER_ENCODING": "chunked", "HTTP_HOST": "localhost", "SERVER_PROTOCOL": "HTTP/1.1",
    }  # fmt: skip

    def start(status: str, _headers: object, _error: object = None, /) -> Callable[[bytes], object]:
        told.append(status)
        return told.append  # type: ignore[return-value] # nobody writes by it

    body = b"".join(WSGIHandler()(environ, start))

    assert told == ["411 Length Required"]
    assert b"length_required" in body


@pytest.fixture
def port(committed_db: None) -> Iterator[int]:
    """Serve this test's database by a real server, with a socket to talk to."""
    found, database = free_port(), settings.DATABASES["default"]
    url = (
        f"postgres://{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    )
    environ = os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "loyalty.settings.test"}
    command = [
        sys.executable, "-m", "granian", "loyalty.wsgi:application", "--interface", "wsgi", "--host", "127.0.0.1",
        "--port", str(found), "--log-level", "warning", "--workers", "1", "--blocking-threads", "2", "--no-ws",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while spoken(found, b"GET /health/live HTTP/1.1\r\n", b"") != "HTTP/1.1 200 OK":
            assert time.monotonic() < deadline, "the server does not answer"
        yield found
    finally:
        process.terminate()
        process.wait(30)


def spoken(port: int, head: bytes, body: bytes, *, hangs_up: bool = False) -> str:
    """
    Say something to a server, and return the first line of its answer.

    :param hangs_up: say no more; what the server answers then may not arrive
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            line.sendall(head + b"Host: localhost\r\nConnection: close\r\n\r\n" + body)
            if hangs_up:
                line.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: line.recv(65_536), b"")).decode().partition("\r\n")[0]
    except OSError:
        return ""


@pytest.mark.slow
def test_a_real_server_confirms_no_more_than_was_said(port: int) -> None:
    key, made = held()
    said = f"POST /api/v1/holds/{made.pk}/confirm HTTP/1.1\r\nAuthorization: Api-Key {key}\r\n".encode()
    said += b"Content-Type: application/json\r\n"
    in_chunks, with_length = said + b"Transfer-Encoding: chunked\r\n", said + b"Content-Length: 14\r\n"
    chunks = b"e\r\n" + CONFIRM + b"\r\n0\r\n\r\n"

    chunked = spoken(port, in_chunks, chunks)
    both = spoken(port, in_chunks + b"Content-Length: 14\r\n", chunks)
    for head, part in ((in_chunks, b""), (in_chunks, chunks[:9]), (with_length, b""), (with_length, CONFIRM[:9])):
        spoken(port, head, part, hangs_up=True)
    untouched = Hold.objects.get(pk=made.pk).status
    whole = spoken(port, with_length, CONFIRM)

    assert (chunked, both, whole) == ("HTTP/1.1 411 Length Required",) * 2 + ("HTTP/1.1 200 OK",)
    made.refresh_from_db()
    assert (untouched, made.status, made.redeemed) == ("open", "confirmed", 10)


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["gzip", "br", "identity, gzip"])
def test_a_compressed_body_is_refused_as_one(encoding: str) -> None:
    ada = make.member(make.program(), "ada")
    client = Client(headers={"authorization": f"Api-Key {make.key(ada.retailer)}", "content-encoding": encoding})

    answer = client.post("/api/v1/orders", b"\x1f\x8b...", content_type="application/json")

    words = f"The body is written as {encoding}. Send it as it is, without a Content-Encoding."
    assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (415, "unsupported_encoding", words)


@pytest.mark.slow
def test_who_sends_too_much_gets_the_answer_and_no_broken_connection(port: int) -> None:
    key, _made = held()
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    said = (
        f"POST /api/v1/orders HTTP/1.1\r\nAuthorization: Api-Key {key}\r\nContent-Type: application/json\r\n".encode()
    )
    chunk = b"%x\r\n%s\r\n" % (limit, b" " * limit)

    answers = [
        spoken(port, said + b"Content-Length: %d\r\n" % (limit + 1), b" " * (limit + 1)),
        spoken(port, said + b"Content-Length: %d\r\n" % (3 * limit), b" " * (3 * limit)),
        spoken(port, said + b"Transfer-Encoding: chunked\r\n", chunk + b"0\r\n\r\n"),
    ]

    assert answers == ["HTTP/1.1 413 Payload Too Large"] * 2 + ["HTTP/1.1 411 Length Required"]


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "status"), [("/admin/login/", 403), ("/api/v1/orders", 415), ("/i18n/setlang/", 403)])
def test_files_of_strangers_are_as_large_as_any_may_be(path: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_UPLOAD_BYTES", 1_000)
    strict = Client(enforce_csrf_checks=True, headers={"authorization": f"Api-Key {make.key(make.retailer())}"})
    strict.cookies["csrftoken"] = "a" * 32

    codes = [strict.post(path, {"file": BytesIO(b"x" * size)}).status_code for size in (500, 1_000)]

    assert codes == [status, 413]

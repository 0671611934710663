"""The log of requests: one line each, with an id, and without what tells who somebody is."""

import logging
import time
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from structlog.testing import capture_logs
from structlog.typing import EventDict

from tests import make

pytestmark = pytest.mark.django_db
ORDER = {
    "number": "o1", "customer": "ada", "occurred_at": "2026-06-15T12:00:00Z",
    "lines": [{"sku": "x", "quantity": "1", "net_amount": "12.00"}],
}  # fmt: skip


def logged(client: Client, **headers: str) -> tuple[Any, list[EventDict]]:
    with capture_logs() as lines:
        answer = client.post("/api/v1/orders?dry_run=1", ORDER, content_type="application/json", headers=headers)
    return answer, lines


def test_a_request_is_one_line_without_address_or_query(client: Client, settings: Any) -> None:
    settings.LOG_LEVEL_OF_REQUESTS = logging.WARNING  # the tests' log has nothing below

    answer, lines = logged(client, authorization=f"Api-Key {make.key(make.retailer())}")

    (line,) = lines
    assert line.pop("seconds") >= 0
    assert (answer.status_code, line) == (
        200,
        {"log_level": "warning", "event": "request", "method": "POST", "path": "/api/v1/orders", "code": 200},
    )


def test_what_a_caller_does_wrong_is_a_warning(client: Client) -> None:
    _answer, lines = logged(client)

    assert [(line["log_level"], line["code"]) for line in lines] == [("warning", 401)]


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-123.4", True), ("two words", False), ("x" * 101, False), ("", False)]
)
def test_the_answer_names_the_request_by_the_id_that_it_came_with(client: Client, given: str, *, kept: bool) -> None:
    answer, _lines = logged(client, x_request_id=given)

    assert (answer.headers["X-Request-ID"] == given) is kept
    assert answer.headers["X-Request-ID"]


def test_a_failure_is_logged_with_its_trace(client: Client) -> None:
    key = make.key(make.retailer())
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path TO nowhere")  # no table is found any more
    client.raise_request_exception = False

    answer, lines = logged(client, authorization=f"Api-Key {key}")

    assert (answer.status_code, [line["event"] for line in lines]) == (500, ["request_failed", "request"])
    assert [line["log_level"] for line in lines] == ["error", "error"]
    assert lines[0]["exc_info"]


def test_who_has_a_credential_needs_no_session_and_who_has_none_is_asked_for_a_forms_token() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_superuser("boss"))
    club = make.program()
    drafts = f"/api/v1/programs/{club.slug}/versions"

    key = {"authorization": f"Api-Key {make.key(club.retailer)}"}
    by_key = client.post(drafts, {}, content_type="application/json", headers=key)
    by_session = client.post(drafts, {}, content_type="application/json")

    assert (by_key.status_code, by_session.status_code) == (201, 403)


def test_the_checks_of_django_are_content_with_our_middleware() -> None:
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize(
    "path",
    [
        "/admin/account/invitation/{secret}",
        "/admin/account/password/1-{secret}",
        "/ADMIN/account/password/1-{secret}/",
        "/u/{secret}/",
        "/u/{secret}",
    ],
)
def test_a_link_that_opens_something_is_not_written_however_it_was_typed(
    client: Client, path: str, settings: Any
) -> None:
    settings.LOG_LEVEL_OF_REQUESTS = logging.WARNING
    secret = f"{uuid4().hex}.{uuid4().hex}"

    with capture_logs() as lines:
        client.get(path.format(secret=secret))

    assert [(line["path"].count("***"), secret[:20] in str(line)) for line in lines] == [(1, False)]


def test_a_customer_whose_id_is_an_e_mail_address_is_not_named(client: Client) -> None:
    headers = {"authorization": f"Api-Key {make.key(make.retailer())}"}

    with capture_logs() as lines:
        client.get("/api/v1/customers/ada%40example.org", headers=headers)
        client.get("/api/v1/customers/ACME/ada@example.org/memberships", headers=headers)

    assert [(line["path"], line["code"]) for line in lines] == [
        ("/api/v1/customers/***", 404),
        ("/api/v1/customers/ACME/***/memberships", 404),
    ]


def test_a_long_address_is_written_down_at_once(client: Client) -> None:
    began = time.process_time()

    with capture_logs() as lines:
        client.get(f"/api/v1/customers/{'a' * 30_000}")

    assert ([line["code"] for line in lines], time.process_time() - began < 1) == ([401], True)

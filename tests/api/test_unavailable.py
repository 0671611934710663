"""A database that does not serve: 503, when to come again, and the truth about what was done."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse

from customers.models import Order
from loyalty.api.models import IdempotencyRecord
from tests import make
from tests.api.test_integration import ORDER, call

NOTHING, NOT_KNOWN = "Nothing was done. Send it again.", "Whether it was done is not known."
KEYED = {"Idempotency-Key": "one"}
MEMBERS = "SELECT 1 FROM memberships_membership FOR UPDATE; SELECT 1 FROM points_wallet FOR UPDATE"


@contextmanager
def held_elsewhere(sql: str) -> Iterator[None]:
    """Hold locks in another session."""
    database = settings.DATABASES["default"]
    names = {"host": "HOST", "port": "PORT", "user": "USER", "password": "PASSWORD", "dbname": "NAME"}
    with psycopg.connect(**{name: database[key] for name, key in names.items()}) as other:
        other.execute(sql.encode())
        yield
        other.rollback()


def ada() -> str:
    """Return the key of a shop of which Ada is a member."""
    shop = make.retailer()
    make.member(make.program(shop), "ada")
    return make.key(shop)


def limit(name: str, value: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET {name} = '{value}'")


def send(key: str, number: str = "A1", **headers: str) -> Any:
    return call(Client(raise_request_exception=False), key, "orders", ORDER | {"number": number}, **headers)


def said(answer: Any) -> tuple[int, str, str | None]:
    """Return an answer's status, what it says was done, and when to come again."""
    detail = answer.json()["detail"]
    told = next(words for words in (NOTHING, NOT_KNOWN) if words in detail)
    return answer.status_code, told, answer.get("Retry-After")


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("headers", [{}, KEYED], ids=["without a key", "with a key"])
@pytest.mark.parametrize(
    ("name", "wait", "reason"),
    [
        ("lock_timeout", "1", "Somebody else is changing the same data."),
        ("statement_timeout", "5", "The database took longer than it may."),
    ],
)
def test_who_waits_too_long_for_a_lock_is_told_to_come_again_and_then_is_served(
    name: str, wait: str, reason: str, headers: dict[str, str]
) -> None:
    key = ada()
    limit(name, "100ms")

    with held_elsewhere(MEMBERS):
        refused = send(key, **headers)
        left = (Order.objects.count(), IdempotencyRecord.objects.count())
    again = send(key, **headers)

    assert said(refused) == (503, NOTHING, wait)
    assert refused.json() == {
        "type": "urn:loyalty:problem:unavailable", "title": "Unavailable", "status": 503, "code": "unavailable",
        "detail": f"{reason} {NOTHING}", "instance": "/api/v1/orders", "errors": [],
    }  # fmt: skip
    assert refused["Content-Type"] == "application/problem+json"
    assert (left, again.status_code, Order.objects.count()) == ((0, 0), 201, 1)


@pytest.mark.usefixtures("committed_db")
def test_a_read_and_a_page_are_told_too() -> None:
    key = ada()
    boss = Client(raise_request_exception=False)
    boss.force_login(User.objects.create_superuser("boss"))
    limit("lock_timeout", "100ms")

    with held_elsewhere("LOCK TABLE customers_customer"):
        read = call(Client(raise_request_exception=False), key, "customers/ada")
        page = boss.get(reverse("admin:customers_customer_changelist"))

    assert said(read) == (503, NOTHING, "1")
    assert (page.status_code, page["Retry-After"]) == (503, "1")
    assert NOTHING in page.content.decode()
    assert (page["Content-Type"], "<h1>Unavailable</h1>" in page.content.decode()) == ("text/html; charset=utf-8", True)


def fail_at_each_order(what: str, *, at_commit: bool = False) -> None:
    """Let the database do something when an order is written, or when that is committed."""
    when = "CONSTRAINT TRIGGER t AFTER" if at_commit else "TRIGGER t BEFORE"
    deferred = "DEFERRABLE INITIALLY DEFERRED" if at_commit else ""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(
            "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            f" $$ BEGIN IF NEW.number <> 'good' THEN {what}; END IF; RETURN NEW; END $$"
        )
        cursor.execute("DROP TRIGGER IF EXISTS t ON customers_order")
        cursor.execute(f"CREATE {when} INSERT ON customers_order {deferred} FOR EACH ROW EXECUTE FUNCTION fail()")
        cursor.execute("SET ROLE loyalty_app")


@pytest.mark.usefixtures("committed_db")
def test_each_error_of_the_database_is_an_outage_or_our_fault() -> None:
    key = ada()
    told = {}

    for state in (
        "40001",
        "40P01",
        "55P03",
        "57014",
        "53100",
        "53200",
        "57P03",
        "58030",
        "25006",
        "P0001",
        "23514",
        "22003",
    ):
        fail_at_each_order(f"RAISE EXCEPTION 'no' USING ERRCODE = '{state}'")
        told[state] = said(send(key))

    soon, later = (503, NOTHING, "1"), (503, NOTHING, "5")
    assert told == {
        **dict.fromkeys(("40001", "40P01", "55P03"), soon),
        **dict.fromkeys(("57014", "53100", "53200", "57P03", "58030", "25006"), later),
        **dict.fromkeys(("P0001", "23514", "22003"), (500, NOTHING, None)),
    }
    assert Order.objects.count() == 0


@pytest.mark.usefixtures("committed_db")
@pytest.mark.parametrize("headers", [{}, KEYED], ids=["without a key", "with a key"])
def test_of_a_connection_that_is_lost_it_is_told_what_is_known(headers: dict[str, str]) -> None:
    key = ada()
    told = []

    for at_commit in (False, True):
        fail_at_each_order("PERFORM pg_terminate_backend(pg_backend_pid())", at_commit=at_commit)
        told.append(said(send(key, **headers)))
    after = send(key, "good", **headers)

    assert told == [(503, NOTHING, "5"), (503, NOT_KNOWN, "5")]
    assert (after.status_code, list(Order.objects.values_list("number", flat=True))) == (201, ["good"])


@pytest.mark.django_db
def test_a_site_whose_database_takes_no_changes_is_not_ready() -> None:
    before = Client().get("/health/ready")
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    after = Client().get("/health/ready")
    live = Client().get("/health/live")

    assert (before.status_code, after.status_code, live.status_code) == (200, 503, 200)
    assert after.json() == {"status": "the database takes no changes"}


@pytest.mark.usefixtures("committed_db")
def test_writes_to_a_database_that_takes_no_changes_are_an_outage() -> None:
    key = ada()
    limit("default_transaction_read_only", "on")

    answer = send(key)

    limit("default_transaction_read_only", "off")
    assert said(answer) == (503, NOTHING, "5")


LIMITS = "lock_timeout={} -c statement_timeout={}"


@pytest.mark.parametrize(
    ("module", "variables", "limits"),
    [
        ("loyalty.wsgi", {}, LIMITS.format("5s", "30s")),
        ("loyalty.celery", {}, LIMITS.format("30s", "3600s")),
        ("loyalty.urls", {}, LIMITS.format("60s", "0s")),  # what commands import
        ("loyalty.wsgi", {"DATABASE_LOCK_SECONDS": "2", "DATABASE_STATEMENT_SECONDS": "9"}, LIMITS.format("2s", "9s")),
    ],
)
def test_each_kind_of_process_waits_as_long_as_is_sensible(module: str, variables: dict[str, str], limits: str) -> None:
    code = (
        f"import django; import {module} as m; django.setup() if m.__name__ == 'loyalty.celery' else None;"
        "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS']['options'])"
    )
    if module == "loyalty.urls":
        code = "from django.conf import settings; print(settings.DATABASES['default']['OPTIONS']['options'])"
    environ = {name: value for name, value in os.environ.items() if name != "LOYALTY_PROCESS"} | variables

    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)

    assert done.stdout == f"-c {limits} -c plan_cache_mode=force_generic_plan\n"

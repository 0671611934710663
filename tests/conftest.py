"""One migrated template database for all workers and all runs; each worker gets its own copy of it."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as drawing
from psycopg import sql
from pytest_django import DjangoDbBlocker

from customers.models import UndecidedFact
from loyalty.activity.models import SetAside
from loyalty.activity.rewards.catalogue import forget_offers
from loyalty.activity.versions import forget_versions
from loyalty.campaigns.journeys.versions import published
from loyalty.points.proof import prove
from tests.contract import CONTRACT, PREFIX
from tests.outbox.reference import undocumented
from tests.properties.counting import STEPS, lines

# One seed for all workers of a run, told at its end: LOYALTY_SEED=... repeats it. A usual run draws the same each time, so
# that it fails for what was changed; a long one hunts elsewhere each time.
HUNTS = bool(int(os.environ.get("LOYALTY_LONG", "0")))
os.environ.setdefault("LOYALTY_SEED", str(secrets.randbelow(2**32)) if HUNTS else "1")
# How long an example takes is a matter of the machine and of what else it does.
drawing.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
drawing.register_profile("the same each time", drawing.get_profile("any machine"), derandomize=True)
drawing.load_profile("any machine" if HUNTS else "the same each time")

ROOT = Path(__file__).resolve().parents[1]
LOCK = 424_242


def _template_name() -> str:
    """Return a name that changes with every migration."""
    digest = hashlib.sha256()
    for package in ("analytics", "customers", "loyalty"):
        for path in sorted((ROOT / package).glob("**/migrations/*.py")):
            digest.update(path.read_bytes())
    return f"template_{digest.hexdigest()[:12]}"


def _server(database: str) -> psycopg.Connection[tuple[object, ...]]:
    default = settings.DATABASES["default"]
    return psycopg.connect(
        host=default["HOST"],
        port=default["PORT"],
        user=default["USER"],
        password=default["PASSWORD"],
        dbname=database,
        autocommit=True,
    )


def see_everyone(server: psycopg.Connection[tuple[object, ...]], database: str) -> None:
    """Let tests act for all retailers where they do not name one; requests still act for their credential's."""
    server.execute(sql.SQL("ALTER DATABASE {} SET app.retailer = '*'").format(sql.Identifier(database)))


def _use(database: str) -> None:
    connections["default"].close()
    settings.DATABASES["default"]["NAME"] = database
    connections["default"].settings_dict["NAME"] = database


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    template, own = _template_name(), f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
    with _server("postgres") as server:
        server.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        known = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone()
        if known is None:
            draft = f"{template}_draft"
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(draft)))
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
            _use(draft)
            with django_db_blocker.unblock():
                call_command("migrate", verbosity=0)
            connections["default"].close()
            server.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(template))
            )
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(own), sql.Identifier(template))
        server.execute(copy)
        see_everyone(server, own)
        server.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    _use(own)
    yield
    connections["default"].close()
    with _server("postgres") as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(own)))


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """
    Give a test that needs commits (threads, other processes) a database of its own.

    It is a copy of the template, because the ledger's tables refuse to be emptied after a test.
    """
    with committed(django_db_blocker):
        yield


@contextmanager
def committed(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Work in a copy of the template, in which rows are committed, and prove its ledger at the end."""
    shared = settings.DATABASES["default"]["NAME"]
    own = f"{shared}_committed"
    with _server("postgres") as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(own)))
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(own), sql.Identifier(_template_name()))
        )
        see_everyone(server, own)
    _use(own)
    forget_versions()
    forget_offers()
    published.cache_clear()  # one of the same id is another one there
    with django_db_blocker.unblock():
        yield
        assert prove().differences == []
    _use(shared)
    forget_versions()
    forget_offers()
    published.cache_clear()
    with _server("postgres") as server:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(own)))


@pytest.fixture
def open_folder() -> Iterator[Callable[[], Path]]:
    """
    Return a maker of folders that a server's own user can reach.

    They are not pytest's: it closes the parents of its own to others, again with every run that starts beside this one.
    """
    with ExitStack() as stack:

        def make_folder() -> Path:
            path = Path(stack.enter_context(TemporaryDirectory(prefix="loyalty-", ignore_cleanup_errors=True)))
            path.chmod(0o711)
            return path

        yield make_folder


@pytest.fixture(autouse=True)
def the_ledger_adds_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """
    Prove the ledger after every test that had a database, but for those that break it on purpose.

    What was told by then says nothing that the reference of events does not name.

    A test that has ended its connection, or broken its transaction, leaves nothing to prove.
    """
    asks = "db" in request.fixturenames or request.node.get_closest_marker("django_db") is not None
    writes = asks and "committed_db" not in request.fixturenames
    if writes:
        request.getfixturevalue("db")
    yield
    writes = writes and not connection.needs_rollback and connection.is_usable()
    if writes and request.node.get_closest_marker("breaks_the_ledger") is None:
        assert prove().differences == []
    if writes:
        assert undocumented() == []
    if writes and request.node.get_closest_marker("sets_aside") is None:
        assert list(SetAside.objects.values_list("what", "error")) == []
        assert list(UndecidedFact.objects.exclude(error="").values_list("kind", "error")) == []


@pytest.fixture
def as_owner(db: None) -> Iterator[None]:
    """Act as the role that owns the tables: a superuser here, whom no privilege stops and no policy hides rows from."""
    with connections["default"].cursor() as cursor:
        cursor.execute("RESET ROLE")
        yield
        cursor.execute("SET ROLE loyalty_app")


@pytest.fixture(autouse=True, scope="session")
def answers_are_documented() -> Iterator[None]:
    """Hold every answer of the API that a test gets against the API's document."""
    send = Client.request

    def request(client: Client, **given: Any) -> Any:
        response = send(client, **given)
        path = given.get("PATH_INFO", "")
        if path.startswith(PREFIX):
            CONTRACT.check(given.get("REQUEST_METHOD", "GET"), path, response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "request", request)
        yield


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    from django.utils import translation

    with translation.override("en"):
        yield


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker tell how many steps it drew."""
    if told := getattr(session.config, "workeroutput", None):
        told["steps"] = [[*key, steps] for key, steps in STEPS.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for test, kind, steps in getattr(node, "workeroutput", {}).get("steps", []):
        STEPS[test, kind] += steps


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"seed of the state machine: LOYALTY_SEED={os.environ['LOYALTY_SEED']}")
    if HUNTS:
        for line in lines():
            terminalreporter.write_line(line)

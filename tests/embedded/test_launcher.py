"""The embedded services, on folders of their own: started, killed, started again."""

import importlib.util
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from loyalty.embedded.errors import EmbeddedError
from loyalty.embedded.folder import StateFolder, free_port, reachable_by, state_folder
from loyalty.embedded.postgres import EmbeddedPostgres
from loyalty.embedded.server import Server
from loyalty.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(open_folder: Callable[[], Path]) -> StateFolder:
    return state_folder({"LOYALTY_STATE_DIR": str(open_folder())}, name="own")


@pytest.fixture
def stopped() -> Iterator[list[Server]]:
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.stop()


@pytest.mark.parametrize(("durable", "fsync"), [("1", "on"), ("0", "off")])
def test_postgres_survives_kill_minus_nine_with_its_data(
    folder: StateFolder, stopped: list[Server], monkeypatch: pytest.MonkeyPatch, durable: str, fsync: str
) -> None:
    monkeypatch.setenv("LOYALTY_DURABLE", durable)
    server = EmbeddedPostgres(folder)
    stopped.append(server)
    with psycopg.connect(server.start(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (number integer)")
        connection.execute("INSERT INTO kept VALUES (42)")
        settings = connection.execute(
            "SELECT current_setting('fsync'), current_setting('listen_addresses'),"
            " (SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules)"
        ).fetchone()
    assert settings == (fsync, "127.0.0.1", True)
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()

    again = EmbeddedPostgres(folder)
    stopped.append(again)
    with psycopg.connect(again.start()) as connection:
        row = connection.execute("SELECT number FROM kept").fetchone()

    assert row == (42,)


def test_a_running_server_is_adopted_and_a_stopped_one_stops_cleanly(
    folder: StateFolder, stopped: list[Server]
) -> None:
    first, second = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
    stopped.append(first)

    urls = {first.start(), second.start()}
    first.stop()

    assert len(urls) == 1
    assert second.process is None
    assert second.url() is None
    assert "database system is shut down" in (folder.path / "postgres.log").read_text()
    assert not (folder.path / "postgres" / "postmaster.pid").exists()


def test_valkey_keeps_acknowledged_messages_over_a_kill(folder: StateFolder, stopped: list[Server]) -> None:
    server = EmbeddedValkey(folder)
    stopped.append(server)
    with redis.Redis.from_url(server.start()) as client:
        client.rpush("queue", "one", "two")
        client.execute_command("WAITAOF", 1, 0, 5000)
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()

    again = EmbeddedValkey(folder)
    stopped.append(again)
    with redis.Redis.from_url(again.start()) as client:
        found = client.lrange("queue", 0, -1)

    assert found == [b"one", b"two"]


def test_secrets_are_their_owners_alone(folder: StateFolder, stopped: list[Server]) -> None:
    server = EmbeddedPostgres(folder)
    stopped.append(server)
    server.start()

    state = folder.path / "postgres.json"
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert state.stat().st_uid == (pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid())


def test_two_checkouts_do_not_collide(open_folder: Callable[[], Path], stopped: list[Server]) -> None:
    stopped += [EmbeddedValkey(state_folder({"LOYALTY_STATE_DIR": str(open_folder())}, name="own")) for _ in range(2)]

    urls = {server.start() for server in stopped}

    assert len(urls) == 2


def test_a_platform_without_binaries_is_told_what_to_do(folder: StateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(EmbeddedError, match="Set DATABASE_URL"):
        EmbeddedPostgres(folder).start()
    with pytest.raises(EmbeddedError, match="Set BROKER_URL"):
        EmbeddedValkey(folder).start()


def test_a_folder_that_the_servers_user_cannot_reach_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    if os.geteuid() != 0:
        closed.chmod(0o000)

    with pytest.raises(EmbeddedError, match="Set LOYALTY_STATE_DIR"):
        state_folder({"LOYALTY_STATE_DIR": str(closed / "state")})
    closed.chmod(0o700)


def test_reachability_is_that_of_every_parent(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a").chmod(0o700)

    assert reachable_by(inner, os.geteuid())
    assert not reachable_by(inner, 54_321)


def test_a_port_that_is_taken_is_not_given() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert free_port(port) != port


def _settings(module: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": f"loyalty.settings.{module}", **variables}
    command = [
        sys.executable,
        "-c",
        "import django; django.setup(); from django.conf import settings; print(settings.DEBUG)",
    ]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


DATABASE = {"DATABASE_URL": "postgres://u:p@localhost/x"}
SECRET = {"SECRET_KEY": "x" * 50}


@pytest.mark.parametrize(
    ("module", "variables", "named"),
    [
        ("dev", {}, "DATABASE_URL is not set"),
        ("dev", {"DATABASE_URL": "sqlite:///x"}, "DATABASE_URL must name a PostgreSQL"),
        ("prod", DATABASE, "SECRET_KEY is not set"),
        (
            "prod",
            DATABASE | {"SECRET_KEY": "short", "ALLOWED_HOSTS": "x", "BROKER_URL": "redis://x"},
            "SECRET_KEY is too short",
        ),
        ("prod", DATABASE | SECRET, "ALLOWED_HOSTS is not set"),
        ("prod", DATABASE | SECRET | {"ALLOWED_HOSTS": "x"}, "BROKER_URL is not set"),
    ],
)
def test_settings_name_the_variable_that_is_wrong(module: str, variables: dict[str, str], named: str) -> None:
    done = _settings(module, **variables)

    assert done.returncode == 1
    assert named in done.stderr


def test_complete_production_settings_load() -> None:
    done = _settings("prod", **DATABASE, **SECRET, ALLOWED_HOSTS="x", BROKER_URL="redis://x")

    assert (done.returncode, done.stdout) == (0, "False\n")


def test_a_named_database_wins_and_nothing_is_started(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgres://named/db", "BROKER_URL": "redis://named/0"}
    environ = {"PATH": os.environ["PATH"], "LOYALTY_STATE_DIR": str(tmp_path / "state")} | given
    command = [
        sys.executable,
        "-m",
        "loyalty.embedded",
        "exec",
        "--",
        "sh",
        "-c",
        "echo $DATABASE_URL $BROKER_URL; exit 7",
    ]

    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (7, "postgres://named/db redis://named/0\n")
    assert not (tmp_path / "state").exists()


def _launch(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
    environ = kept | variables
    command = [sys.executable, "-m", "loyalty.embedded", *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_standard_output_is_the_commands_alone(open_folder: Callable[[], Path]) -> None:
    path = str(open_folder())

    started = _launch("exec", "--", "sh", "-c", "echo first; echo second >&2", LOYALTY_STATE_DIR=path)

    assert (started.returncode, started.stdout) == (0, "first\n")
    assert "postgres | started; data in " in started.stderr
    assert started.stderr.endswith("second\n")


NAMED = {"DATABASE_URL": "postgres://named/db", "BROKER_URL": "redis://named/0"}


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["exec"], 2, "name the command to run: exec -- COMMAND..."),
        (["exec", "--"], 2, "name the command to run: exec -- COMMAND..."),
        (["exec", "--", "no-such-command"], 1, "There is no command no-such-command."),
        (["start"], 2, "argument action: invalid choice: 'start'"),
        ([], 2, "the following arguments are required: action"),
    ],
)
def test_what_the_launcher_cannot_do_is_one_line(words: list[str], status: int, says: str) -> None:
    done = _launch(*words, **NAMED)

    assert (done.returncode, done.stdout) == (status, "")
    assert says in done.stderr.strip().splitlines()[-1]


def test_a_commands_own_dashes_are_its_own() -> None:
    done = _launch("exec", "--", "sh", "-c", 'echo "$@"', "sh", "--", "-x", **NAMED)

    assert (done.returncode, done.stdout) == (0, "-- -x\n")


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield str(listening.getsockname()[1])


@pytest.mark.parametrize("target", ["run", "demo"])
def test_make_says_at_once_that_its_port_is_taken_and_what_to_do(target: str, taken: str, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PORT": taken}
    command = ["make", target, f"VENV={tmp_path / 'venv'}", f"PYTHON={sys.executable}"]

    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    assert f"Port {taken} of 127.0.0.1 cannot be had (Address already in use)" in done.stderr
    assert f"or choose another port: PORT={int(taken) + 1} make {target}" in done.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"PORT": "http"}, "PORT=http is no port. Set it to a number from 1 to 65535."),
        ({"PORT": "0"}, "PORT=0 is no port. Set it to a number from 1 to 65535."),
        ({"PORT": "65536"}, "PORT=65536 is no port. Set it to a number from 1 to 65535."),
        ({"HOST": "no such host"}, "HOST=no such host is no address of this machine."),
    ],
)
def test_an_address_that_is_none_is_told(variables: dict[str, str], says: str) -> None:
    done = _launch("up", **NAMED, **variables)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"\n{says}\n\n")


def test_a_migration_that_fails_ends_the_start(open_folder: Callable[[], Path]) -> None:
    named = NAMED | {"DATABASE_URL": "postgres://nobody:none@127.0.0.1:1/none", "PORT": str(free_port())}

    done = _launch("up", **named, LOYALTY_STATE_DIR=str(open_folder()))

    assert done.returncode == 1
    assert done.stderr.startswith("The database that DATABASE_URL names failed: ")
    assert done.stderr.endswith("\n\nThe database could not be migrated; the reason stands above.\n\n")

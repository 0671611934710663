"""
The whole site under load, while its web server, worker and database are killed with -9.

A client reports orders by HTTP and keeps a log of what was acknowledged; whatever gets no answer, it sends again.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loyalty.embedded.folder import StateFolder, free_port, state_folder
from loyalty.embedded.postgres import EmbeddedPostgres
from tests.journeys.test_kills import PREPARE

ROOT = Path(__file__).resolve().parents[2]
ORDERS = 400
KILL_AT = {80: "web", 160: "postgres", 240: "worker", 300: "web"}
MAX_WAIT_SECONDS = 90
MAX_START_SECONDS = 400  # every table of an empty database is made first, perhaps beside other tests


@dataclass
class Site:
    """A running site of this test's own."""

    process: "subprocess.Popen[str]"
    folder: StateFolder
    port: int
    environ: dict[str, str]

    def url(self) -> str:
        found = EmbeddedPostgres(self.folder).url()
        assert found is not None
        return found

    def manage(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=self.environ | {"DATABASE_URL": self.url()},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    def log(self) -> str:
        return (self.folder.path.parent / "log").read_text()

    def kill(self, name: str) -> None:
        """Kill with -9 what a name stands for, however many processes it has."""
        if name == "postgres":
            state = self.folder.read_json("postgres.json")
            assert state is not None
            os.kill(state["pid"], signal.SIGKILL)
            return
        mark = {"web": "granian", "worker": "worker"}[name]
        for process in _children(self.process.pid):
            if mark in _command(process):
                os.killpg(process, signal.SIGKILL)


@pytest.fixture
def site(open_folder: Callable[[], Path]) -> Iterator[Site]:
    path = open_folder()
    port = free_port()
    # Who is killed writes no measures of coverage down.
    others = {"DATABASE_URL", "BROKER_URL", "COVERAGE_PROCESS_CONFIG"}
    environ = {name: value for name, value in os.environ.items() if name not in others}
    environ |= {"LOYALTY_STATE_DIR": str(path), "LOYALTY_STATE_NAME": "own", "PORT": str(port)}
    environ["DJANGO_SETTINGS_MODULE"] = "loyalty.settings.dev"
    command = [sys.executable, "-m", "loyalty.embedded", "up"]
    with (path / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log, text=True)
    found = Site(process, state_folder({"LOYALTY_STATE_DIR": str(path)}, name="own"), port, environ)
    yield found
    process.send_signal(signal.SIGINT)  # what Ctrl-C does
    assert process.wait(60) == 0
    assert "stopped" in (path / "log").read_text()
    assert EmbeddedPostgres(found.folder).url() is None


@pytest.mark.slow
def test_kills_of_web_worker_and_database_lose_nothing_and_double_nothing(site: Site) -> None:
    _await(site, lambda: _get(site, "/health/ready"), MAX_START_SECONDS)
    site.manage("shell", "--no-imports", "-c", PREPARE)
    key = site.manage("create_api_key", "shop").strip()
    _send(site, key, "enrolments", {"program": "club", "customer": "ada", "occurred_at": "2026-01-02T00:00:00Z"})
    acknowledged: dict[str, int] = {}

    for place in range(ORDERS):
        if place in KILL_AT:
            site.kill(KILL_AT[place])
        answer = _send(site, key, "orders", _order(place))
        acknowledged[answer["number"]] = place % 9 + 1

    with psycopg.connect(site.url()) as connection:
        rows = connection.execute("SELECT number, net_amount::int FROM customers_order").fetchall()
        (decided,) = connection.execute("SELECT count(*) FROM activity_orderdecision").fetchone() or (0,)
        (entries,) = connection.execute("SELECT count(*) FROM points_entry WHERE kind = 'earn'").fetchone() or (0,)
    assert dict(rows) == acknowledged
    assert (len(rows), decided, entries) == (ORDERS, ORDERS, ORDERS)
    assert site.manage("reconcile").startswith("The ledger adds up")
    _await(site, lambda: any("worker" in _command(process) for process in _children(site.process.pid)))


def _order(place: int) -> dict[str, Any]:
    return {
        "number": f"N{place}",
        "customer": "ada",
        "occurred_at": f"2026-03-01T{place // 60 % 24:02}:{place % 60:02}:00Z",
        "lines": [{"sku": "milk", "quantity": "1", "net_amount": f"{place % 9 + 1}.00"}],
    }


def _send(site: Site, key: str, path: str, body: dict[str, Any]) -> Any:
    """Send until there is an answer: the same request with the same key."""
    headers = {
        "Authorization": f"Api-Key {key}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(body.get("number", path)),
    }
    url = f"http://127.0.0.1:{site.port}/api/v1/{path}"
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            if time.monotonic() > deadline:
                raise


def _get(site: Site, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{site.port}{path}", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _await(site: Site, is_so: Callable[[], bool], seconds: int = MAX_WAIT_SECONDS) -> None:
    """Look again and again, while the site runs, and leave it the processor in between."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, site.log()
        with suppress(subprocess.TimeoutExpired):
            site.process.wait(0.2)
            pytest.fail(f"The site has ended.\n{site.log()}")


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""

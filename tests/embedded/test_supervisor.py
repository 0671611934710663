"""The supervisor leaves nothing behind that serves on, and lives on whatever a server does."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from loyalty.embedded.errors import EmbeddedError
from loyalty.embedded.server import Server
from loyalty.embedded.supervisor import Program, Supervisor

# A program whose worker outlives it, as a web server's do when its first process is killed.
WITH_A_WORKER = """
import os, subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(worker.pid))
time.sleep(600)
"""


def until(is_so: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < ends_at
        os.sched_yield()


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="it looks for processes in /proc")
def test_workers_of_a_program_that_was_killed_are_killed_before_it_starts_again(tmp_path: Path) -> None:
    note = tmp_path / "worker"
    program = Program("web", [sys.executable, "-c", WITH_A_WORKER, str(note)])
    supervisor = Supervisor([], [program], dict(os.environ))
    supervisor._start(program)
    until(lambda: note.exists() and note.read_text() != "")
    worker = int(note.read_text())
    assert program.process is not None
    assert runs(worker)

    program.process.kill()
    program.process.wait()
    supervisor._revive()

    until(lambda: not runs(worker))
    assert program.restart_at is not None


def test_it_says_where_it_is_as_soon_as_it_answers_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of the tests stay
    supervisor, asked = Supervisor([], [], {}), [False, False, True]
    said: list[list[bool]] = []

    def say() -> None:
        said.append(list(asked))
        supervisor.stopping.set()

    supervisor.run(on_ready=say, is_ready=lambda: asked.pop(0))

    assert said == [[]]


class Stubborn:
    name = "postgres"
    tries = 0

    def alive(self) -> bool:
        return False

    def start(self) -> str:
        self.tries += 1
        raise EmbeddedError("it did not start")


def test_a_server_that_cannot_start_again_at_once_is_tried_again(capsys: pytest.CaptureFixture[str]) -> None:
    server: Any = Stubborn()
    supervisor = Supervisor([cast(Server, server)], [], {})

    for _ in range(3):
        supervisor._revive()

    assert server.tries == 3
    assert "it did not start; trying again" in capsys.readouterr().out


def test_the_web_server_replaces_a_worker_that_died() -> None:
    root = Path(__file__).resolve().parents[2]

    for name in ("Dockerfile", "loyalty/embedded/__main__.py"):
        assert '"--respawn-failed-workers"' in (root / name).read_text(encoding="utf-8")

"""Runs everything that a developer's machine needs as one command, with each line of output under its name."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import TextIO

from loyalty.embedded.errors import EmbeddedError
from loyalty.embedded.server import Server

COLOURS = {"web": 36, "worker": 33, "webhooks": 33, "beat": 35, "postgres": 32, "valkey": 32, "up": 37}
STOP_SECONDS = 20.0
FIRST_PAUSE = 1.0
MAX_PAUSE = 30.0


@dataclass
class Program:
    """A command to keep running: started again, after a growing pause, when it ends by itself."""

    name: str
    command: list[str]
    process: "subprocess.Popen[str] | None" = None
    pause: float = FIRST_PAUSE
    started_at: float = 0.0
    restart_at: float | None = field(default=None)


def say(name: str, line: str, *, to: TextIO | None = None) -> None:
    """
    Print one line under a program's name.

    :param to: where to; standard output if left out
    """
    to = to or sys.stdout
    colour = f"\033[{COLOURS.get(name, 37)}m" if to.isatty() else ""
    reset = "\033[0m" if colour else ""
    print(f"{colour}{name:>8}{reset} | {line}", file=to, flush=True)


class Supervisor:
    """Keeps servers and programs running until Ctrl-C or SIGTERM, then stops programs first and servers last."""

    def __init__(self, servers: list[Server], programs: list[Program], environ: dict[str, str]) -> None:
        self.servers = servers
        self.programs = programs
        self.environ = environ
        self.stopping = threading.Event()

    def run(self, *, on_ready: Callable[[], None] | None = None, is_ready: Callable[[], bool] = lambda: True) -> None:
        """
        Run until told to stop.

        :param on_ready: is called once, when `is_ready` first says so
        """
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)
        for program in self.programs:
            self._start(program)
        to_say = on_ready
        try:
            while not self.stopping.wait(0.5):
                self._revive()
                if to_say and is_ready():
                    to_say()
                    to_say = None
        finally:
            self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping.set()

    def _start(self, program: Program) -> None:
        program.started_at = time.monotonic()
        program.restart_at = None
        program.process = subprocess.Popen(
            program.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env={**self.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        threading.Thread(target=_forward, args=(program.name, program.process), daemon=True).start()

    def _revive(self) -> None:
        for server in self.servers:
            if not server.alive():
                say(server.name, "is gone; starting it again on the same data")
                _start_again(server)
        now = time.monotonic()
        for program in self.programs:
            self._revive_program(program, now)

    def _revive_program(self, program: Program, now: float) -> None:
        if program.restart_at is not None:
            if now >= program.restart_at:
                self._start(program)
            return
        if program.process is None or program.process.poll() is None:
            return
        _kill_what_is_left(program.process)
        lasted = now - program.started_at
        program.pause = FIRST_PAUSE if lasted > MAX_PAUSE else min(program.pause * 2, MAX_PAUSE)
        say(program.name, f"ended with {program.process.returncode}; again in {program.pause:.0f} s")
        program.restart_at = now + program.pause

    def _stop(self) -> None:
        say("up", "stopping")
        for program in self.programs:
            _end(program.process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for program in self.programs:
            if program.process is None:
                continue
            try:
                program.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _end(program.process, signal.SIGKILL)
            _kill_what_is_left(program.process)
        for server in reversed(self.servers):
            server.stop()
        say("up", "stopped")


def _forward(name: str, process: "subprocess.Popen[str]") -> None:
    for line in process.stdout or ():
        say(name, line.rstrip())


def _start_again(server: Server) -> None:
    """Start a server; one that cannot be started just now is tried again soon, and takes nobody with it."""
    try:
        server.start()
    except EmbeddedError as error:
        say(server.name, f"{error}; trying again")


def _kill_what_is_left(process: "subprocess.Popen[str]") -> None:
    """Kill what a program that has ended left behind: workers that serve on would hold its port."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: "subprocess.Popen[str] | None", number: signal.Signals) -> None:
    """Signal a program's whole group: a server's workers as well."""
    if process is None or process.poll() is not None:
        return
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return

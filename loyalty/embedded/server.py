"""What both embedded servers have in common: a process, a state file, a start that is idempotent and a clean stop."""

import json
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, ClassVar

from loyalty.embedded.errors import EmbeddedError
from loyalty.embedded.folder import StateFolder, free_port

START_SECONDS = 60.0
STOP_SECONDS = 60.0


class Server:
    """
    One server of this checkout.

    `start` adopts a server that already runs on the same data, so it may be called at any time.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, folder: StateFolder) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    # What each server says for itself.

    @classmethod
    def url_of(cls, state: dict[str, Any]) -> str:
        raise NotImplementedError

    def prepare(self, password: str) -> None:
        raise NotImplementedError

    def command(self, state: dict[str, Any]) -> list[str]:
        raise NotImplementedError

    def answers(self, state: dict[str, Any]) -> bool:
        raise NotImplementedError

    # What they share.

    @property
    def log(self) -> Path:
        return self.folder.path / f"{self.name}.log"

    def start(self) -> str:
        """
        Return the server's URL, with the server running.

        :raises EmbeddedError: when it does not answer in time; the message ends with the end of its log
        """
        with self.folder.locked():
            state = self.folder.read_json(f"{self.name}.json")
            if state and self.answers(state):
                return self.url_of(state)
            password = state["password"] if state else secrets.token_urlsafe(24)
            self.prepare(password)
            return self._launch(password, wanted_port=state["port"] if state else None)

    def stop(self) -> None:
        """Stop the server cleanly, whoever started it."""
        pid = self._pid()
        if pid is None:
            return
        _signal(pid, self.stop_signal)
        deadline = time.monotonic() + STOP_SECONDS
        while self._runs(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._runs(pid):
            _signal(pid, signal.SIGKILL)
        self.process = None

    def url(self) -> str | None:
        """Return the URL of the server that runs here now, if one does."""
        state = self.folder.read_json(f"{self.name}.json")
        return self.url_of(state) if state and self.answers(state) else None

    def alive(self) -> bool:
        """Tell whether the process that we started or adopted is still there."""
        pid = self._pid()
        return pid is not None and self._runs(pid)

    def _launch(self, password: str, wanted_port: int | None) -> str:
        state = {"port": free_port(wanted_port), "password": password}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(state),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder.path,
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops its servers in order
                **self.folder.popen_identity(),
            )
        state["pid"] = self.process.pid
        self.folder.write_secret(f"{self.name}.json", json.dumps(state))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.answers(state):
                return self.url_of(state)
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise EmbeddedError(f"{self.name} did not start. The end of {self.log}:\n{_tail(self.log)}")

    def _pid(self) -> int | None:
        if self.process is not None:
            return self.process.pid
        state = self.folder.read_json(f"{self.name}.json")
        return int(state["pid"]) if state and self.answers(state) else None

    def _runs(self, pid: int) -> bool:
        if self.process is not None and self.process.pid == pid:
            return self.process.poll() is None
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])

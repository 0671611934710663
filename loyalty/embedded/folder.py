"""Where the embedded services keep their data, and as whom they run."""

import hashlib
import json
import os
import pwd
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from customers.core.values import dataclass
from loyalty.embedded.errors import EmbeddedError

CHECKOUT = Path(__file__).resolve().parents[2]
ROOT_STATE = Path("/var/lib/loyalty-backend")
UNPRIVILEGED = "nobody"


@dataclass(frozen=True)
class StateFolder:
    """
    A folder of our own in which servers keep their data.

    :param path: created with mode 0711 if it is missing; nothing outside it is changed
    :param uid: the user that servers run as; differs from ours only when we are root, which PostgreSQL refuses
    """

    path: Path
    uid: int
    gid: int

    @property
    def drops_privileges(self) -> bool:
        return self.uid != os.geteuid()

    def popen_identity(self) -> dict[str, Any]:
        """Return the arguments with which subprocess starts a server as its own user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.drops_privileges else {}

    def folder(self, name: str, *, mode: int = 0o700) -> Path:
        """Return a subfolder that belongs to the servers' user."""
        folder = self.path / name
        folder.mkdir(mode=mode, exist_ok=True)
        if folder.stat().st_uid != self.uid:
            os.chown(folder, self.uid, self.gid)
        return folder

    def write_secret(self, name: str, content: str) -> Path:
        """Write a file that only its owner reads, whole or not at all."""
        target = self.path / name
        draft = target.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if self.drops_privileges:
            os.chown(draft, self.uid, self.gid)
        draft.replace(target)
        return target

    def read_json(self, name: str) -> dict[str, Any] | None:
        try:
            content: dict[str, Any] = json.loads((self.path / name).read_text())
        except (FileNotFoundError, PermissionError, json.JSONDecodeError):
            return None
        return content

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let one process at a time start or stop servers here."""
        with (self.path / "lock").open("w") as file:
            flock(file, LOCK_EX)
            yield

    def reachable_copy(self, source: Path, name: str) -> Path:
        """Return `source` itself if the servers' user can read it, else a copy inside this folder."""
        if reachable_by(source, self.uid):
            return source
        target = self.path / name
        if not target.exists():
            draft = self.path / f"{name}.new"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(source, draft, ignore=shutil.ignore_patterns("__pycache__", "include", "*.a"))
            draft.chmod(0o755)
            draft.rename(target)
        return target


def state_folder(environ: dict[str, str] | None = None, *, name: str = "") -> StateFolder:
    """
    Return this checkout's state folder, creating it.

    `LOYALTY_STATE_DIR` names it; else it is `.state` in the checkout; else, for root with a checkout that the servers'
    user cannot reach (such as one under /root), a folder of this checkout's own under /var/lib.

    :raises EmbeddedError: when no folder that the servers' user can reach can be made
    """
    environ = dict(os.environ) if environ is None else environ
    uid, gid = _server_identity()
    named = environ.get("LOYALTY_STATE_DIR")
    path = Path(named).resolve() if named else _default_path(uid)
    path = path / (name or environ.get("LOYALTY_STATE_NAME", "dev"))
    if not reachable_by(_nearest_existing(path), uid):
        raise EmbeddedError(
            f"The user that runs the database (uid {uid}) cannot reach {path}. "
            "Set LOYALTY_STATE_DIR to a folder whose parents everybody may enter, or set DATABASE_URL and BROKER_URL."
        )
    try:
        path.mkdir(mode=0o711, parents=True, exist_ok=True)
    except OSError as error:
        raise EmbeddedError(
            f"Cannot create {path}: {error}. Set LOYALTY_STATE_DIR to a folder you may write."
        ) from error
    return StateFolder(path=path, uid=uid, gid=gid)


def free_port(wanted: int | None = None) -> int:
    """Return `wanted` if nothing listens there, else a port that is free now."""
    for port in (wanted or 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise EmbeddedError("No free port on 127.0.0.1.")


def reachable_by(path: Path, uid: int) -> bool:
    """Tell whether a user who owns nothing special can enter every folder above `path`, and read it."""
    if uid == os.geteuid():
        return os.access(path, os.R_OK | os.X_OK)
    folders = [path, *path.parents] if path.is_dir() else list(path.parents)
    return all(_enters(folder, uid) for folder in folders)


def _enters(folder: Path, uid: int) -> bool:
    status = folder.stat()
    needed = stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH
    return bool(status.st_mode & needed)


def _nearest_existing(path: Path) -> Path:
    return next(candidate for candidate in (path, *path.parents) if _exists(candidate))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # inside a folder that even we may not enter
        return False


def _default_path(uid: int) -> Path:
    if reachable_by(CHECKOUT, uid):
        return CHECKOUT / ".state"
    digest = hashlib.sha256(str(CHECKOUT).encode()).hexdigest()[:8]
    return ROOT_STATE / f"{CHECKOUT.name}-{digest}"


def _server_identity() -> tuple[int, int]:
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    try:
        account = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL does not run as root, and this system has no user '{UNPRIVILEGED}' to run it as. "
            "Start as an ordinary user, or set DATABASE_URL and BROKER_URL."
        ) from None
    return account.pw_uid, account.pw_gid

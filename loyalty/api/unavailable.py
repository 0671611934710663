"""
When the database does not serve: which errors mean that, how long to wait, and whether anything was done.

The truth about the last is only known of an error within a transaction that is rolled back with it. Of a commit that got
no answer nobody knows, nor of what failed after a commit; whoever sends such a request again sends the same key, number or
reference.
"""

from collections.abc import Callable
from typing import Any

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.core.values import dataclass

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
READ_ONLY, IDLE_TOO_LONG, TOOK_TOO_LONG = "25006", "25P03", "57014"
IN_EACH_OTHERS_WAY = frozenset({"40001", "40P01", "55P03"})  # serialization, deadlock, lock_timeout

BUSY = _("Somebody else is changing the same data.")
SLOW = _("The database took longer than it may.")
AWAY = _("The database cannot be reached, or takes no changes.")
NOTHING_DONE = _("Nothing was done. Send it again.")
NOT_KNOWN = _(
    "Whether it was done is not known. Send it again with the same Idempotency-Key, number or reference: "
    "what was done is not done twice."
)


@dataclass(frozen=True, slots=True)
class Outage:
    """
    Why a request cannot be served now.

    :param wait_seconds: after which another try makes sense
    """

    reason: str | Promise
    wait_seconds: int


def outage_of(error: BaseException | None) -> Outage | None:
    """Return what an error says of the database; None where it says that the statement was wrong."""
    state = _state_of(error)
    if state in IN_EACH_OTHERS_WAY:
        return Outage(BUSY, 1)
    if state == TOOK_TOO_LONG:
        return Outage(SLOW, 5)
    lost = isinstance(error, OperationalError | InterfaceError | psycopg.OperationalError | psycopg.InterfaceError)
    return Outage(AWAY, 5) if lost or state in {READ_ONLY, IDLE_TOO_LONG} else None


def what_was_done(request: HttpRequest | None, error: BaseException | None) -> str | Promise:
    """Return what can be said for certain of a request that ends with an error."""
    undone = (
        getattr(error, "was_undone", False) or connection.in_atomic_block
    )  # the key's, which does not commit a failure
    is_read = request is not None and request.method in SAFE
    return NOTHING_DONE if undone or is_read else NOT_KNOWN


def note_what_is_undone(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 - Django's signature
    """Note on an error that it ends a transaction: with or without the server's answer, that one does not commit."""
    try:
        return execute(sql, params, many, context)
    except Error as error:
        error.was_undone = connection.in_atomic_block  # type: ignore[attr-defined] # read in what_was_done
        raise


def _state_of(error: BaseException | None) -> str:
    cause = error if isinstance(error, psycopg.Error) else getattr(error, "__cause__", None)
    return (cause.sqlstate or "") if isinstance(cause, psycopg.Error) else ""

"""Two writers in an order that is certain: one stops between two of its statements until the other waits or is done."""

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from django.db import connection

Work = Callable[[], object]

# Sessions of other databases are other tests, which run beside this one.
WAITING = (
    "SELECT count(DISTINCT pid) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE NOT granted AND datname = current_database()"
)


class Stop:
    """Runs work in a thread that stops once, after the first statement that holds some text, until it may go on."""

    def __init__(self, work: Work, *, after: str) -> None:
        self.work, self.after = work, after
        self.reached, self.may_go_on = Event(), Event()
        self.result: object = None
        self.thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            with connection.execute_wrapper(self._watch):
                self.result = self.work()
        except Exception as error:  # noqa: BLE001 - told as its result
            self.result = error
        finally:
            self.reached.set()
            connection.close()

    def _watch(self, execute: Callable[..., Any], sql: Any, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if self.after in str(sql) and not self.reached.is_set():
            self.reached.set()
            assert self.may_go_on.wait(60), "nobody lets it go on"
        return result


def interleaved(first: Work, second: Work, *, after: str) -> list[object]:
    """
    Stop the first work after a statement, start the second one, and let the first go on when the second waits or is done.

    :param after: a part of that statement, behind which the first holds what the second one needs
    :returns: what each returned or raised
    """
    stopped = Stop(first, after=after)
    stopped.thread.start()
    assert stopped.reached.wait(60), f"no statement holds {after!r}"
    following = Stop(second, after="nothing that is sent")
    following.thread.start()
    await_waiting(1, unless=following.reached)
    stopped.may_go_on.set()
    for each in (stopped, following):
        each.thread.join()
    return [stopped.result, following.result]


def await_waiting(sessions: int, *, unless: Event | None = None) -> None:
    """Return when so many sessions wait for another one's rows, or when that they would is over."""
    deadline = time.monotonic() + 30
    while waiting_sessions() < sessions and not (unless is not None and unless.is_set()):
        assert time.monotonic() < deadline, "nobody waits"


def waiting_sessions() -> int:
    """Return how many sessions of this test wait for another one's rows."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        (waiting,) = cursor.fetchone() or (0,)
    return int(waiting)

"""
Two things at the same moment, with their meeting made certain: one is stopped between two of its statements while the
other one runs, until that has finished or waits for a lock of the first.

Every place between statements is tried, one after the other, so that no test depends on how the statements read. Nothing
sleeps but a poll for locks, and that is bounded.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from time import monotonic
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

Work = Callable[[], object]
MAX_WAIT_SECONDS = 30
POLL_SECONDS = 0.002
MAX_STATEMENTS = 200


class Worker:
    """
    Work in a thread with a connection of its own, which stops after one of its statements until it may go on.

    :param after: the place of that statement, from 0; None to stop nowhere
    """

    def __init__(self, work: Work, *, after: int | None = None) -> None:
        self.work, self.after = work, after
        self.statements: list[str] = []
        self.error: BaseException | None = None
        self.result: object = None
        self.pid = 0
        self._connected, self._stopped, self._go, self._ended = Event(), Event(), Event(), Event()
        self._thread = Thread(target=self._run)
        self._thread.start()

    def stops(self) -> bool:
        """Wait until it has stopped, or ended without coming to that place; tell whether it stopped."""
        _wait_until(lambda: self._stopped.is_set() or self._ended.is_set())
        return self._stopped.is_set()

    def waits_for(self, other: "Worker") -> bool:
        """Wait until it has ended, or waits for a lock of another one; tell whether it waits."""
        with _watching() as is_blocked_by:
            _wait_until(lambda: self.has_ended or is_blocked_by(self, other))
            return not self.has_ended

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def goes_on(self) -> None:
        self._go.set()

    def ends(self) -> "Worker":
        """Let it go on, and wait for its end."""
        self.goes_on()
        self._thread.join(MAX_WAIT_SECONDS)
        assert self.has_ended, f"it still works after {MAX_WAIT_SECONDS} s: {self.statements[-1:]}"
        return self

    def _run(self) -> None:
        try:
            connection.ensure_connection()
            self.pid = connection.connection.info.backend_pid
            with connection.execute_wrapper(self._watch):
                self.result = self.work()
        except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
            self.error = error
        finally:
            connection.close()
            self._ended.set()

    def _watch(self, execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any) -> Any:
        found = execute(sql, params, many, context)
        self.statements.append(" ".join(str(sql).split()))
        if self.after is not None and len(self.statements) == self.after + 1:
            self._stopped.set()
            self._go.wait(2 * MAX_WAIT_SECONDS)
        return found


@dataclass(frozen=True)
class Met:
    """
    How two works met.

    :param reached: False when the first one has no such statement: then one came after the other
    :param waited: that the second one waited for the first
    :param statement: after which the first one stopped
    """

    first: Worker
    second: Worker
    reached: bool
    waited: bool
    statement: str

    @property
    def errors(self) -> list[BaseException]:
        return [each.error for each in (self.first, self.second) if each.error is not None]


def meet(first: Work, second: Work, *, after: int) -> Met:
    """Stop the first work after one of its statements, run the second until it ends or waits for it, then let both end."""
    stopped = Worker(first, after=after)
    reached = stopped.stops()
    other = Worker(second)
    try:
        waited = other.waits_for(stopped)
    finally:
        stopped.goes_on()
    stopped.ends()
    other.ends()
    return Met(stopped, other, reached, waited, stopped.statements[after] if reached else "")


def every_meeting(make: Callable[[int], tuple[Work, Work, Callable[[Met], object]]]) -> list[str]:
    """
    Let two works meet at each place between the statements of the first, each time in a world of its own.

    :param make: takes the place and returns both works, and what is true afterwards, which raises when it is not
    :returns: what went wrong, place by place
    """
    wrong = []
    for place in range(MAX_STATEMENTS):
        first, second, check = make(place)
        met = meet(first, second, after=place)
        where = f"{place} {met.statement[:90]}"
        wrong += [f"{where}: {_first_line(error)}" for error in met.errors]
        try:
            check(met)
        except Exception as error:  # noqa: BLE001 - told with all others
            wrong.append(f"{where}: {_first_line(error)}")
        if not met.reached:
            assert place, "the first work sent no statement"
            return wrong
    raise AssertionError(f"the first work sends more than {MAX_STATEMENTS} statements")


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _wait_until(is_so: Callable[[], bool]) -> None:
    poll, end = Event(), monotonic() + MAX_WAIT_SECONDS
    while not is_so():
        assert monotonic() < end, f"nothing has come of it in {MAX_WAIT_SECONDS} s"
        poll.wait(POLL_SECONDS)


@contextmanager
def _watching() -> Iterator[Callable[[Worker, Worker], bool]]:
    """Open a third connection that sees who waits for whom."""
    default = settings.DATABASES["default"]
    with psycopg.connect(
        host=default["HOST"],
        port=default["PORT"],
        user=default["USER"],
        password=default["PASSWORD"],
        dbname=default["NAME"],
        autocommit=True,
    ) as session:

        def is_blocked_by(one: Worker, other: Worker) -> bool:
            found = session.execute("SELECT %s = ANY(pg_blocking_pids(%s))", [other.pid, one.pid]).fetchone()
            return bool(one.pid and found and found[0])

        yield is_blocked_by

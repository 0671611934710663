"""
Facts that are reported one by one at the same moment, taken together: one batch costs little more than one of them.

Whoever comes first takes what waits, its own fact among it, in one transaction; the others wait for their answers. Who
comes while a batch is on its way is in the next one. It is a commit of a group, as databases do it: an answer is given only
after the commit that holds its fact.

As with PostgreSQL's commit_delay, a batch waits a moment for more facts, but only if the last one held several: who
reports one by one is never kept waiting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition, Event, Lock
from typing import Any

from customers.models import Retailer

MAX_BATCH = 100
MAX_WAIT = 0.008  # seconds

Take = Callable[[Sequence[Any]], list[Any]]


@dataclass(eq=False)
class _Waiting:
    """A fact on its way: `answer` when it was taken; `alone` when its batch failed and it has to go by itself."""

    fact: Any
    called: Event = field(default_factory=Event)  # because it is settled, or to lead the next batch
    answer: Any = None
    alone: bool = False

    @property
    def is_settled(self) -> bool:
        return self.answer is not None or self.alone


class _Queue:
    """What waits for one retailer and one kind of fact; one of those that wait leads at a time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.enough = Condition(self.lock)
        self.waiting: list[_Waiting] = []
        self.is_led = False
        self.expected = 1

    def join(self, mine: _Waiting) -> bool:
        """Add a fact, and tell whether it leads."""
        with self.lock:
            self.waiting.append(mine)
            if not self.is_led:
                self.is_led = True
                return True
            if len(self.waiting) >= self.expected:
                self.enough.notify()
            return False

    def next_batch(self) -> list[_Waiting]:
        """Return what the leader takes: all that waits, and as many as came the last time if they come soon."""
        with self.lock:
            self.enough.wait_for(lambda: len(self.waiting) >= self.expected, MAX_WAIT)
            batch, self.waiting = self.waiting[:MAX_BATCH], self.waiting[MAX_BATCH:]
            self.expected = len(batch)
            return batch

    def promote_next(self) -> None:
        """Let the first of those that wait lead the next batch."""
        with self.lock:
            self.is_led = bool(self.waiting)
            if self.waiting:
                self.waiting[0].called.set()


_queues: dict[tuple[str, int], _Queue] = {}


def submit(kind: str, retailer: Retailer, fact: Any, take: Take) -> Any:
    """
    Return the answer to a fact, taken with all others of its kind that are reported for its retailer at this moment here.

    :param kind: what keeps facts apart that are taken differently
    :param take: takes facts in a transaction of their own, one answer each
    """
    queue = _queues.setdefault((kind, retailer.pk), _Queue())
    mine = _Waiting(fact)
    if not queue.join(mine):
        mine.called.wait()
    if not mine.is_settled:
        _lead(queue, take)
    return mine.answer if mine.answer is not None else take([fact])[0]


def _lead(queue: _Queue, take: Take) -> None:
    """Take what waits, the leader's own fact first, and let the next one lead."""
    batch = queue.next_batch()
    answers: Sequence[Any] = [None] * len(batch)
    try:
        answers = take([each.fact for each in batch])
    except Exception:
        if len(batch) == 1:
            raise
    finally:
        queue.promote_next()
        for each, answer in zip(batch, answers, strict=True):
            each.answer, each.alone = answer, answer is None
            each.called.set()

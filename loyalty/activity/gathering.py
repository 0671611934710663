"""
Facts that are reported one by one at the same moment, taken together: one batch costs little more than one of them.

Whoever comes first takes what waits, its own fact among it, in one transaction; the others wait for their answers. Who
comes while a batch is on its way is in the next one. Alone, nobody waits for anybody. It is a commit of a group, as
databases do it: an answer is given only after the commit that holds its fact.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

from customers.models import Retailer
from loyalty.activity.intake import Answer

MOST = 100

Take = Callable[[Sequence[Any]], list[Answer[Any]]]


@dataclass(eq=False)
class _Waiting:
    """A fact on its way: `answer` when it was taken; `alone` when its batch failed and it has to go by itself."""

    fact: Any
    answer: Answer[Any] | None = None
    alone: bool = False

    @property
    def is_settled(self) -> bool:
        return self.answer is not None or self.alone


@dataclass
class _Queue:
    """What waits for one retailer and one kind of fact."""

    changed: Condition = field(default_factory=Condition)
    waiting: list[_Waiting] = field(default_factory=list)
    is_led: bool = False


_queues: dict[tuple[str, int], _Queue] = {}


def take_together(kind: str, retailer: Retailer, fact: Any, take: Take) -> Answer[Any]:
    """
    Take a fact with all others of its kind that are reported for its retailer in this process at this moment.

    :param kind: what keeps facts apart that are taken differently
    :param take: takes facts in a transaction of their own, one answer each
    """
    queue = _queues.setdefault((kind, retailer.pk), _Queue())
    mine = _Waiting(fact)
    with queue.changed:
        queue.waiting.append(mine)
        queue.changed.wait_for(lambda: mine.is_settled or not queue.is_led)
        batch = [] if mine.is_settled else _lead(queue, mine)
    if batch:
        _carry_out(queue, batch, take)
    if mine.answer is not None:
        return mine.answer
    return take([fact])[0]


def _lead(queue: _Queue, mine: _Waiting) -> list[_Waiting]:
    """Take what waits, the leader's own among it, and keep others from leading meanwhile."""
    queue.is_led = True
    others = [each for each in queue.waiting if each is not mine]
    batch = [*others[: MOST - 1], mine]
    queue.waiting = others[MOST - 1 :]
    return batch


def _carry_out(queue: _Queue, batch: list[_Waiting], take: Take) -> None:
    answers: Sequence[Answer[Any] | None] = [None] * len(batch)
    try:
        answers = take([each.fact for each in batch])
    except Exception:
        if len(batch) == 1:
            raise
    finally:
        with queue.changed:
            for each, answer in zip(batch, answers, strict=True):
                each.answer, each.alone = answer, answer is None
            queue.is_led = False
            queue.changed.notify_all()

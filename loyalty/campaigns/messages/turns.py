"""
Which retailers' messages a worker sends just now: some at once and of one retailer fewer, and none for longer than a turn.

The threads that send are also those of webhooks and of sign-in codes, and a campaign may have a million messages: whoever had
all of them until it is through would keep everybody else waiting, and so would one whose provider does not answer.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from django.conf import settings


class Turns:
    """
    The threads of a worker that send messages.

    :param at_once: how many those may be
    :param of_one: how many of them send one retailer's
    """

    def __init__(self, at_once: int, of_one: int) -> None:
        self._at_once, self._of_one = at_once, of_one
        self._taken: Counter[int] = Counter()
        self._lock = Lock()

    @contextmanager
    def turn(self, retailer_id: int) -> Iterator[bool]:
        """Tell whether a retailer may have a turn now; one that may not is asked again when the next task wakes up."""
        if not self._takes(retailer_id):
            yield False
            return
        try:
            yield True
        finally:
            with self._lock:
                self._taken[retailer_id] -= 1

    def _takes(self, retailer_id: int) -> bool:
        with self._lock:
            may_go = self._taken.total() < self._at_once and self._taken[retailer_id] < self._of_one
            self._taken[retailer_id] += may_go
            return may_go


TURNS = Turns(settings.MESSAGES_AT_ONCE, settings.MESSAGES_OF_ONE_AT_ONCE)

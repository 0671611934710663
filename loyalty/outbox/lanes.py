"""
Which endpoints may hold a worker's threads: those that are slow, or do not answer, some of them, and never all.

What is known of an endpoint is how long its last round took in this process. Who is known to be fast never waits for others.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from django.conf import settings

from loyalty.outbox.models import Endpoint

SLOW_SECONDS = 1.0  # that a round of posts takes


class Lanes:
    """
    The threads of a worker, divided.

    :param slow: how many may wait for endpoints that are slow, or do not answer
    :param new: how many may wait for endpoints that this process has not met
    """

    def __init__(self, slow: int, new: int) -> None:
        self._slow, self._new = BoundedSemaphore(slow), BoundedSemaphore(new)
        self._took: dict[int, float] = {}

    @contextmanager
    def turn(self, endpoint: Endpoint) -> Iterator[bool]:
        """Tell whether an endpoint may have a turn now; one that may not is asked again when the relay wakes up next."""
        lane = self._lane_of(endpoint)
        if lane is None:
            yield True
        elif lane.acquire(blocking=False):
            try:
                yield True
            finally:
                lane.release()
        else:
            yield False

    def note(self, endpoint: Endpoint, seconds: float) -> None:
        """Note how long a round of posts to an endpoint took."""
        self._took[endpoint.pk] = seconds

    def is_slow(self, endpoint: Endpoint) -> bool:
        """Tell whether an endpoint does not answer, or only after long."""
        return endpoint.failures > 0 or self._took.get(endpoint.pk, 0.0) > SLOW_SECONDS

    def _lane_of(self, endpoint: Endpoint) -> BoundedSemaphore | None:
        if self.is_slow(endpoint):
            return self._slow
        return None if endpoint.pk in self._took else self._new


LANES = Lanes(settings.WEBHOOK_SLOW_AT_ONCE, settings.WEBHOOK_NEW_AT_ONCE)

"""How much a caller may ask for in a minute."""

import time
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class CredentialThrottle(SimpleRateThrottle):
    """
    Counts by credential; callers without one share a small allowance per address.

    Two numbers a caller, one for this period and one for the last, of which the part counts that is not over yet. The
    parent keeps the instant of every request, which costs the more the more are allowed.
    """

    timer: Callable[[], float] = staticmethod(time.time)

    def __init__(self) -> None:
        """Wait for the request to know which rate holds."""

    def get_cache_key(self, request: Request, _view: Any) -> str:
        if request.auth is not None:
            return f"throttle-{type(request.auth).__name__}-{request.auth.pk}"
        return f"throttle-{self.get_ident(request)}"

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = "credential" if request.auth is not None else "anonymous"
        self.limit, self.period = self._rate()
        turn, self.elapsed = divmod(self.timer(), self.period)
        key = self.get_cache_key(request, view)
        current = f"{key}-{turn:.0f}"
        self.count = _one_more(current, 2 * self.period)
        left = 1 - self.elapsed / self.period
        if self.count + self.limit * left <= self.limit:
            return True  # however many there were in the last period
        self.last: int = cache.get(f"{key}-{turn - 1:.0f}", 0)
        if self.count + self.last * left <= self.limit:
            return True
        self.count = cache.decr(current)  # what is refused does not count
        return False

    def wait(self) -> float:
        """Return after how many seconds one more is allowed."""
        room = self.limit - self.count - 1
        if room >= 0:
            return self.period * (1 - room / self.last) - self.elapsed
        return self.period - self.elapsed + self.period * (1 - (self.limit - 1) / self.count)

    def _rate(self) -> tuple[int, int]:
        """Return how many requests are allowed, and in how many seconds."""
        rate = self.parse_rate(self.get_rate())
        assert rate[0] is not None, "both rates are set"
        assert rate[1] is not None, "both rates are set"
        return rate[0], rate[1]


def _one_more(key: str, life: int) -> int:
    """Count one more, and return how many there are."""
    try:
        return int(cache.incr(key))
    except ValueError:  # the first one, or one of the first at the same moment
        return 1 if cache.add(key, 1, life) else int(cache.incr(key))

"""How much a caller may ask for in a minute."""

import time
from collections.abc import Callable
from math import ceil
from typing import Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from customers.core.values import dataclass
from loyalty.api.clients import client_of


@dataclass(frozen=True, slots=True)
class Rate:
    """
    What a caller may ask for still.

    :param name: of the rule
    :param period: in seconds, in which `limit` requests are allowed
    :param left: requests that are allowed at once
    :param reset: after how many seconds the count begins anew
    """

    name: str
    limit: int
    period: int
    left: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return what the answer says of it, as the IETF's draft has it."""
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.limit};w={self.period}',
            "RateLimit": f'"{self.name}";r={self.left};t={self.reset}',
        }


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
        return self._key_of(client_of(request._request))

    def allow_request(self, request: Request, view: Any) -> bool:
        self.scope = "credential" if request.auth is not None else "anonymous"
        self.limit, self.period = self._rate()
        turn, self.elapsed = divmod(self.timer(), self.period)
        key = self.get_cache_key(request, view)
        current = f"{key}-{turn:.0f}"
        self.count = _one_more(current, 2 * self.period)
        left = 1 - self.elapsed / self.period
        self.last: int = cache.get(f"{key}-{turn - 1:.0f}", 0)
        room = self.limit - self.count - self.last * left
        self.told = Rate(self.scope, self.limit, self.period, max(int(room), 0), ceil(self.period * left))
        request._request.rate = self.told  # type: ignore[attr-defined] # for the headers
        if room >= 0:
            return True
        self.count = cache.decr(current)  # what is refused does not count
        return False

    def wait_of(self, client: str) -> float | None:
        """Return after how many seconds an address may ask again without a credential; None where it may now. Counts nothing."""
        self.scope = "anonymous"
        self.limit, self.period = self._rate()
        turn, self.elapsed = divmod(self.timer(), self.period)
        current, before = (f"{self._key_of(client)}-{each:.0f}" for each in (turn, turn - 1))
        found: dict[str, int] = cache.get_many([current, before])
        self.count, self.last = found.get(current, 0), found.get(before, 0)
        left = 1 - self.elapsed / self.period
        if self.limit - self.count - 1 - self.last * left >= 0:
            return None
        self.told = Rate(self.scope, self.limit, self.period, 0, ceil(self.period * left))
        return self.wait()

    def wait(self) -> float:
        """Return after how many seconds one more is allowed."""
        room = self.limit - self.count - 1
        if room >= 0:
            return self.period * (1 - room / self.last) - self.elapsed
        return self.period - self.elapsed + self.period * (1 - (self.limit - 1) / self.count)

    @staticmethod
    def _key_of(client: str) -> str:
        return f"throttle-{client}"

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

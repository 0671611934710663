"""
Who tries many codes that do not exist is slowed: codes of a pool may be short, and whoever guesses finds some.

Counted are answers that a code is wrong, by caller: a key, a member, or somebody of the staff. A code with a typing error,
which its check character tells, does not count.
"""

import time
from collections.abc import Callable
from math import ceil
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.utils.translation import ngettext
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

from loyalty.api.models import MemberToken

TOO_MANY = 429


class TooManyWrongCodes(APIException):
    """A caller tried too many codes that do not exist."""

    status_code = TOO_MANY
    default_code = "too_many_wrong_codes"

    def __init__(self, wait: int) -> None:
        super().__init__(told(wait))
        self.wait = wait


def told(wait: int) -> str:
    """Return in words that a caller has to wait for some seconds."""
    return ngettext(
        "Too many wrong codes. Try again in %(wait)s second.",
        "Too many wrong codes. Try again in %(wait)s seconds.",
        wait,
    ) % {"wait": wait}


class WrongCodes:
    """
    The wrong codes of one caller, counted as requests are: those of the last period as if spread over it.

    :param caller: what tells it from others
    """

    timer: Callable[[], float] = staticmethod(time.time)

    def __init__(self, caller: str) -> None:
        self.caller = caller
        limit, period = SimpleRateThrottle.parse_rate(None, settings.WRONG_CODE_RATE)  # type: ignore[arg-type] # it uses no self
        assert limit is not None, "the rate is set"
        assert period is not None, "the rate is set"
        self.limit, self.period = limit, period

    def wait(self) -> int:
        """Return after how many seconds the caller may try another code; 0 for now."""
        turn, elapsed = divmod(self.timer(), self.period)
        found: dict[str, int] = cache.get_many([self._key(turn), self._key(turn - 1)])
        if not found:
            return 0
        count, last = found.get(self._key(turn), 0), found.get(self._key(turn - 1), 0)
        if count + last * (1 - elapsed / self.period) <= self.limit - 1:
            return 0
        if count < self.limit:
            return ceil(max(self.period * (1 - (self.limit - 1 - count) / last) - elapsed, 1))
        return ceil(self.period - elapsed + self.period * (1 - (self.limit - 1) / count))

    def note(self) -> None:
        """Count one more."""
        turn = self.timer() // self.period
        if not cache.add(self._key(turn), 1, 2 * self.period):
            cache.incr(self._key(turn))

    def _key(self, turn: float) -> str:
        return f"wrong-codes-{self.caller}-{turn:.0f}"


def wrong_codes_of(request: Request) -> WrongCodes:
    """Return the wrong codes of who calls the API: all tokens of a member are one caller."""
    auth: Any = request.auth
    if isinstance(auth, MemberToken):
        return wrong_codes_of_member(auth.customer_id)
    return WrongCodes(f"{type(auth).__name__}-{auth.pk}")


def wrong_codes_of_member(customer_id: UUID) -> WrongCodes:
    """Return the wrong codes of a member, by the API and on its page."""
    return WrongCodes(f"member-{customer_id}")


class WrongCodeThrottle(BaseThrottle):
    """Refuses whoever tried too many wrong codes, before it is told anything of the next one."""

    def allow_request(self, request: Request, _view: Any) -> bool:
        if request.auth is None:
            return True  # it is refused for that
        if wait := wrong_codes_of(request).wait():
            raise TooManyWrongCodes(wait)
        return True

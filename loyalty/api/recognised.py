"""The credentials that this process recognised lately."""

import hashlib
from collections import OrderedDict
from threading import Lock

from django.conf import settings
from django.http import HttpRequest

MAX_REMEMBERED = 20_000


class Recognised:
    """The credentials that this process recognised last, as hashes."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def note(self, request: HttpRequest) -> None:
        """Remember the credential of a request."""
        digest = _digest(request)
        with self._lock:
            self._known[digest] = None
            self._known.move_to_end(digest)
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)

    def forget(self, request: HttpRequest) -> None:
        """Forget the credential of a request, which is not valid any more."""
        with self._lock:
            self._known.pop(_digest(request), None)

    def __contains__(self, request: HttpRequest) -> bool:
        return _digest(request) in self._known


RECOGNISED = Recognised()


def _digest(request: HttpRequest) -> bytes:
    said = request.META.get("HTTP_AUTHORIZATION") or request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    return hashlib.sha256(said.encode()).digest()

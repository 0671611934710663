"""The log of requests: one line when a request is over, and its id in every line that is written meanwhile."""

import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars

from loyalty.api.unavailable import outage_of

HEADER = "X-Request-ID"
ID = re.compile(r"[\w.:/+=-]{1,100}")
SECRET_PARTS = ("key", "token")  # of addresses, by their names there
# As the id of a customer, which some shops' exports make it. From a part's beginning on: of a long one each end would be tried.
E_MAIL = re.compile(r"(?<![^/\s])[^/\s@]*@[^/\s]*")
LONG_PART = re.compile(r"[^/]{20,}")  # a link that lost its last character is one still, to whoever reads it in a log
log = structlog.get_logger()


class RequestLog:
    """
    Tells of each request who asked for what, what came of it, and how long it took.

    The id is the one that a proxy in front gave it, else a new one, and goes back with the answer. Neither addresses nor
    queries are written: they tell who somebody is.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        got_request_exception.connect(_failed, dispatch_uid="request_log")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if ID.fullmatch(given) else uuid4().hex
        bind_contextvars(request_id=request_id)
        began = time.perf_counter()
        try:
            response = self.get_response(request)
            response[HEADER] = request_id
            said = {"method": request.method, "path": _path_of(request), "code": response.status_code}
            log.log(_level(response.status_code), "request", **said, seconds=round(time.perf_counter() - began, 4))
        finally:
            clear_contextvars()
        return response


def _path_of(request: HttpRequest | None) -> str:
    """
    Return an address without what opens something to whoever knows it, as a link to a new password or an invitation, and
    without e-mail addresses.
    """
    if request is None:
        return ""
    path, match = E_MAIL.sub("***", request.path), request.resolver_match
    if match is None or not match.url_name:  # nothing is there, so nothing tells which part is a secret
        return LONG_PART.sub("***", path)
    for name in SECRET_PARTS:
        if secret := match.kwargs.get(name):
            path = path.replace(secret, "***")
    return path


def _level(code: int) -> int:
    if code < 400:  # noqa: PLR2004 - what went well
        level: int = settings.LOG_LEVEL_OF_REQUESTS
        return level
    return logging.WARNING if code < 500 else logging.ERROR  # noqa: PLR2004 - theirs, ours


def _failed(*, request: HttpRequest | None = None, **_given: Any) -> None:
    """Write the trace of what no one expected: Django tells of it in the thread that handles it."""
    error = sys.exc_info()[1]
    if outage_of(error):  # expected: what failed is the database, and its words say all
        log.error("database_unavailable", path=_path_of(request), error=str(error))
        return
    log.error("request_failed", path=_path_of(request), exc_info=True)  # noqa: LOG014 - the signal is sent while it is handled

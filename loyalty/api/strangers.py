"""
Who is refused before anything is looked up: callers that nobody knows, where their address has asked too often already.

Whoever was recognised by this process lately passes, also where somebody at the same address guesses keys: a shop's till and its
guests may share one.
"""

from math import ceil
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from rest_framework.exceptions import Throttled

from loyalty.api.clients import client_of
from loyalty.api.problems import problem_response
from loyalty.api.recognised import RECOGNISED
from loyalty.api.throttling import CredentialThrottle


def refusal_of_stranger(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a stranger whose address has nothing left to ask; None for everybody else."""
    if request in RECOGNISED:
        return None
    throttle = CredentialThrottle()
    wait = throttle.wait_of(client_of(request))
    if wait is None or _is_not_counted(request):
        return None
    refused = Throttled(wait)
    response: HttpResponse = problem_response(429, "throttled", str(refused.detail), instance=request.path)
    response["Retry-After"] = str(ceil(wait))
    for name, value in throttle.told.headers().items():
        response[name] = value
    return response


def _is_not_counted(request: HttpRequest) -> bool:
    """Tell whether a request goes to who counts nobody, such as a payment provider's notices."""
    try:
        view: Any = resolve(request.path_info).func
    except Resolver404:
        return True
    return not getattr(getattr(view, "view_class", None), "throttle_classes", True)

"""
What only browsers need: sessions, their users, their messages, and protection against forged forms.

Whoever calls the API with a credential of its own passes them by: they take a tenth of such a request's time.
"""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware


def has_credential(request: HttpRequest) -> bool:
    """Tell whether a request to the API says by itself who sends it."""
    return "HTTP_AUTHORIZATION" in request.META and request.path_info.startswith("/api/")


class ForBrowsers:
    """Lets requests that are no browser's go past a middleware."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if has_credential(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc] # of the middleware beside this


class BrowserSessionMiddleware(ForBrowsers, SessionMiddleware):
    """Sessions by cookie."""


class BrowserAuthenticationMiddleware(ForBrowsers, AuthenticationMiddleware):
    """The user of a session."""


class BrowserMessageMiddleware(ForBrowsers, MessageMiddleware):
    """What a page says once."""


class BrowserCsrfMiddleware(ForBrowsers, CsrfViewMiddleware):
    """Refuses forms that another site sends."""

    def process_view(self, request: HttpRequest, *given: Any) -> Any:
        return None if has_credential(request) else super().process_view(request, *given)

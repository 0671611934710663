"""The frame of the admin around the pages of sign-in."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

PAGES = ("account_", "mfa_", "staff_")


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what the admin's templates need, on the pages of sign-in alone."""
    match = request.resolver_match
    if match is None or match.namespaces or not str(match.url_name).startswith(PAGES):
        return {}
    return dict(admin.site.each_context(request))

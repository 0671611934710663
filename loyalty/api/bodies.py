"""
Bodies are whole, or the request is not served: what is left out of one may mean something else.

The web server hands over a body that broke off as if it had ended there, and Django takes one whose length nobody told
as empty. "Confirm ten of sixty held points" without its body is "confirm all of them".
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from loyalty.api.problems import problem_response

NO_LENGTH = _("The length of the body is not told. Send it whole, with a Content-Length, and not in chunks.")
BROKEN_OFF = _(
    "The body ended before its Content-Length: {read} of {length} bytes came. Nothing was done. Send it again."
)
TOO_LARGE = _("The body is larger than {limit} bytes. Split it, or import a file.")
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class BodyMiddleware:
    """Refuses a body of which nobody could say that it is whole; uploads of files are left to their reader."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return refusal(request) or self.get_response(request)


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a request whose body is not taken; None where it is whole, or there is none."""
    if _hides_its_length(request):
        return _refused(request, 411, "length_required", NO_LENGTH)
    length = _length(request)
    if not length or request.META.get("CONTENT_TYPE", "").startswith("multipart/"):
        return None
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if length > limit:
        return _refused(request, 413, "too_large", TOO_LARGE, limit=limit)
    read = _bytes_of(request)
    if read < length:
        return _refused(request, 400, "incomplete_body", BROKEN_OFF, read=read, length=length)
    return None


def _refused(request: HttpRequest, status: int, code: str, words: Promise, **facts: int) -> HttpResponse:
    """Return a refusal in the caller's language, which is not looked up yet where bodies are."""
    with translation.override(translation.get_language_from_request(request)):
        return problem_response(status, code, str(words).format(**facts), instance=request.path)


def _hides_its_length(request: HttpRequest) -> bool:
    """Tell whether a body may come whose length is not told: in chunks, or by HTTP/2, which marks no body's presence."""
    if "HTTP_TRANSFER_ENCODING" in request.META:
        return True  # whatever else is told, it is not the length
    by_streams = request.META.get("SERVER_PROTOCOL", "").startswith("HTTP/2") and request.method in WITH_BODY
    return by_streams and not request.META.get("CONTENT_LENGTH")


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or ""  # `headers` would read all of them
    return int(text) if text.isdigit() else 0


def _bytes_of(request: HttpRequest) -> int:
    try:
        return len(request.body)
    except UnreadablePostError:
        return 0

"""
Bodies are whole, or the request is not served: what is left out of one may mean something else.

The web server hands over a body that broke off as if it had ended there, and Django takes one whose length nobody told
as empty. "Confirm ten of sixty held points" without its body is "confirm all of them".
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.template.defaultfilters import filesizeformat
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from loyalty.api.problems import API, answer_without_view

NO_LENGTH = _("The length of the body is not told. Send it whole, with a Content-Length, and not in chunks.")
BROKEN_OFF = _(
    "The body ended before its Content-Length: {read} of {length} bytes came. Nothing was done. Send it again."
)
COMPRESSED = _("The body is written as {encoding}. Send it as it is, without a Content-Encoding.")
TOO_LARGE = _("The body is larger than {limit} bytes. Split it, or import a file.")
TOO_LARGE_FILE = _("This is larger than {limit}. Divide it, and send its parts one after the other. Nothing was taken.")
MAX_DRAINED = 32 * 1024 * 1024  # of more, nobody waits for the end
BLOCK = 65_536
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class BodyMiddleware:
    """Refuses a body of which nobody could say that it is whole, or that is too large; files are left to their reader."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return refusal(request) or self.get_response(request)


def refusal(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a request whose body is not taken; None where it is whole, or there is none."""
    if _hides_its_length(request):
        return _refused(request, 411, "length_required", NO_LENGTH)
    length = _length(request)
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "")
    if length and encoding and encoding.lower() != "identity":
        return _refused(request, 415, "unsupported_encoding", COMPRESSED, encoding=encoding[:40])
    has_files = request.META.get("CONTENT_TYPE", "").startswith("multipart/")
    limit = settings.MAX_UPLOAD_BYTES if has_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if length > limit:
        return _too_large(request, limit)
    if not length or has_files:
        return None
    read = _bytes_of(request)
    if read < length:
        return _refused(request, 400, "incomplete_body", BROKEN_OFF, read=read, length=length)
    return None


def _too_large(request: HttpRequest, limit: int) -> HttpResponse:
    with _in_its_language(request):
        size = limit if request.path.startswith(API) else filesizeformat(limit)
    words = TOO_LARGE if request.path.startswith(API) else TOO_LARGE_FILE
    return _refused(request, 413, "too_large", words, limit=size)


def _refused(request: HttpRequest, status: int, code: str, words: Promise, **facts: object) -> HttpResponse:
    """Return a refusal in the caller's language, which is not looked up yet where bodies are."""
    _drain(request)
    with _in_its_language(request):
        return answer_without_view(request, status, code, str(words).format(**facts))


def _in_its_language(request: HttpRequest) -> translation.override:
    return translation.override(translation.get_language_from_request(request))


def _drain(request: HttpRequest) -> None:
    """Read what is not taken: a server that closes with bytes unread resets the connection, and the answer with it."""
    stream: Any = request.META.get("wsgi.input")
    left = min(_length(request) or MAX_DRAINED, MAX_DRAINED)
    with suppress(OSError, AssertionError):  # whoever broke off hears nothing anyway; the tests' client asserts its end
        while stream is not None and left > 0 and (block := stream.read(min(left, BLOCK))):
            left -= len(block)


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

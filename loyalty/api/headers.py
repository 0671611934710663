"""What browsers are told about every answer: what it may load, run, frame and remember."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# The theme evaluates what its attributes say, and styles by attribute; scripts come from here alone, and none from a page.
PAGES = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; "
    "font-src 'self'; connect-src 'self'; object-src 'none'; frame-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# An answer of the API is no page: whoever opens one in a browser loads nothing by it.
DATA = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
# What is somebody's own, or leads to a password or a second factor: nothing on the way keeps it, nor the browser.
PERSONAL = ("/api/v1/", "/admin/account/", "/admin/login/")
FEATURES = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self)"


class HeadersMiddleware:
    """Says so where a view has not said anything stricter, such as those of the members' page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_data = request.path_info.startswith(("/api/v1/", "/health/"))
        response.headers.setdefault("Content-Security-Policy", DATA if is_data else PAGES)
        if not is_data:
            response.headers.setdefault("Permissions-Policy", FEATURES)
        if request.path_info.startswith(PERSONAL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response

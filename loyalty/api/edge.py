"""What goes wrong before a view is reached, or where none is, answered as problem details too."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.defaults import bad_request

from loyalty.api.problems import CONTENT_TYPE, problem_response
from loyalty.api.strangers import refusal_of_stranger
from loyalty.api.unavailable import note_what_is_undone

PREFIX = "/api/v1/"
DETAILS = {
    400: ("bad_request", _("The request cannot be read.")),
    404: ("not_found", _("There is nothing at this address; /api/docs lists what there is.")),
}


class ApiEdgeMiddleware:
    """Gives every answer under the API's prefix the API's form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(PREFIX):
            return self._page(request)
        if "\x00" in request.path:
            return problem_response(404, *DETAILS[404], instance=request.path.replace("\x00", ""))
        if _asks_for_nul(request):
            return problem_response(400, *DETAILS[400], instance=request.path)
        if (refused := refusal_of_stranger(request)) is not None:
            return refused
        with connection.execute_wrapper(note_what_is_undone):
            response = self.get_response(request)
        if (rate := getattr(request, "rate", None)) is not None:
            for name, value in rate.headers().items():
                response[name] = value
        if response.status_code in DETAILS and response.get("Content-Type") != CONTENT_TYPE:
            return problem_response(response.status_code, *DETAILS[response.status_code], instance=request.path)
        return response

    def _page(self, request: HttpRequest) -> HttpResponse:
        """Return a page's answer; no list, search or filter of one can look for what the database cannot hold."""
        if _asks_for_nul(request):
            return bad_request(request, BadRequest())
        return self.get_response(request)


def _asks_for_nul(request: HttpRequest) -> bool:
    """Tell whether a parameter has the character zero, which the database cannot hold."""
    return "%00" in request.META.get("QUERY_STRING", "")

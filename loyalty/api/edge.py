"""What goes wrong before a view is reached, or where none is, answered as problem details too."""

from collections.abc import Callable

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from loyalty.api.problems import CONTENT_TYPE, problem_response
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
            return self.get_response(request)
        if "\x00" in request.path:
            return problem_response(404, *DETAILS[404], instance=request.path.replace("\x00", ""))
        with connection.execute_wrapper(note_what_is_undone):
            response = self.get_response(request)
        if response.status_code in DETAILS and response.get("Content-Type") != CONTENT_TYPE:
            return problem_response(response.status_code, *DETAILS[response.status_code], instance=request.path)
        return response

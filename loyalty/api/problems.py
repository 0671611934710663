"""Every error as RFC 9457 problem details: what happened, a stable code, and what to do."""

import sys
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import exception_handler as standard_handler
from drf_standardized_errors.types import ErrorResponse, ExceptionHandlerContext
from rest_framework.exceptions import APIException, MethodNotAllowed, UnsupportedMediaType
from rest_framework.response import Response
from rest_framework.settings import api_settings

from customers.core.errors import DomainError, Kind
from loyalty.admin_theme.alone import page_alone
from loyalty.api.unavailable import NOT_KNOWN, Outage, outage_of, what_was_done

SERVER_ERROR = 500
UNAVAILABLE = 503
OUR_FAULT = _("This is our fault.")
WENT_WRONG = _(
    "Something went wrong on our side. It was noted, and nothing was changed by half. Try it again in a while."
)
LOOK_FIRST = _("Whether it was done is not known. Look before you send it again.")
SEVERAL = _("Several things are wrong; each is named in errors.")
API = "/api/"
CONTENT_TYPE = "application/problem+json"
STATUS = {
    Kind.INVALID: 422,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.REFUSED: 422,
    Kind.STALE: 412,
    Kind.GONE: 410,
}
TITLES = {
    400: _("Invalid request"),
    401: _("Not authenticated"),
    403: _("Not allowed"),
    404: _("Not found"),
    405: _("Method not allowed"),
    409: _("Conflict"),
    410: _("Gone"),
    411: _("Length required"),
    412: _("Precondition failed"),
    413: _("Content too large"),
    415: _("Unsupported media type"),
    422: _("Cannot be done"),
    428: _("Precondition required"),
    429: _("Too many requests"),
    500: _("Server error"),
    503: _("Unavailable"),
}


class Refusal(APIException):
    """A domain error on its way out."""

    def __init__(self, error: DomainError) -> None:
        super().__init__(detail=str(error), code=error.code)
        self.status_code = STATUS[error.kind]
        self.error = error


class Unavailable(APIException):
    """That the database does not serve, on its way out."""

    status_code = UNAVAILABLE
    default_code = "unavailable"

    def __init__(self, outage: Outage, done: Any) -> None:
        super().__init__(detail=f"{outage.reason} {done}")
        self.wait = outage.wait_seconds


class ProblemFormatter(ExceptionFormatter):
    """Renders what drf-standardized-errors collected as problem details."""

    def format_error_response(self, _error_response: ErrorResponse) -> dict[str, Any]:
        status = self.exc.status_code
        path = getattr(self.context.get("request"), "path", "")
        if isinstance(self.exc, Refusal) and getattr(self.exc.error, "findings", None):
            return problem_of(self.exc.error, instance=path)
        errors = faults(self.exc.detail)
        if isinstance(self.exc, UnsupportedMediaType):
            errors[0]["detail"] += f" {self._taken()}"
        if isinstance(self.exc, MethodNotAllowed):
            errors[0]["detail"] += f" {self._verbs()}"
        detail = errors[0]["detail"] if len(errors) == 1 else SEVERAL
        return problem(status, errors[0]["code"], detail, instance=path, errors=errors)

    def _taken(self) -> str:
        """Say in which forms a body is taken here."""
        media = ", ".join(parser.media_type for parser in self.context["view"].get_parsers())
        return _("Here it is to be {media}: name it in Content-Type.").format(media=media)

    def _verbs(self) -> str:
        """Say what can be done here."""
        verbs = ", ".join(verb for verb in self.context["view"].allowed_methods if verb not in {"HEAD", "OPTIONS"})
        return _("This address takes {verbs}; /api/docs lists what there is.").format(verbs=verbs)


def faults(detail: Any, pointer: str = "") -> list[dict[str, str]]:
    """Return what an error of REST framework says, each with a JSON pointer to its place in what was sent."""
    if isinstance(detail, dict):
        inner = [(_pointer(pointer, name), each) for name, each in detail.items()]
    elif isinstance(detail, list) and any(isinstance(each, dict | list) for each in detail):
        inner = [(f"{pointer}/{place}", each) for place, each in enumerate(detail)]
    elif isinstance(detail, list):
        inner = [(pointer, each) for each in detail]
    else:
        return [{"pointer": pointer, "code": getattr(detail, "code", "invalid"), "detail": str(detail)}]
    return [found for place, each in inner for found in faults(each, place)]


def _pointer(pointer: str, name: Any) -> str:
    """Return where a field is; what is wrong with several of them together is wrong with what holds them."""
    if name == api_settings.NON_FIELD_ERRORS_KEY:
        return pointer
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def problem(
    status: int, code: str, detail: str | Promise, *, instance: str = "", errors: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """Return a problem document."""
    return {
        "type": f"urn:loyalty:problem:{code}",
        "title": str(TITLES.get(status, _("Error"))),
        "status": status,
        "detail": str(detail),
        "code": code,
        "instance": instance,
        "errors": errors or [],
    }


def problem_of(error: DomainError, *, instance: str = "") -> dict[str, Any]:
    """Return a refusal as a problem document; what it finds wrong is named with its place in what was sent."""
    found = getattr(error, "findings", ())
    errors = [{"pointer": _pointer_to(one.place), "code": one.code, "detail": one.message} for one in found]
    return problem(STATUS[error.kind], error.code, str(error), instance=instance, errors=errors)


def _pointer_to(place: str) -> str:
    """Return a place as a JSON Pointer (RFC 6901): the whole of what was sent is the empty one."""
    return f"/{place}" if place.strip("/") else ""


def problem_response(status: int, code: str, detail: str | Promise, *, instance: str = "") -> JsonResponse:
    """Return a problem as a response, for what happens outside the views."""
    return JsonResponse(problem(status, code, detail, instance=instance), status=status, content_type=CONTENT_TYPE)


def answer_without_view(request: HttpRequest, status: int, code: str, said: str) -> HttpResponse:
    """Return what is refused before or behind the views: a problem for systems, a page for people."""
    if request.path.startswith(API):
        return problem_response(status, code, said, instance=request.path)
    return page_alone(request.path, status, TITLES[status], said)


def failure(request: HttpRequest) -> HttpResponse:
    """Answer what no view answered, while it is handled: 503 where the database does not serve, else 500."""
    error = sys.exc_info()[1]
    outage, done = outage_of(error), what_was_done(request, error)
    is_api = request.path.startswith(API)
    if outage is None:
        if not is_api:
            return page_alone(request.path, SERVER_ERROR, _("Failed"), WENT_WRONG)
        return problem_response(SERVER_ERROR, "server_error", f"{OUR_FAULT} {done}", instance=request.path)
    if done is NOT_KNOWN and not is_api:
        done = LOOK_FIRST
    response = answer_without_view(request, UNAVAILABLE, "unavailable", f"{outage.reason} {done}")
    response["Retry-After"] = str(outage.wait_seconds)
    return response


def exception_handler(exception: Exception, context: ExceptionHandlerContext) -> Response | None:
    """Turn what a view raised into a response."""
    request: Any = context.get("request")
    done = what_was_done(request, exception)
    if isinstance(exception, DomainError):
        exception = Refusal(exception)
    elif outage := outage_of(exception):
        exception = Unavailable(outage, done)
    response = standard_handler(exception, context)
    if response is not None:
        response.content_type = CONTENT_TYPE
        if response.status_code >= SERVER_ERROR:
            code, said = "server_error", f"{OUR_FAULT} {done}"
            if isinstance(exception, Unavailable):
                code, said = exception.default_code, str(exception.detail)
            response.data = problem(response.status_code, code, said, instance=getattr(request, "path", ""))
    return response

"""Whether the site lives, and whether it can serve."""

from collections.abc import Callable

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

WRITABLE = "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::bool"


def live(_request: HttpRequest) -> JsonResponse:
    """Answer as long as the process does."""
    return JsonResponse({"status": "ok"})


def ready(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers and takes changes, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(WRITABLE)
            (is_writable,) = cursor.fetchone() or (False,)
    except Error:
        return JsonResponse({"status": "no database"}, status=503)
    if not is_writable:
        return JsonResponse({"status": "the database takes no changes"}, status=503)
    return JsonResponse({"status": "ok"})


ANSWERS = {"/health/live": live, "/health/ready": ready}


class HealthMiddleware:
    """Answers before anything looks at the name that was asked for: whoever checks a machine knows its address alone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = ANSWERS.get(request.path_info)
        return self.get_response(request) if answer is None else answer(request)

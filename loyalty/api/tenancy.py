"""For which retailer a request acts: whoever its credential belongs to, from its authentication to its end."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from customers.core import tenancy


class TenancyMiddleware:
    """
    Gives a connection back as it was found; lets signed-in staff see what the admin shows them.

    API credentials name their retailer when they are recognised (see `authentication`). A request without any sees no
    retailer's rows.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = getattr(request, "user", None)
        if request.path.startswith("/api/"):
            return self._restored(request, None)
        if user is not None and user.is_authenticated and user.is_staff:
            return self._restored(request, tenancy.EVERYONE)
        return self.get_response(request)

    def _restored(self, request: HttpRequest, retailer: str | None) -> HttpResponse:
        before = tenancy.current()
        if retailer is not None:
            tenancy.act_for(retailer)
        try:
            return self.get_response(request)
        finally:
            tenancy.act_for(before)

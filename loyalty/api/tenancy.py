"""For which retailer a request acts: whoever its credential belongs to, from its authentication to its end."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars

from customers.core import tenancy
from loyalty.access.staff import post_of


class TenancyMiddleware:
    """
    Gives a connection back as it was found; lets signed-in staff see their own retailer, and superusers every one.

    API credentials name their retailer when they are recognised (see `authentication`). A request without any sees no
    retailer's rows.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):
            return self._restored(request, None)
        if not request.path.startswith("/admin/"):
            return self.get_response(request)
        post = post_of(request)
        if post is None:  # it may sign in, and sees nobody's rows
            return self._restored(request, tenancy.NOBODY)
        bind_contextvars(user=post.pk)
        return self._restored(request, tenancy.ALL_TENANTS if post.role is None else str(post.retailer.pk))  # type: ignore[union-attr] # a role has one

    def _restored(self, request: HttpRequest, retailer: str | None) -> HttpResponse:
        before = tenancy.current()
        if retailer is not None:
            tenancy.act_for(retailer)
        try:
            return self.get_response(request)
        finally:
            tenancy.act_for(before)

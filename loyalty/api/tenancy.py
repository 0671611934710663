"""For which retailer a request acts: whoever its credential belongs to, from its authentication to its end."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from structlog.contextvars import bind_contextvars

from customers.core import tenancy
from loyalty.access.staff import post_of

# What somebody reaches who has yet to set up a second factor that is required.
WITHOUT_SECOND_FACTOR = ("/admin/account/", "/admin/login/", "/admin/logout/", "/admin/jsi18n/")


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
        if post.lacks_second_factor and not request.path.startswith(WITHOUT_SECOND_FACTOR):
            return self._sent_to_set_one_up(request)
        retailer = post.retailer
        tenant = tenancy.ALL_TENANTS if post.role is None else str(retailer.pk)  # type: ignore[union-attr] # a role has one
        with timezone.override(retailer.tzinfo if retailer else None):  # all times of its pages, which name it
            return self._restored(request, tenant)

    def _sent_to_set_one_up(self, request: HttpRequest) -> HttpResponse:
        messages.warning(request, _("Your retailer requires a second factor. Set one up before you go on."))
        return redirect("mfa_index")

    def _restored(self, request: HttpRequest, retailer: str | None) -> HttpResponse:
        before = tenancy.current()
        if retailer is not None:
            tenancy.act_for(retailer)
        try:
            return self.get_response(request)
        finally:
            tenancy.act_for(before)

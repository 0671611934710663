"""What somebody reads whose page is not there, or not theirs, in the theme and their language; 400 and 500 stand alone."""

from http import HTTPStatus

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.defaults import page_not_found as plainly_missing
from django.views.defaults import permission_denied as plainly_forbidden

from loyalty.admin_theme.alone import is_shoppers, page_alone

API, ADMIN = "/api/", "/admin/"


def missing(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 404."""
    if request.path.startswith(API):  # whose edge says it as a problem
        return plainly_missing(request, exception)
    words = _("There is nothing at this address, or it belongs to another retailer. Look for it by name or number.")
    if is_shoppers(request.path):
        words = _("There is nothing at this address. Open the link again, or ask the shop for a new one.")
    return _page(request, HTTPStatus.NOT_FOUND, _("Not found"), words)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer 403."""
    if request.path.startswith(API):
        return plainly_forbidden(request, exception)
    words = _("Your role does not open this page. An owner of the retailer can give you another one, under Staff.")
    return _page(request, HTTPStatus.FORBIDDEN, _("Not open to you"), words)


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a form without the sign that our page sent it: mostly one that was open for too long."""
    words = _(
        "This form is too old, or was not sent by this site. Nothing was changed. Go back, reload the page, send it again."
    )
    return _page(request, HTTPStatus.FORBIDDEN, _("Not sent"), words)


def _page(request: HttpRequest, status: int, title: str, words: str) -> HttpResponse:
    """Return the page in the frame with the menu, for who is signed in to the admin, or else alone."""
    context = {"status": int(status), "title": title, "words": words}
    user = getattr(request, "user", None)
    if request.path.startswith(ADMIN) and user is not None and user.is_authenticated and user.is_staff:
        return render(request, "admin_theme/error.html", admin.site.each_context(request) | context, status=status)
    return page_alone(request.path, int(status), title, words)

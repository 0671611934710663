"""Somebody who works for several retailers chooses for which one the admin shows."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from customers.core.tenancy import acting_for
from loyalty.access.models import StaffRole
from loyalty.access.staff import CHOSEN


def choose(request: HttpRequest) -> HttpResponse:
    """Show the retailers that somebody works for, or act for the one that was chosen."""
    roles = sorted(_roles(request), key=lambda role: role.retailer.name)
    if request.method != "POST":
        context = admin.site.each_context(request) | {"roles": roles, "title": _("Retailer")}
        return render(request, "access/choose.html", context)
    role = next((role for role in roles if str(role.retailer_id) == request.POST.get("retailer")), None)
    if role is None:
        raise Http404
    request.session[CHOSEN] = role.retailer_id
    role.chosen_at = timezone.now()  # the next session begins there
    with acting_for(role.retailer_id):
        role.save(update_fields=["chosen_at"])
    messages.success(request, _("You act for %(retailer)s now.") % {"retailer": role.retailer})
    return redirect("admin:index")


def present(request: HttpRequest) -> str:
    """Return the retailer for which somebody with a role acts, for the head of each page."""
    role = getattr(getattr(request, "user", None), "role_held", None)
    return str(role.retailer) if role else ""


def other_retailers(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the way to another retailer, for who works for several."""
    if len(_roles(request)) < 2:  # noqa: PLR2004 - with one there is nothing to choose
        return []
    return [{"title": _("Change the retailer"), "icon": "storefront", "link": reverse("choose-retailer")}]


def _roles(request: HttpRequest) -> list[StaffRole]:
    found: list[StaffRole] = getattr(getattr(request, "user", None), "roles_held", [])
    return found

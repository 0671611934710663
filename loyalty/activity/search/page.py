"""The page of the search, and the part of it that a dialog on every page shows while somebody types."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from customers.core import tenancy
from loyalty.activity.search.finding import VIEW_MEMBERS, VIEW_ORDERS, VIEW_PERSONS, Sought, find
from loyalty.activity.search.hits import Hit, hits_of, the_only

MAX_PAGES, MIN_PAGE = 6, 3  # pages of the menu, and characters of their names


def search(request: HttpRequest) -> HttpResponse:
    """
    Show what a text names; where that is one thing and nothing else, open it at once.

    With `part` only the list is answered, for the dialog.
    """
    user = request.user
    if not any(user.has_perm(each) for each in (VIEW_MEMBERS, VIEW_PERSONS, VIEW_ORDERS)):
        raise PermissionDenied
    sought = Sought.of(request.GET.get("q", ""))
    found = find(user, sought)
    sees_all = tenancy.current() in {None, tenancy.ALL_TENANTS}
    hits = hits_of(found, with_persons=user.has_perm(VIEW_PERSONS), with_retailers=sees_all)
    is_part = "part" in request.GET
    if not is_part and (only := the_only(hits)):
        return redirect(only.address)
    site = admin.site.each_context(request)
    if len(sought.text) >= MIN_PAGE:
        hits += _pages(site, sought.text)
    context = {"sought": sought, "hits": hits, "is_cut": found.is_cut}
    if is_part:
        return render(request, "activity/search_hits.html", context)
    return render(request, "activity/search.html", site | context | {"title": _("Search")})


def _pages(site: dict[str, Any], text: str) -> list[Hit]:
    """Return the pages of the menu whose names have a text."""
    items = [(group, item) for group in site["sidebar_navigation"] for item in group["items"]]
    found = [(group, item) for group, item in items if text.casefold() in str(item["title"]).casefold()]
    return [
        Hit(_("Page"), str(item["title"]), str(group.get("title") or ""), str(item["link"]))
        for group, item in found[:MAX_PAGES]
    ]

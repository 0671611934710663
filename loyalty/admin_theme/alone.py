"""Pages that stand alone: what a person reads where no view answers; without a session, a menu or the database."""

from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise

SHOPPERS = ("/my/", "/s/", "/u/")  # addresses that shoppers are given


def is_shoppers(path: str) -> bool:
    """Tell whether an address is one of those that shoppers are given, for whom this site's first page is a dead end."""
    return path.startswith(SHOPPERS)


def page_alone(path: str, status: int, title: str | Promise, words: str | Promise) -> HttpResponse:
    """Return what went wrong at an address as a page, in the reader's language."""
    context = {"status": status, "title": title, "words": words, "is_shoppers": is_shoppers(path)}
    return HttpResponse(render_to_string("admin_theme/error_alone.html", context), status=status)

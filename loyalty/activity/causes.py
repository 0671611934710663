"""What something happened for, in words with a link: causes are for machines, and pages are for people."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

LINK = '<a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>'
# By how a cause begins: how it is called, and the page that shows it by its id; empty for none.
CAUSES: Mapping[str, tuple[Promise, str]] = {
    "order": (_("an order"), "admin:customers_order_change"),
    "return": (_("a return"), "admin:customers_return_change"),
    "correct": (_("the correction of an order"), "admin:customers_order_change"),
    "interaction": (_("an interaction"), "admin:customers_interaction_change"),
    "verified": (_("an order that was told after a review"), "admin:customers_interaction_change"),
    "birth_date": (_("another birth date"), ""),
    "merged": (_("a merge of two customers"), ""),
    "version": (_("a new version of the program"), ""),
    "time": (_("time alone"), ""),
    "staff": (_("staff"), ""),
}


def cause_in_words(cause: str) -> Any:
    """Return what something happened for, with a link where it has a page; as it is written where it is none of these."""
    kind, _colon, rest = cause.partition(":")
    if kind not in CAUSES:
        return cause or "-"
    words, page = CAUSES[kind]
    key = rest.partition(":")[0]
    return format_html(LINK, reverse(page, args=[key]), words) if page and key else str(words)

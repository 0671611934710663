"""Names that are not known, and those that were likely meant."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.settings import api_settings

MAX_NAMED = 10  # to look for what was meant takes its time, and nobody reads on


def refuse_unknown(said: Iterable[object], known: Collection[str], words: str, *, code: str) -> None:
    """
    Refuse names that are not known, each with the known one that was likely meant.

    :raises ValidationError: naming each of them
    """
    if unknown := sorted({str(name) for name in said} - set(known)):
        raise ValidationError(errors_of(unknown, known, words, code=code))


def errors_of(unknown: Iterable[str], known: Collection[str], words: str, *, code: str) -> dict[str, list[ErrorDetail]]:
    """Return what is wrong with names, by name: the first ones each, and how many more there are."""
    names = list(unknown)
    found = {name: [ErrorDetail(f"{words}{_meant(name, known)}", code)] for name in names[:MAX_NAMED]}
    if (more := len(names) - MAX_NAMED) > 0:
        rest = ngettext("%(count)s more name is not known.", "%(count)s more names are not known.", more)
        found[api_settings.NON_FIELD_ERRORS_KEY] = [ErrorDetail(rest % {"count": more}, code)]
    return found


def _meant(name: str, known: Collection[str]) -> str:
    likely = get_close_matches(name[:100], known, n=1)
    return " " + _("Did you mean %(name)s?") % {"name": likely[0]} if likely else ""

"""Names that are not known, and those that were likely meant."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError


def refuse_unknown(said: Iterable[object], known: Collection[str], words: str, *, code: str) -> None:
    """
    Refuse names that are not known, each with the known one that was likely meant.

    :raises ValidationError: naming each of them
    """
    if unknown := sorted({str(name) for name in said} - set(known)):
        raise ValidationError(errors_of(unknown, known, words, code=code))


def errors_of(unknown: Iterable[str], known: Collection[str], words: str, *, code: str) -> dict[str, list[ErrorDetail]]:
    """Return what is wrong with names, by name."""
    return {name: [ErrorDetail(f"{words}{_meant(name, known)}", code)] for name in unknown}


def _meant(name: str, known: Collection[str]) -> str:
    likely = get_close_matches(name[:100], known, n=1)
    return " " + _("Did you mean %(name)s?") % {"name": likely[0]} if likely else ""

"""French calls the first of a month so: “1er septembre”, and all others by their number alone. Django has no sign for that."""

import re

from django.utils.dateformat import DateFormat
from django.utils.translation import get_language

# The day's number before the month's name: in digits, as 01/09/2026, it is a number.
BEFORE_A_NAME = re.compile(r"(?<!\\)j(?=\s+[bEFMN])")
_as_django_does = DateFormat.format


def install() -> None:
    """Let whatever writes a date, filters, admin and messages alike, write the first of a month as French does."""
    DateFormat.format = _format  # type: ignore[method-assign,assignment] # the one place through which all of them go


def _format(self: DateFormat, formatstr: str) -> str:
    is_first = getattr(self.data, "day", None) == 1 and (get_language() or "").startswith("fr")
    return _as_django_does(self, BEFORE_A_NAME.sub(r"j\\e\\r", str(formatstr)) if is_first else formatstr)

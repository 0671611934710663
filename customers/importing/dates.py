"""Days and instants as files write them; whether the day or the month comes first is said by who looked at the whole file."""

import re
from datetime import date, datetime, time

from django.utils.translation import gettext as _

DMY, MDY, YMD = "dmy", "mdy", "ymd"
ORDERS = (DMY, MDY, YMD)
DIVIDED = re.compile(r"([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4})(?:[\sT,]+(.+))?")
YEAR_FIRST = re.compile(r"[0-9]{4}([-/.]?)[0-9]{1,2}\1[0-9]{1,2}")
SLASHES = re.compile(r"([0-9]{4})[/.]([0-9]{1,2})[/.]([0-9]{1,2})(.*)", re.DOTALL)
CLOCK = re.compile(r"([0-9]{1,2})[:hH]([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?\s?([aApP])?\.?(?:[mM]\.?)?")
# Of what Python reads as ISO 8601: it takes any sign between the day and the time.
ISO = re.compile(r"[0-9]{4}-?(?:[0-9]{2}|W[0-9]{2})-?[0-9]{1,2}(?:[\sT].*)?", re.DOTALL)
BLANK_ZONE = re.compile(r"(?<=[0-9])\s+(?=(?:[+-][0-9]{2}:?[0-9]{2}|Z|UTC)\Z)")
NOON = 12


def parts_of(cell: str) -> tuple[str, str] | None:
    """Return the first and the second number of a date whose year comes last, as written; None for any other text."""
    found = DIVIDED.fullmatch(cell)
    return (found[1], found[3]) if found else None


def is_year_first(cell: str) -> bool:
    """Tell whether a text begins like 2026-03-29."""
    return YEAR_FIRST.match(cell) is not None


def date_of(cell: str, order: str) -> date:
    """
    Return a day.

    :param order: of a date whose year comes last: dmy or mdy; it is no date under any other
    :raises ValueError: with words
    """
    found = DIVIDED.fullmatch(cell)
    try:
        if found is None:
            return date.fromisoformat(_with_dashes(cell))
        if not found[5]:
            return _ordered(found, order)
    except ValueError:
        pass
    raise ValueError(_("“{cell}” is no date such as 2026-03-29 or 29/03/2026.").format(cell=cell[:40]))


def instant_of(cell: str, order: str) -> datetime:
    """
    Return an instant, without a zone where the text has none.

    :raises ValueError: with words
    """
    found = DIVIDED.fullmatch(cell)
    try:
        if found is None:
            return _iso(_with_dashes(BLANK_ZONE.sub("", cell)).replace("UTC", "Z"))
        return datetime.combine(_ordered(found, order), _clock(found[5]))
    except ValueError:
        reason = _("“{cell}” is no date and time such as 2026-03-29T18:30:00+02:00.")
        raise ValueError(reason.format(cell=cell[:40])) from None


def _iso(written: str) -> datetime:
    if ISO.fullmatch(written) is None:
        raise ValueError(written)
    return datetime.fromisoformat(written)


def _ordered(found: "re.Match[str]", order: str) -> date:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if order == DMY or (first == second and order != YMD):
        return date(year, second, first)
    if order == MDY:
        return date(year, first, second)
    raise ValueError(found[0])


def _clock(written: str | None) -> time:
    if written is None:
        return time()
    found = CLOCK.fullmatch(written.strip())
    if found is None:
        raise ValueError(written)
    hour, half = int(found[1]), (found[4] or "").lower()
    if half:
        if not 1 <= hour <= NOON:
            raise ValueError(written)
        hour = hour % NOON + (NOON if half == "p" else 0)
    return time(hour, int(found[2]), int(found[3] or 0))


def _with_dashes(cell: str) -> str:
    found = SLASHES.fullmatch(cell)
    return f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}{found[4]}" if found else cell

"""Over which time a challenge or a board counts: a window has a name from which its days can be read. Pure."""

from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from customers.core.calendar import add_months

OPEN = ""  # the name of a window that never ends


class Window(StrEnum):
    """The kinds of windows; the calendar's are those of the program's zone, weeks are those of ISO 8601."""

    FIXED = "fixed"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ROLLING = "rolling"
    MEMBERSHIP = "membership"


CALENDAR = {Window.WEEK: "W", Window.MONTH: "M", Window.QUARTER: "Q", Window.YEAR: "Y"}
MONTHS = {"M": 1, "Q": 3, "Y": 12}
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
SIX_DAYS = WEEK - DAY


@lru_cache(maxsize=4_096)
def window_on(kind: str, day: date, first: date | None = None, last: date | None = None) -> str | None:
    """
    Return the name of the window in which a day lies; None where it lies in none.

    :param first: of the days of a fixed window; None for no bound
    :param last: of them, too
    """
    if kind == Window.FIXED:
        if (first is not None and day < first) or (last is not None and day > last):
            return None
        return f"F{first or ''}/{last or ''}"
    letter = CALENDAR.get(Window(kind))
    return OPEN if letter is None else f"{letter}{_first_day(letter, day)}"


def _first_day(letter: str, day: date) -> date:
    if letter == "W":
        return monday_of(day)
    if letter == "M":
        return day.replace(day=1)
    return day.replace(month=(day.month - 1) // 3 * 3 + 1 if letter == "Q" else 1, day=1)


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


@lru_cache(maxsize=4_096)
def days_of(window: str) -> tuple[date | None, date | None]:
    """Return the first and the last day of a window; None for no bound."""
    if not window:
        return None, None
    letter, name = window[0], window[1:]
    if letter == "F":
        first, _, last = name.partition("/")
        return date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None
    begins = date.fromisoformat(name)
    return begins, _last_day(letter, begins)


def _last_day(letter: str, begins: date) -> date:
    """Return the last day of a calendar's window: of the last one that there is, the last day that there is."""
    if letter == "W":
        return min(begins, date.max - SIX_DAYS) + SIX_DAYS
    if begins.year == date.max.year and begins.month + MONTHS[letter] > MONTHS["Y"]:
        return date.max
    return add_months(begins, MONTHS[letter]) - DAY

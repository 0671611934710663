"""Weeks, months, quarters and years of a calendar, as they follow each other. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from customers.core.calendar import add_months


class Grain(StrEnum):
    """How long a period is; PostgreSQL's `date_trunc` knows it by the same name."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


MONTHS = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
SHOWN = {Grain.WEEK: 26, Grain.MONTH: 24, Grain.QUARTER: 12, Grain.YEAR: 6}  # as many as a chart can show


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A period by its first day; `end` is the day after its last one."""

    start: date
    grain: Grain

    @property
    def end(self) -> date:
        return after(self.start, self.grain)

    def is_over(self, as_of: date) -> bool:
        """Tell whether a day lies after the period: one that is still running is never compared."""
        return as_of >= self.end

    @property
    def before(self) -> "Period":
        """Return the period before."""
        return Period(after(self.start, self.grain, -1), self.grain)


def start_of(day: date, grain: Grain) -> date:
    """Return the first day of the period that a day is in; weeks begin on Monday."""
    if grain is Grain.WEEK:
        return day - timedelta(days=day.weekday())
    months = MONTHS[grain]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def after(start: date, grain: Grain, count: int = 1) -> date:
    """Return the first day of the period that begins so many periods after another one."""
    return start + timedelta(weeks=count) if grain is Grain.WEEK else add_months(start, MONTHS[grain] * count)


def between(first: date, last: date, grain: Grain) -> Iterator[Period]:
    """Yield the periods from the one of a day to the one of another, the earliest first."""
    start = start_of(first, grain)
    while start <= last:
        yield Period(start, grain)
        start = after(start, grain)

"""
Instants as a member's own clock tells them: quiet hours and waits, exact also where clocks are changed. Pure.

A zone is always a zone, never an offset: the offset of today is not the one of the day on which something is sent.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from customers.core.calendar import FIRST_YEAR, LAST_YEAR, add_months, local_date
from customers.core.values import dataclass

MIDNIGHT = time(0)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
SEARCHED_DAYS = 32  # longer than any run of Sundays and public holidays
WEEKDAYS = 7
SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Quiet:
    """
    Hours in which nothing is sent, on the wall clock of whoever would get it.

    :param starts: the hours are half-open, `[starts, ends)`, and last over midnight where they start later than they end;
        where both are one there are none
    :param days_off: weekdays that are quiet as a whole, Monday is 0
    :param country: the public holidays of which are quiet as a whole, such as FR; empty for none
    """

    starts: time = MIDNIGHT
    ends: time = MIDNIGHT
    days_off: frozenset[int] = frozenset()
    country: str = ""


# What senders of SMS in France keep to: Monday to Saturday from 8 to 20, and no public holidays.
FRENCH_SMS = Quiet(time(20), time(8), frozenset({SUNDAY}), "FR")


def is_quiet(local: datetime, quiet: Quiet) -> bool:
    """Tell whether an instant, in the zone of whom it concerns, is one of the quiet hours."""
    hour = local.time()
    at_rest = hour >= quiet.starts, hour < quiet.ends
    if (all(at_rest) if quiet.starts <= quiet.ends else any(at_rest)) or local.weekday() in quiet.days_off:
        return True
    return bool(quiet.country) and _is_holiday(local.date(), quiet.country)


def quiet_until(now: datetime, zone: ZoneInfo, hours: Sequence[Quiet]) -> datetime | None:
    """
    Return the first instant from now on that is not quiet, in UTC.

    Where the clock jumps over the end, it is the first instant after the jump; an hour that comes twice is looked at twice.

    :returns: None where nothing but quiet follows: hours that leave no gap between them
    """
    local = now.astimezone(zone)
    if not any(is_quiet(local, each) for each in hours):
        return now.astimezone(UTC)
    for instant in _changes(now.astimezone(UTC), zone, hours):
        local = instant.astimezone(zone)
        if not any(is_quiet(local, each) for each in hours):
            return instant
    return None


def _changes(now: datetime, zone: ZoneInfo, hours: Sequence[Quiet]) -> Iterator[datetime]:
    """Yield the instants from now on at which quiet may end: ends of hours, midnights, and changes of the clock."""
    times = {MIDNIGHT, *(each.ends for each in hours)}
    today = local_date(now, zone)
    for number in range(SEARCHED_DAYS):
        day = today + timedelta(days=number)
        found = {
            datetime.combine(day, hour, zone).replace(fold=fold).astimezone(UTC) for hour in times for fold in (0, 1)
        }
        # A day that is long or short has its change within; a day and a half around noon covers each.
        found |= set(_clock_changes(datetime.combine(day, time(12), UTC) - DAY, zone))
        yield from sorted(instant for instant in found if instant > now and local_date(instant, zone) == day)


@lru_cache(maxsize=4_096)
def _clock_changes(start: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the instants of two days at which the clock is changed: at most one a day."""
    found = []
    for first in (start, start + DAY):
        low, high = first, first + DAY
        before = low.astimezone(zone).utcoffset()
        if before == high.astimezone(zone).utcoffset():
            continue
        while high - low > SECOND:
            middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
            low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
        found.append(high)
    return tuple(found)


@lru_cache(maxsize=256)
def _holidays(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


def _is_holiday(day: date, country: str) -> bool:
    return day in _holidays(country, day.year)


def countries_with_holidays() -> frozenset[str]:
    """Return the codes of the countries whose public holidays are known, such as FR."""
    return frozenset(holidays.list_supported_countries())


def wall_instant(day: date, hour: time, zone: ZoneInfo) -> datetime:
    """Return when a clock shows an hour of a day, in UTC: the first time of two, and the end of a gap that swallows it."""
    naive = datetime.combine(day, hour)
    found = naive.replace(tzinfo=zone).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == naive:
        return found
    before = naive.replace(tzinfo=zone, fold=1, microsecond=0).astimezone(UTC)  # by the offset after the gap
    return _clock_changes(before, zone)[0]


class NoWait(ValueError):
    """That a text says no wait."""


@dataclass(frozen=True, slots=True)
class Wait:
    """
    For how long a journey waits.

    :param exact: on the clock of physics; None where days are counted
    :param months: local calendar months, clamped to the month's last day; then days
    :param at: the hour of the day at which it is over; None for the hour at which it began
    :param until: a day until which it waits, whenever it began; None where it is counted
    :param before_days: until so many days before the day that it is all about, such as an expiry; None where it is counted
    """

    exact: timedelta | None = None
    months: int = 0
    days: int = 0
    at: time | None = None
    until: date | None = None
    before_days: int | None = None


SAID = re.compile(
    r"^(?:PT(?=\d)(?:(?P<hours>\d{1,4})H)?(?:(?P<minutes>\d{1,5})M)?"
    r"|P(?=\d)(?:(?P<months>\d{1,3})M)?(?:(?P<weeks>\d{1,3})W)?(?:(?P<days>\d{1,4})D)?(?:@(?P<at>\d\d:\d\d))?"
    r"|(?P<until>\d{4}-\d\d-\d\d)@(?P<hour>\d\d:\d\d)"
    r"|-P(?P<before>\d{1,4})D@(?P<hour_before>\d\d:\d\d))\Z",
    re.ASCII,
)


@lru_cache(maxsize=1_024)
def read_wait(text: str) -> Wait:
    """
    Return the wait that a text says.

    `PT4H` is exact; `P3D` or `P1M` are local days, `P3D@09:00` at an hour of the last; `2026-12-24@09:00` is a day, and
    `-P3D@09:00` three days before the day that it is all about.

    :raises NoWait: for another text, and for a day in years that calendars cannot count with
    """
    found = SAID.match(text)
    if found is None:
        raise NoWait(text)
    part = {name: int(found[name] or 0) for name in ("hours", "minutes", "months", "weeks", "days")}
    try:
        hour = found["at"] or found["hour"] or found["hour_before"]
        at = time.fromisoformat(hour) if hour else None
        until = date.fromisoformat(found["until"]) if found["until"] else None
    except ValueError as error:
        raise NoWait(text) from error
    if until is not None and not FIRST_YEAR <= until.year <= LAST_YEAR:
        raise NoWait(text)
    if text.startswith("PT"):
        return Wait(timedelta(hours=part["hours"], minutes=part["minutes"]))
    before = int(found["before"]) if found["before"] else None
    return Wait(None, part["months"], part["weeks"] * WEEKDAYS + part["days"], at, until, before)


def next_wall_time(began: datetime, wait: Wait, zone: ZoneInfo, about: date | None = None) -> datetime:
    """
    Return when a wait is over, in UTC; never before it began.

    A wait of a day is a local day, not 24 hours. One of no days, at an hour that is over, is over on the next day.

    :param about: the day that it is all about, for waits that end some days before it
    """
    if wait.exact is not None:
        return (began + wait.exact).astimezone(UTC)
    return _next_wall_time(
        began.astimezone(UTC), wait, zone, about
    )  # two of one hour of the wall clock compare as equal


@lru_cache(maxsize=4_096)  # those whom a night finds begin at one instant
def _next_wall_time(began: datetime, wait: Wait, zone: ZoneInfo, about: date | None) -> datetime:
    local = began.astimezone(zone)
    until = wait.until
    if wait.before_days is not None:
        assert about is not None, "checked at publication: only what is about a day waits for days before it"
        until = about - timedelta(days=wait.before_days)
    if until is not None:
        return max(began, wall_instant(until, wait.at or MIDNIGHT, zone))
    day = add_months(local.date(), wait.months) + timedelta(days=wait.days)
    if wait.at is None and day == local.date():
        return began
    hour = wait.at or local.time().replace(fold=0)
    found = wall_instant(day, hour, zone)
    return found if found >= began else wall_instant(day + DAY, hour, zone)

"""Days, months and years as a retailer's zone counts them."""

import calendar
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

MIN_MONTH_DAYS = 28
FIRST_YEAR, LAST_YEAR = 1970, 2199  # that facts and plans may be of: every zone and the database can count with them
REMEMBERED = lru_cache(maxsize=4_096)  # members' windows and nights ask for the same days again and again


@lru_cache(maxsize=1)
def zones() -> frozenset[str]:
    """Return the names of all time zones, without those that mean another one on another machine, or none."""
    return frozenset(available_timezones()) - {"localtime", "posixrules", "Factory"}


def zone_of(name: str | None, other: ZoneInfo = ZoneInfo("UTC")) -> ZoneInfo:  # noqa: B008 - it never changes
    """
    Return the zone of a name that somebody chose; another one where nobody did.

    So also where there is none of that name any more: systems drop old ones, such as US/Pacific.
    """
    try:
        return ZoneInfo(name) if name else other
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return other


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """Return the day on which an instant falls in a zone."""
    return _day_of(instant, zone) if not instant.fold else instant.astimezone(zone).date()


@REMEMBERED
def _day_of(instant: datetime, zone: ZoneInfo) -> date:
    """Remember the day of an instant, which each step asks for; one of a clock's second pass equals the one of its first."""
    return instant.astimezone(zone).date()


@REMEMBERED
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a day in a zone, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def stamp(instant: datetime) -> str:
    """Return an instant as causes name it: to the microsecond in UTC, so that no two instants and no zones share a name."""
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def day_after(day: date) -> date:
    return day + timedelta(days=1)


def day_before(day: date) -> date:
    return day - timedelta(days=1)


@REMEMBERED
def add_months(day: date, months: int) -> date:
    """
    Return the same day some months later (or earlier), or the month's last day where it is shorter.

    What is beyond all calendars is their first or last day, with a year to spare for who counts on from there.
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not MINYEAR < year < MAXYEAR:
        return date(MINYEAR + 1, 1, 1) if year <= MINYEAR else date(MAXYEAR - 1, 12, 31)
    return clamped(year, month + 1, day.day)


def clamped(year: int, month: int, day: int) -> date:
    """Return a day of a month, or the month's last day where it is shorter."""
    return date(year, month, day if day <= MIN_MONTH_DAYS else min(day, calendar.monthrange(year, month)[1]))


def end_of_month(day: date) -> date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def end_of_quarter(day: date) -> date:
    return end_of_month(day.replace(day=1, month=((day.month - 1) // 3) * 3 + 3))


def end_of_year(day: date) -> date:
    return day.replace(month=12, day=31)

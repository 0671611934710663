"""When points become active and when they expire: month arithmetic in the program's zone, clamped to month ends."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from customers.core.calendar import (
    add_months,
    day_after,
    end_of_month,
    end_of_quarter,
    end_of_year,
    local_date,
    midnight,
)


@dataclass(frozen=True, slots=True)
class Lifetime:
    """
    How long a version's points live.

    :param pending_days: whole days before they become active; 0 at once
    :param expiry: never, days, months, end_of_month, end_of_quarter or end_of_year
    :param expiry_count: how many days or months
    """

    pending_days: int = 0
    expiry: str = "never"
    expiry_count: int = 0


LAST_DAY: dict[str, Callable[[date, int], date]] = {
    "days": lambda day, count: day + timedelta(days=count),
    "months": add_months,
    "end_of_month": lambda day, count: end_of_month(add_months(day, count)),
    "end_of_quarter": lambda day, count: end_of_quarter(add_months(day, count)),
    "end_of_year": lambda day, count: end_of_year(add_months(day, count)),
}


def activation(earned_at: datetime, lifetime: Lifetime, zone: ZoneInfo) -> datetime:
    """Return the instant from which points can be spent: midnight after the pending days, or at once."""
    if lifetime.pending_days == 0:
        return earned_at
    return midnight(local_date(earned_at, zone) + timedelta(days=lifetime.pending_days), zone)


def expiration(active_at: datetime, lifetime: Lifetime, zone: ZoneInfo) -> datetime | None:
    """Return the first instant at which points cannot be spent any more: the midnight that ends their last day."""
    if lifetime.expiry == "never":
        return None
    last_day = LAST_DAY[lifetime.expiry](local_date(active_at, zone), lifetime.expiry_count)
    return midnight(day_after(last_day), zone)

"""When points become active and when they expire: pure, in the program's zone, clamped to month ends."""

from collections.abc import Callable, Iterable
from dataclasses import field
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.calendar import (
    add_months,
    clamped,
    day_after,
    end_of_month,
    end_of_quarter,
    end_of_year,
    local_date,
    midnight,
)
from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Lifetime:
    """
    How long points of a wallet live under a version.

    :param pending_days: whole days before they become active; 0 at once
    :param pending_until: the first day on which they may be active, however early they were earned
    :param activation_event: the event of their order, such as `delivered`, from which those days count; or empty
    :param expiry: never, days, months, end_of_month, end_of_quarter, end_of_year, fixed_dates or inactivity
    :param expiry_count: how many days or months
    :param expiry_dates: for fixed_dates: (month, day) of each year
    :param extra_months: by how much the member's tier lets them live longer
    """

    pending_days: int = 0
    pending_until: date | None = None
    activation_event: str = ""
    expiry: str = "never"
    expiry_count: int = 0
    expiry_dates: tuple[tuple[int, int], ...] = ()
    extra_months: int = 0

    @property
    def on_inactivity(self) -> bool:
        """Tell whether points live as long as their member is active."""
        return self.expiry == "inactivity"

    @property
    def counts_months(self) -> bool:
        """Tell whether its months and those of a tier are counted together, as one step through the calendar."""
        return self.expiry in MONTHLY

    @property
    def months(self) -> int:
        return self.expiry_count + self.extra_months


MONTHLY = {"months", "end_of_month", "inactivity"}
LAST_DAY: dict[str, Callable[[date, Lifetime], date]] = {
    "days": lambda day, life: day + timedelta(days=life.expiry_count),
    "months": lambda day, life: add_months(day, life.months),
    "end_of_month": lambda day, life: end_of_month(add_months(day, life.months)),
    "end_of_quarter": lambda day, life: end_of_quarter(add_months(day, life.expiry_count)),
    "end_of_year": lambda day, life: end_of_year(add_months(day, life.expiry_count)),
    "fixed_dates": lambda day, life: _next_date(day, life.expiry_dates),
    "inactivity": lambda day, life: add_months(day, life.months),
}


def activation(since: datetime, lifetime: Lifetime, zone: ZoneInfo) -> datetime:
    """
    Return the instant from which points can be spent: midnight after the pending days, or at once.

    :param since: when they were earned, or when what they await happened
    """
    if not lifetime.pending_days and lifetime.pending_until is None:
        return since
    day = local_date(since, zone)
    on = day + timedelta(days=lifetime.pending_days)
    if lifetime.pending_until is not None:
        on = max(on, lifetime.pending_until)
    return since if on == day else midnight(on, zone)


def expiration(active_at: datetime, lifetime: Lifetime, zone: ZoneInfo) -> datetime | None:
    """
    Return the first instant at which points cannot be spent any more: the midnight that ends their last day.

    :returns: None for never, and for points that expire by inactivity: theirs moves with the member
    """
    return None if lifetime.expiry == "never" or lifetime.on_inactivity else _end_of_life(active_at, lifetime, zone)


def idle_until(active_at: datetime, lifetime: Lifetime, zone: ZoneInfo) -> datetime:
    """Return when points expire by inactivity if the member does nothing more after an instant."""
    return _end_of_life(active_at, lifetime, zone)


@dataclass(frozen=True, slots=True, order=True)
class Active:
    """
    That a member did something, such as earning or redeeming, which lets points live longer that expire on inactivity.

    :param until: when they expire if it does nothing more, as the terms and the tier of that instant say
    :param cause: of the entry that says so, once per wallet; empty where that is not written yet
    :param order_id: of the order that it is, if any
    """

    at: datetime
    until: datetime
    cause: str = field(default="", compare=False)
    order_id: UUID | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Span:
    """
    A time through which a member was never idle for too long: what it earned in it ends with it.

    :param begin: when it became active
    :param end: when it had been idle for too long, or will have been; not within it any more
    """

    begin: datetime
    end: datetime

    def holds(self, instant: datetime) -> bool:
        return self.begin <= instant < self.end

    def with_(self, active: Active) -> "Span":
        """Return it after its member did something within it, or before it for as long as until it began."""
        begin = min(self.begin, active.at) if active.until > self.begin else self.begin
        return Span(begin, max(self.end, active.until))


def spans_of(actives: Iterable[Active]) -> list[Span]:
    """Return the spans that a member's doings come to, in whatever order they were told, the earliest first."""
    spans: list[Span] = []
    for active in sorted(actives):
        if spans and spans[-1].holds(active.at):
            spans[-1] = Span(spans[-1].begin, max(spans[-1].end, active.until))
        else:
            spans.append(Span(active.at, active.until))
    return spans


def _end_of_life(since: datetime, lifetime: Lifetime, zone: ZoneInfo) -> datetime:
    last_day = LAST_DAY[lifetime.expiry](local_date(since, zone), lifetime)
    if lifetime.extra_months and not lifetime.counts_months:
        longer = add_months(last_day, lifetime.extra_months)
        last_day = end_of_month(longer) if lifetime.expiry.startswith("end_of_") else longer
    return midnight(day_after(last_day), zone)


def _next_date(day: date, dates: tuple[tuple[int, int], ...]) -> date:
    """Return the first of the yearly dates that is not before a day; 29 February is the 28th in most years."""
    candidates = (clamped(year, *each) for year in (day.year, day.year + 1) for each in dates)
    return min(candidate for candidate in candidates if candidate >= day)

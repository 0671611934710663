"""How many messages a member gets in its own last days, at most. Pure."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from customers.core.calendar import local_date, midnight
from customers.core.values import dataclass

ANY = "any"
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Cap:
    """
    At most so many messages in a member's last days, today included.

    :param limit: of messages
    :param days: calendar days of the member's zone
    :param channel: only messages by it; empty for all, as `kind` and `tag`
    """

    limit: int
    days: int
    channel: str = ""
    kind: str = ""
    tag: str = ""

    @property
    def name(self) -> str:
        """By which it is told why a message waited, such as any_3_per_7_days."""
        what = "_".join(part for part in (self.channel, self.kind, self.tag) if part) or ANY
        return f"{what}_{self.limit}_per_{'day' if self.days == 1 else f'{self.days}_days'}"

    def counts(self, channel: str, kind: str, tags: Iterable[str]) -> bool:
        """Tell whether a message counts for it; those of service never do."""
        return (
            kind != SERVICE
            and self.channel in {"", channel}
            and self.kind in {"", kind}
            and (not self.tag or self.tag in tags)
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that a member got, or may have got: one that was accepted, that is on its way, or of which nobody knows."""

    channel: str
    kind: str
    tags: frozenset[str]
    at: datetime


def cap_frees_at(cap: Cap, sent: Iterable[Sent], now: datetime, zone: ZoneInfo) -> datetime:
    """
    Return the first instant from now on at which one more message keeps to a cap, in UTC.

    What stands after that instant counts as well: a message that was promised for tomorrow is not pushed aside today.

    :param sent: those that `cap.counts`, in any order
    """
    sent = list(sent)
    if len(sent) < cap.limit:  # as of most members, always
        return now.astimezone(UTC)
    days = sorted(local_date(each.at, zone) for each in sent)
    today = local_date(now, zone)
    day = next(day for day in _days_from(today, days, cap.days) if _fits(day, days, cap))
    return now.astimezone(UTC) if day == today else max(now.astimezone(UTC), midnight(day, zone))


def _days_from(today: date, days: Sequence[date], window: int) -> Sequence[date]:
    """Return the days from today on on which something may change: those on which one that was sent leaves the window."""
    leaving = {day + timedelta(days=window) for day in days}
    return sorted({today, *(day for day in leaving if day > today)})


def _fits(day: date, days: Sequence[date], cap: Cap) -> bool:
    """Tell whether each window of a cap's days that holds a day has room for one more."""
    width = timedelta(days=cap.days)
    ends = {day, *(each for each in days if day < each < day + width)}
    return all(sum(end - width < each <= end for each in days) < cap.limit for end in ends)

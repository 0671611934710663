"""How many discounts a member is given in its own last days, at most. Pure."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from customers.core.values import dataclass

DISCOUNTS = frozenset({"amount_off", "percent_off"})


@dataclass(frozen=True, slots=True)
class DiscountCap:
    """
    At most so many discounts in a member's last days, today included; each counts from the day on which it was given.

    :param limit: of discounts, whatever became of them but for those that the retailer withdrew
    :param days: calendar days where the member is
    """

    limit: int
    days: int

    def frees_on(self, given: Iterable[date]) -> date:
        """Return the first day on which one more keeps to it; the first day of all where one does at once."""
        newest = sorted(given, reverse=True)
        return newest[self.limit - 1] + timedelta(days=self.days) if len(newest) >= self.limit else date.min


class Full(NamedTuple):
    """A cap that has no room for one more, and the day from which it has."""

    cap: DiscountCap
    until: date

    @property
    def rule(self) -> str:
        """By which it is told, such as 2_per_30_days:2027-01-31."""
        return f"{self.cap.limit}_per_{self.cap.days}_days:{self.until.isoformat()}"


def full(caps: Iterable[DiscountCap], given: Iterable[date], on: date) -> Full | None:
    """
    Return the cap that a discount of a day would break, of several the one that has room last; None where none is broken.

    :param given: the days on which the member was given those that count; one that lies ahead counts as well
    """
    days = list(given)
    frees = [Full(cap, cap.frees_on(days)) for cap in caps]
    return max((each for each in frees if each.until > on), key=lambda each: (each.until, each.cap.days), default=None)

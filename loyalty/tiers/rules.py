"""Which tier an amount earns, over which days it counts, and how far the next one is: pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from customers.core.calendar import add_months

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Step:
    """A tier of a version, as rules see it."""

    id: int
    code: str
    threshold: Decimal
    multiplier: Decimal


@dataclass(frozen=True, slots=True)
class Ladder:
    """
    A version's tiers, lowest first.

    :param basis: spend or points
    :param wallet: whose points count, where points do
    :param window: rolling or calendar_year
    """

    basis: str
    wallet: str
    window: str
    window_months: int
    steps: tuple[Step, ...]

    def step(self, code: str | None) -> Step | None:
        """Return the step that a member keeps by its code."""
        return next((step for step in self.steps if step.code == code), None)

    def earned(self, qualifying: Decimal) -> Step | None:
        """Return the highest step whose threshold an amount reaches."""
        reached = [step for step in self.steps if step.threshold <= qualifying]
        return reached[-1] if reached else None

    def next_above(self, code: str | None) -> Step | None:
        """Return the step above the one a member is on."""
        current = self.step(code)
        higher = [step for step in self.steps if current is None or step.threshold > current.threshold]
        return higher[0] if higher else None

    def is_higher(self, step: Step | None, than: Step | None) -> bool:
        """Tell whether one step is above another."""
        if step is None:
            return False
        return than is None or step.threshold > than.threshold


@dataclass(frozen=True, slots=True)
class Day:
    """What a member spent and earned on one day."""

    on: date
    spend: Decimal
    points: int


def window_start(ladder: Ladder, day: date) -> date:
    """
    Return the first day that counts on a day.

    A rolling window of twelve months on 15 March counts from 16 March of the year before.
    """
    if ladder.window == "calendar_year":
        return day.replace(month=1, day=1)
    return add_months(day, -ladder.window_months) + timedelta(days=1)


def qualifying(ladder: Ladder, days: Sequence[Day], *, on: date) -> Decimal:
    """Return what counts towards tiers on a day, in the ladder's basis."""
    first = window_start(ladder, on)
    if ladder.basis == "points":
        return Decimal(sum(day.points for day in days if first <= day.on <= on))
    return sum((day.spend for day in days if first <= day.on <= on), NOTHING)


def add_day(days: tuple[Day, ...], on: date, spend: Decimal, points: int) -> tuple[Day, ...]:
    """Return the days, by date, with some spending and points more (or, negative, less) on one of them."""
    place = len(days)
    while place and days[place - 1].on >= on:
        place -= 1
    if place < len(days) and days[place].on == on:
        old = days[place]
        changed = Day(on, old.spend + spend, old.points + points)
        return (*days[:place], changed, *days[place + 1 :])
    return (*days[:place], Day(on, spend, points), *days[place:])

"""A member's tiers replayed from its days alone, under the schemes that were in force: pure."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from enum import Enum
from uuid import UUID

from customers.core.values import dataclass
from loyalty.tiers.rules import (
    Counts,
    DaySums,
    Standing,
    TierScheme,
    end_period,
    entered,
    fall,
    next_change,
    rise,
    start,
)


@dataclass(frozen=True, slots=True)
class SchemeFrom:
    """
    A scheme and the day on which it comes into force.

    :param at_midnight: whether it does so as the day begins
    :param since_joining: whether it does so after the member joined, which may be on the same day
    """

    day: date
    at_midnight: bool
    scheme: TierScheme
    since_joining: bool = False


@dataclass(frozen=True, slots=True)
class Tenure:
    """
    That a member had a tier, or a higher one.

    :param until: the day on which it lost it; None where it still has it
    """

    key: UUID
    since: date
    until: date | None = None

    def meets(self, other: "Tenure") -> bool:
        """Tell whether both were on one day; what is entered and left on one day was there on it."""
        return (other.until is None or self.since <= other.until) and (self.until is None or other.since <= self.until)


@dataclass(frozen=True, slots=True)
class TierPast:
    """
    What a member's days alone come to.

    :param moved_on: the day on which it came to its tier: that of joining where it never went to another one
    :param tenures: which tiers it had at which times, in the order of entering
    :param moves: to which tiers it went since joining, with the days
    :param by_night: whether it came to its tier as the day began, by time alone
    """

    standing: Standing
    moved_on: date
    tenures: tuple[Tenure, ...]
    moves: tuple[tuple[UUID | None, date], ...] = ()
    by_night: bool = False


class DayOfStart(Enum):
    """When what counts on a day counted, in whose course a version began: days do not tell."""

    WITH_IT = "with it"
    BEFORE_IT = "before it"
    AFTER_IT = "after it"


def replay_days(
    schemes: Sequence[SchemeFrom], counted: DaySums, until: date, *, day_of_start: DayOfStart = DayOfStart.WITH_IT
) -> TierPast:
    """
    Return what a member's days alone come to at the end of a day: as if each had been reported in time.

    :param schemes: of the program's versions, by their day
    :param day_of_start: when what counts on a day counted, in whose course a version began
    """
    past = _Replay(schemes, counted, day_of_start)
    return TierPast(past.run(until), past.moved_on, tuple(past.tenures), tuple(past.moves), past.by_night)


class _Replay:
    """A member's standing day by day: what happens on a day is the same as live, in the same order."""

    def __init__(self, schemes: Sequence[SchemeFrom], counted: DaySums, day_of_start: DayOfStart) -> None:
        self.counted, self.joined, self.day_of_start = counted, counted.joined, day_of_start
        before = [each for each in schemes if each.day <= self.joined and not each.since_joining]
        self.scheme = before[-1].scheme if before else None
        self.coming = list(schemes[len(before) :])
        self.standing, self.day, self.moved_on, self.by_night = Standing(), self.joined, self.joined, False
        self.tenures: list[Tenure] = []
        self.moves: list[tuple[UUID | None, date]] = []
        self.active = sorted({*counted.days, *counted.wallet_days})

    def run(self, until: date) -> Standing:
        if self.scheme is not None:
            self._stand(entered(self.scheme, self.scheme.earned(Counts()), self.joined, self.joined))
            self.moves.clear()
        place = bisect_left(self.active, self.joined)
        while True:
            following = self.active[place] if place < len(self.active) else None
            due = next_change(self.standing, self.scheme, self.counted, self.day) if self.scheme else None
            coming = self.coming[0].day if self.coming else None
            day = min((each for each in (following, due, coming) if each is not None), default=None)
            if day is None or day > until:
                return self.standing
            self._begin(day, is_due=day == due)
            if following == day:
                place += 1
                self._rise(day)

    def _rise(self, day: date) -> None:
        if self.scheme is not None:
            counts = self.counted.on(self.scheme, day)
            self._stand(rise(self.standing, self.scheme, counts, day, self.joined))

    def _stand(self, standing: Standing, *, by_night: bool = False) -> None:
        """Take a standing, and note which tiers are entered and left with it."""
        before, self.standing = self.standing, standing
        if standing.key == before.key or self.scheme is None:
            return
        self.moved_on, self.by_night = self.day, by_night
        self.moves.append((standing.key, self.day))
        rank = self.scheme.rank(standing.key)
        self.tenures = [
            replace(tenure, until=self.day) if tenure.until is None and self.scheme.rank(tenure.key) > rank else tenure
            for tenure in self.tenures
        ]
        held = {tenure.key for tenure in self.tenures if tenure.until is None}
        self.tenures += [Tenure(tier.key, self.day) for tier in self.scheme.tiers[: rank + 1] if tier.key not in held]

    def _begin(self, day: date, *, is_due: bool) -> None:
        self.day = day
        starts = [each for each in self.coming if each.day == day]
        self.coming = self.coming[len(starts) :]
        for each in (each for each in starts if each.at_midnight):
            self._start(each)
        if is_due and self.scheme is not None:
            counts = self.counted.at_midnight(self.scheme, day)
            self._stand(fall(self.standing, self.scheme, counts, day, self.joined), by_night=True)
            self._stand(end_period(self.standing, self.scheme, self.counted, day), by_night=True)
        for each in (each for each in starts if not each.at_midnight):
            if self.day_of_start is DayOfStart.BEFORE_IT:
                self._rise(day)
            self._start(each)

    def _start(self, each: SchemeFrom) -> None:
        is_first = each.at_midnight or self.day_of_start is DayOfStart.AFTER_IT
        counted = self.counted.at_midnight if is_first else self.counted.on
        counts = counted(each.scheme, each.day)
        standing = start(self.standing, self.scheme, each.scheme, counts, each.day, self.joined)
        self.scheme = each.scheme
        self._stand(standing)

"""Where a member stands: lived from enrolment on, midnight by midnight and fact by fact."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from heapq import merge
from itertools import accumulate

from tests.properties.model.terms import (
    Calendar,
    Ladder,
    Step,
    Terms,
    Version,
    month_end,
    period_end,
    window_start,
)


@dataclass(frozen=True)
class Counted:
    """What counts towards tiers, with its instant."""

    at: datetime
    spend: Fraction = Fraction(0)
    points: int = 0
    orders: int = 0
    visits: int = 0


@dataclass
class Entry:
    """That a tier was entered, or passed on the way up; `left_at` when it was lost."""

    code: str
    at: datetime
    left_at: datetime | None = None

    def overlaps(self, other: "Entry") -> bool:
        """Tell whether both were held at one instant."""
        return (other.left_at is None or self.at < other.left_at) and (self.left_at is None or other.at < self.left_at)


class Standing:
    """
    One member under the ladders of the versions.

    :ivar tier: the place of its tier from the lowest, 0; -1 for none
    :ivar keeps_until: the first day on which the tier may be lost
    """

    def __init__(self, calendar: Calendar, versions: Sequence[Version], enrolled_at: datetime) -> None:
        self.calendar, self.versions, self.enrolled_at = calendar, versions, enrolled_at
        self.joined = calendar.day(enrolled_at)
        self.lived_until = enrolled_at
        self.facts: list[Counted] = []  # in the order of occurrence
        self.known: tuple[int, str] | None = None  # of which facts these are the days and sums
        self.days: list[date] = []
        self.sums: list[Fraction | int] = []
        self.entries: list[Entry] = []
        self.changes: list[tuple[str, str, datetime]] = []
        self.keeps_until: date | None = None
        self.stepped_at: datetime | None = None
        self.tier, self.since = -1, enrolled_at
        self._rename(enrolled_at)
        if self.ladder.steps:
            self.tier = self._earned(self.joined)

    @property
    def code(self) -> str:
        return self.codes[self.tier] if self.tier >= 0 else ""

    def step(self, terms: Terms) -> Step | None:
        """Return the tier's benefits under some terms."""
        return terms.ladder.steps[self.tier] if self.tier >= 0 else None

    def count(self, fact: Counted) -> None:
        """Take in what occurred now, which may lift the member at once."""
        self.facts.append(fact)
        self._rename(fact.at)
        if self.ladder.steps:
            self._rise(self._earned(self.calendar.day(fact.at)), fact.at)

    def take_over(self, other: "Standing", at: datetime, since: datetime) -> None:
        """
        Go on with what another member did as well, on the higher one of both tiers, or on what both together have earned.

        :param since: the earliest instant from which both together can have been a member
        """
        self._rename(at)
        self.facts = sorted(self.facts + other.facts, key=lambda fact: fact.at)
        self.entries += other.entries
        self.enrolled_at = max(min(self.enrolled_at, other.enrolled_at), since)
        self.joined = self.calendar.day(self.enrolled_at)
        if not self.ladder.steps:
            return
        before, keeps = self.tier, self.keeps_until
        if other.tier > before or (other.tier == before and _is_safer(other.keeps_until, keeps)):
            self.tier, self.keeps_until = other.tier, other.keeps_until
        had, changes = self.tier, list(self.changes)
        self._rise(self._earned(self.calendar.day(at)), at)
        self.changes = changes
        if self.tier > before:
            self.since = at if self.tier > had else other.since
            self.changes.append((self.codes[before] if before >= 0 else "", self.code, at))

    def advance(self, until: datetime) -> None:
        """Live the midnights and the beginnings of versions up to an instant."""
        for at, is_midnight in self._moments(until):
            if not is_midnight:
                self._rename(at)
            if self.ladder.steps:
                self._assess(at)
                if is_midnight:
                    self._end_period(at)
        self.lived_until = max(self.lived_until, until)

    def _moments(self, until: datetime) -> Iterator[tuple[datetime, bool]]:
        """Yield midnights and beginnings of versions, beginnings first."""
        begun = [version.start for version in self.versions if self.lived_until < version.start <= until]
        if not any(version.terms.ladder.steps for version in self.versions):
            return ((at, False) for at in sorted(begun))
        nights = ((at, True) for at in self.calendar.midnights(self.lived_until, until))
        return merge(((at, False) for at in sorted(begun)), nights)

    def _rename(self, at: datetime) -> None:
        """Look at the ladder that is in force at an instant."""
        self.ladder: Ladder = [version.terms.ladder for version in self.versions if version.start <= at][-1]
        self.codes = [step.code for step in self.ladder.steps]

    def _earned(self, on: date) -> int:
        """Return the place of the highest tier that is earned on a day."""
        days, sums = self._sums()
        first, end = bisect_left(days, window_start(self.ladder, on, self.joined)), bisect_right(days, on)
        total = sums[end] - sums[first]
        return max((place for place, step in enumerate(self.ladder.steps) if total >= step.threshold), default=-1)

    def _sums(self) -> tuple[list[date], list[Fraction | int]]:
        """Return the days of all facts, and what counts of those before each of them, and of all."""
        known = (len(self.facts), self.ladder.basis)
        if self.known != known:
            self.known, self.days = known, [self.calendar.day(fact.at) for fact in self.facts]
            self.sums = [0, *accumulate(getattr(fact, self.ladder.basis) for fact in self.facts)]
        return self.days, self.sums

    def _rise(self, earned: int, at: datetime) -> None:
        """Enter what is earned above the present tier, step by step; a grace ends where the tier is earned again."""
        if self.ladder.downgrade == "grace" and earned >= self.tier:
            self.keeps_until = None
        if earned <= self.tier:
            return
        for code in self.codes[self.tier + 1 : earned + 1]:
            self.entries.append(Entry(code, at))
        self._move(earned, at)

    def _move(self, tier: int, at: datetime) -> None:
        before = self.code
        for entry in self.entries:
            if entry.left_at is None and entry.code in self.codes[tier + 1 :]:
                entry.left_at = at
        self.tier, self.since = tier, at
        self.changes.append((before, self.code, at))
        self.keeps_until = None
        if self.ladder.downgrade == "period_end":
            self.keeps_until = period_end(self.ladder, self.calendar.day(at), self.joined)

    def _assess(self, at: datetime) -> None:
        on = self.calendar.day(at)
        earned = self._earned(on)
        self._rise(earned, at)
        if earned >= self.tier or self.ladder.downgrade in {"never", "period_end"} or self.stepped_at == at:
            return
        if self.ladder.downgrade == "grace":
            self.keeps_until = self.keeps_until or self._grace_end(on)
            if on < self.keeps_until:
                return
        self._fall(earned, at)
        if self.ladder.downgrade == "grace" and earned < self.tier:
            self.keeps_until = self._grace_end(on)

    def _grace_end(self, stopped: date) -> date:
        last = stopped + timedelta(days=self.ladder.grace_days)
        return (month_end(last) if self.ladder.to_month_end else last) + timedelta(days=1)

    def _end_period(self, at: datetime) -> None:
        """Judge a tier by what counted on its period's last day."""
        on = self.calendar.day(at)
        if self.ladder.downgrade != "period_end" or self.keeps_until is None or on < self.keeps_until:
            return
        earned = self._earned(on - timedelta(days=1))
        if earned < self.tier:
            self._fall(earned, at)
        self.keeps_until = period_end(self.ladder, on, self.joined)

    def _fall(self, earned: int, at: datetime) -> None:
        """Fall to what is earned, or softly by one step."""
        self._move(max(earned, self.tier - 1) if self.ladder.soft else earned, at)
        self.stepped_at = at


def _is_safer(keeps_until: date | None, than: date | None) -> bool:
    """Tell whether one of two protections of the same tier is better: none needed, or a later day."""
    return than is not None and (keeps_until is None or keeps_until > than)

"""Challenges: how often what a member does meets them, and which awards it has because of that."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby

from tests.properties.model.past import (
    Award,
    CorrectionFact,
    Decided,
    Key,
    Life,
    MergeFact,
    OrderFact,
    ReturnFact,
    Told,
)
from tests.properties.model.terms import MAIN, BadgeTerms, Calendar, ChallengeTerms, GoalTerms, Refused, Version

Place = tuple[
    str, int, date | None
]  # a challenge's code, the version since which it is the same one, its window's first day
DAY, WEEK = timedelta(days=1), timedelta(days=7)


@dataclass(frozen=True)
class Did:
    """An order, what is left of it, or a visit, as challenges look at it."""

    day: date
    kind: str
    money: Fraction
    points: int
    category: str


@dataclass(eq=False)
class Won:
    """
    An award.

    :ivar badge_points: that its badge brought, and that are with it now
    :ivar given: the points that it gave
    :ivar copy: the how manieth award of its number it is: of two who turned out to be one each may have had it
    """

    key: Key
    place: Place
    number: int
    terms: ChallengeTerms
    badge: BadgeTerms | None
    at: datetime
    version: Version
    extra_months: int
    own_points: int
    badge_points: int
    given: int = 0
    copy: int = 1
    taken: int = 0
    is_kept: bool = True
    badge_from: "Won | None" = None  # with which came what its badge gives, where that is another one

    @property
    def comes_back(self) -> bool:
        return self.badge.takes_back if self.badge else self.terms.takes_back


@dataclass
class Played:
    """What one membership has won, what counted for it when that was looked at last, and what it takes part in."""

    until: datetime
    won: list[Won] = field(default_factory=list)
    counted: dict[Place, list[Did]] = field(default_factory=dict)
    joined: dict[tuple[str, int], datetime] = field(default_factory=dict)
    serial: int = 0

    def standing(self, place: Place) -> list[Won]:
        return [each for each in self.won if each.is_kept and each.place == place]

    def take_over(self, other: "Played", versions: Sequence[Version]) -> None:
        """Have what another membership had: what counts is a sum, and each keeps what it was given."""
        for place in {each.place: None for each in other.won}:
            mine, most = self.standing(place), _last_of(versions, place)
            for each in other.standing(place):
                if most.is_met_once_or_by_level:
                    each.copy += max((own.copy for own in mine), default=0)
                else:
                    each.number += max((own.number for own in mine), default=0)
        self.won += other.won
        for name, at in other.joined.items():
            self.joined[name] = min(at, self.joined.get(name, at))


class Games:
    """The challenges of all members."""

    def __init__(self, calendar: Calendar, versions: list[Version]) -> None:
        self.calendar = calendar
        self.versions = versions
        self.played: dict[tuple[str, int], Played] = {}

    def of(self, life: Life) -> Played:
        return self.played.setdefault((life.name, life.number), Played(life.enrolled_at))

    def join(self, life: Life, code: str, now: datetime) -> None:
        """Let what a member does count for a challenge from now on."""
        place = self._version_at(now)
        offered = next((each for each in self.versions[place].terms.challenges if each.code == code), None)
        if offered is None or not offered.is_joined:
            raise Refused
        self.of(life).joined.setdefault((code, self._since(place, code)), now)

    def follow(self, life: Life, told: Told | None, until: datetime) -> list[Award]:
        """Take back what is undone, give what has been reached, and return what all awards entitle to."""
        played = self.of(life)
        before, played.counted = played.counted, self._counted(life, played)
        if isinstance(told, ReturnFact | CorrectionFact):
            self._take(played, before)
        if isinstance(told, ReturnFact):
            pass  # nothing that comes back gives anything, also where two who are one had met more than they were given
        elif told is None:
            for number, version in enumerate(self.versions):
                if played.until < version.start <= until:
                    self._give(life, played, self._open(played, version.start), number, version.start, 0)
        elif isinstance(told, MergeFact):
            if life.name == told.stays:
                self._give(life, played, self._open(played, told.at), self._version_at(told.at), told.at, 0)
        else:
            changed = [place for place in played.counted if played.counted[place] != before.get(place)]
            self._give(life, played, changed, self._version_at(told.at), told.at, _extra_months(life, told))
        played.until = until
        return [
            Award(each.key, MAIN, each.given - each.taken, each.at, each.at, each.version.terms.wallets[MAIN],
                  each.extra_months, may_wait=False)
            for each in played.won
        ]  # fmt: skip

    def activities(self, life: Life) -> list[datetime]:
        """Return when points were given for challenges."""
        return [each.at for each in self.of(life).won if each.given]

    def shown(self, life: Life) -> list[tuple[str, date | None, int]]:
        """Return the awards that a member has: challenge, first day of its window, and points."""
        awards = [each for each in self.of(life).won if each.is_kept]
        return sorted(
            ((each.place[0], each.place[2], each.own_points + each.badge_points) for each in awards), key=repr
        )

    def _version_at(self, at: datetime) -> int:
        return max(number for number, version in enumerate(self.versions) if version.start <= at)

    def _since(self, version: int, code: str) -> int:
        """Return since which version a challenge is the same one: one that was gone is a new one."""
        while version and any(each.code == code for each in self.versions[version - 1].terms.challenges):
            version -= 1
        return version

    def _counted(self, life: Life, played: Played) -> dict[Place, list[Did]]:
        """Return what counts in which window of which challenge."""
        found: dict[Place, list[Did]] = {}
        for decided in life.decided.values():
            did = self._did(decided)
            if did is None:
                continue
            number = self._version_at(decided.fact.at)
            for challenge in self.versions[number].terms.challenges:
                since = self._since(number, challenge.code)
                joined = played.joined.get((challenge.code, since))
                if challenge.is_joined and (joined is None or decided.fact.at < joined):
                    continue
                if challenge.tiers and decided.occasion.tier not in challenge.tiers:
                    continue
                if challenge.plans and decided.occasion.plan not in challenge.plans:
                    continue
                if any(_counts(goal, did) for goal in challenge.goals):
                    place = challenge.code, since, _first_day(challenge.window, did.day)
                    found.setdefault(place, []).append(did)
        return {place: sorted(found[place], key=lambda did: (did.day, repr(did))) for place in found}

    def _did(self, decided: Decided) -> Did | None:
        day = self.calendar.day(decided.fact.at)
        points = decided.kept.get(MAIN, 0)
        if not isinstance(decided.fact, OrderFact):
            return Did(day, "visit", Fraction(0), points, "")
        money = decided.spend()
        return Did(day, "", money, points, decided.fact.category) if money > 0 else None

    def _open(self, played: Played, at: datetime) -> list[Place]:
        """Return the windows that have not ended at an instant."""
        today = self.calendar.day(at)
        return [place for place in played.counted if _last_day(_last_of(self.versions, place), place[2]) >= today]

    def _take(self, played: Played, before: dict[Place, list[Did]]) -> None:
        """Take back the awards that are not met any more by what was asked for when they were given."""
        for place, was in before.items():
            now = played.counted.get(place, [])
            for each in sorted(played.standing(place), key=lambda won: -won.number):
                if was != now and each.comes_back and _is_undone(each, was, now):
                    self._take_one(played, each)

    def _take_one(self, played: Played, gone: Won) -> None:
        """Let an award go with its points: those of its badge are as if it had never been given so many times."""
        gone.is_kept = False
        gone.taken += gone.own_points
        if gone.badge is None:
            return
        alike = [each for each in played.won if each.is_kept and each.badge and each.badge.code == gone.badge.code]
        had = gone.badge_points + sum(each.badge_points for each in alike)
        # Two who are one may have had it twice for once: what either was given stays with the awards that stay.
        its_own = _worth(gone.badge, len(alike) + 1) - _worth(gone.badge, len(alike))
        left = max(0, min(had - its_own, gone.badge.points * len(alike)))
        goes, brought_by = had - left, gone.badge_from or gone
        for each in alike:  # what stays is with those that had it
            less = max(0, each.badge_points - left)
            each.badge_points -= less
            (each.badge_from or each).taken += less
            goes, left = goes - less, left - each.badge_points
        brought_by.taken += goes
        for each in alike:  # and with the others
            more = max(0, min(left, gone.badge.points - each.badge_points))
            if more and not each.badge_points:
                each.badge_from = brought_by
            each.badge_points += more
            left -= more

    def _give(
        self, life: Life, played: Played, places: Iterable[Place], number: int, at: datetime, extra_months: int
    ) -> None:
        version = self.versions[number]
        there = set(places)
        for challenge in version.terms.challenges:
            since = self._since(number, challenge.code)
            for place in sorted((each for each in there if each[:2] == (challenge.code, since)), key=repr):
                had = max((each.number for each in played.standing(place)), default=0)
                for one in range(had + 1, times_met(challenge, played.counted[place]) + 1):
                    self._give_one(life, played, Won(
                        ("award", life.name, str(life.number), str(played.serial)), place, one, challenge,
                        version.terms.badge(challenge.badge), at, version, extra_months, challenge.points_of(one), 0,
                    ))  # fmt: skip

    def _give_one(self, life: Life, played: Played, won: Won) -> None:
        played.serial += 1
        if won.badge is not None:
            alike = sum(
                each.is_kept and each.badge is not None and each.badge.code == won.badge.code for each in played.won
            )
            won.badge_points = _worth(won.badge, alike + 1) - _worth(won.badge, alike)
        won.given = won.own_points + won.badge_points
        played.won.append(won)


def _extra_months(life: Life, told: Told) -> int:
    number = getattr(told, "number", "")
    return life.decided[number].occasion.extra_months if number in life.decided else 0


def _last_of(versions: Sequence[Version], place: Place) -> ChallengeTerms:
    """Return a challenge as the last version says that has it."""
    return next(each for version in reversed(versions) for each in version.terms.challenges if each.code == place[0])


def _worth(badge: BadgeTerms, times: int) -> int:
    """Return the points of who has a badge so many times."""
    if badge.kind == "repeatable":
        return badge.points * times
    if badge.kind == "levelled":
        return badge.points * sum(times >= least for least in badge.levels)
    return badge.points * min(times, 1)


def _first_day(window: str, day: date) -> date | None:
    if window == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if window == "month" else None


def _last_day(challenge: ChallengeTerms, first: date | None) -> date:
    if first is None:
        return date.max
    return first + 6 * DAY if challenge.window == "week" else (first + 31 * DAY).replace(day=1) - DAY


def _counts(goal: GoalTerms, did: Did) -> bool:
    if goal.interaction != did.kind or (goal.categories and did.category not in goal.categories):
        return False
    return goal.metric != "points" or did.points > 0


def _is_undone(award: Won, before: Sequence[Did], after: Sequence[Did]) -> bool:
    """
    Tell whether what counts met an award, and does not any more.

    Of two who are one each may have been given more than both together have met: that goes as soon as less is met.
    """
    number, was, now = award.number, times_met(award.terms, before), times_met(award.terms, after)
    if now < min(number, was):
        return True
    if award.copy == 1 or award.terms.levels:
        return False
    was, now = (times_met(award.terms, facts, is_repeated=True) for facts in (before, after))
    return now < min(award.copy, was)


def times_met(challenge: ChallengeTerms, facts: Sequence[Did], *, is_repeated: bool = False) -> int:
    """Return how often facts of one window meet a challenge; of one with levels how many of them."""
    repeats = challenge.repeats or is_repeated
    if challenge.window == "rolling":
        return _times_in_last_days(challenge, facts, repeats=repeats)
    if challenge.levels:
        return sum(_value(challenge.goals[0], facts) >= target for target, _ in challenge.levels)
    times = [_completions(goal, facts) for goal in challenge.goals]
    met = max(times) if challenge.is_any else min(times)
    return met if repeats else min(met, 1)


def _times_in_last_days(challenge: ChallengeTerms, facts: Sequence[Did], *, repeats: bool) -> int:
    """Go from day to day, and look back; what has met it once counts no more."""
    most, times, after = 0, 0, date.min
    for day, _ in groupby(facts, key=lambda did: did.day):
        least = max(after, day - (challenge.days - 1) * DAY)
        seen = [did for did in facts if least <= did.day <= day]
        if challenge.levels:
            most = max(most, sum(_value(challenge.goals[0], seen) >= target for target, _ in challenge.levels))
            continue
        met = [_value(goal, seen) >= goal.target for goal in challenge.goals]
        if any(met) if challenge.is_any else all(met):
            times, after = times + 1, day + DAY
    return most if challenge.levels else times if repeats else min(times, 1)


def _completions(goal: GoalTerms, facts: Sequence[Did]) -> int:
    if goal.metric in {"day_streak", "week_streak"}:
        return sum(run // goal.target for run in _runs(goal, facts))
    return int(_value(goal, facts) // goal.target)


def _value(goal: GoalTerms, facts: Sequence[Did]) -> Fraction:
    own = [did for did in facts if _counts(goal, did)]
    if goal.metric in {"day_streak", "week_streak"}:
        return Fraction(max(_runs(goal, facts), default=0))
    sums = {"spend": sum((did.money for did in own), Fraction(0)), "points": Fraction(sum(did.points for did in own))}
    if goal.metric in sums:
        return sums[goal.metric]
    different = {
        "count": len(own),
        "categories": len({did.category for did in own}),
        "days": len({did.day for did in own}),
    }
    return Fraction(different[goal.metric])


def _runs(goal: GoalTerms, facts: Sequence[Did]) -> list[int]:
    """Return how long the runs of days, or of weeks from Monday, are in which something was done."""
    own = {did.day for did in facts if _counts(goal, did)}
    step = WEEK if goal.metric == "week_streak" else DAY
    steps = {day - timedelta(days=day.weekday()) for day in own} if step == WEEK else own
    runs = []
    for first in (day for day in steps if day - step not in steps):
        length = 1
        while first + length * step in steps:
            length += 1
        runs.append(length)
    return runs

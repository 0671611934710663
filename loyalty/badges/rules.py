"""What counts for a challenge, how far a member has come, and how often it has met it: pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple, Self, TypeVar
from uuid import UUID

from customers.core.values import dataclass
from loyalty.badges.windows import DAY, WEEK, Window, monday_of, window_on
from loyalty.engine.arms import Divided, ForArms, holding, named_by
from loyalty.engine.basket import NOTHING, Basket, Line, Occasion
from loyalty.points.conditions import EVERYTHING, Node, compiled

UNIT = 10_000  # amounts are counted in its parts, so that every tally is of whole numbers
NO_LINE, NO_BASKET = Line(NOTHING), Basket(())
Tally = Mapping[str, int]
K = TypeVar("K")


class Metric(StrEnum):
    """What of a member's orders, or of its interactions of one kind, a goal counts."""

    COUNT = "count"
    SPEND = "spend"
    POINTS = "points"
    CATEGORIES = "categories"
    BRANDS = "brands"
    STORES = "stores"
    DAYS = "days"
    DAY_STREAK = "day_streak"
    WEEK_STREAK = "week_streak"


SUMS = frozenset({Metric.COUNT, Metric.SPEND, Metric.POINTS})
STREAKS = {Metric.DAY_STREAK: DAY, Metric.WEEK_STREAK: WEEK}
OF_ORDERS = frozenset({Metric.SPEND, Metric.CATEGORIES, Metric.BRANDS, Metric.STORES})


class BadgeKind(StrEnum):
    """How often a member can have a badge."""

    ONCE = "once"
    REPEATABLE = "repeatable"
    LEVELLED = "levelled"


@dataclass(frozen=True, slots=True)
class Goal:
    """
    What a challenge asks for.

    :param target: how much of it; of money in parts of UNIT
    :param interaction: the kind of interactions that count; empty for orders
    :param condition: which lines of which orders count
    """

    metric: str
    target: int = 1
    interaction: str = ""
    condition: Node = EVERYTHING
    counts: Callable[[Line, Basket, Occasion], bool] | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", None if self.condition == EVERYTHING else compiled(self.condition))


@dataclass(frozen=True, slots=True)
class Audience:
    """For whom something is: who has one of the tiers, one of the plans, and belongs to one of the segments."""

    tiers: frozenset[str] = frozenset()
    plans: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()

    def includes(self, occasion: Occasion) -> bool:
        """Tell whether it is for whoever does something on an occasion; segments are looked at when one joins."""
        if self.tiers and occasion.tier not in self.tiers:
            return False
        return not self.plans or occasion.plan in self.plans


EVERYBODY = Audience()


class Level(NamedTuple):
    """One level of a challenge: from how much on, and what it gives."""

    target: int
    points: int


class Prize(NamedTuple):
    """Points for the ranks from one through another."""

    first: int
    last: int
    points: int


@dataclass(frozen=True)
class Counter:
    """
    Something for which facts are counted, window by window.

    :param id: its row in the version
    :param key: its identity from version to version
    :param is_joined: whether facts count from when its member joined it, and not by themselves
    :param arms: of an experiment, for which it holds; None for all
    """

    id: int
    key: UUID
    code: str
    goals: tuple[Goal, ...]
    window: str = Window.MEMBERSHIP
    window_days: int = 0
    first_day: date | None = None
    last_day: date | None = None
    audience: Audience = EVERYBODY
    is_joined: bool = False
    arms: ForArms | None = None

    @cached_property
    def name(self) -> str:
        """Return its key as states name it."""
        return self.key.hex

    @cached_property
    def is_rolling(self) -> bool:
        return self.window == Window.ROLLING

    @cached_property
    def is_for_some(self) -> bool:
        """Tell whether it is not for everybody, or not by itself."""
        return self.is_joined or self.audience != EVERYBODY

    def window_on(self, day: date) -> str | None:
        """Return the name of the window in which a day counts; None where it counts in none."""
        return window_on(self.window, day, self.first_day, self.last_day)


@dataclass(frozen=True)
class ChallengeRule(Counter):
    """
    A challenge of a version.

    :param is_any: that one of its goals is enough
    :param repeats: that it can be met several times within a window
    :param levels: of a challenge with one goal; none where it has only its target
    :param badge: the code of the badge that it gives; empty for none
    :param takes_back: whether its points are taken back by a return; where it gives a badge, that one says
    """

    is_any: bool = False
    repeats: bool = False
    levels: tuple[Level, ...] = ()
    points: int = 0
    wallet: str = "points"
    badge: str = ""
    takes_back: bool = True

    @property
    def most(self) -> int:
        """Return how many awards one member can have of a window; 0 for as many as it meets."""
        return len(self.levels) if self.levels else 0 if self.repeats else 1

    def number_of(self, number: int) -> int:
        """Return the how manieth award one is, of whichever of the members that became one had it."""
        return (number - 1) % self.most + 1 if self.most else number

    def points_of(self, number: int) -> int:
        """Return what the challenge itself gives with an award."""
        return self.levels[self.number_of(number) - 1].points if self.levels else self.points


@dataclass(frozen=True)
class BoardRule(Counter):
    """
    A leaderboard of a version: its one goal says what scores.

    :param prizes: of a contest: points, by the ranks from one through another
    :param settle_days: after its window's last day, until its prizes are given
    """

    prizes: tuple[Prize, ...] = ()
    settle_days: int = 0
    wallet: str = "points"

    def prize_for(self, rank: int) -> int:
        """Return the points for a rank; 0 for none."""
        return next((prize.points for prize in self.prizes if prize.first <= rank <= prize.last), 0)


@dataclass(frozen=True, slots=True)
class BadgeRule:
    """
    A badge of a version.

    :param levels: of a levelled one: how many times it takes for each
    :param points: that it gives with each award, or with each level; a badge that one has once gives them once
    :param takes_back: whether a return takes it back
    """

    id: int
    key: UUID
    code: str
    kind: str = BadgeKind.ONCE
    levels: tuple[int, ...] = ()
    points: int = 0
    takes_back: bool = True

    def level(self, times: int) -> int:
        """Return the level of who was given it so many times; 0 for none."""
        if self.kind == BadgeKind.LEVELLED:
            return sum(times >= least for least in self.levels)
        return min(times, 1)

    def points_for(self, times: int) -> int:
        """Return what being given it for so many-th a time is worth."""
        if self.kind == BadgeKind.REPEATABLE or self.level(times) > self.level(times - 1):
            return self.points
        return 0


@dataclass(frozen=True)
class Game(Divided):
    """All that a version promises of badges, challenges and boards."""

    challenges: tuple[ChallengeRule, ...] = ()
    badges: Mapping[str, BadgeRule] = field(default_factory=dict)
    boards: tuple[BoardRule, ...] = ()

    def named(self) -> frozenset[str]:
        return named_by(self.counters)

    def for_arms(self, arms: frozenset[str]) -> Self:
        return replace(self, challenges=holding(self.challenges, arms), boards=holding(self.boards, arms))

    def withheld(self) -> Self:
        """Return the badges that a member may have, without anything by which it comes to more of them."""
        return replace(self, challenges=(), boards=())

    @property
    def is_used(self) -> bool:
        return bool(self.challenges or self.badges or self.boards)

    @cached_property
    def counters(self) -> tuple[ChallengeRule | BoardRule, ...]:
        return (*self.challenges, *self.boards)

    @cached_property
    def by_name(self) -> Mapping[str, ChallengeRule | BoardRule]:
        return {rule.name: rule for rule in self.counters}


@dataclass(frozen=True)
class CountedFact:
    """
    An order, or what is left of it, or an interaction, as counters look at it.

    :param on: its day in the program's zone
    :param points: that an order gave and keeps, or an interaction gave, in the main wallet
    :param interaction: its kind; empty for an order
    """

    at: datetime
    on: date
    occasion: Occasion
    points: int = 0
    basket: Basket = NO_BASKET
    interaction: str = ""

    @cached_property
    def paid(self) -> int:
        """Return what was paid for all of it with money, in parts of UNIT."""
        return _paid(self.basket.lines, self.basket) if self.basket.lines else 0


def adds(rule: Counter, goal: Goal, fact: CountedFact) -> dict[str, int]:
    """Return what a fact adds to a goal's tally, by item; nothing where it does not count."""
    found = _adds(goal, fact)
    if not rule.is_rolling or not found:
        return found
    day = fact.on.isoformat()
    return {f"{day}|{item}" if item and item != day else day: number for item, number in found.items()}


def _adds(goal: Goal, fact: CountedFact) -> dict[str, int]:
    if goal.interaction != fact.interaction:
        return {}
    counts = goal.counts
    if fact.interaction:
        is_counted = counts is None or counts(NO_LINE, NO_BASKET, fact.occasion)
        return ITEMS[goal.metric](fact, (), 0) if is_counted else {}
    if counts is None:
        lines, paid = fact.basket.lines, fact.paid
    else:
        lines = tuple([line for line in fact.basket.lines if counts(line, fact.basket, fact.occasion)])
        paid = _paid(lines, fact.basket) if lines else 0
    return ITEMS[goal.metric](fact, lines, paid) if paid > 0 else {}


Items = Callable[[CountedFact, Sequence[Line], int], dict[str, int]]
ITEMS: dict[str, Items] = {
    Metric.COUNT: lambda _fact, _lines, _paid: {"": 1},
    Metric.SPEND: lambda _fact, _lines, paid: {"": paid},
    Metric.POINTS: lambda fact, _lines, _paid: {"": fact.points} if fact.points > 0 else {},
    Metric.CATEGORIES: lambda _fact, lines, _paid: {
        line.category: 1 for line in lines if line.category and line.net_amount > 0
    },
    Metric.BRANDS: lambda _fact, lines, _paid: {line.brand: 1 for line in lines if line.brand and line.net_amount > 0},
    Metric.STORES: lambda fact, _lines, _paid: {fact.basket.store: 1} if fact.basket.store else {},
    Metric.DAYS: lambda fact, _lines, _paid: {fact.on.isoformat(): 1},
    Metric.DAY_STREAK: lambda fact, _lines, _paid: {fact.on.isoformat(): 1},
    Metric.WEEK_STREAK: lambda fact, _lines, _paid: {monday_of(fact.on).isoformat(): 1},
}


def _paid(lines: Sequence[Line], basket: Basket) -> int:
    """Return what was paid for lines with money, in parts of UNIT; what points paid is spread over all lines."""
    amount = sum((line.net_amount for line in lines), NOTHING)
    if basket.paid_with_points and basket.net_amount:
        exact = Fraction(amount) * Fraction(basket.paid) / Fraction(basket.net_amount) * UNIT
        return exact.numerator // exact.denominator
    return int((amount * UNIT).to_integral_value(ROUND_FLOOR))


def plus(tally: Mapping[K, int], change: Mapping[K, int], sign: int = 1) -> dict[K, int]:
    """Return a tally with something more or, by its sign, less; what comes to nothing is left out."""
    if not tally and sign > 0:
        return dict(change)
    found = dict(tally)
    for item, number in change.items():
        after = found.get(item, 0) + sign * number
        if after:
            found[item] = after
        else:
            found.pop(item, None)
    return found


def value_of(metric: str, tally: Tally) -> int:
    """Return how much of a metric a tally holds: of a streak its longest run."""
    if metric in SUMS:
        return tally.get("", 0)
    if metric in STREAKS:
        return max(runs_of(metric, tally), default=0)
    return len(tally)


def runs_of(metric: str, tally: Tally) -> list[int]:
    """Return the lengths of all runs of days, or of weeks, that follow each other."""
    step = STREAKS[Metric(metric)]
    runs: list[int] = []
    before: date | None = None
    for day in sorted(map(date.fromisoformat, tally)):
        if before is not None and day - before == step:
            runs[-1] += 1
        else:
            runs.append(1)
        before = day
    return runs


def times_met(rule: ChallengeRule, tallies: Sequence[Tally]) -> int:
    """Return how often a challenge is met in a window by what it holds: of one with levels how many are reached."""
    if rule.is_rolling:
        return _times_rolling(rule, tallies)
    if rule.levels:
        value = value_of(rule.goals[0].metric, tallies[0])
        return sum(value >= level.target for level in rule.levels)
    if not rule.repeats:
        met = (value_of(goal.metric, tally) >= goal.target for goal, tally in zip(rule.goals, tallies, strict=True))
        return int(any(met) if rule.is_any else all(met))
    times = [completions(goal, tally) for goal, tally in zip(rule.goals, tallies, strict=True)]
    return max(times) if rule.is_any else min(times)


def completions(goal: Goal, tally: Tally) -> int:
    """Return how often a goal that repeats is met by what a tally holds."""
    if goal.metric in STREAKS:
        return sum(run // goal.target for run in runs_of(goal.metric, tally))
    return value_of(goal.metric, tally) // goal.target


class Slide:
    """The items of one goal within a window that slides from day to day."""

    def __init__(self, metric: str, tally: Tally) -> None:
        self.metric = metric
        self.by_day: dict[str, list[tuple[str, int]]] = {}
        for key, number in tally.items():
            self.by_day.setdefault(key[:10], []).append((key[11:], number))
        self.within: dict[str, int] = {}
        self.days = 0

    def enter(self, day: str) -> None:
        self._move(day, 1)

    def leave(self, day: str) -> None:
        self._move(day, -1)

    def _move(self, day: str, sign: int) -> None:
        items = self.by_day.get(day, ())
        self.days += sign * bool(items)
        for item, number in items:
            self.within[item] = self.within.get(item, 0) + sign * number

    @property
    def value(self) -> int:
        if self.metric == Metric.DAYS:
            return self.days
        if self.metric in SUMS:
            return self.within.get("", 0)
        return sum(1 for number in self.within.values() if number > 0)


def _times_rolling(rule: ChallengeRule, tallies: Sequence[Tally]) -> int:
    """Count how often the last days met a challenge; what has met it once counts no more for the next time."""
    if rule.levels:
        reached = (sum(values[0] >= each.target for each in rule.levels) for _, values in _sliding(rule, tallies))
        return max(reached, default=0)
    return sum(1 for _ in _days_met(rule, tallies))


def _days_met(rule: ChallengeRule, tallies: Sequence[Tally]) -> Iterable[str]:
    """Yield the days with which the last days met a challenge: the first one, or each where it repeats."""
    for day, values in _sliding(rule, tallies):
        met = [value >= goal.target for goal, value in zip(rule.goals, values, strict=True)]
        if any(met) if rule.is_any else all(met):
            yield day
            if not rule.repeats:
                return
            values.clear()  # tells the window that it begins anew


def last_met_on(rule: ChallengeRule, tallies: Sequence[Tally], on: date) -> str:
    """Return the last day, up to one, with which the last days met a challenge, in ISO 8601; empty for none."""
    return max((day for day in _days_met(rule, tallies) if day <= on.isoformat()), default="")


def _sliding(rule: Counter, tallies: Sequence[Tally]) -> Iterable[tuple[str, list[int]]]:
    """Yield each day with each goal's value in the days up to it; who clears them lets the window begin anew after it."""
    slides = [Slide(goal.metric, tally) for goal, tally in zip(rule.goals, tallies, strict=True)]
    days = sorted({day for slide in slides for day in slide.by_day})
    first = 0
    for place, day in enumerate(days):
        oldest = (date.fromisoformat(day) - (rule.window_days - 1) * DAY).isoformat()
        for slide in slides:
            slide.enter(day)
        while days[first] < oldest:
            _leave(slides, days[first])
            first += 1
        values = [slide.value for slide in slides]
        yield day, values
        if not values:
            for gone in days[first : place + 1]:
                _leave(slides, gone)
            first = place + 1


def _leave(slides: Sequence[Slide], day: str) -> None:
    for slide in slides:
        slide.leave(day)


def value_on(rule: Counter, goal: Goal, tally: Tally, on: date) -> int:
    """
    Return what a member sees of a goal on a day.

    Of a rolling window that is what its last days hold, of a streak the run that goes on.
    """
    if rule.is_rolling:
        oldest = (on - (rule.window_days - 1) * DAY).isoformat()
        slide = Slide(goal.metric, tally)
        for day in slide.by_day:
            if oldest <= day <= on.isoformat():
                slide.enter(day)
        return slide.value
    if goal.metric in STREAKS:
        return _run_on(goal.metric, tally, on)
    return value_of(goal.metric, tally)


def _run_on(metric: str, tally: Tally, on: date) -> int:
    """Return how long the run is that goes on: a day, or a week, that is not over yet does not end it."""
    step = STREAKS[Metric(metric)]
    here = on if step == DAY else monday_of(on)
    if here.isoformat() not in tally:
        here -= step
    length = 0
    while here.isoformat() in tally:
        length += 1
        here -= step
    return length


def amount_of(value: int) -> Decimal:
    """Return an amount that was counted in parts of UNIT."""
    return Decimal(value) / UNIT

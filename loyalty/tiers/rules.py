"""Which tier a member has earned, over which days it counts, until when it keeps it, and what is missing: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from customers.core.calendar import add_months, clamped, day_after, end_of_month

NOTHING = Decimal(0)
FOREVER = date.min  # the first day of a window that never begins anew


@dataclass(frozen=True, slots=True)
class Counts:
    """What counts for a member within a window; `balance` is what it can spend now."""

    spend: Decimal = NOTHING
    points: int = 0
    orders: int = 0
    visits: int = 0
    balance: int = 0

    def of(self, basis: str) -> Decimal:
        """Return one of them: spend, points, orders, visits or balance."""
        return Decimal(getattr(self, basis))


@dataclass(frozen=True, slots=True)
class Step:
    """
    A tier of a version, as rules see it.

    :param threshold: of the ladder's basis
    :param further: other bases with what each asks for
    :param entry_gift: points given with each entry
    :param extra_months: by how much longer its members' points live
    """

    id: int
    code: str
    threshold: Decimal
    multiplier: Decimal
    further: tuple[tuple[str, Decimal], ...] = ()
    entry_gift: int = 0
    extra_months: int = 0


@dataclass(frozen=True, slots=True)
class Ladder:
    """
    A version's tiers, lowest first.

    :param basis: spend, points, orders, visits or balance: what the thresholds count
    :param wallet: whose points count, where points or the balance do
    :param window: rolling, calendar_year, membership_year or lifetime
    :param combination: whether a step's further conditions must `all` be met too, or whether `any` of them is enough
    :param downgrade: never, at_once, grace or period_end
    :param grace_days: whole days after the one on which a member stopped qualifying
    :param grace_to_month_end: that the last of those days is rounded to its month's last
    :param soft_landing: that a fall is one step at a time
    """

    basis: str
    wallet: str
    window: str
    window_months: int
    steps: tuple[Step, ...]
    combination: str = "all"
    downgrade: str = "at_once"
    grace_days: int = 0
    grace_to_month_end: bool = False
    soft_landing: bool = False
    ranks: Mapping[str, int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranks", {step.code: place for place, step in enumerate(self.steps)})

    def step(self, code: str | None) -> Step | None:
        """Return the step that a member keeps by its code."""
        rank = self.rank(code)
        return self.steps[rank] if rank >= 0 else None

    def rank(self, code: str | None) -> int:
        """Return how high a step is; the ground is -1, and so is a step that this version does not have."""
        return self.ranks.get(code, -1) if code else -1

    def is_reached(self, step: Step, counts: Counts) -> bool:
        """Tell whether what counts is enough for a step."""
        main = counts.of(self.basis) >= step.threshold
        others = [counts.of(basis) >= least for basis, least in step.further]
        return main or any(others) if self.combination == "any" else main and all(others)

    def earned(self, counts: Counts) -> Step | None:
        """Return the highest step that is reached; None for the ground."""
        return next((step for step in reversed(self.steps) if self.is_reached(step, counts)), None)

    def next_above(self, code: str | None) -> Step | None:
        """Return the step above the one a member is on."""
        place = self.rank(code) + 1
        return self.steps[place] if place < len(self.steps) else None

    def passed(self, code: str | None, up_to: Step) -> tuple[Step, ...]:
        """Return the steps that somebody enters who goes up from one to another, lowest first."""
        return self.steps[self.rank(code) + 1 : self.rank(up_to.code) + 1]

    def landing(self, current: Step, earned: Step | None) -> Step | None:
        """Return where a member lands that falls: on what it earned, or one step lower than it was."""
        if not self.soft_landing:
            return earned
        place = self.rank(current.code) - 1
        return self.steps[place] if place > self.rank(earned.code if earned else None) else earned

    def missing(self, step: Step, counts: Counts) -> tuple[tuple[str, Decimal], ...]:
        """Return what is missing for a step, basis by basis; of `any`, each is enough. Nothing where it is reached."""
        if self.is_reached(step, counts):
            return ()
        asked = ((self.basis, step.threshold), *step.further)
        return tuple((basis, least - counts.of(basis)) for basis, least in asked if counts.of(basis) < least)

    @property
    def counts_balance(self) -> bool:
        """Tell whether spending or expiry can change a tier."""
        return self.basis == "balance" or any(basis == "balance" for step in self.steps for basis, _ in step.further)


@dataclass(frozen=True, slots=True)
class Day:
    """What a member spent, earned and did on one day."""

    on: date
    spend: Decimal
    points: int
    orders: int = 0
    visits: int = 0


def window_start(ladder: Ladder, day: date, joined: date) -> date:
    """
    Return the first day that counts on a day.

    A rolling window of twelve months on 15 March counts from 16 March of the year before. A year of membership begins
    on the day on which the member joined; that of 29 February begins on the 28th in most years.
    """
    match ladder.window:
        case "calendar_year":
            return day.replace(month=1, day=1)
        case "membership_year":
            return _anniversary(joined, day)
        case "lifetime":
            return FOREVER
    return add_months(day, -ladder.window_months) + timedelta(days=1)


def counted(  # noqa: PLR0913 - all that can count
    ladder: Ladder, main: Sequence[Day], wallet: Sequence[Day], *, on: date, joined: date, balance: int = 0
) -> Counts:
    """
    Return what counts towards tiers on a day.

    :param main: the days of the wallet with which spending, orders and visits stand
    :param wallet: the days of the wallet whose points count
    """
    first = window_start(ladder, on, joined)
    within = [day for day in main if first <= day.on <= on]
    earned = within if wallet is main else [day for day in wallet if first <= day.on <= on]
    return Counts(
        spend=sum((day.spend for day in within), NOTHING),
        points=sum(day.points for day in earned),
        orders=sum(day.orders for day in within),
        visits=sum(day.visits for day in within),
        balance=max(balance, 0),
    )


def period_end(ladder: Ladder, entered: date, joined: date) -> date:
    """Return the first day on which a tier may be lost that was entered, or kept, on a day: where periods end."""
    if ladder.window == "membership_year":
        begun = _anniversary(joined, entered)
        return clamped(begun.year + 1, joined.month, joined.day)
    if ladder.window == "rolling":
        return add_months(entered, ladder.window_months)
    return date(entered.year + 1, 1, 1)


def grace_end(ladder: Ladder, stopped: date) -> date:
    """
    Return the first day after the grace of a member that stopped qualifying on a day.

    The days count from the one after it; the tier is kept through the last second of the last of them.
    """
    last = stopped + timedelta(days=ladder.grace_days)
    return day_after(end_of_month(last) if ladder.grace_to_month_end else last)


def add_day(days: tuple[Day, ...], change: Day) -> tuple[Day, ...]:
    """Return the days, by date, with something more (or, negative, less) on one of them."""
    place = len(days)
    while place and days[place - 1].on >= change.on:
        place -= 1
    if place < len(days) and days[place].on == change.on:
        old = days[place]
        both = Day(
            old.on,
            old.spend + change.spend,
            old.points + change.points,
            old.orders + change.orders,
            old.visits + change.visits,
        )
        return (*days[:place], both, *days[place + 1 :])
    return (*days[:place], change, *days[place:])


def _anniversary(joined: date, day: date) -> date:
    """Return the latest anniversary of joining that is not after a day."""
    this_year = clamped(day.year, joined.month, joined.day)
    return this_year if this_year <= day else clamped(day.year - 1, joined.month, joined.day)

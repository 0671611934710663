"""What a version promises, and the calendar by which it counts."""

from bisect import bisect_right
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from zoneinfo import ZoneInfo

MAIN = "points"


class Refused(Exception):
    """More is asked for than there is, or what is not allowed."""


@dataclass(frozen=True)
class WalletTerms:
    """
    How points of a wallet live.

    :param expiry: never, days, months, end_of_month, end_of_year or inactivity
    :param owes: that what a return cannot take is owed; otherwise it is a shortfall
    """

    pending_days: int = 0
    awaits: str = ""
    expiry: str = "never"
    count: int = 0
    transaction_limit: int | None = None
    period_limit: int | None = None
    period: str = "month"
    budget: int | None = None
    budget_period: str = "ever"
    owes: bool = False


@dataclass(frozen=True)
class Step:
    """A tier; `discount_percent` is by how much it makes rewards cheaper."""

    code: str
    threshold: int
    multiplier: Fraction = Fraction(1)
    gift: int = 0
    extra_months: int = 0
    discount_percent: int = 0


@dataclass(frozen=True)
class Ladder:
    """Tiers, lowest first; the lowest is everybody's. What they count, over which time, and how they are lost."""

    steps: tuple[Step, ...] = ()
    basis: str = "spend"
    window: str = "lifetime"
    months: int = 1
    downgrade: str = "never"
    grace_days: int = 0
    to_month_end: bool = False
    soft: bool = False

    def times(self, number: int) -> "Ladder":
        """Return a ladder that asks for so many times as much."""
        return replace(self, steps=tuple(replace(step, threshold=step.threshold * number) for step in self.steps))


@dataclass(frozen=True)
class ExtraTerms:
    """
    What an order gives besides, where it meets all that is asked; empty asks nothing.

    :param kind: per_order or per_item
    :param minimum: of the money that was paid
    :param cap: the most that it gives at once; 0 for no cap
    :param weekdays: by their numbers, Monday is 0, of the program's zone
    :param hours: from the first until before the second
    """

    kind: str
    points: int
    minimum: int = 0
    cap: int = 0
    weekdays: tuple[int, ...] = ()
    hours: tuple[int, int] | None = None
    tiers: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    is_multiplied: bool = False


@dataclass(frozen=True)
class PlanTerms:
    """
    A membership for a fee.

    :param rank: its place from the smallest plan
    :param price: of a period of so many months
    :param multiplier: of what orders earn, on top of the tier's
    """

    code: str
    rank: int
    price: Fraction
    months: int = 1
    trial_days: int = 0
    grace_days: int = 7
    retry_days: int = 2
    multiplier: Fraction = Fraction(1)


@dataclass(frozen=True)
class PriceTerms:
    """Another price of a reward: in a wallet, for everybody or for members of a tier or with a plan alone."""

    points: int
    wallet: str = MAIN
    tier: str = ""
    plan: str = ""


@dataclass(frozen=True)
class RewardTerms:
    """
    What members may have for points.

    :param kind: amount_off, percent_off, product, voucher, experience, donation or pay_with_points
    :param points: its price or, of donations and of paying with points, the fewest at once
    :param codes: none, generated or pool
    :param stock: how many there are in all; of a pool as many as it has codes
    :param member_limit: the most that a member has, within its period
    :param valid_days: after which an unused one ends
    :param expiry_gives_back: whether the points come back then
    :param withdrawal_gives_back: whether they do when a later version has the reward no more
    :param per_unit: how many points are one of the currency
    """

    code: str
    kind: str
    points: int
    codes: str = "none"
    stock: int | None = None
    member_limit: int | None = None
    member_period: str = "ever"
    tiers: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    valid_days: int | None = None
    expiry_gives_back: bool = False
    withdrawal_gives_back: bool = False
    per_unit: int = 0
    match_percent: int = 0
    match_budget: int = 0
    prices: tuple[PriceTerms, ...] = ()


@dataclass(frozen=True)
class GoalTerms:
    """
    What a challenge asks for.

    :param metric: count, spend, points, categories, days, day_streak or week_streak
    :param interaction: the kind that counts; empty for orders
    :param categories: of the orders that count; empty for all
    """

    metric: str
    target: int
    interaction: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChallengeTerms:
    """
    A challenge.

    :param window: membership, week, month or rolling, which has so many days
    :param levels: targets of its one goal, each with its points
    :param is_joined: whether what a member does counts from when it joined
    """

    code: str
    goals: tuple[GoalTerms, ...]
    window: str = "membership"
    days: int = 0
    is_any: bool = False
    repeats: bool = False
    levels: tuple[tuple[int, int], ...] = ()
    points: int = 0
    badge: str = ""
    takes_back: bool = True
    tiers: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    is_joined: bool = False

    @property
    def is_met_once_or_by_level(self) -> bool:
        return bool(self.levels) or not self.repeats

    def points_of(self, number: int) -> int:
        return self.levels[number - 1][1] if self.levels else self.points


@dataclass(frozen=True)
class BadgeTerms:
    """
    A badge.

    :param kind: once, repeatable or levelled: by how many times it takes for each level
    :param points: that it gives each time, or with each level
    """

    code: str
    kind: str = "once"
    levels: tuple[int, ...] = ()
    points: int = 0
    takes_back: bool = True


@dataclass(frozen=True)
class ReferralTerms:
    """
    What a friend's order gives both.

    :param minimum: of the money that was paid for what is kept of it
    :param window_days: from the claim
    :param advocate_limit: rewards of one referrer in a period; None for no limit
    :param budget: points of all in a period; None for no limit
    :param hold_score: of what is suspicious, from which somebody has to look at it
    """

    advocate_points: int
    friend_points: int
    first_order_only: bool = True
    minimum: int = 0
    waiting_days: int = 0
    window_days: int = 90
    advocate_limit: int | None = None
    limit_period: str = "month"
    budget: int | None = None
    budget_period: str = "ever"
    hold_score: int = 40


@dataclass(frozen=True)
class Terms:
    """
    A version.

    :param rates: points per unit of money, wallet by wallet; tier and plan multiply those of the main wallet
    :param bonus: points of the first order, which nothing multiplies
    """

    rates: Mapping[str, Fraction] = field(default_factory=lambda: {MAIN: Fraction(1)})
    bonus: int = 0
    visit_points: int = 0
    extra: ExtraTerms | None = None
    wallets: Mapping[str, WalletTerms] = field(default_factory=lambda: {MAIN: WalletTerms()})
    ladder: Ladder = Ladder()
    plans: tuple[PlanTerms, ...] = ()
    rewards: tuple[RewardTerms, ...] = ()
    challenges: tuple[ChallengeTerms, ...] = ()
    badges: tuple[BadgeTerms, ...] = ()
    referrals: ReferralTerms | None = None

    def badge(self, code: str) -> BadgeTerms | None:
        return next((badge for badge in self.badges if badge.code == code), None)

    def plan(self, code: str) -> PlanTerms | None:
        return next((plan for plan in self.plans if plan.code == code), None)

    def reward(self, code: str) -> RewardTerms | None:
        return next((reward for reward in self.rewards if reward.code == code), None)


@dataclass(frozen=True)
class Version:
    """Terms that are in force from an instant on."""

    start: datetime
    terms: Terms


@dataclass(frozen=True)
class Calendar:
    """The days of a zone."""

    zone: ZoneInfo

    def day(self, instant: datetime) -> date:
        return _day(instant, self.zone)

    def midnight(self, day: date) -> datetime:
        return _midnight(day, self.zone)

    def midnights(self, after: datetime, until: datetime) -> list[datetime]:
        """Return the midnights after an instant, up to another one."""
        known = _midnights(self.zone)
        while known[-1] <= until:
            known.append(self.midnight(FIRST_DAY + timedelta(days=len(known))))
        return known[bisect_right(known, after) : bisect_right(known, until)]

    def starts_active(self, since: datetime, wallet: WalletTerms) -> datetime:
        """Return when points become active that were earned, or delivered, at an instant."""
        return self.midnight(self.day(since) + timedelta(days=wallet.pending_days)) if wallet.pending_days else since

    def ends(self, active_at: datetime, wallet: WalletTerms, extra_months: int = 0) -> datetime | None:
        """Return the midnight that ends the last day of points; with inactivity: if nothing more is done."""
        first = self.day(active_at)
        if wallet.expiry == "never":
            return None
        if wallet.expiry == "days":
            last = add_months(first + timedelta(days=wallet.count), extra_months)
        else:
            last = add_months(first, wallet.count + extra_months)
        if wallet.expiry == "end_of_month":
            last = month_end(last)
        if wallet.expiry == "end_of_year":
            last = month_end(add_months(date(add_months(first, wallet.count).year, 12, 1), extra_months))
        return self.midnight(last + timedelta(days=1))


FIRST_DAY = date(2020, 1, 1)  # before all pasts


@cache
def _midnights(zone: ZoneInfo) -> list[datetime]:
    """Return the midnights of a zone from the first day on, as many as have been asked for."""
    return [_midnight(FIRST_DAY, zone)]


# A past is lived again with each fact: its days are asked for thousands of times.
@cache
def _day(instant: datetime, zone: ZoneInfo) -> date:
    return instant.astimezone(zone).date()


@cache
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


@cache
def add_months(day: date, months: int) -> date:
    """Return the same day so many months later, or the last of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def month_end(day: date) -> date:
    return date(day.year, day.month, monthrange(day.year, day.month)[1])


def same_period(period: str, day: date, other: date) -> bool:
    """Tell whether two days lie in one day, week, month or year."""
    if period == "ever":
        return True
    if period == "week":
        return day.isocalendar()[:2] == other.isocalendar()[:2]
    size = {"day": 3, "month": 2, "year": 1}[period]
    return day.timetuple()[:size] == other.timetuple()[:size]


def anniversary(joined: date, year: int) -> date:
    return add_months(joined, 12 * (year - joined.year))


def window_start(ladder: Ladder, day: date, joined: date) -> date:
    """Return the first day that counts on a day."""
    if ladder.window == "lifetime":
        return date.min
    if ladder.window == "calendar_year":
        return date(day.year, 1, 1)
    if ladder.window == "membership_year":
        this = anniversary(joined, day.year)
        return this if this <= day else anniversary(joined, day.year - 1)
    # The days after the same day so many months before; after the last of a month where there is no such day.
    return add_months(day, -ladder.months) + timedelta(days=1)


def period_end(ladder: Ladder, entered: date, joined: date) -> date:
    """Return the first day after the period in which a tier was entered, or kept, on a day."""
    if ladder.window == "membership_year":
        this = anniversary(joined, entered.year)
        return this if this > entered else anniversary(joined, entered.year + 1)
    if ladder.window == "rolling":
        return add_months(entered, ladder.months)
    return date(entered.year + 1, 1, 1)

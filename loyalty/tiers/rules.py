"""Which tier a member has earned, over which days it counts, until when it is protected, and what is missing: pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Self
from uuid import UUID

from customers.core.calendar import add_months, clamped, day_after, day_before, end_of_month
from customers.core.values import dataclass
from loyalty.engine.arms import Divided, ForArms, Raised, holding, named_by
from loyalty.points.state import Day

NOTHING = Decimal(0)
FOREVER = date.min  # the first day of a window that never begins anew


@dataclass(frozen=True, slots=True)
class Counts:
    """What counts for a member within a window; `balance` is what it can spend now, or could if holds ended."""

    spend: Decimal = NOTHING
    points: int = 0
    orders: int = 0
    visits: int = 0
    balance: int = 0

    def of(self, basis: str) -> Decimal:
        """Return one of them: spend, points, orders, visits or balance."""
        return Decimal(getattr(self, basis))


@dataclass(frozen=True, slots=True)
class TierRule:
    """
    A tier of a version, as rules see it.

    :param key: its identity, which outlives the version's row and a renamed code
    :param threshold: of the scheme's basis
    :param further: other bases with what each asks for
    :param entry_gift: points given with each entry
    :param extra_months: by how much longer its members' points live
    :param reward_discount: by how many percent rewards are cheaper for its members
    :param arms: of an experiment, for which it holds; None for all
    """

    id: int
    key: UUID
    code: str
    threshold: Decimal
    multiplier: Decimal
    further: tuple[tuple[str, Decimal], ...] = ()
    entry_gift: int = 0
    extra_months: int = 0
    reward_discount: Decimal = Decimal(0)
    arms: ForArms | None = None


@dataclass(frozen=True, slots=True)
class TierScheme(Divided):
    """
    A version's tiers, lowest first. A tier is named by its key; None is no tier.

    :param basis: spend, points, orders, visits or balance: what the thresholds count
    :param wallet: whose points count, where points or the balance do
    :param window: rolling, calendar_year, membership_year or lifetime
    :param combination: whether a tier's further conditions must `all` be met too, or whether `any` of them is enough
    :param downgrade: never, at_once, grace or period_end
    :param grace_days: whole days after the one on which a member stopped qualifying
    :param grace_to_month_end: that the last of those days is rounded to its month's last
    :param soft_landing: that a downgrade is one tier at a time
    :param is_closed: that nobody rises, but to what is everybody's
    :param by_chance: the tiers that the member has by experiments, whatever it reached
    """

    basis: str = "spend"
    wallet: str = "points"
    window: str = "rolling"
    window_months: int = 12
    tiers: tuple[TierRule, ...] = ()
    combination: str = "all"
    downgrade: str = "at_once"
    grace_days: int = 0
    grace_to_month_end: bool = False
    soft_landing: bool = False
    is_closed: bool = False
    by_chance: tuple[Raised, ...] = ()
    ranks: Mapping[UUID, int] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ranks", {tier.key: place for place, tier in enumerate(self.tiers)})

    def named(self) -> frozenset[str]:
        return named_by(self.tiers)

    def for_arms(self, arms: frozenset[str]) -> Self:
        return replace(self, tiers=holding(self.tiers, arms))

    def withheld(self) -> Self:
        """
        Return the scheme in which a member keeps the tier that it has, which gives nothing, and rises no further.

        Points that it had live by their tier for as long as they did.
        """
        tiers = tuple(
            replace(tier, multiplier=Decimal(1), entry_gift=0, reward_discount=NOTHING) for tier in self.tiers
        )
        return replace(self, tiers=tiers, downgrade="never", is_closed=True, by_chance=())

    def raised(self, raised: Sequence[Raised]) -> Self:
        """Return the scheme in which a member has these tiers; one that this version does not have is left out."""
        return replace(self, by_chance=tuple(each for each in raised if self.rank(each.tier) >= 0))

    @property
    def highest_by_chance(self) -> int:
        """Return the place of the highest tier that the member has by an experiment; -1 for none."""
        return max((self.rank(each.tier) for each in self.by_chance), default=-1)

    def lacks_to_keep(self, tier: TierRule, counts: Counts) -> tuple[tuple[str, Decimal], ...]:
        """Return what is missing for a tier that a member has, as `missing`; nothing as long as an experiment gives it."""
        return () if self.highest_by_chance >= self.rank(tier.key) else self.missing(tier, counts)

    def raiser_of(self, key: UUID | None, counts: Counts) -> str:
        """Return the experiment by which a member has a tier that it did not reach; empty for none."""
        tier = self.tier(key)
        if tier is None or self.is_reached(tier, counts):
            return ""
        return next((each.by for each in self.by_chance if each.tier == key), "")

    def may_enter(self, tier: TierRule) -> bool:
        """Tell whether a member may rise to a tier."""
        return not self.is_closed or self.is_reached(tier, Counts())

    def tier(self, key: UUID | None) -> TierRule | None:
        """Return a tier by its key; None where this version does not have it."""
        rank = self.rank(key)
        return self.tiers[rank] if rank >= 0 else None

    def rank(self, key: UUID | None) -> int:
        """Return how high a tier is; no tier is -1, and so is one that this version does not have."""
        return self.ranks.get(key, -1) if key else -1

    def is_reached(self, tier: TierRule, counts: Counts) -> bool:
        """Tell whether what counts is enough for a tier."""
        main: bool = getattr(counts, self.basis) >= tier.threshold
        if not tier.further:
            return main
        others = [counts.of(basis) >= least for basis, least in tier.further]
        return main or any(others) if self.combination == "any" else main and all(others)

    def earned(self, counts: Counts) -> TierRule | None:
        """Return the highest tier that is reached, or had by chance; None for none."""
        by_chance = self.highest_by_chance
        for place in range(len(self.tiers) - 1, -1, -1):
            tier = self.tiers[place]
            if place == by_chance or (self.is_reached(tier, counts) and self.may_enter(tier)):
                return tier
        return None

    def is_earned(self, key: UUID | None, counts: Counts) -> bool:
        """Tell whether what counts is enough for a tier, or for a higher one; or whether chance gave one."""
        place = max(self.rank(key), 0)
        return self.highest_by_chance >= place or any(self.is_reached(tier, counts) for tier in self.tiers[place:])

    def next_above(self, key: UUID | None) -> TierRule | None:
        """Return the tier above the one that a member has."""
        place = self.rank(key) + 1
        return self.tiers[place] if place < len(self.tiers) else None

    def passed(self, key: UUID | None, up_to: TierRule) -> tuple[TierRule, ...]:
        """Return the tiers that somebody enters who goes up from one to another, lowest first."""
        return self.tiers[self.rank(key) + 1 : self.rank(up_to.key) + 1]

    def landing(self, current: TierRule, earned: TierRule | None) -> TierRule | None:
        """Return where a downgrade ends: at what was earned, or one tier lower."""
        if not self.soft_landing:
            return earned
        place = self.rank(current.key) - 1
        return self.tiers[place] if place > self.rank(earned.key if earned else None) else earned

    def missing(self, tier: TierRule, counts: Counts) -> tuple[tuple[str, Decimal], ...]:
        """Return what is missing for a tier, basis by basis; of `any`, each is enough. Nothing where it is reached."""
        if self.is_reached(tier, counts):
            return ()
        asked = ((self.basis, tier.threshold), *tier.further)
        return tuple((basis, least - counts.of(basis)) for basis, least in asked if counts.of(basis) < least)

    def percent_of(self, tier: TierRule, counts: Counts) -> int:
        """Return how much of the way to a tier is done, in whole percent: 100 where it is reached, and nowhere else."""
        if self.is_reached(tier, counts):
            return 100
        asked = ((self.basis, tier.threshold), *tier.further)
        missing = [(counts.of(basis), least) for basis, least in asked if counts.of(basis) < least]
        shares = [100 * max(has, NOTHING) / least if least else NOTHING for has, least in missing]
        # Of all that is asked for, what is missing most is what counts; of any of it, what is missing least.
        return min(int(max(shares) if self.combination == "any" else min(shares)), 99)

    def times(self, times: int) -> "TierScheme":
        """Return it with tiers that ask for so many times as much."""
        if times == 1:
            return self
        tiers = tuple(
            replace(
                tier,
                threshold=tier.threshold * times,
                further=tuple((basis, least * times) for basis, least in tier.further),
            )
            for tier in self.tiers
        )
        return replace(self, tiers=tiers)

    @property
    def counts_balance(self) -> bool:
        """Tell whether spending or expiry can change a tier."""
        return self.basis == "balance" or any(basis == "balance" for tier in self.tiers for basis, _ in tier.further)


def window_start(scheme: TierScheme, day: date, joined: date) -> date:
    """
    Return the first day that counts on a day.

    A rolling window of twelve months on 15 March counts from 16 March of the year before. A year of membership begins
    on the day on which the member joined; that of 29 February begins on the 28th in most years.
    """
    match scheme.window:
        case "calendar_year":
            return day.replace(month=1, day=1)
        case "membership_year":
            return _anniversary(joined, day)
        case "lifetime":
            return FOREVER
    return add_months(day, -scheme.window_months) + timedelta(days=1)


def window_leaves(scheme: TierScheme, day: date, joined: date) -> date | None:
    """Return the first day on whose window a day does not count any more; None where it counts for ever."""
    match scheme.window:
        case "calendar_year":
            return date(day.year + 1, 1, 1)
        case "membership_year":
            return clamped(_anniversary(joined, day).year + 1, joined.month, joined.day)
        case "lifetime":
            return None
    same = add_months(day, scheme.window_months)
    return same if add_months(same, -scheme.window_months) >= day else same + timedelta(days=1)


class DaySums:
    """What counts for a member on any day: sums over its days, found without adding them up each time."""

    def __init__(self, main: Sequence[Day], wallet: Sequence[Day], *, joined: date, balance: int = 0) -> None:
        """
        Add up a member's days.

        :param main: the days of the wallet with which spending, orders and visits stand, by date
        :param wallet: the days of the wallet whose points count, by date
        :param joined: the day on which the member joined
        """
        self.joined, self.balance = joined, max(balance, 0)
        self.days = [day.on for day in main]
        self.spend = [NOTHING, *accumulate(day.spend for day in main)]
        self.orders = [0, *accumulate(day.orders for day in main)]
        self.visits = [0, *accumulate(day.visits for day in main)]
        self.wallet_days = self.days if wallet is main else [day.on for day in wallet]
        self.points = [0, *accumulate(day.points for day in wallet)]

    def on(self, scheme: TierScheme, day: date) -> Counts:
        """Return what counts on a day."""
        return self._sum(scheme, day, day)

    def at_midnight(self, scheme: TierScheme, day: date) -> Counts:
        """Return what counts as a day begins."""
        return self._sum(scheme, day, day_before(day))

    def _sum(self, scheme: TierScheme, day: date, last: date) -> Counts:
        first = window_start(scheme, day, self.joined)
        begin = bisect_left(self.days, first)
        end = max(begin, bisect_right(self.days, last))
        if self.wallet_days is self.days:
            from_, to = begin, end
        else:
            from_ = bisect_left(self.wallet_days, first)
            to = max(from_, bisect_right(self.wallet_days, last))
        return Counts(
            self.spend[end] - self.spend[begin],
            self.points[to] - self.points[from_],
            self.orders[end] - self.orders[begin],
            self.visits[end] - self.visits[begin],
            self.balance,
        )


def counts_on(  # noqa: PLR0913 - all that can count
    scheme: TierScheme, main: Sequence[Day], wallet: Sequence[Day], *, on: date, joined: date, balance: int = 0
) -> Counts:
    """Return what counts towards tiers on one day; see `DaySums`."""
    first = window_start(scheme, on, joined)
    spend, points, orders, visits = NOTHING, 0, 0, 0
    for day in main:
        if first <= day.on <= on:
            spend += day.spend
            orders += day.orders
            visits += day.visits
            points += day.points
    if wallet is not main:
        points = sum(day.points for day in wallet if first <= day.on <= on)
    return Counts(spend, points, orders, visits, max(balance, 0))


@dataclass(frozen=True, slots=True)
class Standing:
    """
    Where a member stands.

    :param key: of its tier; None for none
    :param protected_until: the first day on which it may lose the tier: the end of a period or of a grace
    """

    key: UUID | None = None
    protected_until: date | None = None


def period_end(scheme: TierScheme, entered: date, joined: date) -> date:
    """Return the first day on which a tier may be lost that was entered, or kept, on a day: where periods end."""
    if scheme.window == "membership_year":
        begun = _anniversary(joined, entered)
        return clamped(begun.year + 1, joined.month, joined.day)
    if scheme.window == "rolling":
        return add_months(entered, scheme.window_months)
    return date(entered.year + 1, 1, 1)


def grace_end(scheme: TierScheme, stopped: date) -> date:
    """
    Return the first day after the grace of a member that stopped qualifying on a day.

    The days count from the one after it; the tier is kept through the last second of the last of them.
    """
    last = stopped + timedelta(days=scheme.grace_days)
    return day_after(end_of_month(last) if scheme.grace_to_month_end else last)


def entered(scheme: TierScheme, tier: TierRule | None, on: date, joined: date) -> Standing:
    """Return the standing of who enters a tier on a day; what is everybody's cannot be lost."""
    if tier is None:
        return Standing()
    if scheme.downgrade != "period_end" or scheme.is_reached(tier, Counts()):
        return Standing(tier.key)
    return Standing(tier.key, period_end(scheme, on, joined))


def rise(standing: Standing, scheme: TierScheme, counts: Counts, on: date, joined: date) -> Standing:
    """
    Return the standing after something that counts: up at once, and a grace ends that is no longer needed.

    A grace begins on the very day on which a member stops qualifying; down is a matter of the night.
    """
    earned = scheme.earned(counts)
    if earned is not None and scheme.rank(earned.key) > scheme.rank(standing.key):
        return entered(scheme, earned, on, joined)
    current = scheme.tier(standing.key)
    if current is None:
        return standing
    qualifies = earned is not None and scheme.rank(earned.key) >= scheme.rank(current.key)
    if scheme.downgrade == "grace":
        until = None if qualifies else standing.protected_until or grace_end(scheme, on)
    elif scheme.downgrade == "period_end":
        until = standing.protected_until or entered(scheme, current, on, joined).protected_until
    else:
        until = None
    return standing if until == standing.protected_until else Standing(standing.key, until)


def fall(standing: Standing, scheme: TierScheme, counts: Counts, on: date, joined: date) -> Standing:
    """Return the standing after a midnight: up, or down where the program lets members down in any night."""
    earned = scheme.earned(counts)
    current = scheme.tier(standing.key)
    if current is None or (earned is not None and scheme.rank(earned.key) >= scheme.rank(current.key)):
        return rise(standing, scheme, counts, on, joined)
    if scheme.downgrade == "at_once":
        return entered(scheme, scheme.landing(current, earned), on, joined)
    if scheme.downgrade == "grace" and standing.protected_until is not None and standing.protected_until <= on:
        landing = scheme.landing(current, earned)
        landed = entered(scheme, landing, on, joined)
        if scheme.rank(landed.key) > scheme.rank(earned.key if earned else None):
            return replace(landed, protected_until=grace_end(scheme, on))  # landed softly, it has a grace there too
        return landed
    return rise(standing, scheme, counts, on, joined)


def end_period(standing: Standing, scheme: TierScheme, counted: DaySums, on: date) -> Standing:
    """Return the standing when a period is over: kept for another one, or down, by what counted on its last day."""
    current = scheme.tier(standing.key)
    if scheme.downgrade != "period_end" or current is None:
        return standing
    if standing.protected_until is None or standing.protected_until > on:
        return standing
    counts = counted.on(scheme, day_before(on))
    earned = scheme.earned(counts)
    if earned is not None and scheme.rank(earned.key) >= scheme.rank(current.key):
        return Standing(standing.key, period_end(scheme, on, counted.joined))
    return entered(scheme, scheme.landing(current, earned), on, counted.joined)


def start(  # noqa: PLR0913 - from which scheme to which, on what counts
    standing: Standing, before: TierScheme | None, scheme: TierScheme, counts: Counts, on: date, joined: date
) -> Standing:
    """
    Return the standing when a version comes into force: everyone is assessed once, up and down.

    Who has a tier that the version does not have any more goes to the one that it has earned.
    """
    if standing.key is not None and scheme.tier(standing.key) is None:
        return entered(scheme, scheme.earned(counts), on, joined)
    if before is not None and before.downgrade != scheme.downgrade:
        standing = Standing(standing.key)  # a period says nothing of a grace, nor a grace of a period
    return fall(standing, scheme, counts, on, joined)


def next_change(standing: Standing, scheme: TierScheme, counted: DaySums, on: date) -> date | None:
    """Return the next day whose midnight changes a standing if nothing happens; None for never."""
    current = scheme.tier(standing.key)
    counts = counted.on(scheme, on)
    if scheme.counts_balance:  # spending, staff and time change it without a look at tiers: the next night looks
        earned = scheme.earned(counts)
        if earned is not None and scheme.rank(earned.key) > scheme.rank(standing.key):
            return day_after(on)
    if current is None or scheme.downgrade == "never":
        return None
    if standing.protected_until is not None:
        return max(standing.protected_until, day_after(on))
    if scheme.downgrade == "period_end" or scheme.is_earned(current.key, Counts()):  # what is everybody's nobody loses
        return None
    if not scheme.is_earned(current.key, counts):
        return day_after(on)
    later = _days_of_leaving(scheme, counted, on)
    return next((day for day in later if not scheme.is_earned(current.key, counted.at_midnight(scheme, day))), None)


def _days_of_leaving(scheme: TierScheme, counted: DaySums, on: date) -> Iterator[date]:
    """Yield the days after one on which something that counts on it does not count any more, the first first."""
    days = counted.days if counted.wallet_days is counted.days else sorted({*counted.days, *counted.wallet_days})
    latest = on
    for day in days[bisect_left(days, window_start(scheme, on, counted.joined)) :]:
        leaves = window_leaves(scheme, day, counted.joined)
        if leaves is not None and leaves > latest:
            yield (latest := leaves)


def _anniversary(joined: date, day: date) -> date:
    """Return the latest anniversary of joining that is not after a day."""
    this_year = clamped(day.year, joined.month, joined.day)
    return this_year if this_year <= day else clamped(day.year - 1, joined.month, joined.day)

"""What a version offers for points: prices, who may have what, and until when it is good. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.calendar import day_after, local_date, midnight
from customers.core.values import dataclass
from loyalty.engine.arms import Divided, ForArms, holding, named_by
from loyalty.points.limits import period_start

NOTHING = Decimal(0)
PERCENT = Decimal(100)


class Kind(StrEnum):
    """What a reward is."""

    AMOUNT_OFF = "amount_off"
    PERCENT_OFF = "percent_off"
    PRODUCT = "product"
    VOUCHER = "voucher"
    EXPERIENCE = "experience"
    DONATION = "donation"
    PAY_WITH_POINTS = "pay_with_points"


OF_ANY_POINTS = frozenset({Kind.DONATION, Kind.PAY_WITH_POINTS})
SENT = frozenset({Kind.PRODUCT, Kind.EXPERIENCE})


@dataclass(frozen=True, slots=True)
class RewardRule:
    """
    One reward of a catalogue.

    :param points: its list price or, of donations and of paying with points, the fewest at once
    :param amount: that it takes off, in the program's currency; None where it takes none off
    :param points_per_unit: how many points are one of the currency
    :param cost: what one costs the retailer
    :param stock: how many there are in all; None for no limit
    :param member_limit: the most that a member has within its period; None for no limit
    :param tiers: whose members alone may have it; empty for everybody's
    :param granted_only: that it stands in no catalogue, and is given by offers
    :param arms: of an experiment, for which it holds; None for all
    """

    id: int
    key: UUID
    code: str
    kind: Kind
    wallet: str
    points: int
    amount: Decimal | None = None
    points_per_unit: int | None = None
    match_percent: int = 0
    match_budget: Decimal = NOTHING
    cost: Decimal | None = None
    has_codes: bool = False
    from_pool: bool = False
    stock: int | None = None
    member_limit: int | None = None
    member_period: str = "ever"
    tiers: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    first_day: date | None = None
    last_day: date | None = None
    valid_days: int | None = None
    valid_until: date | None = None
    gives_back_on_expiry: bool = False
    gives_back_on_withdrawal: bool = False
    may_cancel: bool = False
    granted_only: bool = False
    arms: ForArms | None = None

    @property
    def is_counted(self) -> bool:
        """Tell whether members take it from something that ends, so that one row is locked for all."""
        return self.stock is not None or self.from_pool or self.match_percent > 0

    @property
    def is_own_alone(self) -> bool:
        """Tell whether a household may not lend for it: its points may come back when nobody is there to ask."""
        return self.gives_back_on_expiry or self.gives_back_on_withdrawal

    @property
    def reserves(self) -> Decimal | None:
        """Return the most that one costs the retailer; None where only an offer can say it."""
        return self.amount if self.cost is None else self.cost

    def ends_at(self, redeemed_at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the midnight with which a reward ends that is redeemed at an instant; None for never."""
        ends = []
        if self.valid_days is not None:
            ends.append(local_date(redeemed_at, zone) + timedelta(days=self.valid_days))
        if self.valid_until is not None:
            ends.append(self.valid_until)
        return midnight(day_after(min(ends)), zone) if ends else None

    def counts_from(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """Return since when a member's redemptions count against its limit; None for ever."""
        if self.member_period == "ever":
            return None
        return midnight(period_start(self.member_period, local_date(at, zone)), zone)


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Another price of a reward; empty audiences are everybody's."""

    code: str
    wallet: str
    points: int
    tier: str = ""
    plan: str = ""
    segment: str = ""
    arms: ForArms | None = None

    @property
    def is_for_all(self) -> bool:
        return not (self.tier or self.plan or self.segment)


@dataclass(frozen=True, slots=True)
class Buyer:
    """
    Who may buy, as prices and conditions look at it.

    :param tier: the code of its tier; empty for none
    :param discount_percent: by which its tier makes rewards cheaper
    :param plans: the codes of the plans that it has
    :param segments: to which it belongs, where it agreed to a profile
    """

    tier: str = ""
    discount_percent: Decimal = NOTHING
    plans: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()


class Price(NamedTuple):
    """What a reward costs a member in one wallet, and by which rule."""

    wallet: str
    points: int
    rule: str


@dataclass(frozen=True, slots=True)
class Catalogue(Divided):
    """The rewards of a version, in their places, and their other prices by the reward's code."""

    rewards: tuple[RewardRule, ...] = ()
    prices: Mapping[str, tuple[PriceRule, ...]] = field(default_factory=dict)
    by_code: Mapping[str, RewardRule] = field(default_factory=dict)
    by_key: Mapping[UUID, RewardRule] = field(default_factory=dict)

    @classmethod
    def of(cls, rewards: Iterable[RewardRule], prices: Mapping[str, tuple[PriceRule, ...]]) -> "Catalogue":
        """Return a catalogue of rewards."""
        found = tuple(rewards)
        return cls(found, prices, {each.code: each for each in found}, {each.key: each for each in found})

    def named(self) -> frozenset[str]:
        return named_by(self.rewards) | named_by(price for prices in self.prices.values() for price in prices)

    def for_arms(self, arms: frozenset[str]) -> "Catalogue":
        prices = {code: holding(some, arms) for code, some in self.prices.items()}
        return Catalogue.of(holding(self.rewards, arms), prices)

    def withheld(self) -> "Catalogue":
        """Return the catalogue at the prices that are everybody's."""
        prices = {code: tuple(price for price in some if price.is_for_all) for code, some in self.prices.items()}
        return Catalogue.of(self.rewards, prices)

    def prices_of(self, reward: RewardRule, buyer: Buyer) -> dict[str, Price]:
        """Return what a reward costs somebody, by wallet: in each the least that it may pay, the list's wallet first."""
        found = {reward.wallet: Price(reward.wallet, reward.points, "list")}
        if reward.kind in OF_ANY_POINTS:
            return found
        if buyer.discount_percent:
            less = _discounted(reward.points, buyer.discount_percent)
            if less < reward.points:
                found[reward.wallet] = Price(reward.wallet, less, f"tier:{buyer.tier}")
        for rule in self.prices.get(reward.code, ()):
            if _is_for(rule, buyer) and (rule.wallet not in found or rule.points < found[rule.wallet].points):
                found[rule.wallet] = Price(rule.wallet, rule.points, f"price:{rule.code}")
        return found


def _discounted(points: int, percent: Decimal) -> int:
    """
    Return a price less a percentage, down to whole points: what remains of a point is the member's.

    Nothing becomes free by that: what costs something costs a point at least, unless all is off.
    """
    less = int((points * (PERCENT - percent) / PERCENT).to_integral_value(ROUND_DOWN))
    return less if percent >= PERCENT else max(less, min(points, 1))


def _is_for(rule: PriceRule, buyer: Buyer) -> bool:
    return (
        (not rule.tier or rule.tier == buyer.tier)
        and (not rule.plan or rule.plan in buyer.plans)
        and (not rule.segment or rule.segment in buyer.segments)
    )


def out_of_time(reward: RewardRule, on: date) -> str:
    """Return why nobody may have a reward on a day, as a code; empty where somebody may."""
    if reward.first_day is not None and on < reward.first_day:
        return "not_yet"
    if any(last is not None and on > last for last in (reward.last_day, reward.valid_until)):
        return "no_longer"
    return ""


def refusal(reward: RewardRule, buyer: Buyer, on: date) -> str:
    """Return why somebody may not have a reward on a day, as a code; empty where it may."""
    if reward.granted_only:
        return "granted_only"
    if reason := out_of_time(reward, on):
        return reason
    asked = (
        ("other_tier", reward.tiers, frozenset({buyer.tier})),
        ("other_plan", reward.plans, buyer.plans),
        ("other_segment", reward.segments, buyer.segments),
    )
    return next((reason for reason, some, has in asked if some and not has.intersection(some)), "")


def worth_of(reward: RewardRule, points: int, unit: Decimal) -> Decimal | None:
    """
    Return the amount that a reward takes off or gives for so many points; None where it is of none.

    :param unit: the smallest amount of the currency: what is less stays with the retailer
    """
    if reward.kind in OF_ANY_POINTS and reward.points_per_unit:
        return (Decimal(points) / reward.points_per_unit).quantize(unit, ROUND_DOWN)
    return reward.amount


def least_points(reward: RewardRule, unit: Decimal) -> int:
    """
    Return the fewest points of a donation or of paying with points that are worth something.

    :param unit: the smallest amount of the currency
    """
    return int((unit * (reward.points_per_unit or 0)).to_integral_value(ROUND_UP))


def matched(reward: RewardRule, amount: Decimal, used: Decimal, unit: Decimal) -> Decimal:
    """
    Return what the retailer adds to a donation, as far as its budget has it.

    :param used: of the budget so far
    """
    asked = (amount * reward.match_percent / PERCENT).quantize(unit, ROUND_DOWN)
    return max(min(asked, reward.match_budget - used), NOTHING)


def rank_for(
    segments: frozenset[str], reward: RewardRule, *, is_redeemable: bool, missing: int
) -> tuple[int, int, int]:
    """
    Return by what a catalogue is ordered for somebody: the least first, its own place last.

    What is meant for the customer's segment comes first, then what it can have now. Of that who may not come back sees
    what costs least, a good customer what is worth most; of the rest, what is nearest.

    :param segments: the customer's
    :param missing: points that it lacks for it
    """
    is_meant = bool(reward.segments) and not segments.isdisjoint(reward.segments)
    if not is_redeemable:
        return (0 if is_meant else 1), 1, missing
    is_weak = "at_risk" in segments or "low_value" in segments
    return (0 if is_meant else 1), 0, reward.points if is_weak else -reward.points

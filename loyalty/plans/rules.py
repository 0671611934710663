"""
What a period of a plan costs, and how its fee is divided over its days. Pure.

A fee is for the days from one on until another; whenever it is cut at a day, both parts add up to it exactly, in the
decimals of its currency.
"""

from dataclasses import replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Self
from uuid import UUID

from customers.core.calendar import add_months
from customers.core.values import dataclass
from loyalty.engine.arms import Divided, ForArms, holding, named_by

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class PlanRule:
    """
    A plan as a version offers it.

    :param key: its identity from version to version
    :param rank: its place, from the smallest
    :param price: of a period, in the currency of the offer
    :param months: of a period: 1 or 12
    :param grace_days: from the day on which a period begins, for which its benefits go on unpaid
    :param retry_days: after which a payment that failed is tried again
    :param multiplier: of earned points, on top of the tier's
    :param arms: of an experiment, to which it is offered; None for all
    """

    id: int
    key: UUID
    code: str
    rank: int
    price: Decimal
    months: int = 1
    trial_days: int = 0
    grace_days: int = 7
    retry_days: int = 2
    multiplier: Decimal = Decimal(1)
    arms: ForArms | None = None


@dataclass(frozen=True, slots=True)
class PlanOffer(Divided):
    """
    The plans that a version offers, from the smallest to the largest, and in which currency.

    :param unit: the currency's smallest amount: 0.01 for EUR, 1 for JPY, 0.001 for KWD
    """

    currency: str = ""
    unit: Decimal = Decimal("0.01")
    plans: tuple[PlanRule, ...] = ()

    def named(self) -> frozenset[str]:
        return named_by(self.plans)

    def for_arms(self, arms: frozenset[str]) -> Self:
        return replace(self, plans=holding(self.plans, arms))

    def withheld(self) -> Self:
        """Return the plans without what they add to what is earned; who has one keeps it."""
        return replace(self, plans=tuple(replace(plan, multiplier=Decimal(1)) for plan in self.plans))

    def plan(self, key: UUID | None) -> PlanRule | None:
        return next((each for each in self.plans if each.key == key), None)

    def coded(self, code: str) -> PlanRule | None:
        return next((each for each in self.plans if each.code == code), None)


@dataclass(frozen=True, slots=True)
class Days:
    """The days from the first one until the day before `end`."""

    first: date
    end: date

    def __len__(self) -> int:
        return (self.end - self.first).days

    def until(self, day: date) -> int:
        """Return how many of them lie before a day."""
        return min(max((day - self.first).days, 0), len(self))


@dataclass(frozen=True, slots=True)
class Parts:
    """A fee divided at a day: what was used until then, and what is left."""

    used: Decimal
    left: Decimal


def split(fee: Decimal, days: Days, on: date, unit: Decimal) -> Parts:
    """
    Divide a fee by days: the part of those before a day is rounded half up, the rest is what remains.

    :param fee: for all of the days, in whole units of the currency
    :param unit: the currency's smallest amount
    """
    used = (fee * days.until(on) / len(days)).quantize(unit, ROUND_HALF_UP)
    return Parts(used, fee - used)


def part_of(price: Decimal, period: Days, on: date, unit: Decimal) -> Decimal:
    """Return what the days of a period from one on cost: what is left of its price."""
    return split(price, period, on, unit).left


def next_end(anchor: date, first: date, months: int) -> date:
    """
    Return the first day after a period: the anchor's day of the month, clamped, so that no period drifts.

    :param anchor: from which periods are counted: a 31st ends on 28 February, and the next one on 31 March
    :param first: the period's first day, as counted from the anchor
    """
    passed = (first.year - anchor.year) * 12 + first.month - anchor.month
    return add_months(anchor, passed + months)


@dataclass(frozen=True, slots=True)
class FeeLine:
    """A fee for days of a plan, or, negative, the credit for days that are used no more."""

    plan_id: int
    days: Days
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """
    What a change of plan comes to on a day.

    :param days: that the new plan is charged for: the rest of the period, or a whole one where the length changes
    :param credit: what is left of what was charged for the rest of the period
    :param charge: what the new plan costs for its days
    """

    days: Days
    anchor: date
    credit: Decimal
    charge: Decimal

    @property
    def total(self) -> Decimal:
        """Return what is to be paid or, negative, what is credited."""
        return self.charge - self.credit


@dataclass(frozen=True, slots=True)
class Held:
    """
    What a member has paid for: a plan's period, and the fee for its days from the last change on.

    :param since: the first day of which `fee` is the fee; through the period's end
    """

    rule: PlanRule
    anchor: date
    period: Days
    since: date
    fee: Decimal

    @property
    def rest(self) -> Days:
        return Days(self.since, self.period.end)


def quote_change(held: Held, new: PlanRule, on: date, unit: Decimal) -> Quote:
    """Return what the change to another plan comes to on a day of the period, which is the new plan's first one."""
    credit = split(held.fee, held.rest, on, unit).left
    if new.months == held.rule.months:
        return Quote(Days(on, held.period.end), held.anchor, credit, part_of(new.price, held.period, on, unit))
    return Quote(Days(on, next_end(on, on, new.months)), on, credit, new.price)

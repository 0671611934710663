"""What each channel's customers cost and bring, from counts by channel and month. Pure: neither Django nor a database."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from analytics.clv.payback import Payback, acquisition_cost, highest_cost, payback
from analytics.clv.statements import Figure
from analytics.clv.tuples import Floats

PERIODS = 12  # months within which an acquisition is to pay


@dataclass(frozen=True)
class Spent:
    """Money that went into a channel in a month."""

    channel: str
    month: date
    amount: float


@dataclass(frozen=True)
class Cohort:
    """
    The customers whose first purchase was in a month, of one channel.

    :param channel: empty where it is not known
    :param margin: of all of them together by month after that of their first purchase, whole months only
    """

    channel: str
    month: date
    customers: int
    margin: tuple[float, ...]


@dataclass(frozen=True)
class Month:
    """What a channel cost and won in a month."""

    month: date
    spent: float
    customers: int
    cost: Figure


@dataclass(frozen=True)
class Channel:
    """
    A channel over all months.

    :param cost: of one customer; NaN where nobody came
    :param margin: of one customer by month, the one of its first purchase first
    :param highest: what a customer may cost to be paid back within 12 months
    """

    name: str
    spent: float
    customers: int
    cost: Figure
    margin: Floats
    payback: Payback
    highest: Figure
    months: tuple[Month, ...]
    cohorts: tuple[Cohort, ...]

    @property
    def cumulated(self) -> Floats:
        """Return the margin of one customer until the end of each month."""
        return np.cumsum(self.margin)


def channels(spent: Iterable[Spent], cohorts: Iterable[Cohort]) -> list[Channel]:
    """Return all channels that cost or won something, those that won most first."""
    money: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for each in spent:
        money[each.channel][each.month] += each.amount
    won: dict[str, list[Cohort]] = defaultdict(list)
    for cohort in cohorts:
        won[cohort.channel].append(cohort)
    found = [_channel(name, money[name], won[name]) for name in sorted(money.keys() | won.keys())]
    return sorted(found, key=lambda channel: (-channel.customers, channel.name))


def unattributed(found: Iterable[Channel]) -> float:
    """Return what was spent on channels through which nobody came: it is in no customer's cost."""
    return sum(channel.spent for channel in found if not channel.customers)


@dataclass(frozen=True)
class Together:
    """
    What a new customer cost over all channels.

    :param paid: spent, by the customers of channels that cost something
    :param organic: customers of channels on which nothing was spent: they came by themselves, as far as is known
    :param everybody: spent, by all new customers
    :param payback: of what it cost by the customers of channels that cost something, all of them together
    """

    paid: Figure
    organic: int
    everybody: Figure
    payback: Payback


def together(found: Iterable[Channel]) -> Together:
    """Return what a new customer cost, without those who came by themselves, and with them; unattributed costs are in neither."""
    won = [channel for channel in found if channel.customers]
    costly = [channel for channel in won if channel.spent]
    spent = sum(channel.spent for channel in costly)
    paid = sum(channel.customers for channel in costly)
    organic = sum(channel.customers for channel in won if not channel.spent)
    cost = _cost(spent, paid)
    back = _payback(cost, mean_margin(cohort for channel in costly for cohort in channel.cohorts))
    return Together(cost, organic, _cost(spent, paid + organic), back)


def _channel(name: str, money: dict[date, float], cohorts: list[Cohort]) -> Channel:
    new = {cohort.month: cohort.customers for cohort in cohorts}
    spent, customers = sum(money.values()), sum(new.values())
    cost = acquisition_cost(spent=spent, customers=customers)
    margin = mean_margin(cohorts)
    months = tuple(
        Month(month, money.get(month, 0.0), new.get(month, 0), _cost(money.get(month, 0.0), new.get(month, 0)))
        for month in sorted(money.keys() | new.keys())
    )
    highest = highest_cost(margin_per_period=margin, periods=PERIODS)
    return Channel(name, spent, customers, cost, margin, _payback(cost, margin), highest, months, tuple(cohorts))


def _payback(cost: Figure, margin: Floats) -> Payback:
    return payback(cost=cost.value, margin_per_period=margin if len(margin) else np.zeros(1))


def _cost(spent: float, customers: int) -> Figure:
    return acquisition_cost(spent=spent, customers=customers)


def mean_margin(cohorts: Iterable[Cohort]) -> Floats:
    """
    Return the margin of one customer by month after its first purchase, of those of whom the month is over.

    A later month rests on earlier cohorts only: younger ones have not lived it yet.
    """
    some = list(cohorts)
    longest = max((len(cohort.margin) for cohort in some), default=0)
    seen = [[cohort for cohort in some if len(cohort.margin) > age] for age in range(longest)]
    sums = [sum(cohort.margin[age] for cohort in lived) for age, lived in enumerate(seen)]
    counts = [sum(cohort.customers for cohort in lived) for lived in seen]
    return np.array([total / count for total, count in zip(sums, counts, strict=True)], dtype=np.float64)

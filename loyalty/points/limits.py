"""How much a member may earn, and a program may give: pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.calendar import local_date
from customers.core.values import dataclass
from loyalty.points.rules import Earned, Terms, total_of


@dataclass(frozen=True, slots=True)
class Limits:
    """
    A wallet's limits under a version; None for none.

    :param transaction: an order worth more is rejected whole
    :param in_period: what a member earns beyond, within a day, week, month or year of the program's zone, is cut
    :param budget: what all members together may be given in its own period; what is beyond is cut
    :param budget_period: day, week, month, year or ever
    """

    transaction: int | None = None
    in_period: int | None = None
    period: str = "month"
    budget: int | None = None
    budget_period: str = "ever"


@dataclass(frozen=True, slots=True)
class Room:
    """What is left of the limits; None where there is none."""

    period: int | None = None
    budget: int | None = None

    @property
    def points(self) -> int | None:
        """Return what both leave."""
        left = [room for room in (self.period, self.budget) if room is not None]
        return min(left) if left else None


@dataclass(frozen=True, slots=True)
class Limited:
    """
    What the limits leave of some points.

    :param earned: by rule, the last rules cut first
    :param cut: points that were not given
    :param reason: over_transaction_limit, over_period_limit, over_budget, or empty
    :param allowance: what there was room for, None without a limit; a return is decided with it again
    """

    earned: tuple[Earned, ...]
    cut: int = 0
    reason: str = ""
    allowance: int | None = None


BEGINNING = date(1970, 1, 1)
MAX_POINTS = 10**15  # of one order, whatever its rules say: a ledger holds nine thousand such


def period_start(period: str, day: date) -> date:
    """Return the first day of a day's period."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    if period == "ever":
        return BEGINNING
    return day.replace(month=1, day=1) if period == "year" else day


def room_of(limits: Limits, *, earned: int, budget_left: int | None) -> Room:
    """
    Return what is left, after what was earned in the period net of returns.

    :param budget_left: what the program's budget has left
    """
    left = None if limits.in_period is None else max(limits.in_period - earned, 0)
    return Room(left, None if budget_left is None else max(budget_left, 0))


def limit(earned: Sequence[Earned], limits: Limits, room: Room) -> Limited:
    """Reject what is over the transaction's limit, then cut what is over the period's and the budget's."""
    total, left = total_of(earned), room.points
    if total > (MAX_POINTS if limits.transaction is None else min(limits.transaction, MAX_POINTS)):
        return Limited((), total, "over_transaction_limit", left)
    if left is None or total <= left:
        return Limited(tuple(earned), allowance=left)
    reason = "over_budget" if room.budget is not None and left == room.budget else "over_period_limit"
    return Limited(first_points(earned, left), total - left, reason, left)


@dataclass(frozen=True, slots=True)
class Rewarded:
    """
    An interaction that was rewarded.

    :param sku: of the product that it was about; empty for none
    """

    interaction_id: UUID
    kind: str
    sku: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """
    An interaction that asks for a reward.

    :param bought_at: when its product was bought last, and not returned by then; None for never
    :param is_gone: that the last of its product was returned since
    """

    kind: str
    sku: str
    at: datetime
    bought_at: datetime | None
    zone: ZoneInfo
    is_gone: bool = False


def refusal_of(terms: Terms, asked: Asked, rewarded: Sequence[Rewarded]) -> str:
    """Return why a rule does not reward an interaction, as a code; empty where it does."""
    if terms.bought_within_days is not None and not is_bought(terms.bought_within_days, asked):
        return "product_not_bought"
    if terms.takes_back and asked.is_gone:  # what it gave would have been taken back by now
        return "product_not_bought"
    same = [each for each in rewarded if each.kind == asked.kind]
    if terms.once_per_product and any(each.sku == asked.sku for each in same):
        return "rewarded_for_product"
    on = local_date(asked.at, asked.zone)
    days = [local_date(each.at, asked.zone) for each in same]
    if terms.day_limit is not None and days.count(on) >= terms.day_limit:
        return "over_day_limit"
    in_month = sum(day.replace(day=1) == on.replace(day=1) for day in days)
    if terms.month_limit is not None and in_month >= terms.month_limit:
        return "over_month_limit"
    return ""


def is_bought(within_days: int, asked: Asked) -> bool:
    """Tell whether the product of an interaction was bought so many days before it at most, and not returned by then."""
    if not asked.sku or asked.bought_at is None:
        return False
    return local_date(asked.bought_at, asked.zone) >= local_date(asked.at, asked.zone) - timedelta(days=within_days)


def first_points(earned: Sequence[Earned], points: int) -> tuple[Earned, ...]:
    """Return the first so many of some points."""
    kept: list[Earned] = []
    for part in earned:
        some = min(part.points, points)
        points -= some
        if some:
            kept.append(replace(part, points=some))
    return tuple(kept)

"""How much a member may earn: pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from loyalty.points.rules import Earned, total_of


@dataclass(frozen=True, slots=True)
class Limits:
    """
    A version's limits; None for none.

    :param transaction: an order worth more is rejected whole
    :param in_period: what is beyond, within a day, week, month or year of the program's zone, is cut
    """

    transaction: int | None = None
    in_period: int | None = None
    period: str = "month"


@dataclass(frozen=True, slots=True)
class Limited:
    """
    What the limits leave of an order's points.

    :param earned: by rule, the last rules cut first
    :param cut: points that were not given
    :param reason: over_transaction_limit, over_period_limit, or empty
    :param allowance: what the period had room for, None without a limit; a return is decided with it again
    """

    earned: tuple[Earned, ...]
    cut: int = 0
    reason: str = ""
    allowance: int | None = None


def period_start(period: str, day: date) -> date:
    """Return the first day of a day's period."""
    if period == "week":
        return day - timedelta(days=day.weekday())
    if period == "month":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if period == "year" else day


def allowance(limits: Limits, used: int) -> int | None:
    """Return what a period has room for, after what was earned in it net of returns."""
    return None if limits.in_period is None else max(limits.in_period - used, 0)


def limit(earned: Sequence[Earned], limits: Limits, room: int | None) -> Limited:
    """Reject what is over the transaction's limit, then cut what is over the period's."""
    total = total_of(earned)
    if limits.transaction is not None and total > limits.transaction:
        return Limited((), total, "over_transaction_limit", room)
    if room is None or total <= room:
        return Limited(tuple(earned), allowance=room)
    kept: list[Earned] = []
    left = room
    for part in earned:
        points = min(part.points, left)
        left -= points
        if points:
            kept.append(replace(part, points=points))
    return Limited(tuple(kept), total - room, "over_period_limit", room)

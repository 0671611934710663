"""
Which share of orders is linked to a customer, and whether joining changes it.

An order that only a member's card links is not seen before its customer joined: spending seems to rise at joining although it
does not. What is unlinked has no customer, so that its owners are not known; but where members' orders are linked more often
than others', the unlinked share falls as far as members' share of the orders grows from month to month.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import NOBODY, Panel
from analytics.uplift.plan import DAYS_A_MONTH, Limits
from analytics.uplift.results import Point

CERTAIN = 2.0  # standard errors
MIN_MONTHS = 6
BLOCK = 1_000_000  # orders looked at together

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Capture:
    """
    How orders are linked.

    :param jump: by how many points (.02 is two) the linked share differs between members' orders and others'; None where it
        cannot be told
    :param error: its standard error; 0 where it is counted
    :param months: the linked share by calendar month since 1970-01
    """

    jump: float | None
    error: float
    months: list[Point]


def capture_of(panel: Panel, limits: Limits) -> Capture:
    """Return how the linked share moves with time and with joining."""
    counts = _by_day(panel)
    points = _by_calendar_month(panel.first, counts)
    if not panel.identification_known:
        return Capture(None, 0.0, points)
    after = int(counts.of_members.sum())
    only = int(counts.membership_only.sum()) / after if after else 0.0
    unlinked, of_members, others = (_by_month(each) for each in (counts.unlinked, counts.of_members, counts.others))
    found = _by_members_share(unlinked, of_members, others)
    if found is None or _is_small(unlinked, others, limits.jump):
        return Capture(only, 0.0, points)
    jump, error = found
    is_clear = abs(jump) > CERTAIN * error and abs(jump) > only
    return Capture(jump if is_clear else only, error, points)


@dataclass(frozen=True)
class _Days:
    """Orders by day from the first one on: unlinked; of members and of others, that of joining in neither; all linked."""

    unlinked: Counts
    of_members: Counts
    others: Counts
    membership_only: Counts
    linked: Counts


def _by_day(panel: Panel) -> _Days:
    size = panel.cut - panel.first + 1
    found = np.zeros((5, size), dtype=np.int64)
    orders = panel.orders
    for start in range(0, len(orders), BLOCK):
        some = slice(start, start + BLOCK)
        day, customer = orders.day[some], orders.customer[some]
        linked = customer != NOBODY
        joined = np.where(linked, panel.customers.joined[customer], 0) if len(panel.customers) else np.zeros_like(day)
        member = linked & (day > joined)
        parts = ~linked, member, linked & (day < joined), member & orders.membership_only[some], linked
        found += [np.bincount(day[part] - panel.first, minlength=size) for part in parts]
    return _Days(*found)


def _by_month(counts: Counts) -> Counts:
    """Return counts by day as counts by month of equal length, those that end with the cut; the first, a part, left out."""
    months = np.floor(np.arange(len(counts))[::-1] / DAYS_A_MONTH).astype(np.int64)
    complete = int(len(counts) / DAYS_A_MONTH)
    return np.bincount(months, weights=counts, minlength=complete)[:complete].astype(np.int64)


def _is_small(unlinked: Counts, others: Counts, limit: float) -> bool:
    """Return whether so few are unlinked that, were they all of others, joining would not change more than the limit."""
    return float(unlinked.sum()) <= limit * float(unlinked.sum() + others.sum())


def _by_members_share(unlinked: Counts, of_members: Counts, others: Counts) -> tuple[float, float] | None:
    """
    Return the difference in linked shares and its standard error, by a weighted line through the months.

    Unlinked per linked order = a (1 - s) + b s, s being the members' share of the linked; linked shares are 1 / (1 + a) and
    1 / (1 + b).
    """
    linked = of_members + others
    some = linked > 0
    weight, share = linked[some].astype(float), of_members[some] / linked[some]
    if len(weight) < MIN_MONTHS or np.ptp(share) <= 0:
        return None
    design = np.column_stack([1 - share, share])
    rate = unlinked[some] / weight
    inverse = np.linalg.inv((design * weight[:, None]).T @ design)
    found = inverse @ (design.T @ (weight * rate))
    left = rate - design @ found
    spread = max(float(np.sum(weight * left**2)) / (len(weight) - 2), float(np.average(rate, weights=weight)))
    without, with_ = np.maximum(found, 0.0)
    slope = np.array([1 / (1 + without) ** 2, -1 / (1 + with_) ** 2])
    return float(1 / (1 + with_) - 1 / (1 + without)), float(np.sqrt(spread * slope @ inverse @ slope))


def _by_calendar_month(first: int, counts: _Days) -> list[Point]:
    """Return the linked share of each calendar month's orders, with its 95 % interval."""
    days = (first + np.arange(len(counts.linked))).astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    linked = np.bincount(months - months[0], weights=counts.linked)
    count = linked + np.bincount(months - months[0], weights=counts.unlinked)
    return [_share(int(months[0]) + k, float(linked[k]), int(count[k])) for k in np.flatnonzero(count).tolist()]


def _share(month: int, linked: float, count: int) -> Point:
    """Return a share with its interval (Wilson 1927)."""
    z = 1.959963984540054
    middle, width = (linked + z**2 / 2) / (count + z**2), z / (count + z**2)
    far = width * float(np.sqrt(linked * (count - linked) / count + z**2 / 4))
    return Point(float(month), linked / count, max(0.0, middle - far), min(1.0, middle + far), count)

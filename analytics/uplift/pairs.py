"""
Who is compared with whom: members at the order at which they joined, and those not enrolled at an order of the same month.

A unit is a customer, not enrolled before, on a day with an order (its index). It is a member's if the customer joined on that
day, else a control's, whoever joins later: leaving out who joins later would compare members with those who were never going
to spend enough to join. The index order is in no window.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.uplift.panel import NEVER, Days, Flags, Floats, Panel, Places
from analytics.uplift.plan import DAYS_A_MONTH, Metric, Plan, days_of
from analytics.uplift.windows import History, Rows, between

BLOCK = 50_000  # units whose windows are summed together


@dataclass(frozen=True)
class Units:
    """
    Units as columns.

    :param customer: whose they are
    :param day: the index
    :param joins: whether this is where the customer joined
    :param cell: month and stratum, the same for who can be compared
    :param tenure: days since the customer's first order; at a moved index only those who were customers already are units
    """

    customer: Places
    day: Days
    joins: Flags
    cell: Places
    tenure: Days

    def __len__(self) -> int:
        return len(self.customer)

    def only(self, part: Flags | Rows | slice) -> "Units":
        """Return some of the units."""
        return Units(self.customer[part], self.day[part], self.joins[part], self.cell[part], self.tenure[part])


@dataclass(frozen=True)
class Extracted:
    """Units that can be compared, and how many were left out for which reason."""

    units: Units
    dropped: Mapping[str, int]


def extract(panel: Panel, history: History, plan: Plan, *, back: int, moved: int = 0) -> Extracted:
    """
    Return the units whose windows lie in the data; of more than the plan's most, those that a hash draws.

    :param back: days of history that are needed before the index
    :param moved: days by which the index is moved before the order, for a placebo
    """
    span = panel.first + back + moved, panel.cut - plan.window_days
    counted = sum((_count(_open_to_join(panel, history, block), *span) for block in history.blocks()), Counter[str]())
    shares = plan.max_controls / max(counted["controls"], 1), plan.max_members / max(counted["members"], 1)
    parts = [_drawn(panel, history, _open_to_join(panel, history, block), *span, shares) for block in history.blocks()]
    place, joins = (
        np.concatenate(column) for column in zip(*((part.place, part.joins) for part in parts), strict=True)
    )
    units = _units(panel, history, place, joins, moved)
    both = with_both(units)
    dropped = {
        "no_order_at_joining": int(np.count_nonzero(panel.customers.joined != NEVER)) - counted["joined"],
        "too_little_history": counted["early"],
        "window_not_over": counted["late"],
        "not_drawn": counted["members"] - int(np.count_nonzero(joins)),
        "nobody_to_compare_with": int(np.count_nonzero(units.joins & ~both)),
    }
    return Extracted(units.only(both), dropped)


@dataclass(frozen=True)
class _Open:
    """Orders at which somebody could join, the first of a day: their places and days, and whether somebody did."""

    place: Rows
    day: Days
    joins: Flags


def _open_to_join(panel: Panel, history: History, block: slice) -> _Open:
    place = history.opens_day(block)
    joined, day = panel.customers.joined[history.customer[place]], history.day[place]
    could = joined >= day
    return _Open(place[could], day[could], (joined == day)[could])


def _count(found: _Open, earliest: int, latest: int) -> Counter[str]:
    early, late = found.day < earliest, found.day > latest
    parts = {"joined": found.joins, "early": found.joins & early, "late": found.joins & late}
    parts |= {"members": found.joins & ~early & ~late, "controls": ~found.joins & ~early & ~late}
    return Counter({name: int(np.count_nonzero(part)) for name, part in parts.items()})


def _drawn(  # noqa: PLR0913 - which of them, of what
    panel: Panel, history: History, found: _Open, earliest: int, latest: int, shares: tuple[float, float]
) -> _Open:
    """Return the units that are looked at: all, or of too many a part, the same whenever it is drawn."""
    some = (found.day >= earliest) & (found.day <= latest)
    if min(shares) < 1:
        marks = _marks(history.customer[found.place], panel.cut - found.day)
        some &= marks < np.where(found.joins, shares[1], shares[0])
    return _Open(found.place[some], found.day[some], found.joins[some])


def _marks(customer: Places, days: Days) -> Floats:
    """Return a number of 0 to 1 by chance for each customer and day (splitmix64: Steele, Lea, Flood 2014)."""
    mixed = (customer.astype(np.uint64) << np.uint64(20)) + days.astype(np.uint64)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray((mixed ^ (mixed >> np.uint64(31))).astype(np.float64) / 2.0**64)


def _units(panel: Panel, history: History, place: Rows, joins: Flags, moved: int) -> Units:
    customer, day = history.customer[place], history.day[place]
    month = np.floor((panel.cut - day) / DAYS_A_MONTH).astype(np.int32)
    cell = month * (int(panel.customers.stratum.max(initial=0)) + 1) + panel.customers.stratum[customer]
    index = (day - np.int32(moved)).astype(np.int32)
    tenure = (index - history.first_days(customer)).astype(np.int32)
    return Units(customer, index, joins, cell.astype(np.int32), tenure).only(tenure >= 0)


def with_both(units: Units, among: Flags | None = None) -> Flags:
    """Return which units stand in a cell that has members and controls (among some units)."""
    part = np.ones(len(units), dtype=np.bool_) if among is None else among
    size = int(units.cell.max(initial=0)) + 1
    members = np.bincount(units.cell[units.joins & part], minlength=size)
    controls = np.bincount(units.cell[~units.joins & part], minlength=size)
    both: Flags = ((members > 0) & (controls > 0))[units.cell]
    return both


@dataclass(frozen=True)
class Spending:
    """
    What units spent in their windows; before the index, the customer's first day with an order is left out.

    That day makes somebody a customer whom one can look at, so that it is there for everybody: it says nothing of the pace.

    :param untouched: in the window, before joining later (all of it for who does not join)
    :param touched: in the window, from the day after joining on
    :param months: (units, n): in the months before the index, the last first
    :param earlier: all before the index
    :param orders: how many before the index, the first left out
    """

    untouched: Floats
    touched: Floats
    months: Floats
    earlier: Floats
    orders: Places

    @property
    def window(self) -> Floats:
        """All of the window."""
        return self.untouched + self.touched

    def only(self, part: Flags | Rows | slice) -> "Spending":
        """Return that of some of the units."""
        return Spending(
            self.untouched[part], self.touched[part], self.months[part], self.earlier[part], self.orders[part]
        )

    def before(self, first: int, last: int) -> Floats:
        """Return the spending of the months `first` to `last` before the index, the last month before it being 1."""
        return np.asarray(self.months[:, first - 1 : last].sum(axis=1))


def spending(  # noqa: PLR0913 - of whom, when, of what
    panel: Panel, history: History, units: Units, plan: Plan, *, months: int, metrics: Sequence[Metric]
) -> dict[Metric, Spending]:
    """Return by metric what units, in the order of their customers, spent, looking back so many months."""
    parts = [
        _spending(panel, history, units.only(slice(start, start + BLOCK)), plan, months, metrics)
        for start in range(0, len(units), BLOCK)
    ]
    return {metric: _joined([part[metric] for part in parts], months) for metric in metrics}


def _spending(  # noqa: PLR0913 - of whom, when, of what
    panel: Panel, history: History, units: Units, plan: Plan, months: int, metrics: Sequence[Metric]
) -> dict[Metric, Spending]:
    near = history.part(int(history.starts[units.customer[0]]), int(history.starts[units.customer[-1] + 1]))
    after = units.day + np.int32(1)
    end = (after + plan.window_days).astype(np.int32)
    begins = np.clip(panel.customers.joined[units.customer].astype(np.int64) + 1, after, end).astype(np.int32)
    ahead = np.stack([near.places(units.customer, day) for day in (after, begins, end)], axis=1)
    start = np.searchsorted(near.customer, units.customer)
    ends = [(units.day - days_of(k)).astype(np.int32) for k in range(months, -1, -1)]
    behind = np.stack([start, *(near.places(units.customer, day) for day in ends)], axis=1)
    orders = np.maximum(behind[:, -1] - start - 1, 0).astype(np.int32)
    found = dict[Metric, Spending]()
    for metric in metrics:
        values = near.values_of(metric)
        window = between(ahead, values)
        past = between(behind, near.after_first_days(values))
        found[metric] = Spending(window[:, 0], window[:, 1], past[:, :0:-1].copy(), past.sum(axis=1), orders)
    return found


def _joined(parts: Sequence[Spending], months: int) -> Spending:
    if not parts:
        return Spending(np.zeros(0), np.zeros(0), np.zeros((0, months)), np.zeros(0), np.zeros(0, np.int32))
    return Spending(
        np.concatenate([part.untouched for part in parts]),
        np.concatenate([part.touched for part in parts]),
        np.concatenate([part.months for part in parts]),
        np.concatenate([part.earlier for part in parts]),
        np.concatenate([part.orders for part in parts]),
    )

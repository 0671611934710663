"""From orders to customers' histories: a purchase occasion is a day on which a customer's orders came to more than nothing."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.clv.tuples import Column, Floats, Integers


@dataclass(frozen=True)
class Histories:
    """
    One row per customer who bought by the end of the data, in the order of their ids; times in days.

    :param ids: of the customers
    :param frequency: x, purchase days after the first
    :param recency: t_x, from the first purchase day to the last
    :param age: T, from the first purchase day to the end
    :param total: value of all purchase days; NaN where orders came without values
    """

    ids: Column
    frequency: NDArray[np.int32]
    recency: NDArray[np.int32]
    age: NDArray[np.int32]
    total: Floats

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def occasions(self) -> NDArray[np.int32]:
        """Purchase days, the first too."""
        return np.asarray(self.frequency + 1, dtype=np.int32)

    @property
    def mean(self) -> Floats:
        """Mean value of a purchase day."""
        return np.asarray(self.total / self.occasions)


def histories(customer: ArrayLike, day: ArrayLike, value: ArrayLike | None = None, *, end: Any) -> Histories:
    """
    Return the histories of customers until a day, from columns with one row per order.

    :param customer: ids: numbers or texts
    :param day: of each order: dates, or whole numbers
    :param value: net of each order, returns below 0 on their order's day; without it each order counts
    :param end: the last day of the data; later orders are left out
    :raises ValueError: where columns differ in length, or a value is not a finite number
    """
    ids, who = np.unique(np.asarray(customer), return_inverse=True)
    days = _days(day)
    values = np.ones(len(days)) if value is None else np.asarray(value, dtype=np.float64)
    if not who.shape == days.shape == values.shape:
        raise ValueError("customers, days and values must be columns of equal length")
    if not np.all(np.isfinite(values)):
        raise ValueError("value is not a finite number for every order")
    last_day = int(_days([end])[0])
    who, days, values = _purchase_days(who[days <= last_day], days[days <= last_day], values[days <= last_day])
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    counts = np.diff(starts, append=len(who))
    total = np.add.reduceat(values, starts) if len(starts) else values
    first, last = days[starts], days[starts + counts - 1]
    frequency, recency, age = (each.astype(np.int32) for each in (counts - 1, last - first, last_day - first))
    if value is None:
        total = np.full(len(starts), np.nan)
    return Histories(ids[who[starts]], frequency, recency, age, np.asarray(total, dtype=np.float64))


def _purchase_days(who: Integers, days: Integers, values: Floats) -> tuple[Integers, Integers, Floats]:
    """Return the days of each customer that came to more than nothing, in order, with what they came to."""
    order = np.lexsort((days, who))
    who, days, values = who[order], days[order], values[order]
    starts = np.flatnonzero((np.diff(who, prepend=-1) != 0) | (np.diff(days, prepend=days[:1] - 1) != 0))
    came_to = np.add.reduceat(values, starts) if len(starts) else values
    kept = came_to > 0
    return who[starts][kept], days[starts][kept], came_to[kept]


def _days(values: ArrayLike) -> Integers:
    column = np.asarray(values)
    if column.dtype.kind not in "iu":
        column = column.astype("datetime64[D]")
    return column.astype(np.int64)

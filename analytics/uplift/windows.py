"""Sums of orders between two days of a customer, for many customers and days at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import NOBODY, Days, Floats, Orders, Places
from analytics.uplift.plan import Metric

Keys = NDArray[np.int64] | NDArray[np.int32]
Rows = NDArray[np.int64]
BLOCK = 1_000_000  # orders looked at together, so that memory stays that of the orders


@dataclass(frozen=True)
class History:
    """
    Linked orders that could have been linked without joining, in the order of customer, then day.

    :param keys: customer times `span` plus day after `first`: ascending, so that a window is a range of places
    """

    customer: Places
    day: Days
    value: Floats
    margin: Floats
    keys: Keys
    first: int
    span: int

    def __len__(self) -> int:
        return len(self.customer)

    def values_of(self, metric: Metric) -> Floats:
        """Return what each order counts for."""
        return self.margin if metric == "margin" else self.value

    def blocks(self, size: int = BLOCK) -> Iterator[slice]:
        """Yield ranges of places that together are all."""
        for start in range(0, max(len(self), 1), size):
            yield slice(start, min(start + size, len(self)))

    def part(self, start: int, end: int) -> "History":
        """Return the orders of a range of places, without copying them."""
        some = slice(start, end)
        columns = self.customer[some], self.day[some], self.value[some], self.margin[some], self.keys[some]
        return History(*columns, self.first, self.span)

    @cached_property
    def starts(self) -> Rows:
        """The place of each customer's first order, and the number of orders at the end."""
        count = int(self.customer[-1]) + 1 if len(self) else 0
        return np.searchsorted(self.customer, np.arange(count + 1, dtype=np.int32))

    def first_days(self, customer: Places) -> Days:
        """Return the day of each customer's first order."""
        return self.day[self.starts[customer]]

    def opens_day(self, places: slice) -> Rows:
        """Return those of some places that are their customer's first of a day."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        before = self.keys[max(places.start - 1, 0) : places.stop - 1]
        here = self.keys[max(places.start, 1) : places.stop]
        found = max(places.start, 1) + np.flatnonzero(here != before[: len(here)])
        return np.append(0, found) if places.start == 0 else found

    def places(self, customer: Places, day: Days) -> Rows:
        """Return the place of each customer's first order on or after a day."""
        kind = self.keys.dtype
        offset = np.clip(day.astype(np.int64) - self.first, 0, self.span - 1)
        return np.searchsorted(self.keys, (customer.astype(np.int64) * self.span + offset).astype(kind))

    def after_first_days(self, values: Floats) -> Floats:
        """Return values with those of each customer's first day as 0; the orders are all of their customers."""
        is_new = np.ones(len(self), dtype=np.bool_)
        is_new[1:] = self.customer[1:] != self.customer[:-1]
        opens = np.flatnonzero(is_new)
        first = np.repeat(self.day[opens], np.diff(np.append(opens, len(self))))
        return np.where(self.day == first, 0.0, values)


def between(bounds: Rows, values: Floats) -> Floats:
    """
    Return the sums of values between neighbouring places.

    :param bounds: (units, n + 1) ascending places
    :returns: (units, n); exact, as each sum adds its own values alone
    """
    sums = np.add.reduceat(np.append(values, 0.0), bounds.ravel()).reshape(bounds.shape)[:, :-1]
    sums[bounds[:, 1:] <= bounds[:, :-1]] = 0.0
    return np.asarray(sums, dtype=np.float64)


def history_of(orders: Orders, first: int, cut: int) -> History:
    """Return what can be compared: the unlinked and those that only a membership links are left out."""
    start = int(np.searchsorted(orders.customer, NOBODY, side="right"))
    part: slice | Rows = slice(start, None)
    if np.any(orders.membership_only[start:]):
        part = start + np.flatnonzero(~orders.membership_only[start:])
    customer, day = orders.customer[part], orders.day[part]
    span = cut - first + 2
    fits = not len(customer) or (int(customer[-1]) + 1) * span < np.iinfo(np.int32).max
    keys: Keys = np.array(customer, np.int32) if fits else np.array(customer, np.int64)
    keys *= span
    keys += day
    keys -= first
    return History(customer, day, orders.value[part], orders.margin[part], keys, first, span)

"""Real customers as they were known on a day, and what they did in the weeks after it, which no model has seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from analytics.clv.tuples import Floats, Integers, Tuples


@dataclass(frozen=True)
class Known:
    """Purchase days as columns of equal length."""

    customer: Integers
    day: Any
    value: Floats


@dataclass(frozen=True)
class HeldOut:
    """
    Customers as columns of equal length, in the order of their numbers; days with several orders count once.

    :param tuples: until the calibration's end, in weeks, one row per customer
    :param mean: value of a purchase day, in dollars, the first too
    :param repeat_mean: the same without the first; 0 where there is no other
    :param later: purchase days in the weeks after it
    :param later_value: what they came to
    :param weeks: how many those are
    :param known: what they did until the calibration's end
    """

    tuples: Tuples
    mean: Floats
    repeat_mean: Floats
    later: Integers
    later_value: Floats
    weeks: float
    known: "Known"

    @property
    def occasions(self) -> Floats:
        """Purchase days until the calibration's end, the first too."""
        return np.asarray(self.tuples.frequency + 1.0)


def held_out(  # noqa: PLR0913 - columns, and where they are divided
    customer: Integers, day: Any, value: Floats, *, end: np.datetime64, weeks: float, free_too: bool = False
) -> HeldOut:
    """
    Return those customers who bought by a day, from orders or lines in any order.

    :param day: of each: dates
    :param end: the last day that is known
    :param free_too: whether a day without any money is a purchase, too
    """
    spent_on, places = np.unique(customer * 100_000 + day.astype(np.int64), return_inverse=True)
    spent = np.bincount(places.reshape(-1), weights=value).astype(np.float64)
    paid = (spent > 0) | free_too
    owner, on, spent = spent_on[paid] // 100_000, (spent_on[paid] % 100_000).astype("datetime64[D]"), spent[paid]
    seen = (on <= end + np.timedelta64(round(7 * weeks), "D")) & np.isin(owner, owner[on <= end])
    return _summarised(owner[seen], on[seen], spent[seen], end, weeks)


def _summarised(customer: Integers, day: Any, spent: Floats, end: np.datetime64, weeks: float) -> HeldOut:
    """Return customers from purchase days in the order of customers and days."""
    _, who = np.unique(customer, return_inverse=True)
    size = int(who[-1]) + 1
    known = day <= end
    occasions, later = np.bincount(who[known], minlength=size), np.bincount(who[~known], minlength=size)
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    first, last = day[starts], day[known][np.cumsum(occasions) - 1]
    tuples = Tuples.ungrouped(occasions - 1, (last - first).astype(int) / 7, (end - first).astype(int) / 7)
    total = np.bincount(who, weights=spent * known, minlength=size).astype(np.float64)
    repeat_mean = (total - spent[starts]) / np.maximum(occasions - 1, 1)
    later_value = np.bincount(who, weights=spent * ~known, minlength=size).astype(np.float64)
    return HeldOut(
        tuples,
        total / occasions,
        repeat_mean,
        later,
        later_value,
        weeks,
        Known(customer[known], day[known], spent[known]),
    )

"""
CDNOW, real purchases of CDs: customers of early 1997, who they were until 1997-09-30 and what they did in the 39 weeks after it.

The files are those that `lifetimes` brings: everybody (master), and every tenth customer (sample), on whom the papers' numbers
are.
"""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from analytics.clv.tuples import Floats, Integers, Tuples

CALIBRATION_END = np.datetime64("1997-09-30")
WEEKS = 39.0


@dataclass(frozen=True)
class Cdnow:
    """
    Customers as columns of equal length, in the order of their numbers; days with several orders count once.

    :param tuples: until the calibration's end, in weeks, one row per customer
    :param mean: value of a purchase day, in dollars, the first too
    :param repeat_mean: the same without the first; 0 where there is no other
    :param later: purchase days in the 39 weeks after it
    :param later_value: what they came to
    """

    tuples: Tuples
    mean: Floats
    repeat_mean: Floats
    later: Integers
    later_value: Floats

    @property
    def occasions(self) -> Floats:
        """Purchase days until the calibration's end, the first too."""
        return np.asarray(self.tuples.frequency + 1.0)


@cache
def cdnow(name: str = "sample") -> Cdnow:
    """Read the customers of the file `sample` or `master`."""
    found = find_spec("lifetimes")
    assert found is not None
    assert found.origin is not None
    path = Path(found.origin).parent / "datasets" / f"CDNOW_{name}.txt"
    lines = [line.split() for line in path.read_text().splitlines() if not line.strip().startswith("customer_id")]
    customer = np.array([int(line[-4]) for line in lines])
    day = np.array([f"{line[-3][:4]}-{line[-3][4:6]}-{line[-3][6:]}" for line in lines], dtype="datetime64[D]")
    value = np.array([float(line[-1]) for line in lines])
    purchase, places = np.unique(customer * 100_000 + day.astype(np.int64), return_inverse=True)
    spent = np.bincount(places.reshape(-1), weights=value).astype(np.float64)
    return _summarised(purchase // 100_000, (purchase % 100_000).astype("datetime64[D]"), spent)


def _summarised(customer: Integers, day: np.ndarray, spent: Floats) -> Cdnow:
    """Return customers from purchase days in the order of customers and days."""
    _, who = np.unique(customer, return_inverse=True)
    size = int(who[-1]) + 1
    known = day <= CALIBRATION_END
    occasions, later = np.bincount(who[known], minlength=size), np.bincount(who[~known], minlength=size)
    starts = np.flatnonzero(np.diff(who, prepend=-1))
    first, last = day[starts], day[known][np.cumsum(occasions) - 1]
    tuples = Tuples.ungrouped(occasions - 1, (last - first).astype(int) / 7, (CALIBRATION_END - first).astype(int) / 7)
    total = np.bincount(who, weights=spent * known, minlength=size).astype(np.float64)
    repeat_mean = (total - spent[starts]) / np.maximum(occasions - 1, 1)
    later_value = np.bincount(who, weights=spent * ~known, minlength=size).astype(np.float64)
    return Cdnow(tuples, total / occasions, repeat_mean, later, later_value)

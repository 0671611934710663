"""
What was promised of a policy of depths, and what it does: a tenth of the customers stays without any offer for ever.

A policy is chosen because its estimates were high, partly by luck: what it promises is more than it will keep, the more so the
less its estimates were pulled together. So the promise is kept, and shown beside what the tenth without offers tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from analytics.uplift.depth import Arms, cells_of
from analytics.uplift.depth_choosing import Choice, range_of
from analytics.uplift.panel import Floats
from analytics.uplift.results import Range

HELD_BACK = 0.1


@dataclass(frozen=True)
class Audit:
    """What a customer was to earn more by a policy, what it is, and whether the one is within what can be told of the other."""

    promised: Range
    realised: Range
    kept: bool


def promised(choices: Sequence[Choice], customers: Sequence[int]) -> Range:
    """Return what a policy promises per customer, over segments of so many customers; segments without a depth earn 0."""
    total, value, square = sum(customers), 0.0, 0.0
    for choice, count in zip(choices, customers, strict=True):
        for cell in choice.cells:
            if choice.depth and cell.depth == choice.depth:
                value += count / total * cell.expected
                square += (count / total * cell.expected_error) ** 2
    return range_of(value, sqrt(square))


def realised(held_back: Arms, customers: Floats) -> Range:
    """
    Return what a policy does per customer.

    :param held_back: of each segment those without an offer, and those who have its depth, S x 2
    :param customers: of each segment, S
    """
    cells, shares = cells_of(held_back), customers / customers.sum()
    error = float(np.sqrt(np.square(shares) @ np.square(cells.errors[:, 0])))
    return range_of(float(shares @ cells.effects[:, 0]), error)


def audit(promise: Range, found: Range) -> Audit:
    """Return whether a promise is kept: whether their difference is within what both leave open."""
    apart = range_of(found.value - promise.value, sqrt(promise.error**2 + found.error**2))
    return Audit(promise, found, kept=apart.low <= 0 <= apart.high)

"""
What was promised of a policy of depths, and what it does: a tenth of the customers stays without any offer for ever.

A policy is chosen because its estimates were high, partly by luck: what it promises is more than it will keep, the more so the
less its estimates were pulled together. So the promise is kept, and shown beside what the tenth without offers tells.

An offer does not reach everybody for whom it is meant: budgets end, slots are taken. As nobody of those who are kept without
has it, the difference between all of them over the share who were given it is what it does to those (Bloom 1984). That is
what was promised: for each who has it. Looked at every night for ever, its interval is a sequence's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Literal

from analytics.uplift.depth_choosing import range_of
from analytics.uplift.results import Range
from analytics.uplift.sequence import widened

HELD_BACK = 0.1
Verdict = Literal["less", "more", "open"]


@dataclass(frozen=True)
class OfferSeen:
    """
    What an offer does to those for whom it is meant.

    :param promised: for each who is given it
    :param customers: for whom it is meant, without those who are kept without it
    :param given: of them, who were given it
    :param effect: the difference between those customers, given it or not, and those who are kept without, with its `error`
    :param units: of both, by which the difference is told
    """

    promised: Range
    customers: int
    given: int
    effect: float
    error: float
    units: int


@dataclass(frozen=True)
class Compared:
    """What was promised for each customer who is given an offer, and what is found of each, right however often one looks."""

    promised: Range
    realised: Range

    @property
    def verdict(self) -> Verdict:
        """Return whether less is kept than was promised, or more; open while chance explains that they differ."""
        apart = self.realised.value - self.promised.value
        halves = [(each.high - each.low) / 2 for each in (self.promised, self.realised)]
        if abs(apart) <= hypot(*halves):
            return "open"
        return "less" if apart < 0 else "more"

    @property
    def kept(self) -> float | None:
        """Return which share of the promise is kept; None of a promise of nothing."""
        return self.realised.value / self.promised.value if self.promised.value > 0 else None


def compare(offers: Sequence[OfferSeen]) -> Compared:
    """Return what was promised of offers and what they do, each by how many were given it; of at least one who was."""
    given = sum(each.given for each in offers)
    promised = sum(each.given * each.promised.value for each in offers) / given
    promised_error = sqrt(sum((each.given * each.promised.error) ** 2 for each in offers)) / given
    effect = sum(each.customers * each.effect for each in offers) / given
    error = sqrt(sum((each.customers * each.error) ** 2 for each in offers)) / given
    units = sum(each.units for each in offers)
    return Compared(range_of(promised, promised_error), widened(range_of(effect, error), units))

"""
How far a budget for offers goes: those first that earn most per unit of the currency, judged by their lower quartile.

Of the best of many estimates the mean promises too much. No cell is filled whose unit of cost brings in less than itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

LOWER_QUARTILE = NormalDist().inv_cdf(0.25)
MIN_RETURN = 1.0


@dataclass(frozen=True)
class Offer:
    """
    A depth that could be given to a segment.

    :param customers: whom it could be given to
    :param cost: of giving it to one of them, in the mean: what is redeemed, and the message
    :param earns: the margin that it brings per customer, less that cost, as expected
    :param error: of that
    """

    segment: str
    depth: float
    customers: int
    cost: float
    earns: float
    error: float

    @property
    def cautious(self) -> float:
        """What it brings per customer, less its cost, at the lower quartile."""
        return self.earns + LOWER_QUARTILE * self.error

    @property
    def returns(self) -> float:
        """What a unit of its cost brings in, cautiously: above 1 it earns more than it costs."""
        return 1 + self.cautious / self.cost if self.cost > 0 else float("inf") if self.cautious > 0 else 0.0


@dataclass(frozen=True)
class Filled:
    """An offer that a budget pays for, to how many customers, and what that costs and cautiously earns."""

    offer: Offer
    customers: int
    cost: float
    earns: float


@dataclass(frozen=True)
class Plan:
    """
    What a budget is spent on, best first.

    :param marginal: what the last unit of the currency that is spent brings in; None where nothing is
    """

    filled: Sequence[Filled]
    left: float
    marginal: float | None


def fill(offers: Sequence[Offer], budget: float) -> Plan:
    """Return how a budget is spent: each segment has one depth, and its customers as many as the budget pays for."""
    filled: list[Filled] = []
    for offer in sorted(offers, key=lambda each: (-each.returns, each.depth, each.segment)):
        if offer.returns < MIN_RETURN or offer.segment in {each.offer.segment for each in filled}:
            continue
        left = budget - sum(each.cost for each in filled)
        customers = offer.customers if offer.cost <= 0 else min(offer.customers, int(left / offer.cost))
        if customers > 0:
            filled.append(Filled(offer, customers, customers * offer.cost, customers * offer.cautious))
    spent = sum(each.cost for each in filled)
    return Plan(filled, budget - spent, filled[-1].offer.returns if filled else None)

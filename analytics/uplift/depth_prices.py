"""
Reward prices as depths: an experiment gives some members a reward for fewer points than the catalogue says, never for more.

The price of the catalogue is the control; what is below it is the depth. Rewards whose stock can run out are not tried: who
comes late would be in another experiment than who comes early.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.uplift.depth_choosing import Cell
from analytics.uplift.results import Range

PER = 1_000  # members, by which a curve is told


class UnfairPrice(Exception):
    """
    A reward's prices cannot be tried.

    :param code: "above_list", "limited_stock", "not_whole", "twice" or "none"
    """

    def __init__(self, code: str, price: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.price = price


def depths_of(list_price: int, prices: Sequence[int], *, limited_stock: bool) -> Sequence[int]:
    """Return the depths, in points, of prices below the catalogue's, ascending, the first one 0: the catalogue's own."""
    if limited_stock:
        raise UnfairPrice("limited_stock")
    below = [price for price in prices if price != list_price]
    for price in below:
        if price > list_price:
            raise UnfairPrice("above_list", price)
        if price <= 0:
            raise UnfairPrice("not_whole", price)
        if below.count(price) > 1:
            raise UnfairPrice("twice", price)
    if not below:
        raise UnfairPrice("none")
    return [0, *sorted(list_price - price for price in below)]


@dataclass(frozen=True)
class PricePoint:
    """
    A price on the curve, by 1,000 members.

    :param redemptions: members who took the reward
    :param margin: what the price earns beyond the catalogue's, with its interval
    :param liability: what is owed in points less than at the catalogue's price, at their value
    """

    price: int
    redemptions: float
    margin: Range
    liability: float


def price_curve(
    list_price: int, cells: Sequence[Cell], redeemed: Sequence[float], relief: Sequence[float]
) -> Sequence[PricePoint]:
    """
    Return the curve of a segment, the highest price first.

    :param cells: of the depths in points, without the control
    :param redeemed: the share of members who took the reward, per depth
    :param relief: what a member of the depth's arm is owed less than one of the control, per depth
    """
    return [
        PricePoint(
            list_price - int(cell.depth), share * PER,
            Range(*(each * PER for each in (cell.effect.value, cell.effect.error, cell.effect.low, cell.effect.high))),
            owed * PER,
        )
        for cell, share, owed in zip(cells, redeemed, relief, strict=True)
    ]  # fmt: skip

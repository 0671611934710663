"""
What the margin of what was bought and kept is: the one definition, in Python and in SQL.

Goods cost however they were paid. Margin is the money that came for them less their cost: that of the lines whose cost is known,
and of all other goods what the margin rate does not leave of their whole value. So what points paid of an order is margin that it
has not, all of it and once, by the lines' costs and by the rate alike. What an order's money is says `analytics.statistics`.
"""

from typing import Any, TypeVar

Amount = TypeVar("Amount", float, Any)

# Of sums of orders as well; the rate is a share, 1 where no margin is known.
SQL = "{costed} - {cost} + ({value} + {paid} - {costed}) * {rate} - {paid}"


def margin(*, value: Amount, paid: Amount, costed: Amount, cost: Amount, rate: float) -> Amount:
    """
    Return the margin of one order, or of many together, by whichever sums are given.

    :param value: what was paid for it with money, of what was kept
    :param paid: what points paid of that; goods are worth both together
    :param costed: the whole value of what was kept whose cost is known, however it was paid
    :param cost: of that
    :param rate: the share of other goods' value that is margin; 1 where none is known
    """
    return (costed - cost) + (value + paid - costed) * rate - paid


def rate_of_goods(rate: float | None, *, costed: float, cost: float) -> float | None:
    """Return the share of goods without a known cost that is margin: the retailer's, else what the known costs leave."""
    if rate is not None or costed <= 0:
        return rate
    return 1.0 - cost / costed

"""Customers in blocks, as columns: what is known of them, and what is said of them. Neither knows where it comes from."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from analytics.clv.tuples import Floats

Days = NDArray[np.int32]
KINDS = {
    "ids": "V16", "frequency": "i4", "recency": "i4", "age": "i4", "orders": "i4", "total": "f8", "paid_with_points": "f8",
    "costed": "f8", "cost": "f8",
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """
    Some customers who bought, as columns of equal length.

    :param ids: the 16 bytes of each customer's id
    :param frequency: x, purchase days after the first
    :param recency: t_x, days from the first purchase to the last
    :param age: T, days from the first purchase to the cut
    :param orders: how many, also of days that kept nothing
    :param total: net value of all purchases, in the retailer's currency
    :param paid_with_points: what points paid of what was kept, which is no part of the total
    :param costed: of both the part of lines whose unit cost is known
    :param cost: of these lines
    """

    ids: NDArray[np.void]
    frequency: Days
    recency: Days
    age: Days
    orders: Days
    total: Floats
    paid_with_points: Floats
    costed: Floats
    cost: Floats

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def occasions(self) -> Days:
        """Purchase days, the first too."""
        return self.frequency + np.int32(1)

    @property
    def means(self) -> Floats:
        """Mean value of a purchase day."""
        return np.asarray(self.total / self.occasions)

    @classmethod
    def of(cls, rows: NDArray[Any]) -> Self:
        """Return a block from rows as they are read, with a field per column."""
        columns: dict[str, Any] = {name: np.ascontiguousarray(rows[name], kind) for name, kind in KINDS.items()}
        return cls(**columns)


@dataclass(frozen=True)
class Columns:
    """
    What is said of a block of customers, as columns of equal length; None where nothing is said of anybody.

    Money is net margin, or revenue where no margin is known; the fields are those of `CustomerValue`.

    :param ids: the 16 bytes of each customer's id
    """

    ids: NDArray[np.void]
    historic_revenue: Floats
    historic_margin: Floats
    formula_value: Floats | None
    value_decile: NDArray[np.int16]
    predicted_value: Floats | None = None
    value_low: Floats | None = None
    value_high: Floats | None = None
    value_if_active: Floats | None = None
    expected_order_value: Floats | None = None
    expected_purchases: Floats | None = None
    probability_active: Floats | None = None
    probability_of_buying: Floats | None = None
    at_risk: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.ids)

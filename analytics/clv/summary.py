"""The sufficient statistics that all buy-till-you-die models read."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Summary:
    """
    One row per customer who bought, as columns of equal length.

    :param frequency: x, purchase occasions after the first
    :param recency: t_x, time from the first occasion to the last; 0 where x is 0
    :param age: T, time from the first occasion to the end of the data; same unit as recency
    """

    frequency: Floats
    recency: Floats
    age: Floats

    def __post_init__(self) -> None:
        if not len(self.frequency) == len(self.recency) == len(self.age):
            raise ValueError("frequency, recency and age must have one value per customer")
        if np.any(self.frequency < 0) or np.any(self.recency < 0) or np.any(self.recency > self.age):
            raise ValueError("needs 0 <= frequency and 0 <= recency <= age")
        if np.any((self.frequency == 0) != (self.recency == 0)):
            raise ValueError("recency is 0 exactly where frequency is 0")

    def __len__(self) -> int:
        return len(self.frequency)

    def grouped(self) -> tuple["Summary", Floats, Integers]:
        """
        Return the distinct rows, how often each occurs, and the place of each customer's row among them.

        On a day grid a million customers have about 290,000 distinct rows; a fit needs each only once.
        """
        stacked = np.stack([self.frequency, self.recency, self.age], axis=1)
        distinct, places, counts = np.unique(stacked, axis=0, return_inverse=True, return_counts=True)
        summary = Summary(distinct[:, 0], distinct[:, 1], distinct[:, 2])
        return summary, counts.astype(np.float64), places.reshape(-1).astype(np.int64)

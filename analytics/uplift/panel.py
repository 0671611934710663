"""A retailer's past as columns: who bought when for how much, and who joined the program at which order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.int32]  # days since 1970-01-01 in the retailer's zone
Places = NDArray[np.int32]
Flags = NDArray[np.bool_]

NEVER = np.iinfo(np.int32).max  # the day of who never joined
NOBODY = -1  # the customer of an order that could not be linked to one


@dataclass(frozen=True)
class Group:
    """A way to divide customers, such as their channel: its labels, and each customer's place among them (-1: none)."""

    labels: Sequence[str]
    places: Places


@dataclass(frozen=True)
class Customers:
    """
    Those who are known, as columns of equal length.

    `joined` is the day on which they became members, `seconds` its instant as seconds since 1970 (float, NaN for `NEVER`).
    `stratum` divides who can be compared with whom (such as the channel of the first order), all 0 where nothing does.
    """

    joined: Days
    seconds: Floats
    stratum: Places
    groups: Mapping[str, Group] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.joined)


@dataclass(frozen=True)
class Orders:
    """
    Orders as columns of equal length, in the order of customer, then instant; the unlinked (`NOBODY`) first.

    `value` is the net amount less what was returned of it, `margin` that less its cost, both in units of the currency.
    `membership_only` says that an order is linked by a key that exists only since the customer is a member (a member's
    card): had the customer not joined, it could not have been linked.
    """

    customer: Places
    day: Days
    seconds: Floats
    value: Floats
    margin: Floats
    membership_only: Flags

    def __len__(self) -> int:
        return len(self.customer)


@dataclass(frozen=True)
class Panel:
    """
    All orders from `first` up to and with `cut` (days since 1970-01-01), and who made them.

    `identification_known` says that the retailer reports how orders are linked; else nothing can be said about what
    joining did to it.
    """

    customers: Customers
    orders: Orders
    first: int
    cut: int
    identification_known: bool = True

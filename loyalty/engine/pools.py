"""What all members of a program take from together, such as a budget of points. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple


class PoolKey(NamedTuple):
    """A wallet's budget of one period of a program."""

    program_id: int
    wallet: str
    starts_on: date


class PoolMissing(Exception):
    """A decision needs a pool that was not locked: it is locked, and decided again."""

    def __init__(self, key: PoolKey, limit: int) -> None:
        super().__init__(key, limit)
        self.key, self.limit = key, limit


class PoolTight(Exception):
    """A share cannot pay what the whole pool may be able to pay."""


@dataclass(frozen=True, slots=True)
class Pool:
    """
    What is locked of a pool.

    :param left: what its locked shares can still give
    :param share: the one that is locked; None for all of them
    """

    left: int
    share: int | None

    def give(self, points: int) -> "Pool":
        """Return it after so many points were given or, negative, came back."""
        return replace(self, left=self.left - points)


Pools = Mapping[PoolKey, Pool]


def left_in(pools: Pools, key: PoolKey, limit: int) -> int:
    """
    Return what a pool has left.

    :raises PoolMissing: when it is not there
    """
    try:
        return pools[key].left
    except KeyError:
        raise PoolMissing(key, limit) from None

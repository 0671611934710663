"""What all members of a program take from together, such as a budget of points. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from customers.core.values import dataclass


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

    :param left: what its locked shares can still give, of what it holds in all
    :param share: the one that is locked; None for all of them
    :param limit: what it holds in all, as the version says by which it was locked
    """

    left: int
    share: int | None
    limit: int

    def give(self, points: int) -> "Pool":
        """Return it after so many points were given or, negative, came back."""
        return replace(self, left=self.left - points)


Pools = Mapping[PoolKey, Pool]


def left_in(pools: Pools, key: PoolKey, limit: int) -> int:
    """
    Return what a pool has left.

    :param limit: what it holds in all, as the version says that decides
    :raises PoolMissing: when it is not there, or what is there is the share of another limit
    """
    try:
        pool = pools[key]
    except KeyError:
        raise PoolMissing(key, limit) from None
    if pool.limit != limit and pool.share is not None:
        raise PoolMissing(key, limit)
    return pool.left + limit - pool.limit

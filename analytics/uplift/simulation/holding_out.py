"""A part of the customers held out at random, as the hold-out of a program does it, and who of them crossed over."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np

from analytics.uplift.panel import Flags, Floats, Places

BUCKETS = 10_000


def bucket(salt: str, key: str) -> int:
    """Return the place, 0 to 9,999, of a key in a salted draw: the same for ever, and with another salt another."""
    return int(sha256(f"{salt}:{key}".encode()).hexdigest()[:15], 16) % BUCKETS


@dataclass(frozen=True)
class Holdout:
    """
    Who is held out: customers c1, c2, ... whose bucket is below the share, or those whom somebody else drew.

    :param form: "not_invited": they are not asked to join; "no_benefits": they join, and membership changes nothing
    :param drawn: who is held out, where it is not by their buckets
    :param crossing: the share of those held out who join (or get the benefits) nevertheless
    """

    share: float
    salt: str = "holdout"
    form: Literal["not_invited", "no_benefits"] = "not_invited"
    crossing: float = 0.05
    drawn: Flags | None = None


@dataclass(frozen=True)
class Arms:
    """
    What came of a hold-out, a row per customer: the bucket, who was held out, and since which second who has benefits.

    :param benefits: NaN for who has none, whichever arm
    """

    buckets: Places
    held_out: Flags
    benefits: Floats


def draw_buckets(holdout: Holdout | None, size: int) -> Places:
    """Return the buckets of customers c1 to c{size}, beyond all shares without a hold-out."""
    if holdout is None:
        return np.full(size, BUCKETS, dtype=np.int32)
    return np.fromiter((bucket(holdout.salt, f"c{place}") for place in range(1, size + 1)), np.int32, size)


def is_held_out(holdout: Holdout | None, buckets: Places) -> Flags:
    """Return who is held out."""
    if holdout is not None and holdout.drawn is not None:
        return holdout.drawn
    return buckets < (round(holdout.share * BUCKETS) if holdout else 0)

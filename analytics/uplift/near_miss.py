"""
Near misses: who just failed to reach a tier, of whom a part drawn by chance is upgraded all the same.

What a tier does cannot be read from who reached it and who did not: members top up to a threshold. Of those who all just
missed it, chance decides here, so that they differ by nothing but the tier. They are compared as any experiment's arms are,
with how much was missing as an adjustment.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

BUCKETS = 10_000
MAX_MISSING = 0.5
Bucket = Callable[[str, str], int]


class InvalidSelection(Exception):
    """
    Near misses cannot be selected so.

    :param code: "threshold", "within" or "share_bp"
    """

    def __init__(self, code: str, value: float) -> None:
        super().__init__(code)
        self.code = code
        self.value = value


@dataclass(frozen=True)
class Progress:
    """How far a member (by the key of the experiment's unit) got towards a tier by the end of the time for it."""

    key: str
    reached: float


@dataclass(frozen=True)
class NearMissRule:
    """
    Who nearly reached a tier, and how many of them are upgraded.

    :param threshold: of the tier
    :param within: the share of it that may be missing, at most .5
    :param share_bp: of 10,000 near misses, how many are upgraded
    :param salt: of the experiment; one that no other has
    """

    threshold: float
    within: float
    share_bp: int
    salt: str

    def __post_init__(self) -> None:
        if self.threshold <= 0:
            raise InvalidSelection("threshold", self.threshold)
        if not 0 < self.within <= MAX_MISSING:
            raise InvalidSelection("within", self.within)
        if not 0 < self.share_bp < BUCKETS:
            raise InvalidSelection("share_bp", self.share_bp)


@dataclass(frozen=True)
class NearMiss:
    """A member who nearly reached the tier: what was missing, and whether it is upgraded."""

    key: str
    missing: float
    bucket: int
    upgraded: bool


def select(
    progress: Iterable[Progress], rule: NearMissRule, bucket: Bucket, *, excluded: Collection[str] = frozenset()
) -> list[NearMiss]:
    """
    Return the near misses, in the order in which they came, each in its arm.

    :param bucket: of a salt and a key, from 0 to 9,999: the experiments' own
    :param excluded: keys that are in no arm: held out of everything, or upgraded by hand
    """
    lowest = rule.threshold * (1 - rule.within)
    found = []
    for each in progress:
        if lowest <= each.reached < rule.threshold and each.key not in excluded:
            place = bucket(rule.salt, each.key)
            found.append(NearMiss(each.key, rule.threshold - each.reached, place, place < rule.share_bp))
    return found

"""
Scores of surveys and shares, with their intervals. Pure.

NPS by Reichheld (2003): promoters 9 and 10, detractors 0 to 6, its variance that of a three-valued answer. Shares by Wilson's
interval (1927), which is right for few answers and at 0 and 100 %.
"""

from dataclasses import dataclass
from math import isclose, sqrt

TOO_FEW = 30  # answers, below which a score is no more than an impression
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Score:
    """
    A score with its 95 % interval.

    :param value: None where nobody answered, which is not 0; `low` and `high` likewise
    :param n: how many answered
    :param scale: by which the values are written: 100 for points and percent
    """

    value: float | None
    low: float | None
    high: float | None
    error: float | None
    n: int

    @property
    def is_too_few(self) -> bool:
        """Tell whether so few answered that the score is only an impression."""
        return self.n < TOO_FEW


NOBODY = Score(None, None, None, None, 0)


def nps(promoters: int, passives: int, detractors: int) -> Score:
    """Return the net promoter score, from -100 to 100."""
    n = promoters + passives + detractors
    if not n:
        return NOBODY
    p, d = promoters / n, detractors / n
    value = 100 * (p - d)
    error = 100 * sqrt((p + d - (p - d) ** 2) / n)
    return Score(value, value - Z95 * error, value + Z95 * error, error, n)


def share(some: int, n: int, scale: float = 1) -> Score:
    """
    Return a share of counted customers, or of those who answered 4 or 5 of 5 (CSAT), with Wilson's interval.

    :param scale: 100 for percent
    """
    if not n:
        return NOBODY
    p, z2 = some / n, Z95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    return Score(
        scale * p, scale * max(middle - half, 0), scale * min(middle + half, 1), scale * sqrt(p * (1 - p) / n), n
    )


@dataclass(frozen=True, slots=True)
class Change:
    """
    The difference of two scores of independent answers.

    :param half: of its 95 % interval
    """

    value: float
    half: float

    @property
    def is_detectable(self) -> bool:
        """Tell whether chance alone is an unlikely reason for it."""
        return abs(self.value) > self.half and not isclose(abs(self.value), self.half)


def change(now: Score, then: Score) -> Change | None:
    """Return by how much a score has changed; None where either has no answers."""
    if now.value is None or then.value is None or now.error is None or then.error is None:
        return None
    return Change(now.value - then.value, Z95 * sqrt(now.error**2 + then.error**2))

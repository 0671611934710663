"""Whether arms are as large as their shares say: a broken randomisation shows here first, and blocks the result."""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import chi2

BLOCKS_BELOW = 0.001


@dataclass(frozen=True)
class SampleRatio:
    """
    How far the arms' sizes are from their shares.

    :param expected: units of each arm, had the shares been kept to the digit
    :param is_broken: no result may be told: what made the arms' sizes differ may have made the effect
    """

    statistic: float
    degrees: int
    p_value: float
    expected: Sequence[float]
    is_broken: bool


def sample_ratio(sizes: Sequence[int], shares: Sequence[float], *, continuity: bool = False) -> SampleRatio:
    """
    Return Pearson's test of arms' sizes against their shares.

    :param shares: of the same arms; they need not sum to one
    :param continuity: Yates' correction, by which whole numbers are compared with what need not be whole
    """
    total, whole = sum(sizes), sum(shares)
    expected = [total * share / whole for share in shares]
    if total == 0:
        return SampleRatio(0.0, len(sizes) - 1, 1.0, expected, is_broken=False)
    less = 0.5 if continuity else 0.0
    away = [max(abs(size - mean) - less, 0.0) for size, mean in zip(sizes, expected, strict=True)]
    statistic = sum(off**2 / mean for off, mean in zip(away, expected, strict=True))
    p_value = float(chi2.sf(statistic, len(sizes) - 1))
    return SampleRatio(statistic, len(sizes) - 1, p_value, expected, is_broken=p_value < BLOCKS_BELOW)

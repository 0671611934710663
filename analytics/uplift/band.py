"""The headline: from the lowest lower to the highest upper end of the estimates, none of which is honest everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from analytics.uplift.results import Estimate, Range


@dataclass(frozen=True)
class Band:
    """The ends of the band, and the middle estimate."""

    low: float
    high: float
    effect: float


def band_of(estimates: Sequence[Estimate]) -> Band | None:
    """Return the band over estimates; None where none has an effect to tell."""
    effects = [each.effect for each in estimates if each.effect is not None]
    if not effects:
        return None
    middle = float(np.median([effect.value for effect in effects]))
    return Band(min(effect.low for effect in effects), max(effect.high for effect in effects), middle)


def money(band: Band, spent: float, level: float) -> Range:
    """
    Return what a band is in money.

    :param spent: what members spent, of which a share e / (1 + e) is the effect e
    """
    value, low, high = (spent * e / (1 + e) for e in (band.effect, band.low, band.high))
    return Range(value, (high - low) / 2 / float(norm.ppf(0.5 + level / 2)), low, high)


def rejects(estimate: Estimate) -> float | None:
    """Return the chance of an estimate so far from 0 were there no effect."""
    if estimate.effect is None:
        return None
    error = estimate.effect.error / (1 + estimate.effect.value)
    if error <= 0:
        return 1.0 if estimate.effect.value == 0 else 0.0
    return float(2 * norm.sf(abs(np.log1p(estimate.effect.value)) / error))

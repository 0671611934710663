"""
What a randomised experiment shows: the difference between those who were assigned to one arm and to another.

Everyone counts in the arm that they were assigned to, whatever they did (intention to treat). Errors are robust: each arm has a
variance of its own. With what a customer did before as covariate, each arm has a slope of its own (Lin 2013, HC2 errors), or
both the same one (CUPED, Deng et al. 2013). The effect on those who took part because of it is the ratio to the difference in
take-up (Imbens and Angrist 1994), with the interval of Anderson and Rubin, which is right for a small take-up, too.
"""

import math
import sys
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from analytics.uplift.results import Range

Floats = NDArray[np.float64]

MIN_UNITS = 3  # of an arm: a line through two points has no error
ROUNDING = 1e-9  # of a covariate's size: what varies by less does so by how its mean was rounded
MAX_EXPONENT = math.log(sys.float_info.max)
ROUNDED = 1e-12  # of the largest outcome: means that differ, or are unsure, by less do so by how they were rounded


class TooFewUnits(ValueError):
    """An arm has too few units to say anything."""


@dataclass(frozen=True)
class Arm:
    """
    The units assigned to an arm, as columns of equal length.

    :param outcome: what the unit brought after the planned exposure
    :param before: the same of as long a time before it; None where it is not known
    :param took_up: 1 for who took part in what the arm was offered, else 0; None where nothing can be taken up
    """

    outcome: Floats
    before: Floats | None = None
    took_up: Floats | None = None

    def __len__(self) -> int:
        return len(self.outcome)


@dataclass(frozen=True)
class Difference:
    """
    What one arm has more than the other, per unit.

    :param percent: the same as a share of the control's mean (.07 is 7 %); None where a mean is not positive
    :param degrees: of freedom of the t distribution that the interval is from; infinite for a normal one
    """

    treated_mean: float
    control_mean: float
    effect: Range
    percent: Range | None
    p_value: float
    degrees: float


@dataclass(frozen=True)
class Complier:
    """
    The effect on those who took part because of their arm, per unit.

    :param take_up: the difference in take-up, in shares
    :param effect: with its delta-method error and the ends of Anderson and Rubin; None where take-up does not differ enough
    """

    take_up: Range
    effect: Range | None


@dataclass(frozen=True)
class _Mean:
    """
    An arm's mean at the common covariate, and what each unit adds to its error.

    :param size: of the largest outcome
    """

    value: float
    parts: Floats = field(repr=False)
    size: float

    @property
    def variance(self) -> float:
        return float(self.parts @ self.parts)


def difference(treated: Arm, control: Arm, *, level: float = 0.95) -> Difference:
    """Return the difference of the means, with Welch's errors."""
    arms = [_mean(each.outcome, None, 0.0) for each in (treated, control)]
    return _compared(arms[0], arms[1], level)


def adjusted(treated: Arm, control: Arm, *, level: float = 0.95) -> Difference:
    """
    Return the difference at the same covariate, each arm with its own slope and HC2 errors (Lin 2013).

    Where a unit's past is not known in both arms it is `difference`.
    """
    arms = _means(treated, control, "outcome")
    return _compared(arms[0], arms[1], level)


def cuped(treated: Arm, control: Arm, *, level: float = 0.95) -> Difference:
    """Return the difference at the same covariate, with one slope for both arms (Deng et al. 2013)."""
    if treated.before is None or control.before is None:
        return difference(treated, control, level=level)
    outcome, before = _joined(treated, control, "outcome"), _joined(treated, control, "before")
    spread = _spread(before)
    slope = float((outcome - outcome.mean()) @ (before - before.mean())) / spread if spread > 0 else 0.0
    moved = [
        Arm(each.outcome - slope * (past - before.mean()))
        for each, past in ((treated, treated.before), (control, control.before))
    ]
    return difference(moved[0], moved[1], level=level)


def complier(treated: Arm, control: Arm, *, level: float = 0.95) -> Complier:
    """
    Return the effect on those who took part because of their arm: the effect of being assigned, over the difference in take-up.

    It rests on nothing but taking part doing anything. Both arms need `took_up`.
    """
    outcome, took = _means(treated, control, "outcome"), _means(treated, control, "took_up")
    (gain, of_gain), (share, of_share) = (_told(one, other) for one, other in (outcome, took))
    shared = sum(float(one.parts @ other.parts) for one, other in zip(outcome, took, strict=True))
    sure = _quantile(level, min(_degrees(*outcome), _degrees(*took)))
    take_up = Range(share, of_share**0.5, share - sure * of_share**0.5, share + sure * of_share**0.5)
    # (gain - b share)^2 <= sure^2 (of_gain - 2 b shared + b^2 of_share), as a b^2 - 2 h b + c <= 0
    a = share**2 - sure**2 * of_share
    if a <= 0:
        return Complier(take_up, None)
    h, c = gain * share - sure**2 * shared, gain**2 - sure**2 * of_gain
    middle, half = h / a, max(h * h - a * c, 0.0) ** 0.5 / a
    ratio = gain / share
    error = max(of_gain - 2 * ratio * shared + ratio**2 * of_share, 0.0) ** 0.5 / abs(share)
    return Complier(take_up, Range(ratio, error, middle - half, middle + half))


def difference_of_shares(
    treated: int, treated_of: int, control: int, control_of: int, *, level: float = 0.95
) -> Difference:
    """Return the difference between two shares, such as of those who ordered, each with the error of its own share."""
    shares, sizes = (treated / treated_of, control / control_of), (treated_of, control_of)
    variances = [share * (1 - share) / size for share, size in zip(shares, sizes, strict=True)]
    return _difference(shares, (variances[0], variances[1]), float("inf"), float("inf"), level)


def per_customer(outcome: Floats, customers: Floats, *, of: float, size: float) -> Floats:
    """
    Return units' outcomes so that their mean and its error are those of a ratio: all outcomes over all customers.

    For units of several customers, such as households. Linear in both (the delta method); of units of one customer it
    changes nothing.

    :param of: the ratio at which it is taken; that of an arm itself for its outcome, that of both arms for a covariate
    :param size: customers of a unit, on average
    """
    moved: Floats = of + (outcome - of * customers) / size
    return moved


def _mean(outcome: Floats, before: Floats | None, at: float) -> _Mean:
    """Return the mean that a line through an arm has at a covariate, HC2."""
    n = len(outcome)
    if n < MIN_UNITS:
        raise TooFewUnits(n)
    centred = np.zeros(n) if before is None else before - before.mean()
    spread = 0.0 if before is None else _spread(before)
    size = float(np.abs(outcome).max())
    if before is None or spread <= 0:
        rests = outcome - outcome.mean()
        return _Mean(float(outcome.mean()), rests / (n * (1 - 1 / n) ** 0.5), size)
    away = at - float(before.mean())
    slope = float(centred @ outcome) / spread
    weights = 1 / n + centred * away / spread
    leverage = np.minimum(1 / n + centred**2 / spread, 1 - 1e-9)
    rests = outcome - outcome.mean() - slope * centred
    return _Mean(float(outcome.mean()) + slope * away, weights * rests / np.sqrt(1 - leverage), size)


def _told(treated: _Mean, control: _Mean) -> tuple[float, float]:
    """
    Return the difference of two means and its variance; without what only rounding made of either.

    Where all units of both arms brought the same, their means differ by how they were rounded, and by that for sure.
    """
    least = ROUNDED * max(treated.size, control.size)
    gain, variance = treated.value - control.value, treated.variance + control.variance
    if variance > least**2:
        return gain, variance
    return (gain if abs(gain) > least else 0.0), 0.0


def _spread(before: Floats) -> float:
    """Return the sum of squares about the mean; 0 of a covariate that is the same for all: its mean need not be, as rounded."""
    centred = before - before.mean()
    spread = float(centred @ centred)
    return spread if spread > len(before) * (ROUNDING * float(np.abs(before).max())) ** 2 else 0.0


def _means(treated: Arm, control: Arm, name: str) -> tuple[_Mean, _Mean]:
    known = treated.before is not None and control.before is not None
    at = float(_joined(treated, control, "before").mean()) if known else 0.0
    first, second = (_mean(getattr(each, name), each.before if known else None, at) for each in (treated, control))
    return first, second


def _joined(treated: Arm, control: Arm, name: str) -> Floats:
    joined: Floats = np.concatenate([getattr(treated, name), getattr(control, name)])
    return joined


def _compared(treated: _Mean, control: _Mean, level: float) -> Difference:
    variances = (treated.variance, control.variance)
    means = (treated.value, control.value)
    degrees = _degrees(treated, control)
    shares = [variance / mean**2 if mean else 0.0 for variance, mean in zip(variances, means, strict=True)]
    of_shares = _welch(shares, [len(treated.parts), len(control.parts)])
    effect, variance = _told(treated, control)
    if variance == 0:
        means, variances = (control.value + effect, control.value), (0.0, 0.0)
        degrees = of_shares = float("inf")
    return _difference(means, variances, degrees, of_shares, level)


def _difference(
    means: tuple[float, float], variances: tuple[float, float], degrees: float, of_shares: float, level: float
) -> Difference:
    effect, error = means[0] - means[1], sum(variances) ** 0.5
    sure = _quantile(level, degrees)
    p_value = 2 * float(t.sf(abs(effect) / error, degrees)) if error else float(effect == 0)
    return Difference(
        treated_mean=means[0], control_mean=means[1],
        effect=Range(effect, error, effect - sure * error, effect + sure * error),
        percent=_percent(means, variances, of_shares, level), p_value=p_value, degrees=degrees,
    )  # fmt: skip


def _percent(means: tuple[float, float], variances: tuple[float, float], degrees: float, level: float) -> Range | None:
    """
    Return the ratio of the means less one: its logarithm has about a t distribution.

    :returns: None where a mean is not above 0, or so little known that the ratio may be more than any number
    """
    if min(means) <= 0:
        return None
    ratio = means[0] / means[1]
    error = sum(variance / mean**2 for variance, mean in zip(variances, means, strict=True)) ** 0.5
    exponent = _quantile(level, degrees) * error
    if max(exponent, exponent + math.log(ratio)) >= MAX_EXPONENT:
        return None
    factor = math.exp(exponent)
    return Range(ratio - 1, ratio * error, ratio / factor - 1, ratio * factor - 1)


def _degrees(treated: _Mean, control: _Mean) -> float:
    return _welch([treated.variance, control.variance], [len(treated.parts), len(control.parts)])


def _welch(variances: list[float], sizes: list[int]) -> float:
    below = sum(variance**2 / (size - 1) for variance, size in zip(variances, sizes, strict=True))
    return sum(variances) ** 2 / below if below > 0 else float("inf")


def _quantile(level: float, degrees: float) -> float:
    tail = (1 - level) / 2
    return float(norm.isf(tail) if np.isinf(degrees) else t.isf(tail, degrees))

"""
Whether customers pile up above an announced threshold: the check before anything is read from a discontinuity there.

Members top up to thresholds that they know of. Then those just above differ from those just below by more than the tier, and
comparing them says nothing of the tier. Where nobody aims at a threshold, how many customers there are goes on smoothly
through it (McCrary 2008). Here: how many there are in narrow bins, fitted on each side by a curve in the logarithm (Poisson
regression, quadratic), and the step between the two curves at the threshold, with an error that grows with how unevenly the
bins are filled, as they are where amounts are round. Where members stand at a few amounts only, as where orders are counted,
no curve can be drawn, and nothing is told.

That the check finds nothing is worth only as much as it would have found: it says what surplus it would have seen, and
passes nothing that it could not have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import Floats
from analytics.uplift.results import Point, Range

BINS = 20  # on each side
STEPS = 50  # of Newton's method
NEAR = 1e-10
LEVEL = 0.95
REACH = NormalDist().inv_cdf(0.5 + LEVEL / 2)
POWER = 0.8
MAX_UNSEEN = 1.25  # the largest ratio that may go unseen where the check passes
MIN_SIDE = 200  # customers on each side
MIN_FILLED = 6  # bins on each side with a customer in them: a curve through fewer is any curve
Verdict = Literal["smooth", "bunched", "cannot_tell"]


@dataclass(frozen=True)
class Density:
    """
    How many customers stand above a threshold for each one below, right at it.

    :param ratio: 1 where nobody aims at it, with its interval (the error is that of its logarithm); None where too few are
        near, or where they stand at too few different amounts
    :param p: how likely a step as large is by chance
    :param unseen: the ratio above 1 that would be seen in four of five such checks, and no smaller one
    :param bins: how many customers there are, at the middle of each bin, and what the curves say with their interval
    """

    verdict: Verdict
    below: int
    above: int
    ratio: Range | None = None
    p: float | None = None
    unseen: float | None = None
    bins: Sequence[Point] = ()


def check_density(reached: Floats, threshold: float, within: float) -> Density:
    """
    Return whether customers pile up above a threshold; one exactly at it has reached it.

    :param reached: what each customer spent or collected towards it
    :param within: how far from the threshold customers are looked at, on either side
    """
    distance = (reached - threshold) / within
    near = distance[(distance >= -1) & (distance < 1)]
    below, above = int(np.count_nonzero(near < 0)), int(np.count_nonzero(near >= 0))
    if min(below, above) < MIN_SIDE:
        return Density("cannot_tell", below, above)
    counts = np.bincount(((near + 1) * BINS).astype(np.int64).clip(0, 2 * BINS - 1), minlength=2 * BINS)
    middle = (np.arange(2 * BINS) + 0.5) / BINS - 1
    curves = _columns(middle)
    fitted = _poisson(curves, counts.astype(np.float64)) if _is_filled(counts) else None
    if fitted is None:
        return Density("cannot_tell", below, above)
    values, covariance = fitted
    step, error = float(values[0]), float(np.sqrt(covariance[0, 0]))
    p = 2 * (1 - NormalDist().cdf(abs(step) / error))
    unseen = float(np.exp((REACH + NormalDist().inv_cdf(POWER)) * error))
    verdict: Verdict = "bunched" if p < 1 - LEVEL else "smooth" if unseen <= MAX_UNSEEN else "cannot_tell"
    low, high = (float(np.exp(step + side * REACH * error)) for side in (-1, 1))
    spread = REACH * np.sqrt(np.einsum("ij,jk,ik->i", curves, covariance, curves))
    bins = [
        Point(threshold + at * within, told, told * float(np.exp(-off)), told * float(np.exp(off)), int(count))
        for at, told, off, count in zip(middle, np.exp(curves @ values).tolist(), spread, counts, strict=True)
    ]
    return Density(verdict, below, above, Range(float(np.exp(step)), error, low, high), p, unseen, bins)


def _is_filled(counts: NDArray[np.int64]) -> bool:
    """Tell whether customers stand in enough of the bins of each side."""
    return all(np.count_nonzero(side) >= MIN_FILLED for side in np.split(counts, 2))


def _columns(distance: Floats) -> Floats:
    """Return a step at 0, and a curve of its own on each side of it."""
    above = (distance >= 0).astype(np.float64)
    powers = np.column_stack([distance, distance**2])
    return np.column_stack([above, np.ones_like(distance), powers * above[:, None], powers * (1 - above)[:, None]])


def _poisson(columns: Floats, counts: Floats) -> tuple[Floats, Floats] | None:
    """
    Return the coefficients of a Poisson regression and their covariance, widened by how uneven the counts are.

    None where it comes to no end.
    """
    values: Floats = np.linalg.lstsq(columns, np.log(counts + 0.5), rcond=None)[0].astype(np.float64)
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            return _converged(columns, counts, values)
    except (FloatingPointError, np.linalg.LinAlgError):
        return None


def _converged(columns: Floats, counts: Floats, values: Floats) -> tuple[Floats, Floats] | None:
    """Return the same by Newton's method from some coefficients on."""
    for _ in range(STEPS):
        expected = np.exp(columns @ values)
        bend = columns.T @ (columns * expected[:, None])
        step = np.linalg.solve(bend, columns.T @ (counts - expected))
        values = values + step
        if float(np.abs(step).max()) < NEAR:
            expected = np.exp(columns @ values)
            uneven = float((np.square(counts - expected) / expected).sum()) / (len(counts) - columns.shape[1])
            return values, np.linalg.inv(columns.T @ (columns * expected[:, None])) * max(1.0, uneven)
    return None

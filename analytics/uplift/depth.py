"""
What an experiment says of each depth of an offer in each segment: effects, and how likely it is that they pay.

Estimates of segments are pulled towards the depth's mean over all segments, the more so the less is known of them (empirical
Bayes, DerSimonian and Laird's spread): the best of many estimates is best partly by luck. All functions take any number of
leading axes before segments and depths, so that thousands of experiments are judged at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from scipy.special import ndtr

from analytics.uplift.panel import Flags, Floats, Places

SURE = 0.9  # how likely a depth must pay, where much is known of it
MANY = 2_000  # customers of an arm in a segment: "much"
TIE = 0.05  # of what the deeper one earns: nearer than that is the same
DEEPER = 0.8  # how likely a deeper one must earn more than a shallower one that pays
CHANCE = 0.025  # of claiming anything where no depth has an effect
SPREADS = 24  # how many are weighed
Z = 1.959963984540054


@dataclass(frozen=True)
class Arms:
    """
    What customers earned, by segment and depth (S x D, or more axes before); the first depth is 0: no offer.

    :param customers: of each arm in each segment
    :param means: margin over the window after exposure, less what was redeemed, sent, brought back and is owed as points
    :param variances: of it among customers, after adjustment for the time before
    :param bought: the share of them who bought in the campaign: not what is optimised, but what nothing pays without
    """

    customers: Floats
    means: Floats
    variances: Floats
    bought: Floats

    @classmethod
    def of(cls, tried: "Tried", segments: int, depths: int) -> "Arms":
        """Return the arms of customers one by one."""
        cell, size = tried.segment.astype(np.int64) * depths + tried.depth, segments * depths
        earned = tried.earned if tried.before is None else tried.earned - _told_before(tried, tried.before, cell, size)
        count = np.bincount(cell, minlength=size).astype(np.float64)
        mean = _sums(cell, earned, size) / np.maximum(count, 1)
        variance = _sums(cell, np.square(earned - mean[cell]), size) / np.maximum(count - 1, 1)
        bought = _sums(cell, tried.bought.astype(np.float64), size) / np.maximum(count, 1)
        shape = segments, depths
        return cls(count.reshape(shape), mean.reshape(shape), variance.reshape(shape), bought.reshape(shape))


@dataclass(frozen=True)
class Tried:
    """
    The customers of an experiment, as columns.

    :param segment: its place
    :param depth: its place; 0 is the control
    :param earned: as the means of `Arms`
    :param bought: in the campaign
    :param before: what they earned in as long a time before exposure; its share in the spread is taken out (CUPED)
    """

    segment: Places
    depth: Places
    earned: Floats
    bought: Flags
    before: Floats | None = None


def _sums(place: Places, values: Floats, size: int) -> Floats:
    return np.bincount(place, weights=values, minlength=size).astype(np.float64)


def _told_before(tried: Tried, before: Floats, cell: Places, size: int) -> Floats:
    """Return what each customer's time before tells of the time after, beyond what it tells of the segment."""
    own = before - (_sums(cell, before, size) / np.maximum(np.bincount(cell, minlength=size), 1))[cell]
    spread = float(own @ own)
    slope = float(own @ tried.earned) / spread if spread > 0 else 0.0
    people = np.maximum(np.bincount(tried.segment, minlength=size), 1)
    return slope * (before - (_sums(tried.segment, before, size) / people)[tried.segment])


@dataclass(frozen=True)
class Cells:
    """
    The effect of each depth against none, in each segment: ... x S x (D - 1).

    :param effects: as seen, with their `errors`
    :param shrunk: pulled towards the depth's mean, with their own errors
    :param pays: how likely it is that the effect is above 0
    :param many: whether there are enough customers of the arm and of the control to go by that
    """

    effects: Floats
    errors: Floats
    shrunk: Floats
    shrunk_errors: Floats
    pays: Floats
    many: Flags


@dataclass(frozen=True)
class Differences:
    """The means of depths less that of none, as seen, with their errors: ... x S x (D - 1)."""

    effects: Floats
    errors: Floats


def differences_of(arms: Arms) -> Differences:
    """Return by how much the depths differ from none."""
    of_means = arms.variances / np.maximum(arms.customers, 1)
    effects = arms.means[..., 1:] - arms.means[..., :1]
    return Differences(effects, np.sqrt(np.maximum(of_means[..., 1:] + of_means[..., :1], np.finfo(np.float64).tiny)))


def cells_of(arms: Arms) -> Cells:
    """Return the effects of the depths against none."""
    seen = differences_of(arms)
    shrunk = shrink(seen.effects, seen.errors)
    least = np.minimum(arms.customers[..., 1:], arms.customers[..., :1])
    return Cells(seen.effects, seen.errors, shrunk.effects, shrunk.errors, shrunk.pays, least >= MANY)


@dataclass(frozen=True)
class Shrunk:
    """Effects pulled towards the mean of their depth, their errors, and how likely it is that they are above 0."""

    effects: Floats
    errors: Floats
    pays: Floats


def shrink(effects: Floats, errors: Floats) -> Shrunk:
    """
    Return effects pulled towards the mean of their depth over the segments; ... x S x D.

    How far apart segments truly are is not known from a few of them: each spread counts by how likely it makes what was
    seen, none being likelier than another beforehand (Gelman and others, Bayesian Data Analysis, 5.4).
    """
    middle = effects.mean(axis=-2, keepdims=True)
    reach = 2 * np.abs(effects - middle).max(axis=-2, keepdims=True)
    spread = reach[..., None] * np.linspace(0, 1, SPREADS)  # ... x 1 x D x spreads
    seen, noise = effects[..., None], np.square(errors)[..., None]
    weights = 1 / (np.square(spread) + noise)
    total = weights.sum(axis=-3, keepdims=True)
    centre = (weights * seen).sum(axis=-3, keepdims=True) / total
    likely = 0.5 * (np.log(weights) - weights * np.square(seen - centre)).sum(axis=-3, keepdims=True) - 0.5 * np.log(
        total
    )
    belief = np.exp(likely - likely.max(axis=-1, keepdims=True))
    belief /= belief.sum(axis=-1, keepdims=True)
    kept = np.square(spread) * weights
    pulled = centre + kept * (seen - centre)
    variance = kept * noise + np.square(1 - kept) / total
    mean = (belief * pulled).sum(axis=-1)
    error = np.sqrt((belief * (variance + np.square(pulled - mean[..., None]))).sum(axis=-1))
    return Shrunk(mean, error, (belief * ndtr(pulled / np.sqrt(variance))).sum(axis=-1))


def moves(arms: Arms, cells: Cells) -> Flags:
    """
    Return for each segment whether any depth does anything to it at all: ... x S.

    Looking at every depth in every segment finds something that seems to pay, always. So a segment is asked first whether
    more of it bought in the campaign, or, if baskets grew instead, whether the effect itself is beyond doubt: where no depth
    has an effect, 97.5 % of experiments say of no segment that it moves.
    """
    looks = 2 * cells.effects.shape[-1] * cells.effects.shape[-2]
    limit = NormalDist().inv_cdf(1 - CHANCE / looks)
    bought, customers = arms.bought * arms.customers, arms.customers
    people = customers[..., 1:] + customers[..., :1]
    share = (bought[..., 1:] + bought[..., :1]) / np.maximum(people, 1)
    spread = share * (1 - share) * (1 / np.maximum(customers[..., 1:], 1) + 1 / np.maximum(customers[..., :1], 1))
    more = arms.bought[..., 1:] - arms.bought[..., :1]
    buys = (more > limit * np.sqrt(spread)) & (more > 0)
    flags: Flags = np.any(buys | (cells.effects > limit * cells.errors), axis=-1)
    return flags


def sure_depths(cells: Cells) -> Flags:
    """Return which depths surely pay: likely enough where much is known of them, else beyond doubt; ... x S x (D - 1)."""
    beyond_doubt = cells.effects - Z * cells.errors > 0
    return np.where(cells.many, cells.pays >= SURE, beyond_doubt) & (cells.shrunk > 0)


def best_depths(arms: Arms, cells: Cells, deeper: float = DEEPER) -> Places:
    """
    Return the place of each segment's depth, 0 for none: ... x S.

    Of the depths that surely pay it is the shallowest one that no deeper one is likely to beat, by more than a tie.

    :param deeper: how likely it must be
    """
    sure, of_means = sure_depths(cells), arms.variances / np.maximum(arms.customers, 1)
    limit = NormalDist().inv_cdf(deeper)
    best = np.zeros(sure.shape[:-1], dtype=np.int32)
    for place in reversed(range(sure.shape[-1])):
        more = cells.shrunk - cells.shrunk[..., place : place + 1]
        errors = np.sqrt(of_means[..., 1:] + of_means[..., place + 1 : place + 2])
        beats = sure & (more > np.maximum(limit * errors, TIE * cells.shrunk))
        best = np.where(sure[..., place] & ~np.any(beats[..., place + 1 :], axis=-1), np.int32(place + 1), best)
    return np.where(moves(arms, cells), best, np.int32(0))


def raised(responses: Floats, customers: Floats) -> Floats:
    """
    Return responses that never fall from one depth to the next, as near to those seen as can be: ... x D by one row.

    A check, not an estimate: what is far from it says that the experiment was disturbed. Pool adjacent violators.
    """
    blocks: list[tuple[float, float, int]] = []
    for value, weight in zip(responses.tolist(), customers.tolist(), strict=True):
        blocks.append((value, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            last, before = blocks.pop(), blocks.pop()
            together = before[1] + last[1]
            mean = (before[0] * before[1] + last[0] * last[1]) / together if together else before[0]
            blocks.append((mean, together, before[2] + last[2]))
    return np.repeat([value for value, _, _ in blocks], [count for _, _, count in blocks])


def falls(responses: Floats, customers: Floats) -> Sequence[int]:
    """Return the places of depths whose response lies below a shallower one's by more than two errors, of one segment."""
    gap = responses - raised(responses, customers)
    errors = np.sqrt(np.maximum(responses * (1 - responses), 0) / np.maximum(customers, 1))
    return [int(place) for place in np.flatnonzero(-gap > 2 * errors)]

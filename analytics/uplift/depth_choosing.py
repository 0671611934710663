"""
Which depth of an offer for whom, from one experiment: a depth, or a refusal that says what would lift it.

What is decided on is margin over a window long enough to see orders that were only bought earlier, less all costs. Most
experiments are too small to know; saying so is an answer. The benchmark `depth` measures the rule on shops of known truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, inf
from statistics import NormalDist

import numpy as np

from analytics.uplift.depth import DEEPER, SURE, Arms, Cells, Z, best_depths, cells_of, falls, moves, sure_depths
from analytics.uplift.results import Range, Reason

MIN_PER_ARM = 1_000
MIN_CONTROL = 0.1  # of all customers who are tried
MAX_SHARED = 0.05  # of codes that others than those who were sent them redeemed
BROKEN = 0.001  # the p-value below which arms are not as they were drawn


@dataclass(frozen=True)
class Circumstances:
    """
    How an experiment went.

    :param sample_ratio_p: of the arms' sizes against their shares
    :param days_left: until the window of the last customer of any arm closes
    :param window_days: over which what customers earned is summed
    :param days_between: two purchases of a customer, the median
    :param costs_known: of all that the outcome has to bear
    :param shared: codes that others redeemed, as a share
    :param price_changed: while it ran
    :param crossed: customers who share a household with one of another arm, as a share: what the one gets, the other uses
    :param customers_a_week: who enter it, all arms together
    """

    sample_ratio_p: float
    days_left: int
    window_days: int
    days_between: float
    costs_known: bool
    shared: float
    price_changed: bool
    customers_a_week: float
    crossed: float = 0.0


@dataclass(frozen=True)
class Cell:
    """One depth in one segment: the effect as seen, as expected after pulling together (with its error), how likely it pays."""

    depth: float
    customers: int
    control: int
    effect: Range
    expected: float
    expected_error: float
    pays: float


@dataclass(frozen=True)
class Choice:
    """A segment's depth (0: none), why, and the cells from which it was chosen; depths whose response fell are named."""

    segment: str
    depth: float
    reason: Reason
    cells: Sequence[Cell]
    falls_at: Sequence[float] = ()


@dataclass(frozen=True)
class Decision:
    """
    What to do with an offer.

    :param refusals: why nothing is chosen, with what would lift it; none where there is a decision
    """

    choices: Sequence[Choice]
    refusals: Sequence[Reason] = field(default_factory=list)


def choose(arms: Arms, depths: Sequence[float], segments: Sequence[str], went: Circumstances) -> Decision:
    """
    Return the depth for each segment, or why there is none to tell.

    :param arms: of one experiment, S x D
    :param depths: ascending, the first one 0
    """
    refused = refusals(arms, went)
    seen = _Seen(arms, cells_of(arms), depths, went)
    best = np.zeros(len(segments), dtype=np.int32) if refused else best_depths(arms, seen.cells)
    choices = [
        Choice(
            segment, depths[best[place]], Reason("refused") if refused else seen.reason(place, int(best[place])),
            seen.told(place), [depths[at] for at in falls(arms.bought[place], arms.customers[place])],
        )
        for place, segment in enumerate(segments)
    ]  # fmt: skip
    return Decision(choices, refused)


def refusals(arms: Arms, went: Circumstances) -> Sequence[Reason]:
    """Return why an experiment cannot decide anything, each reason with what is asked for."""
    least, arms_count = float(arms.customers.sum(axis=0).min()), arms.customers.shape[1]
    missing = max(0, MIN_PER_ARM - least)
    control = float(arms.customers[:, 0].sum() / max(1.0, float(arms.customers.sum())))
    found: dict[str, tuple[bool, dict[str, float | str]]] = {
        "arms_broken": (went.sample_ratio_p < BROKEN, {"p": went.sample_ratio_p, "asked": BROKEN}),
        "too_few": (missing > 0, {
            "least": least, "asked": MIN_PER_ARM, "weeks": _weeks(missing * arms_count, went.customers_a_week),
        }),
        "control_too_small": (control < MIN_CONTROL, {"share": control, "asked": MIN_CONTROL}),
        "window_open": (went.days_left > 0, {"days": went.days_left}),
        "pull_forward_unseen": (
            went.window_days < went.days_between, {"days": went.window_days, "asked": ceil(went.days_between)},
        ),
        "costs_unknown": (not went.costs_known, {}),
        "codes_shared": (went.shared > MAX_SHARED, {"share": went.shared, "asked": MAX_SHARED}),
        "households_crossed": (went.crossed > MAX_SHARED, {"share": went.crossed, "asked": MAX_SHARED}),
        "price_changed": (went.price_changed, {}),
    }  # fmt: skip
    return [Reason(code, values) for code, (holds, values) in found.items() if holds]


@dataclass(frozen=True)
class _Seen:
    """One experiment, and the words for what was seen in a segment (its place)."""

    arms: Arms
    cells: Cells
    depths: Sequence[float]
    went: Circumstances

    def reason(self, place: int, best: int) -> Reason:
        """Return why a segment has its depth, or none."""
        expected = self.cells.shrunk[place]
        promising = int(np.argmax(expected)) + 1
        depth = {"depth": self.depths[promising]}
        if best and promising > best:
            needed = self._needed_to_tell_apart(place, best, promising)
            return Reason("shallower_kept", {"deeper": self.depths[promising], **self._more(place, needed)})
        if best:
            return Reason("pays", {"probability": float(self.cells.pays[place, best - 1])})
        if expected.max() <= 0:
            return Reason("nothing_earns", depth)
        if sure_depths(self.cells)[place].any() and not moves(self.arms, self.cells)[place]:
            return Reason("nobody_moved", depth)
        probability = {"probability": float(self.cells.pays[place, promising - 1]), "asked": SURE}
        return Reason(
            "not_sure", {**depth, **probability, **self._more(place, self._needed_to_be_sure(place, promising))}
        )

    def told(self, place: int) -> Sequence[Cell]:
        """Return what was seen of each depth."""
        cells, customers = self.cells, self.arms.customers[place]
        return [
            Cell(
                depth, int(customers[at + 1]), int(customers[0]),
                range_of(float(cells.effects[place, at]), float(cells.errors[place, at])),
                float(cells.shrunk[place, at]), float(cells.shrunk_errors[place, at]), float(cells.pays[place, at]),
            )
            for at, depth in enumerate(self.depths[1:])
        ]  # fmt: skip

    def _needed_to_be_sure(self, place: int, promising: int) -> float:
        """Return how many customers of each arm would make sure of a depth, if its effect is as expected."""
        at = place, promising - 1
        limit = NormalDist().inv_cdf(SURE) if self.cells.many[at] else Z
        times = (limit * self.cells.errors[at] / self.cells.shrunk[at]) ** 2
        return float(max(1.0, times) * self.arms.customers[place, promising])

    def _needed_to_tell_apart(self, place: int, best: int, deeper: int) -> float:
        """Return how many customers of each arm would tell two depths apart, if they are as expected."""
        of_means = self.arms.variances[place] / np.maximum(self.arms.customers[place], 1)
        more = float(self.cells.shrunk[place, deeper - 1] - self.cells.shrunk[place, best - 1])
        times = NormalDist().inv_cdf(DEEPER) ** 2 * float(of_means[best] + of_means[deeper]) / more**2
        return max(1.0, times) * float(self.arms.customers[place, deeper])

    def _more(self, place: int, needed: float) -> dict[str, float]:
        """Return how many customers an arm needs in a segment, and in how many weeks they come."""
        customers = self.arms.customers
        here = float(customers[place].sum())
        missing = max(0.0, needed * customers.shape[1] - here)
        return {"needed": ceil(needed), "weeks": _weeks(missing, self.went.customers_a_week * here / customers.sum())}


def _weeks(customers: float, a_week: float) -> float:
    return float(ceil(customers / a_week)) if a_week > 0 else inf


def range_of(value: float, error: float) -> Range:
    """Return an estimate with its 95 % interval."""
    return Range(value, error, value - Z * error, value + Z * error)

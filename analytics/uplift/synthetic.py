"""
What a roll-out in some stores or regions did: synthetic difference-in-differences (Arkhangelsky and others, 2021).

The stores without the program are weighted until together they went, before the roll-out, alongside those that got it; the
months before it are weighted until they tell the months after. What then differs is the effect. It takes a roll-out that
begins everywhere in the same month, and says nothing of customers: use it for stores only.
"""

from dataclasses import dataclass, replace

import numpy as np

from analytics.uplift.panel import Flags, Floats

TIMES_NOISE = 1e-6  # of the penalty on months
CLOSE = 1e-5  # of the noise: nearer the weights need not come
FIRST_STEPS, STEPS = 100, 10_000
SPARSE = 4  # weights below a quarter of the largest one start again at 0
PLACEBOS = 200
MIN_MONTHS = 2


class TooFewStores(Exception):
    """
    A roll-out cannot be judged, or its error cannot be told.

    :param code: "months_before", "months_after", "stores_with", "stores_without"
    """

    def __init__(self, code: str, there_are: int, asked: int) -> None:
        super().__init__(code)
        self.code = code
        self.there_are = there_are
        self.asked = asked


@dataclass(frozen=True)
class RollOut:
    """
    What stores sold, month by month.

    :param sold: stores x months
    :param rolled_out: the stores in which the program began
    :param first: the place of the month in which it did
    """

    sold: Floats
    rolled_out: Flags
    first: int


@dataclass(frozen=True)
class Synthetic:
    """
    The effect per store and month, and the weights of what it was compared with; each of them sums to 1.

    :param stores: the weights of stores without the program, in their order
    :param months: those of the months before it
    """

    effect: float
    stores: Floats
    months: Floats


@dataclass(frozen=True)
class _Penalty:
    """How much evenness counts, and how near is near enough."""

    stores: float
    months: float
    close: float


def synthetic_did(roll_out: RollOut) -> Synthetic:
    """Return the effect of a roll-out; raise TooFewStores where there is nothing to compare."""
    _check(roll_out)
    return _fit(roll_out, _penalty(roll_out))


def placebo_error(roll_out: RollOut, found: Synthetic, *, seed: int = 1, draws: int = PLACEBOS) -> float:
    """
    Return the error of an effect: how far effects spread where there was no roll-out (their algorithm 4).

    As many stores as got the program are drawn from those that did not, again and again, and judged by the others.
    """
    without = roll_out.sold[~roll_out.rolled_out]
    treated, penalty = int(np.count_nonzero(roll_out.rolled_out)), _penalty(roll_out)
    if len(without) <= treated:
        raise TooFewStores("stores_without", len(without), treated + 1)
    rng, effects = np.random.default_rng(seed), np.empty(draws)
    for draw in range(draws):
        order = rng.permutation(len(without))
        placebo = RollOut(without[order], np.arange(len(order)) >= len(order) - treated, roll_out.first)
        start = replace(found, stores=_evened(found.stores[order[: len(order) - treated]]))
        effects[draw] = _fit(placebo, penalty, start).effect
    return float(np.std(effects))


def jackknife_error(roll_out: RollOut, found: Synthetic) -> float:
    """Return the error of an effect from leaving out one store after the other, the weights kept (their algorithm 3)."""
    treated = int(np.count_nonzero(roll_out.rolled_out))
    if treated < MIN_MONTHS:
        raise TooFewStores("stores_with", treated, 2)
    if np.count_nonzero(found.stores) < MIN_MONTHS:
        raise TooFewStores("stores_without", int(np.count_nonzero(found.stores)), 2)
    gained = _gained(roll_out, found.months)
    with_it, without = gained[roll_out.rolled_out], gained[~roll_out.rolled_out]
    effects = [
        with_it.mean() - _evened(np.delete(found.stores, at)) @ np.delete(without, at) for at in range(len(without))
    ]
    effects += [np.delete(with_it, at).mean() - found.stores @ without for at in range(treated)]
    return float(np.sqrt((len(effects) - 1) * np.var(effects)))


def _check(roll_out: RollOut) -> None:
    with_it = int(np.count_nonzero(roll_out.rolled_out))
    there_are = {
        "months_before": (roll_out.first, MIN_MONTHS), "months_after": (roll_out.sold.shape[1] - roll_out.first, 1),
        "stores_with": (with_it, 1), "stores_without": (len(roll_out.sold) - with_it, 2),
    }  # fmt: skip
    for code, (number, asked) in there_are.items():
        if number < asked:
            raise TooFewStores(code, number, asked)


def _penalty(roll_out: RollOut) -> _Penalty:
    """Return how much evenness counts: by how much sales jump from month to month in stores without the program."""
    jumps = np.diff(roll_out.sold[~roll_out.rolled_out, : roll_out.first], axis=1)
    noise = float(np.std(jumps, ddof=1)) if jumps.size > 1 else 0.0
    cells = np.count_nonzero(roll_out.rolled_out) * (roll_out.sold.shape[1] - roll_out.first)
    return _Penalty(float(cells**0.25) * noise, TIMES_NOISE * noise, CLOSE * noise)


def _fit(roll_out: RollOut, penalty: _Penalty, start: Synthetic | None = None) -> Synthetic:
    before, after = roll_out.sold[:, : roll_out.first], roll_out.sold[:, roll_out.first :].mean(axis=1)
    without, target = before[~roll_out.rolled_out], before[roll_out.rolled_out].mean(axis=0)
    of_stores = _Aim.of(without.T, target, penalty.stores, penalty.close)
    of_months = _Aim.of(without, after[~roll_out.rolled_out], penalty.months, penalty.close)
    stores = of_stores.weights(None if start is None else start.stores)
    months = of_months.weights(None if start is None else start.months)
    gained = _gained(roll_out, months)
    effect = gained[roll_out.rolled_out].mean() - stores @ gained[~roll_out.rolled_out]
    return Synthetic(float(effect), stores, months)


def _gained(roll_out: RollOut, months: Floats) -> Floats:
    """Return what each store sold a month after the roll-out more than in the weighted months before."""
    gained: Floats = roll_out.sold[:, roll_out.first :].mean(axis=1) - roll_out.sold[:, : roll_out.first] @ months
    return gained


@dataclass(frozen=True)
class _Aim:
    """Columns whose weighted sum is to come near a target, up to a constant; and what evenness and nearness are worth."""

    columns: Floats
    target: Floats
    penalty: float
    close: float

    @classmethod
    def of(cls, columns: Floats, target: Floats, penalty: float, close: float) -> "_Aim":
        return cls(columns - columns.mean(axis=0), target - target.mean(), penalty, close)

    def weights(self, start: Floats | None) -> Floats:
        """
        Return the weights that come nearest, none below 0 and 1 in sum.

        Twice by steps towards one column each (Frank and Wolfe), the second time without the columns that weigh little.
        """
        count = self.columns.shape[1]
        weights = self._stepped(np.full(count, 1 / count) if start is None else start, FIRST_STEPS)
        heavy = np.where(weights <= weights.max() / SPARSE, 0.0, weights)
        return self._stepped(_evened(heavy), STEPS)

    def _stepped(self, start: Floats, steps: int) -> Floats:
        rows, weights, reached = len(self.columns), start, np.inf
        eta, told = rows * self.penalty**2, self.columns @ start
        for _ in range(steps):
            slope = self.columns.T @ (told - self.target) + eta * weights
            towards = int(np.argmin(slope))
            step = -weights
            step[towards] += 1.0
            change = self.columns[:, towards] - told
            bend = float(change @ change + eta * (step @ step))
            length = min(1.0, max(0.0, -float(slope @ step) / bend)) if bend > 0 else 0.0
            weights, told = weights + length * step, told + length * change
            rest = told - self.target
            now = self.penalty**2 * float(weights @ weights) + float(rest @ rest) / rows
            if reached - now < self.close**2 or length <= 0:
                break
            reached = now
        return weights


def _evened(weights: Floats) -> Floats:
    """Return weights whose sum is 1, all alike where all are 0."""
    total = float(weights.sum())
    return weights / total if total > 0 else np.full(len(weights), 1 / len(weights))

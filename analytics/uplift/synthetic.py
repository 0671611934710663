"""
What a roll-out in some stores or regions did: synthetic difference-in-differences (Arkhangelsky and others, 2021).

The stores without the program are weighted until together they went, before the roll-out, alongside those that got it; the
months before it are weighted until they tell the months after. What then differs is the effect. It takes a roll-out that
begins everywhere in the same month, and says nothing of customers: use it for stores only.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import Flags, Floats

TIMES_NOISE = 1e-6  # of the penalty on months
CLOSE = 1e-5  # of the noise: nearer the weights need not come
FIRST_STEPS, STEPS = 100, 10_000
SPARSE = 4  # weights below a quarter of the largest one start again at 0
PLACEBOS = 200
AT_ONCE = 2_000_000  # sales of placebos that are judged together: 16 MB
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
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(len(without)) for _ in range(draws)])
    at_once = max(AT_ONCE // without.size, 1)
    parts = (orders[begin : begin + at_once] for begin in range(0, draws, at_once))
    return float(
        np.std(np.concatenate([_placebos(without, part, treated, roll_out.first, penalty, found) for part in parts]))
    )


def _placebos(  # noqa: PLR0913 - what a placebo stands on
    without: Floats, orders: NDArray[np.int64], treated: int, first: int, penalty: "_Penalty", found: Synthetic
) -> Floats:
    """Return the effects in stores without the program, of which the last ones of each order stand for those with it."""
    kept, placebo = orders[:, :-treated], orders[:, -treated:]
    begin = _evened(found.stores[kept]), np.broadcast_to(found.months, (len(orders), first))
    return _fits(_Courses(without[kept], without[placebo].mean(axis=1), first), penalty, begin)[0]


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


@dataclass(frozen=True)
class _Courses:
    """
    Roll-outs of one shape that are judged together.

    :param without: roll-outs x stores x months
    :param course: the mean of the stores with the program, roll-outs x months
    """

    without: Floats
    course: Floats
    first: int


def _fit(roll_out: RollOut, penalty: _Penalty) -> Synthetic:
    with_it, without = roll_out.sold[roll_out.rolled_out], roll_out.sold[~roll_out.rolled_out]
    courses = _Courses(without[None], with_it.mean(axis=0)[None], roll_out.first)
    effects, stores, months = _fits(courses, penalty, (_alike(len(without)), _alike(roll_out.first)))
    return Synthetic(float(effects[0]), stores[0], months[0])


def _alike(count: int) -> Floats:
    """Return weights that are all the same, of one aim."""
    return np.full((1, count), 1 / count)


def _fits(courses: _Courses, penalty: _Penalty, begin: tuple[Floats, Floats]) -> tuple[Floats, Floats, Floats]:
    """
    Return the effects of roll-outs, and the weights of stores and of months.

    :param begin: weights from which to look for them
    """
    before, target = courses.without[..., : courses.first], courses.course[:, : courses.first]
    after = courses.without[..., courses.first :].mean(axis=-1)
    stores = _Aims.of(before.transpose(0, 2, 1), target, penalty.stores, penalty.close).weights(begin[0])
    months = _Aims.of(before, after, penalty.months, penalty.close).weights(begin[1])
    gained = after - (before @ months[..., None])[..., 0]
    with_it = courses.course[:, courses.first :].mean(axis=1) - (target * months).sum(axis=1)
    return with_it - (stores * gained).sum(axis=1), stores, months


def _gained(roll_out: RollOut, months: Floats) -> Floats:
    """Return what each store sold a month after the roll-out more than in the weighted months before."""
    gained: Floats = roll_out.sold[:, roll_out.first :].mean(axis=1) - roll_out.sold[:, : roll_out.first] @ months
    return gained


@dataclass(frozen=True)
class _Aims:
    """
    Columns whose weighted sum is to come near a target, up to a constant; and what evenness and nearness are worth.

    :param columns: of each aim, rows x columns
    :param target: of each aim, its rows
    """

    columns: Floats
    target: Floats
    penalty: float
    close: float

    @classmethod
    def of(cls, columns: Floats, target: Floats, penalty: float, close: float) -> "_Aims":
        centred = np.ascontiguousarray(columns - columns.mean(axis=1, keepdims=True))
        return cls(centred, target - target.mean(axis=1, keepdims=True), penalty, close)

    def weights(self, begin: Floats) -> Floats:
        """
        Return for each aim the weights that come nearest, none below 0 and 1 in sum.

        Twice by steps towards one column each (Frank and Wolfe), the second time without the columns that weigh little.
        """
        weights = self._stepped(begin, FIRST_STEPS)
        heavy = np.where(weights <= weights.max(axis=1, keepdims=True) / SPARSE, 0.0, weights)
        return self._stepped(_evened(heavy), STEPS)

    def _stepped(self, begin: Floats, steps: int) -> Floats:
        """Return the weights after so many steps, of each aim after fewer where a step brought little."""
        found, places = begin.copy(), np.arange(len(begin))
        search = _Search.of(self.columns, self.target, self.penalty, begin)
        for step in range(steps):
            length, nearer = search.step()
            goes_on = (length > 0) & ((step == 0) | (nearer >= self.close**2))
            if goes_on.all():
                continue
            found[places[~goes_on]] = search.weights[~goes_on]
            if not goes_on.any():
                return found
            search, places = search.of_some(goes_on), places[goes_on]
        found[places] = search.weights
        return found


@dataclass(frozen=True)
class _Search:
    """
    Where the search for the weights of several aims is; its arrays change with each step.

    :param aimed: of each column, how it goes along with the target
    :param bent: the same with the weighted sum, and with evenness
    """

    columns: Floats
    evenness: float
    aimed: Floats
    weights: Floats
    bent: Floats

    @classmethod
    def of(cls, columns: Floats, target: Floats, penalty: float, begin: Floats) -> "_Search":
        evenness = columns.shape[1] * penalty**2
        aimed = (target[:, None] @ columns)[:, 0]
        told = (columns @ begin[..., None])[..., 0]
        return cls(columns, evenness, aimed, begin.copy(), (told[:, None] @ columns)[:, 0] + evenness * begin)

    def of_some(self, chosen: Flags) -> "_Search":
        columns, aimed, weights, bent = (each[chosen] for each in (self.columns, self.aimed, self.weights, self.bent))
        return _Search(columns, self.evenness, aimed, weights, bent)

    def step(self) -> tuple[Floats, Floats]:
        """Go towards one column each, as far as brings nearest; return how far, and by how much nearer."""
        each, slope = np.arange(len(self.weights)), self.bent - self.aimed
        towards = slope.argmin(axis=1)
        column = (self.columns[each, :, towards][:, None] @ self.columns)[:, 0]
        column[each, towards] += self.evenness
        downhill = (self.weights * slope).sum(axis=1) - slope[each, towards]
        bend = column[each, towards] - 2 * self.bent[each, towards] + (self.weights * self.bent).sum(axis=1)
        length = np.clip(np.divide(downhill, bend, out=np.zeros_like(bend), where=bend > 0), 0.0, 1.0)
        self.weights[...] *= (1 - length)[:, None]
        self.weights[each, towards] += length
        self.bent[...] += length[:, None] * (column - self.bent)
        return length, length * (2 * downhill - length * bend) / self.columns.shape[1]


def _evened(weights: Floats) -> Floats:
    """Return weights whose sum is 1, all alike where all are 0; of several aims, each its own."""
    total = weights.sum(axis=-1, keepdims=True)
    evened: Floats = np.divide(weights, total, out=np.full_like(weights, 1 / weights.shape[-1]), where=total > 0)
    return evened

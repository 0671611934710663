"""
What active customers will do, computed once for all of whom nearly the same is expected: cells of customers.

The future of an active customer depends on how often it bought and on its age, and where customers buy regularly also on the
time since the last purchase. Ages within 2 % share a cell, numbers of purchases above 50 too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analytics.clv import counts
from analytics.clv.covariates import ByCategory
from analytics.clv.purchases import PurchaseModel
from analytics.clv.spend import Spend
from analytics.clv.tuples import Floats, Tuples

AGE_STEP = 0.04
FINEST_AGE = 0.01  # of the oldest: below it ages are taken together
FEW = 50  # purchases up to which each number stands for itself
DRAWS = 600  # of each cell's spending
ROWS = 250_000
CHUNK_NUMBERS = 2_000_000


@dataclass(frozen=True)
class Outlook:
    """What is asked: how often customers buy within a horizon, and what they spend."""

    model: PurchaseModel
    spend: Spend
    horizon: float
    factor: float


@dataclass(frozen=True)
class Cells:
    """Active customers of whom the same is expected, per row, and how often practically none of them buys more."""

    outlook: Outlook
    customers: counts.Active
    most: int

    def cumulated(self) -> Floats:
        """Return the distribution of purchases (cells x 0..most)."""
        return counts.if_active(self.outlook.model, self.customers, self.most)

    def purchases(self, rng: np.random.Generator) -> Floats:
        """Return draws of purchases (cells x draws), spread evenly over the distribution."""
        cumulated = self.cumulated()
        at = (np.arange(DRAWS) + rng.random((len(cumulated), DRAWS))) / DRAWS
        return np.stack([np.searchsorted(row, one) for row, one in zip(cumulated, at, strict=True)]).astype(np.float64)

    def spending(self, rng: np.random.Generator) -> Floats:
        """Return draws of what purchases come to (cells x draws), in units of the spend model's scale."""
        spend = self.outlook.spend
        return spend.model.draw(self.purchases(rng), spend.seen(self.customers.frequency)[:, None], rng)


@dataclass(frozen=True)
class Part:
    """
    Tuples whose distributions are computed together, one per row.

    :param rows: their places among all
    :param cells: what they share
    :param cell_of: each one's cell
    :param active: probability of not having left
    """

    rows: NDArray[np.intp]
    cells: Cells
    cell_of: NDArray[np.intp]
    active: Floats


def parts(outlook: Outlook, tuples: Tuples) -> Iterator[Part]:
    """
    Yield tuples in parts.

    Some tuples are looked at at a time, so that memory does not grow with them; those of one age stand together anyway.
    """
    if not len(tuples):
        return
    finest = max(FINEST_AGE * float(np.max(tuples.age)), float(np.finfo(np.float64).tiny))
    for begin in range(0, len(tuples), ROWS):
        some = np.arange(begin, min(begin + ROWS, len(tuples)))
        for rows, model in _models(outlook.model, tuples, some):
            for part in _parts(replace(outlook, model=model), tuples.take(rows), finest):
                yield replace(part, rows=rows[part.rows])


def _models(
    model: PurchaseModel, tuples: Tuples, some: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], PurchaseModel]]:
    """Yield some of the tuples by category, with the model of each; all of them where there are no covariates."""
    if not isinstance(model, ByCategory):
        yield some, model
        return
    assert tuples.category is not None, "a model with covariates has answered for them before"
    of = tuples.category[some]
    for category in np.unique(of):
        yield some[of == category], model.of_category(int(category))


def _parts(outlook: Outlook, tuples: Tuples, finest: float) -> Iterator[Part]:
    active = outlook.model.probability_active(tuples)
    cell, sizes, customers = _shared(outlook, tuples, finest)
    most = counts.most_purchases(outlook.model, customers)
    by_most = np.argsort(most, kind="stable")
    order = np.argsort(np.argsort(by_most)[cell], kind="stable")
    ends = np.cumsum(sizes[by_most])
    begin = 0
    while begin < len(by_most):
        end = _until(sizes[by_most], most[by_most], begin)
        chosen = by_most[begin:end]
        rows = order[(ends[begin - 1] if begin else 0) : ends[end - 1]]
        found = Cells(outlook, customers.rows(chosen), int(most[chosen].max()))
        yield Part(rows, found, np.repeat(np.arange(end - begin), sizes[chosen]), active[rows])
        begin = end


def _shared(
    outlook: Outlook, tuples: Tuples, finest: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], counts.Active]:
    """Return each tuple's cell, the cells' numbers of tuples, and a customer of each: the mean of its own."""
    x, recency, age = (
        np.asarray(column, dtype=np.float64) for column in (tuples.frequency, tuples.recency, tuples.age)
    )
    few = np.where(x <= FEW, x, np.round(np.log(np.maximum(x, 1.0) / FEW) / AGE_STEP) + FEW + 1.0)
    steps = _steps(age, finest)
    key = few * (steps.max() + 1.0) + steps
    if not counts.forgets(outlook.model):
        since = _steps(age - recency, finest)
        key = key * (since.max() + 1.0) + since
    _, cell, sizes = np.unique(key, return_inverse=True, return_counts=True)
    weights = tuples.counts.astype(np.float64)
    of = np.bincount(cell, weights)
    x, recency, age = (np.bincount(cell, weights * column) / of for column in (x, recency, age))
    return cell, sizes, counts.Active(x, recency, age, outlook.horizon, outlook.factor)


def _steps(times: Floats, finest: float) -> Floats:
    """Return times as steps of 4 %; those under a hundredth of the longest age are taken together."""
    return np.asarray(np.round(np.log1p(times / finest) / AGE_STEP))


def _until(sizes: NDArray[np.int64], most: Floats, begin: int) -> int:
    """Return the place before which cells fit into memory together."""
    rows = np.cumsum(sizes[begin:] + DRAWS)
    return begin + max(1, int(np.searchsorted(rows * (most[begin:] + 1.0), CHUNK_NUMBERS)))

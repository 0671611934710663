"""
Between which numbers a customer's purchases and their value will lie, and those of many customers together.

A customer has left, or is active and then one of a known population (`counts`): the distribution is the mixture of both. It
depends on the last purchase by the probability of being active alone (but where customers buy regularly), so it is computed
once for each number of purchases and each age (within 2 %), and customers are given their own mixture of it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.clv.cells import DRAWS, Outlook, parts
from analytics.clv.fitting import Fit
from analytics.clv.purchases import PurchaseModel
from analytics.clv.spend import Spend
from analytics.clv.tuples import Column, Floats, Tuples

LEVEL = 0.9
MAX_ROWS = 5_000  # customers by whom parameters are compared: what matters is how alike they change
FEWEST_ROWS = 30  # of a group: with fewer, it changes as all do
PARAMETER_DRAWS = 200
OWN_DRAWS = 20


@dataclass(frozen=True)
class Interval:
    """
    A range per row, with the probability of what lies in it.

    Where nothing at all is likely enough, it begins at 0, so that it is the narrower; where nothing has more probability than
    asked for, it is nothing.

    :param low, high: both are in it
    :param covers: the probability of the range; more than asked for where numbers are whole, or nothing is that likely
    """

    low: Floats
    high: Floats
    covers: Floats


@dataclass(frozen=True)
class Predictive:
    """
    Ranges per tuple.

    :param purchases: within the horizon
    :param spending: what they come to, in units of the spend model's `scale` of each customer
    """

    purchases: Interval
    spending: Interval


@dataclass(frozen=True)
class Totals:
    """
    What groups of customers will do together, with ranges: parameters that could as well be, and the customers' own chance.

    :param purchases, value: expected, per group
    :param purchases_range, value_range: of them
    """

    purchases: Floats
    value: Floats
    purchases_range: Interval
    value_range: Interval


@dataclass(frozen=True)
class Customers:
    """
    One row per customer, as columns of equal length.

    :param frequency, recency, age: as in `Tuples`
    :param means: mean value of the occasions that spending was fitted to
    :param category: as in `Tuples`, where the model has covariates
    """

    frequency: Column
    recency: Column
    age: Column
    means: Floats
    category: Column | None = None

    def grouped(self) -> tuple[Tuples, NDArray[np.intp]]:
        """Return the distinct rows, and where each customer's stands among them."""
        return Tuples.grouped(self.frequency, self.recency, self.age, category=self.category)

    def rows(self, chosen: NDArray[np.intp]) -> "Customers":
        """Return some of the customers."""
        category = None if self.category is None else self.category[chosen]
        return Customers(self.frequency[chosen], self.recency[chosen], self.age[chosen], self.means[chosen], category)


def predictive(  # noqa: PLR0913 - what a range depends on
    model: PurchaseModel,
    spend: Spend,
    tuples: Tuples,
    horizon: float,
    *,
    rng: np.random.Generator,
    level: float = LEVEL,
    factor: float = 1.0,
) -> Predictive:
    """
    Return the ranges of each tuple, given the parameters.

    A customer's value lies between `spending.low` and `.high`, times `spend.model.scale(occasions, means)`, times whatever
    turns undiscounted revenue into value.

    :param horizon: in the tuples' unit of time
    :param level: the probability that is asked for
    :param factor: by which the back-test found purchases to be more, or fewer
    """
    _require(horizon, level)
    outlook = Outlook(model, spend, horizon, factor)
    purchases, spending = (np.empty((3, len(tuples))) for _ in range(2))
    for part in parts(outlook, tuples):
        distribution = part.cells.cumulated()[part.cell_of]
        purchases[:, part.rows] = _whole_numbers(distribution, part.active, level)
        nothing = 1.0 - part.active * (1.0 - distribution[:, 0])
        drawn = np.sort(part.cells.spending(rng), axis=1)
        spending[:, part.rows] = _amounts(drawn, part.cell_of, part.active, nothing, level)
    return Predictive(Interval(*purchases), Interval(*spending))


def total(  # noqa: PLR0913 - what a range depends on
    model: PurchaseModel,
    fit: Fit,
    spend: Spend,
    customers: Customers,
    groups: NDArray[np.int64],
    horizon: float,
    *,
    rng: np.random.Generator,
    level: float = LEVEL,
    factor: float = 1.0,
    model_error: float = 0.0,
    weight: float = 1.0,
) -> Totals:
    """
    Return what groups of customers will do together, and ranges of it.

    :param customers: all, or an even sample of them
    :param groups: of each customer, counted from 0
    :param weight: how many customers each row stands for, itself included
    :param model_error: relative standard error of totals that the back-test showed, beside that of the parameters
    """
    _require(horizon, level)
    tuples, place = customers.grouped()
    outlook = Outlook(model, spend, horizon, factor)
    moments = _moments(outlook, tuples, rng)[:, place]
    seen = spend.seen(customers.frequency)
    scale = spend.model.scale(seen, customers.means)
    each = (model.expected_purchases(tuples, horizon) * factor * weight)[place]
    worth = spend.expected_value(seen, customers.means)
    size = int(groups.max()) + 1 if len(groups) else 0
    purchases, value = _sums(each, groups, size), _sums(each * worth, groups, size)
    count_error = np.sqrt(_sums(moments[0] * weight, groups, size))
    value_error = np.sqrt(_sums(moments[1] * weight * scale**2, groups, size))
    ratios = _ratios(outlook, fit, customers, groups, rng)
    if model_error:
        ratios = ratios * np.exp(model_error * rng.standard_normal((1, len(ratios[0]), 1)))
    return Totals(
        purchases, value,
        _range(purchases, ratios[0], count_error, level, rng), _range(value, ratios[1], value_error, level, rng),
    )  # fmt: skip


def _require(horizon: float, level: float) -> None:
    if not 0 < horizon < np.inf:
        raise ValueError(f"a horizon must be above 0 and finite, not {horizon}")
    if not 0 < level < 1:
        raise ValueError(f"a level must be between 0 and 1, not {level}")


def _whole_numbers(cumulated: Floats, active: Floats, level: float) -> Floats:
    """Return low, high and coverage of each row's purchases."""
    mixed = 1.0 - active[:, None] * (1.0 - cumulated)
    tail = (1.0 - level) / 2
    from_nothing = mixed[:, 0] >= tail
    low = np.where(from_nothing, 0, (mixed <= tail).sum(axis=1))
    high = (mixed < np.where(from_nothing, level, 1.0 - tail)[:, None]).sum(axis=1)
    high = np.minimum(high, cumulated.shape[1] - 1)
    rows = np.arange(len(mixed))
    below = np.where(low > 0, mixed[rows, np.maximum(low - 1, 0)], 0.0)
    return np.stack([low, high, mixed[rows, high] - below])


def _amounts(drawn: Floats, cell_of: NDArray[np.intp], active: Floats, nothing: Floats, level: float) -> Floats:
    """Return low, high and coverage of each row's spending, from ordered draws of the active."""
    tail = (1.0 - level) / 2
    from_nothing = nothing >= tail

    def quantile(at: Floats) -> Floats:
        among = np.clip((at - (1.0 - active)) / np.maximum(active, 1e-300), 0.0, 1.0) * (DRAWS - 1)
        before = np.minimum(among.astype(np.intp), DRAWS - 2)
        share = among - before
        return np.asarray(drawn[cell_of, before] * (1.0 - share) + drawn[cell_of, before + 1] * share)

    low = np.where(from_nothing, 0.0, quantile(np.full_like(active, tail)))
    high = np.where(nothing >= level, 0.0, quantile(np.where(from_nothing, level, 1.0 - tail)))
    return np.stack([low, high, np.where(nothing >= level, nothing, level)])


def _moments(outlook: Outlook, tuples: Tuples, rng: np.random.Generator) -> Floats:
    """Return the variances of each tuple's purchases, and of its spending in units of the scale."""
    found = np.empty((2, len(tuples)))
    for part in parts(outlook, tuples):
        for line, drawn in enumerate((part.cells.purchases(rng), part.cells.spending(rng))):
            mean, square = drawn.mean(axis=1)[part.cell_of], (drawn**2).mean(axis=1)[part.cell_of]
            found[line, part.rows] = part.active * square - (part.active * mean) ** 2
    return found


def _ratios(
    outlook: Outlook, fit: Fit, customers: Customers, groups: NDArray[np.int64], rng: np.random.Generator
) -> Floats:
    """
    Return what groups would do by other parameters, relative to the fit, for draws of them.

    :returns: 2 (purchases and value) x draws x groups
    """
    few = np.unique(np.linspace(0, len(groups) - 1, min(len(groups), MAX_ROWS)).astype(np.intp))
    some, group, size = customers.rows(few), groups[few], int(groups.max()) + 1
    tuples, place = some.grouped()
    enough = np.bincount(group, minlength=size) >= FEWEST_ROWS

    def sums(model: PurchaseModel, spend: Spend) -> Floats:
        each = model.expected_purchases(tuples, outlook.horizon)[place]
        worth = spend.expected_value(spend.seen(some.frequency), some.means)
        rows = np.stack([_sums(each, group, size), _sums(each * worth, group, size)])
        return np.where(enough, rows, rows.sum(axis=1, keepdims=True))

    base = sums(outlook.model, outlook.spend)
    money = outlook.spend.fit.draws(PARAMETER_DRAWS, rng) if outlook.spend.fit is not None else None
    found = np.empty((2, PARAMETER_DRAWS, size))
    for line, values in enumerate(fit.draws(PARAMETER_DRAWS, rng)):
        spend = outlook.spend if money is None else outlook.spend.with_values(money[line])
        drawn = sums(outlook.model.with_values(values), spend)
        found[:, line] = np.divide(drawn, base, out=np.ones_like(base), where=base > 0)
    return found


def _range(expected: Floats, ratios: Floats, own_error: Floats, level: float, rng: np.random.Generator) -> Interval:
    """Return the range of sums, equally likely to be missed on either side."""
    drawn = np.repeat(expected * ratios, OWN_DRAWS, axis=0)
    drawn = np.maximum(drawn + own_error * rng.standard_normal(drawn.shape), 0.0)
    tail = (1.0 - level) / 2
    low, high = np.quantile(drawn, [tail, 1.0 - tail], axis=0)
    return Interval(low, high, np.full(len(expected), level))


def _sums(values: Floats, groups: NDArray[np.int64], size: int) -> Floats:
    return np.asarray(np.bincount(groups, weights=values, minlength=size), dtype=np.float64)

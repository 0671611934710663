"""Whether a method may be served: on time that it had not seen it must be better than what is popular, clearly."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analytics.recommendations.measuring import LENGTH, Doubles, Measured, Truth, measure, new_items, next_basket
from analytics.recommendations.methods import AGAIN, METHODS, POPULARITY, Shelf, fitted, lists_of
from analytics.recommendations.purchases import Flags, Purchases

HELD_OUT = 28  # days
MIN_BEFORE = 56  # days of purchases to learn from
MIN_CUSTOMERS = 50  # who came in the days held out
MAX_CUSTOMERS = 20_000  # evenly drawn, whose time is held out
DRAWS = 2_000
LEVEL = 0.95
SEED = 7
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """
    How right a method was, by customers' means; the difference to popularity with its interval for all methods at once.

    :param distinct: items in all lists
    """

    method: str
    recall: float
    ndcg: float
    hit: float
    distinct: int
    difference: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def is_better(self) -> bool:
        """Whether it is better than popularity beyond chance."""
        return self.low > 0


@dataclass(frozen=True)
class Verdict:
    """
    What is served for a task, and why.

    :param reason: `better`, `not_better`, `short` or `few`
    :param customers: who were held out
    """

    task: str
    served: str
    reason: str
    customers: int
    items: int
    judged: tuple[Judged, ...] = ()


def validate(task: str, purchases: Purchases, shelf: Shelf) -> Verdict:
    """Return what is served for a task by how right each method was on the last 28 days."""
    before, truth = held_out(task, purchases, shelf)
    span = int(purchases.age.max(initial=0)) + 1
    if span < HELD_OUT + MIN_BEFORE:
        return Verdict(task, POPULARITY, "short", len(truth.rows), int(truth.sizes.sum()))
    if len(truth.rows) < MIN_CUSTOMERS:
        return Verdict(task, POPULARITY, "few", len(truth.rows), int(truth.sizes.sum()))
    found = {each: _measured(task, each, before, shelf, truth) for each in (POPULARITY, *METHODS[task])}
    judged = [_judged(each, right, found[POPULARITY], len(METHODS[task])) for each, right in found.items()]
    better = [each for each in judged if each.is_better]
    best = max(better, key=lambda each: (each.recall, each.ndcg), default=None)
    served, reason = (POPULARITY, "not_better") if best is None else (best.method, "better")
    return Verdict(task, served, reason, len(truth.rows), int(truth.sizes.sum()), tuple(judged))


def held_out(task: str, purchases: Purchases, shelf: Shelf) -> tuple[Purchases, Truth]:
    """Return what was known before, and what customers then bought of what may be shown."""
    sample = _sampled(purchases)
    shown = sample.where(shelf.items[sample.item])
    truth = next_basket(shown, HELD_OUT) if task == AGAIN else new_items(shown, HELD_OUT)
    return sample.known_before(HELD_OUT), truth


def _sampled(purchases: Purchases) -> Purchases:
    if purchases.customers <= MAX_CUSTOMERS:
        return purchases
    kept: Flags = np.zeros(purchases.customers, dtype=bool)
    kept[np.linspace(0, purchases.customers - 1, MAX_CUSTOMERS).round().astype(np.int64)] = True
    index = np.cumsum(kept) - 1
    rows = purchases.where(kept[purchases.customer])
    return Purchases(index[rows.customer], rows.item, rows.basket, rows.age, int(kept.sum()), rows.items)


def _measured(task: str, method: str, before: Purchases, shelf: Shelf, truth: Truth) -> Measured:
    lists = lists_of(task, fitted(task, method, before), before, shelf, length=LENGTH)
    return measure(lists, truth)


def _judged(method: str, found: Measured, popular: Measured, methods: int) -> Judged:
    difference = found.recall - popular.recall
    low, high = interval(difference, methods)
    recall, ndcg, hit = (float(each.mean()) for each in (found.recall, found.ndcg, found.hit))
    return Judged(method, recall, ndcg, hit, found.distinct, float(difference.mean()), low, high)


def interval(differences: Doubles, methods: int) -> tuple[float, float]:
    """
    Return the range of a mean by the bootstrap over customers (percentiles), wide enough for several methods at once.

    Each customer counts as often as it is drawn; Efron and Tibshirani, An Introduction to the Bootstrap, 1993, 13.3.
    """
    chance, count = np.random.default_rng(SEED), len(differences)
    means = np.array([differences[chance.integers(0, count, count)].mean() for _draw in range(DRAWS)])
    outside = (1 - LEVEL) / methods / 2
    low, high = np.quantile(means, [outside, 1 - outside])
    return float(low), float(high)

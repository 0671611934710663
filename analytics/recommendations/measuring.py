"""How right lists were: recall, NDCG and hits among the first ten, per customer, and how many items they show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analytics.recommendations.picking import NONE, Allowed, Found, Lists, is_in
from analytics.recommendations.purchases import Ints, Purchases, Sparse

LENGTH = 10
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """
    What customers then bought.

    :param rows: of the customers who bought anything that counts, by their indices
    :param wanted: all customers x items
    :param sizes: how many items each of the rows wanted, those that nobody could have known among them
    """

    rows: Ints
    wanted: Sparse
    sizes: Ints


@dataclass(frozen=True)
class Measured:
    """
    Of the customers of a truth, in its order.

    :param distinct: items that their lists show in all
    """

    recall: Doubles
    ndcg: Doubles
    hit: Doubles
    distinct: int


def truth_of(customer: Ints, item: Ints, shape: tuple[int, int]) -> Truth:
    """
    Return a truth of pairs, each counted once.

    :param item: at or above the number of items for one that nobody could have known
    """
    width = int(max(item.max(initial=0) + 1, shape[1]))
    keys = np.unique(customer * width + item)
    who, what = keys // width, keys % width
    rows, sizes = np.unique(who, return_counts=True)
    known = what < shape[1]
    cells = (np.ones(int(known.sum()), np.float32), (who[known], what[known]))
    return Truth(rows, sparse.csr_array(sparse.coo_array(cells, shape=shape)), sizes)


def measure(lists: Lists, truth: Truth) -> Measured:
    """Return how right the first ten of lists of all customers were."""
    shown = lists.items[truth.rows][:, :LENGTH]
    length = shown.shape[1]
    row = np.repeat(truth.rows, length)
    item = np.maximum(shown.ravel(), 0)
    cells = Found(row, item, np.zeros(len(row)), np.zeros(len(row), np.int64))
    right = (is_in(cells, truth.wanted) & (shown.ravel() != NONE)).reshape(shown.shape)
    discount = 1 / np.log2(np.arange(2, LENGTH + 2))
    ideal = np.cumsum(discount)[np.minimum(truth.sizes, LENGTH) - 1]
    return Measured(
        recall=right.sum(axis=1) / truth.sizes, ndcg=(right * discount[:length]).sum(axis=1) / ideal,
        hit=right.any(axis=1).astype(np.float64), distinct=len(np.unique(shown[shown != NONE])),
    )  # fmt: skip


def next_basket(purchases: Purchases, days: int) -> Truth:
    """Return what was in each customer's first basket of the last `days` days, of those who had bought before."""
    later = purchases.where(purchases.age < days)
    order = np.lexsort((later.basket, -later.age, later.customer))
    firsts = order[np.unique(later.customer[order], return_index=True)[1]]
    basket_of = np.full(purchases.customers, NONE)
    basket_of[later.customer[firsts]] = later.basket[firsts]
    kept = later.where((later.basket == basket_of[later.customer]) & _knew(purchases, days)[later.customer])
    return truth_of(kept.customer, kept.item, (purchases.customers, purchases.items))


def new_items(purchases: Purchases, days: int) -> Truth:
    """Return what each customer bought in the last `days` days and never before, of those who had bought before."""
    later = purchases.where((purchases.age < days) & _knew(purchases, days)[purchases.customer])
    before = purchases.where(purchases.age >= days)
    keys = later.customer * purchases.items + later.item
    fresh = later.where(~np.isin(keys, before.customer * purchases.items + before.item))
    return truth_of(fresh.customer, fresh.item, (purchases.customers, purchases.items))


def _knew(purchases: Purchases, days: int) -> NDArray[np.bool_]:
    knew = np.zeros(purchases.customers, dtype=bool)
    knew[purchases.customer[purchases.age >= days]] = True
    return knew


def everything(items: int, place: Ints) -> Allowed:
    """Return that all items may be shown."""
    return Allowed(place, np.ones(items, dtype=bool))

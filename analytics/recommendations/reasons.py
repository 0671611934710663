"""Why an item stands in a list: what of a customer's own purchases it goes with."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from analytics.recommendations.baskets import Pairs
from analytics.recommendations.picking import CATEGORY, METHOD, NONE, POPULAR, Lists
from analytics.recommendations.purchases import Flags, Ints, Purchases, bought, days_of
from analytics.recommendations.weights import Weights

# By these words the texts of customers.suggesting are found.
BOUGHT, TOGETHER, BECAUSE, ALIKE, IN_CATEGORY, IS_POPULAR = (
    "bought", "together", "because", "alike", "category", "popular"
)  # fmt: skip
CODES = (BOUGHT, TOGETHER, BECAUSE, ALIKE, IN_CATEGORY, IS_POPULAR)


@dataclass(frozen=True)
class Reasons:
    """
    Of lists, rows x places.

    :param code: place in CODES; NONE where the list is shorter
    :param other: the customer's own item that it goes with; NONE where the reason names none
    :param days: on how many days the customer bought the item; 0 for a new one
    """

    code: Ints
    other: Ints
    days: Ints


def reasons(lists: Lists, block: Purchases, pairs: Pairs, weights: Weights | None) -> Reasons:
    """
    Return why the items of a block's lists stand there.

    An item that the customer has is there for that. Else the own item that it is most often in one basket with is named,
    more often than by chance; else the own item that spoke most for it; else that customers who buy alike buy it.
    """
    shape = lists.items.shape
    code, other = np.full(shape, NONE), np.full(shape, NONE)
    row, place = np.nonzero(lists.items != NONE)
    item = lists.items[row, place]
    days = np.zeros(shape, np.int64)
    days[row, place] = np.asarray(days_of(block)[row, item]).ravel() if len(row) else 0
    code[row, place] = CODES.index(ALIKE)
    code[lists.source == CATEGORY] = CODES.index(IN_CATEGORY)
    code[lists.source == POPULAR] = CODES.index(IS_POPULAR)
    chosen = lists.source[row, place] == METHOD
    row, place, item = row[chosen], place[chosen], item[chosen]
    if weights is not None:
        _name(code, other, CODES.index(BECAUSE), row, place, _by_weights(row, item, block, weights))
    _name(code, other, CODES.index(TOGETHER), row, place, _by_pairs(row, item, block, pairs))
    had = days > 0
    code[had], other[had] = CODES.index(BOUGHT), NONE
    return Reasons(code, other, days)


def _name(code: Ints, other: Ints, word: int, row: Ints, place: Ints, partner: Ints) -> None:  # noqa: PLR0913 - two columns are filled
    named: Flags = partner != NONE
    code[row[named], place[named]] = word
    other[row[named], place[named]] = partner[named]


def _by_pairs(row: Ints, item: Ints, block: Purchases, pairs: Pairs) -> Ints:
    """Return the own item that is most often bought together with each; NONE where none is."""
    if not len(row):
        return np.empty(0, np.int64)
    return _largest(sparse.csr_array(pairs.cosine[item].multiply(bought(block)[row])))


def _by_weights(row: Ints, item: Ints, block: Purchases, weights: Weights) -> Ints:
    """Return the own item that spoke most for each; NONE where none did, or the item has no weights."""
    partner = np.full(len(row), NONE)
    if not len(weights.items):
        return partner
    at = np.minimum(np.searchsorted(weights.items, item), len(weights.items) - 1)
    known = np.flatnonzero(weights.items[at] == item)
    own = bought(block)[:, weights.items]
    for first in range(0, len(known), 4_000):
        part = known[first : first + 4_000]
        best = _largest(sparse.csr_array(own[row[part]].multiply(weights.weights[:, at[part]].T)))
        partner[part[best != NONE]] = weights.items[best[best != NONE]]
    return partner


def _largest(cells: sparse.csr_array) -> Ints:
    """Return the column of each row's largest cell above 0; NONE where there is none."""
    found = np.asarray(cells.argmax(axis=1)).ravel() if cells.shape[1] else np.zeros(cells.shape[0], np.int64)
    value = np.asarray(cells.max(axis=1).toarray()).ravel() if cells.shape[1] else np.zeros(cells.shape[0])
    return np.where(value > 0, found, NONE)

"""What lists are made by, a method a function: each learns from purchases, then tells what a block of customers wants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from analytics.recommendations.baskets import Pairs
from analytics.recommendations.neighbours import Neighbours
from analytics.recommendations.picking import CATEGORY, WIDE, Allowed, Found, Lists, best_of, pick
from analytics.recommendations.purchases import (
    Flags,
    Floats,
    Ints,
    Purchases,
    Sparse,
    bought,
    by_popularity,
    decayed,
    popularity,
)
from analytics.recommendations.weights import Weights

AGAIN, NEW = "again", "new"
TASKS = (AGAIN, NEW)
POPULARITY = "popularity"
OWN_HALF_LIFE = 120.0  # days
BLEND_HALF_LIFE = 60.0
OWN_SHARE = 0.7
POPULAR_WITHIN = 60  # days
IN_CATEGORY = 20  # most popular items of a category that stand in for a method
BLOCK = 2_000  # customers whose lists are made at once


@dataclass(frozen=True)
class Block:
    """
    Customers whose lists are made at once.

    :param first: index of the first of them among all customers
    """

    purchases: Purchases
    first: int

    @cached_property
    def had(self) -> Sparse:
        """Customers x items of 0 and 1."""
        return bought(self.purchases)


Tell = Callable[[Block], Found]


def own(_purchases: Purchases) -> Tell:
    """Tell what customers bought themselves, by days that count half as much every 120 days."""
    return lambda block: Found.of_matrix(decayed(block.purchases, OWN_HALF_LIFE))


def own_and_neighbours(purchases: Purchases) -> Tell:
    """Tell by .7 of what customers bought themselves, halved every 60 days, and .3 of what 100 neighbours did."""
    near = Neighbours.of(purchases, half_life=BLEND_HALF_LIFE)

    def tell(block: Block) -> Found:
        theirs = (1 - OWN_SHARE) * near.scores(block.had, block.first)
        mine = OWN_SHARE * decayed(block.purchases, BLEND_HALF_LIFE)
        at_theirs = mine[:, near.items]
        row = np.repeat(np.arange(len(theirs)), np.diff(at_theirs.indptr))
        theirs[row, at_theirs.indices] += at_theirs.data
        return best_of(theirs, near.items, WIDE).also(Found.of_matrix(mine))

    return tell


@dataclass(frozen=True)
class ByWeights:
    """
    Tells by what having one item says of others.

    :param learned: by which reasons are found, too
    """

    learned: Weights

    def __call__(self, block: Block) -> Found:
        """Return what a block's customers want."""
        return self.learned.found(block.had, WIDE)


def item_weights(purchases: Purchases) -> Tell:
    """Tell by what having one item says of others, in closed form."""
    return ByWeights(Weights.of(bought(purchases)))


def neighbours(purchases: Purchases) -> Tell:
    """Tell what 100 neighbours bought in the last 28 days."""
    near = Neighbours.of(purchases, half_life=None)
    return lambda block: best_of(
        _without(near.scores(block.had, block.first), block.had[:, near.items]), near.items, WIDE
    )


def together(purchases: Purchases) -> Tell:
    """Tell what is bought in the same baskets as what customers bought."""
    pairs = Pairs.of(purchases)
    return lambda block: Found.of_matrix(pairs.scores(decayed(block.purchases, OWN_HALF_LIFE)))


def _without(scores: Floats, had: Sparse) -> Floats:
    scores[np.repeat(np.arange(len(scores)), np.diff(had.indptr)), had.indices] = 0.0
    return scores


METHODS: Mapping[str, Mapping[str, Callable[[Purchases], Tell]]] = {
    AGAIN: {"own_and_neighbours": own_and_neighbours, "own": own},
    NEW: {"item_weights": item_weights, "neighbours": neighbours, "together": together},
}


def nothing(_block: Block) -> Found:
    """Tell nothing, so that popularity fills every place."""
    none = np.empty(0, np.int64)
    return Found(none, none, np.empty(0), none)


def fitted(task: str, method: str, purchases: Purchases) -> Tell:
    """Return what a method learned; popularity has nothing to learn."""
    return nothing if method == POPULARITY else METHODS[task][method](purchases)


@dataclass(frozen=True)
class Shelf:
    """
    What there is to be shown.

    :param items: whether each item may be shown
    :param types: of each item, of which a list of new items shows each once; None where none are known
    :param category: of each item, by which favourites are known, NONE where none is; None to leave categories out
    """

    items: Flags
    types: Ints | None = None
    category: Ints | None = None


def lists_of(task: str, tell: Tell, purchases: Purchases, shelf: Shelf, *, length: int) -> Lists:
    """Return a task's lists of all customers, made in blocks."""
    maker = Maker.of(task, tell, purchases, shelf, length=length)
    blocks = [maker.lists(first) for first in maker.firsts]
    if not blocks:
        return Lists(np.empty((0, length), np.int64), np.empty((0, length), np.int64))
    return Lists(np.concatenate([each.items for each in blocks]), np.concatenate([each.source for each in blocks]))


@dataclass(frozen=True)
class Maker:
    """
    All that lists of a task are made by.

    :param popular: items by their popularity of late, and then of all time
    :param of_category: categories x places: the most popular items of each; None to leave categories out
    """

    task: str
    tell: Tell
    purchases: Purchases
    shelf: Shelf
    length: int
    allowed: Allowed
    popular: Ints
    of_category: Ints | None

    @classmethod
    def of(cls, task: str, tell: Tell, purchases: Purchases, shelf: Shelf, *, length: int) -> "Maker":
        """Return it, with what is the same for all customers counted once."""
        place = np.empty(purchases.items, np.int64)
        place[by_popularity(popularity(purchases))] = np.arange(purchases.items)
        late = popularity(purchases, POPULAR_WITHIN)
        popular = np.lexsort((place, -late)) if shelf.category is not None else by_popularity(popularity(purchases))
        allowed = Allowed(place, shelf.items, shelf.types if task == NEW else None)
        best = None if shelf.category is None else _best_of(shelf.category, popular[shelf.items[popular]])
        return cls(task, tell, purchases, shelf, length, allowed, popular[shelf.items[popular]], best)

    @property
    def firsts(self) -> range:
        """The customers with whom blocks begin."""
        return range(0, self.purchases.customers, BLOCK)

    def block(self, first: int) -> Block:
        """Return the block that begins with a customer."""
        return Block(self.purchases.of_customers(first, min(first + BLOCK, self.purchases.customers)), first)

    def lists(self, first: int) -> Lists:
        """Return the lists of a block of customers."""
        block = self.block(first)
        found = self.tell(block)
        if self.of_category is not None and self.shelf.category is not None:
            found = found.also(_of_favourite(block.purchases, self.shelf.category, self.of_category))
        allowed = replace(self.allowed, owned=block.had if self.task == NEW else None)
        return pick(found, allowed, rows=block.purchases.customers, length=self.length, popular=self.popular)


def _best_of(category: Ints, popular: Ints) -> Ints:
    """Return categories x places: the most popular items of each, -1 where it has fewer."""
    popular = popular[category[popular] >= 0]
    order = popular[np.argsort(category[popular], kind="stable")]
    kinds = category[order]
    count = int(category.max(initial=-1)) + 1
    place = np.arange(len(order)) - np.searchsorted(kinds, np.arange(count))[kinds]
    best = np.full((count, IN_CATEGORY), -1)
    kept = place < IN_CATEGORY
    best[kinds[kept], place[kept]] = order[kept]
    return best


def _of_favourite(block: Purchases, category: Ints, best: Ints) -> Found:
    """Return the popular items of the category on which each customer came most, of late."""
    known = np.flatnonzero(category >= 0)
    cells = (np.ones(len(known), np.float32), (known, category[known]))
    kinds = sparse.csr_array(sparse.coo_array(cells, shape=(block.items, len(best))))
    affinity = (decayed(block, OWN_HALF_LIFE) @ kinds).toarray()
    rows = np.flatnonzero(affinity.max(axis=1, initial=0.0) > 0)
    items = best[affinity[rows].argmax(axis=1)] if len(rows) else np.empty((0, IN_CATEGORY), np.int64)
    row, item = np.repeat(rows, IN_CATEGORY), items.ravel()
    score = np.tile(np.arange(IN_CATEGORY, 0, -1.0), len(rows))
    return Found(row, item, score, np.full(len(row), CATEGORY)).where(item >= 0)

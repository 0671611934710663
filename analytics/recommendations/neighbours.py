"""Customers who buy alike: the cosine of what they have, the rarer an item the more it counts."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from analytics.recommendations.purchases import (
    Floats,
    Ints,
    Purchases,
    Sparse,
    bought,
    by_popularity,
    decayed,
    popularity,
)

NEIGHBOURS = 100
MAX_REFERENCES = 5_000  # among whom neighbours are looked for: every customer, or as many evenly drawn ones
MAX_ITEMS = 800  # most bought of late, of which neighbours tell
POPULAR_WITHIN = 60  # days
WITHIN = 28  # days in which a neighbour must have bought what it tells of


@dataclass(frozen=True)
class Neighbours:
    """
    Those among whom neighbours are looked for.

    :param who: their indices among all customers
    :param rarity: of each item: the logarithm of customers per who has it
    :param have: references x items, each row of length 1
    :param items: of which neighbours tell, by their indices
    :param tell: references x these items, dense
    """

    who: Ints
    rarity: Floats
    have: Sparse
    items: Ints
    tell: Floats

    @classmethod
    def of(cls, purchases: Purchases, *, half_life: float | None) -> "Neighbours":
        """
        Return the references of all customers.

        :param half_life: of the days on which neighbours bought what they tell; None for whether they bought it lately
        """
        have = bought(purchases)
        holders = np.bincount(have.indices, minlength=purchases.items)
        rarity = np.log(max(purchases.customers, 1) / np.maximum(holders, 1)).astype(np.float32)
        who = _references(purchases.customers)
        items = np.sort(by_popularity(popularity(purchases, POPULAR_WITHIN))[:MAX_ITEMS])
        told = bought(purchases, WITHIN) if half_life is None else decayed(purchases, half_life)
        return cls(who, rarity, _unit(have[who], rarity), items, told[who][:, items].toarray())

    def scores(self, have: Sparse, first: int) -> Floats:
        """
        Return customers x `items`: the mean of what each one's neighbours tell, the more alike the more it counts.

        :param have: customers x items of 0 and 1
        :param first: index of the first of them among all customers, who is no neighbour of its own
        """
        alike = (_unit(have, self.rarity) @ self.have.T).toarray()
        asked = np.arange(first, first + len(alike))
        own = np.minimum(np.searchsorted(self.who, asked), len(self.who) - 1)
        rows = np.flatnonzero(self.who[own] == asked)
        alike[rows, own[rows]] = 0.0
        return np.asarray(_nearest(alike) @ self.tell)


def _references(customers: int) -> Ints:
    if customers <= MAX_REFERENCES:
        return np.arange(customers)
    return np.unique(np.linspace(0, customers - 1, MAX_REFERENCES).round().astype(np.int64))


def _unit(have: Sparse, rarity: Floats) -> Sparse:
    """Return rows of length 1."""
    squares = (
        np.add.reduceat(np.append(rarity[have.indices] ** 2, 0.0), have.indptr[:-1]) if have.nnz else have.indptr[:-1]
    )
    sizes = np.diff(have.indptr)
    lengths = np.sqrt(np.where(sizes > 0, squares, 0.0))
    values = rarity[have.indices] / np.repeat(np.maximum(lengths, 1e-9), sizes)
    return sparse.csr_array((values.astype(np.float32), have.indices, have.indptr), shape=have.shape)


def _nearest(alike: Floats) -> Sparse:
    """Return the shares of the nearest, which add up to 1; a row without any has none."""
    kept = min(NEIGHBOURS, alike.shape[1])
    best = np.argpartition(-alike, kept - 1, axis=1)[:, :kept]
    share = np.take_along_axis(alike, best, axis=1)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    starts = np.arange(0, best.size + 1, kept)
    return sparse.csr_array((share.ravel(), best.ravel(), starts), shape=alike.shape)

"""What is bought together: pairs of items in the same baskets, by the damped cosine."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from analytics.recommendations.purchases import Floats, Ints, Purchases, Sparse

DAMPING = 20.0  # baskets that an item is taken to have been in besides: rare pairs count less
MIN_BASKETS = 5  # with both, below which a pair says nothing
MIN_LIFT = 1.2  # how much more often than by chance "often bought with" has to be
KEPT = 50  # partners of an item
MAX_BASKETS = 2_000_000  # newest ones that are counted
MAX_IN_BASKET = 200  # items of a basket that still is one person's; more are left out


@dataclass(frozen=True)
class Pairs:
    """
    Partners of items.

    :param cosine: items x items, up to KEPT in a row; 0 where they are together no more often than by chance
    """

    cosine: Sparse

    @classmethod
    def of(cls, purchases: Purchases) -> "Pairs":
        """Return the pairs of all baskets."""
        baskets, count = _baskets(purchases)
        together = sparse.coo_array(baskets.T @ baskets)
        sums = np.asarray(baskets.sum(axis=0)).ravel().astype(np.float64)
        kept = (together.data >= MIN_BASKETS) & (together.row != together.col)
        row, other, both = together.row[kept], together.col[kept], together.data[kept].astype(np.float64)
        often = both * count >= MIN_LIFT * sums[row] * sums[other]
        row, other, both = row[often], other[often], both[often]
        cosine = both / np.sqrt((sums[row] + DAMPING) * (sums[other] + DAMPING))
        return cls(_best(row, other, cosine, purchases.items))

    def scores(self, had: Sparse) -> Sparse:
        """Return customers x items: how much what a customer has goes with each item."""
        return sparse.csr_array(had @ self.cosine)


def _baskets(purchases: Purchases) -> tuple[Sparse, int]:
    """Return baskets x items, and how many baskets there are."""
    known, basket, sizes = np.unique(purchases.basket, return_inverse=True, return_counts=True)
    fits = sizes <= MAX_IN_BASKET
    if len(known) > MAX_BASKETS:
        ages = np.zeros(len(known), np.int64)
        ages[basket] = purchases.age
        fits &= ages <= np.partition(ages, MAX_BASKETS)[MAX_BASKETS]
    rows = fits[basket]
    cells = (np.ones(int(rows.sum()), np.float32), (basket[rows], purchases.item[rows]))
    return sparse.csr_array(sparse.coo_array(cells, shape=(len(known), purchases.items))), int(fits.sum())


def _best(row: Ints, other: Ints, value: Floats, items: int) -> Sparse:
    order = np.lexsort((other, -value, row))
    row, other, value = row[order], other[order], value[order]
    place = np.arange(len(row)) - np.searchsorted(row, np.arange(items))[row]
    kept = place < KEPT
    cells = (value[kept].astype(np.float32), (row[kept], other[kept]))
    return sparse.csr_array(sparse.coo_array(cells, shape=(items, items)))

"""
How much each item speaks for each other one: the ridge regression of every item on all others, in closed form.

H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equations 8 and 11: with P the inverse of
X'X + ridge, the weight of item i for item j is -P[i, j] / P[j, j].
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from analytics.recommendations.picking import Found, best_of
from analytics.recommendations.purchases import Floats, Ints, Sparse

MAX_ITEMS = 2_000  # most bought, by customers: the work grows with the third power
RIDGE = 300.0  # customers who are taken to say nothing of any pair


@dataclass(frozen=True)
class Weights:
    """
    :param items: that have weights, by their indices
    :param weights: items x items: what having the one says of the other
    """

    items: Ints
    weights: Floats

    @classmethod
    def of(cls, had: Sparse, *, ridge: float = RIDGE, most: int = MAX_ITEMS) -> "Weights":
        """
        Return the weights of the items that most customers have.

        :param had: customers x items of 0 and 1
        """
        holders = np.asarray(had.sum(axis=0)).ravel()
        order = np.lexsort((np.arange(len(holders)), -holders))[:most]
        items = np.sort(order[holders[order] > 0])
        return cls(items, _solved(shared(had, items), ridge))

    def found(self, had: Sparse, most: int) -> Found:
        """
        Return the `most` best items that customers do not have.

        :param had: customers x items of 0 and 1
        """
        own = had[:, self.items]
        scores = np.asarray(own @ self.weights)
        scores[np.repeat(np.arange(len(scores)), np.diff(own.indptr)), own.indices] = -np.inf
        return best_of(scores, self.items, most)


def shared(had: Sparse, items: Ints) -> NDArray[np.float64]:
    """Return items x items: how many customers have both."""
    block = had[:, items]
    return np.asarray((block.T @ block).toarray(), dtype=np.float64)


def _solved(gram: NDArray[np.float64], ridge: float) -> Floats:
    if not len(gram):
        return np.zeros((0, 0), np.float32)
    gram[np.diag_indices_from(gram)] += ridge
    lower, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    assert not failed, "with a ridge it is positive definite"
    inverse, failed = lapack.dpotri(lower, lower=1, overwrite_c=1)
    assert not failed, "what was factored has an inverse"
    half = np.tril(inverse)
    whole = half + np.tril(inverse, -1).T
    weights: Floats = (-whole / np.diag(whole)).astype(np.float32)
    np.fill_diagonal(weights, 0.0)
    return weights

"""The best of what was found for each customer, in order, by what a list allows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from analytics.recommendations.purchases import Flags, Floats, Ints, Sparse

NONE = -1  # where a list is shorter, and the type of an item of which none is known
SOURCES = METHOD, CATEGORY, POPULAR = 0, 1, 2  # where an item of a list comes from: the first that has one
WIDE = 60  # candidates of a list: one type is shown once, so that more are needed than shown


@dataclass(frozen=True)
class Found:
    """
    Items for rows of customers, in any order; an item may be found several times.

    :param source: METHOD, CATEGORY or POPULAR
    """

    row: Ints
    item: Ints
    score: NDArray[np.float64]
    source: Ints

    @classmethod
    def of_matrix(cls, scores: Sparse, source: int = METHOD) -> "Found":
        """Return the cells above 0 of rows x items."""
        cells = scores.tocoo()
        kept = cells.data > 0
        row, item = (each[kept].astype(np.int64) for each in (cells.row, cells.col))
        return cls(row, item, cells.data[kept].astype(np.float64), np.full(len(row), source, np.int64))

    def also(self, other: "Found") -> "Found":
        """Return what was found here and there."""
        return Found(
            np.concatenate((self.row, other.row)), np.concatenate((self.item, other.item)),
            np.concatenate((self.score, other.score)), np.concatenate((self.source, other.source)),
        )  # fmt: skip

    def where(self, kept: Flags | Ints) -> "Found":
        """Return some of it."""
        return Found(self.row[kept], self.item[kept], self.score[kept], self.source[kept])


def best_of(scores: Floats, items: Ints, most: int) -> Found:
    """
    Return the best cells above 0 of each row.

    :param scores: rows x items, dense
    :param items: the indices of its columns
    """
    kept = min(most, len(items))
    if not kept:
        return Found.of_matrix(sparse.csr_array(scores.shape, dtype=np.float32))
    best = (
        np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
        if kept < len(items)
        else np.tile(np.arange(kept), (len(scores), 1))
    )
    row = np.repeat(np.arange(len(scores)), kept)
    value = np.take_along_axis(scores, best, axis=1).ravel().astype(np.float64)
    return Found(row, items[best.ravel()], value, np.full(len(row), METHOD, np.int64)).where(value > 0)


@dataclass(frozen=True)
class Allowed:
    """
    What a list may show.

    :param place: of each item by popularity: what breaks ties
    :param items: whether each item may be shown at all
    :param types: of each item, of which one list shows each once; NONE for an item that is like no other
    :param owned: rows x items that a list leaves out, because they were bought
    """

    place: Ints
    items: Flags
    types: Ints | None = None
    owned: Sparse | None = None


@dataclass(frozen=True)
class Lists:
    """
    Lists of customers, rows x places, the best first.

    :param items: NONE where a list is shorter
    :param source: METHOD, CATEGORY or POPULAR
    """

    items: Ints
    source: Ints

    def __len__(self) -> int:
        return len(self.items)


def pick(found: Found, allowed: Allowed, *, rows: int, length: int, popular: Ints) -> Lists:
    """
    Return the best of what was found for each row, filled up by popularity.

    :param popular: items by which a list is filled, the most popular first
    """
    lists = _pick(found, allowed, rows, length)
    reach = 0
    while reach < len(popular):
        short = np.flatnonzero((lists.items == NONE).any(axis=1))
        if not len(short):
            break
        reach = min(len(popular), max(4 * length, 8 * reach))
        fill = popular[:reach]
        more = Found(
            np.repeat(short, reach), np.tile(fill, len(short)),
            np.tile(np.arange(reach, 0, -1.0), len(short)), np.full(len(short) * reach, POPULAR),
        )  # fmt: skip
        mine = found.where(np.isin(found.row, short))
        again = _pick(mine.also(more), allowed, rows, length)
        lists.items[short], lists.source[short] = again.items[short], again.source[short]
    return lists


def _pick(found: Found, allowed: Allowed, rows: int, length: int) -> Lists:
    found = found.where(allowed.items[found.item] & ~is_in(found, allowed.owned))
    found = _widest(found, rows)
    found = found.where(np.lexsort((allowed.place[found.item], -found.score, found.source, found.row)))
    found = _once(found, found.row * len(allowed.place) + found.item)
    if allowed.types is not None:
        kinds = allowed.types[found.item]
        apart = np.where(kinds == NONE, kinds.max(initial=0) + 1 + found.item, kinds)
        found = _once(found, found.row * (int(apart.max(initial=0)) + 1) + apart)
    starts = np.searchsorted(found.row, np.arange(rows))
    place = np.arange(len(found.row)) - starts[found.row]
    found, place = found.where(place < length), place[place < length]
    lists = Lists(np.full((rows, length), NONE), np.full((rows, length), NONE))
    lists.items[found.row, place], lists.source[found.row, place] = found.item, found.source
    return lists


def _widest(found: Found, rows: int) -> Found:
    """Return the WIDE best of each row and source, with all that equal the last of them, where there are many more."""
    if len(found.row) <= 2 * WIDE * rows:
        return found
    group = found.row * len(SOURCES) + found.source
    size = 1 / (2 * float(found.score.max()))  # so that a group's scores stay between it and the next one
    order = np.argsort(group - found.score * size)
    starts = np.searchsorted(group[order], np.arange(rows * len(SOURCES)))
    last = np.minimum(starts + WIDE, np.append(starts[1:], len(order))) - 1
    least = found.score[order[np.maximum(last, 0)]] * (1 - 1e-9)
    return found.where(found.score >= least[group])


def _once(found: Found, keys: Ints) -> Found:
    """Return what was found, in its order, the first of each key."""
    return found.where(np.sort(np.unique(keys, return_index=True)[1]))


def is_in(found: Found, cells: Sparse | None) -> Flags:
    """Return of each whether it is a cell of rows x items."""
    if cells is None or not cells.nnz:
        return np.zeros(len(found.row), dtype=bool)
    items = cells.shape[1]
    keys = np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr)) * items + cells.indices
    asked = found.row * items + found.item
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.asarray(keys[at] == asked)

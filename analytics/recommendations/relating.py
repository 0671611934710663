"""Products that go with a product, whoever buys it: bought together, similar, and similar but dearer."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.recommendations.baskets import Pairs
from analytics.recommendations.methods import POPULAR_WITHIN, Shelf
from analytics.recommendations.picking import NONE
from analytics.recommendations.purchases import Ints, Purchases, by_popularity, popularity

MAX_ITEMS = 20_000  # most bought, of which anything is said
SHOWN = 6
DEARER = (1.1, 2.0)  # times the price, within which a similar product is an upgrade
TOGETHER, SIMILAR, UPGRADE = "together", "similar", "upgrade"


@dataclass(frozen=True)
class Related:
    """That a product goes with another one, as the best, the second and so on."""

    item: int
    relation: str
    rank: int
    other: int


def related(purchases: Purchases, pairs: Pairs, shelf: Shelf, price: NDArray[np.float64]) -> Iterator[Related]:
    """
    Yield what goes with each of the products that are bought most.

    :param price: of a piece
    """
    late = popularity(purchases, POPULAR_WITHIN)
    order = by_popularity(late)
    order = order[late[order] > 0][:MAX_ITEMS]
    mates = _by_type(order, shelf)
    for item in order.tolist():
        yield from _ranked(item, TOGETHER, _partners(item, pairs, shelf))
        alike = mates.get(NONE if shelf.types is None else int(shelf.types[item]), np.empty(0, np.int64))
        alike = alike[alike != item]
        yield from _ranked(item, SIMILAR, alike)
        times = price[alike] / price[item] if price[item] > 0 else np.zeros(len(alike))
        yield from _ranked(item, UPGRADE, alike[(times >= DEARER[0]) & (times <= DEARER[1])])


def _ranked(item: int, relation: str, others: Ints) -> Iterator[Related]:
    for rank, other in enumerate(others[:SHOWN].tolist(), 1):
        yield Related(item, relation, rank, other)


def _partners(item: int, pairs: Pairs, shelf: Shelf) -> Ints:
    """Return what is bought together with an item, of another type, the best first."""
    cells = slice(pairs.cosine.indptr[item], pairs.cosine.indptr[item + 1])
    others, cosine = pairs.cosine.indices[cells].astype(np.int64), pairs.cosine.data[cells]
    kept = shelf.items[others]
    if shelf.types is not None and shelf.types[item] != NONE:
        kept &= shelf.types[others] != shelf.types[item]
    others, cosine = others[kept], cosine[kept]
    best: Ints = others[np.lexsort((others, -cosine))]
    return best


def _by_type(order: Ints, shelf: Shelf) -> dict[int, Ints]:
    """Return what may be shown of each type, the most popular first."""
    if shelf.types is None:
        return {}
    shown = order[shelf.items[order] & (shelf.types[order] != NONE)]
    kinds = shelf.types[shown]
    sorted_ = np.argsort(kinds, kind="stable")
    names, starts = np.unique(kinds[sorted_], return_index=True)
    return dict(zip(names.tolist(), np.split(shown[sorted_], starts[1:]), strict=True)) if len(names) else {}

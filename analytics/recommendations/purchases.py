"""Who bought what in which basket, as columns of indices, and the matrices that are made of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Sparse = Any  # a csr_array of SciPy, whose element type its stubs carry through no product


@dataclass(frozen=True)
class Purchases:
    """
    Products in baskets, each product once a basket, sorted by customer, item and age.

    :param customer: index of who bought, below `customers`
    :param item: index of the product, below `items`; items are sorted by what breaks ties
    :param basket: index of the basket
    :param age: whole days from the purchase until the cut, 0 on its day
    """

    customer: Ints
    item: Ints
    basket: Ints
    age: Ints
    customers: int
    items: int

    @classmethod
    def of(  # noqa: PLR0913 - four columns, of so many customers and items
        cls, customer: Ints, item: Ints, basket: Ints, age: Ints, *, customers: int, items: int
    ) -> "Purchases":
        """Return purchases of lines in any order: a product that stands twice in a basket counts once."""
        order = np.lexsort((basket, age, item, customer))
        kept = order[_first_of_each(customer[order], item[order], basket[order])]
        return cls(customer[kept], item[kept], basket[kept], age[kept], customers, items)

    def __len__(self) -> int:
        return len(self.item)

    def where(self, kept: Flags) -> "Purchases":
        """Return some of the rows, of the same customers and items."""
        columns = (self.customer[kept], self.item[kept], self.basket[kept], self.age[kept])
        return Purchases(*columns, self.customers, self.items)

    def of_customers(self, first: int, last: int) -> "Purchases":
        """Return the rows of a range of customers, who count from 0 again."""
        low, high = np.searchsorted(self.customer, [first, last])
        rows = slice(int(low), int(high))
        columns = (self.item[rows], self.basket[rows], self.age[rows])
        return Purchases(self.customer[rows] - first, *columns, last - first, self.items)

    def known_before(self, days: int) -> "Purchases":
        """Return what was known a number of days before the cut, as of then."""
        kept = self.where(self.age >= days)
        return Purchases(kept.customer, kept.item, kept.basket, kept.age - days, kept.customers, kept.items)


def bought(purchases: Purchases, within: int | None = None) -> Sparse:
    """
    Return customers x items: 1 where a customer bought an item.

    :param within: only of so many last days
    """
    rows = purchases if within is None else purchases.where(purchases.age < within)
    cells = rows.where(_first_of_each(rows.customer, rows.item))
    return _matrix(cells, np.ones(len(cells), np.float32))


def decayed(purchases: Purchases, half_life: float) -> Sparse:
    """Return customers x items: the days on which a customer bought an item, each halved every `half_life` days."""
    days = purchases.where(_first_of_each(purchases.customer, purchases.item, purchases.age))
    return _matrix(days, np.exp2(-days.age / half_life).astype(np.float32))


def days_of(purchases: Purchases) -> Sparse:
    """Return customers x items: on how many days a customer bought an item."""
    return decayed(purchases, np.inf)


def popularity(purchases: Purchases, within: int | None = None) -> Ints:
    """
    Return in how many baskets each item was.

    :param within: only of so many last days
    """
    items = purchases.item if within is None else purchases.item[purchases.age < within]
    return np.bincount(items, minlength=purchases.items).astype(np.int64)


def places(counts: Ints) -> Ints:
    """Return each item's place by popularity, from 0; among equals the lower index comes first."""
    found = np.empty(len(counts), dtype=np.int64)
    found[by_popularity(counts)] = np.arange(len(counts))
    return found


def by_popularity(counts: Ints) -> Ints:
    """Return the items, the most popular first; among equals the lower index comes first."""
    return np.lexsort((np.arange(len(counts)), -counts))


def _first_of_each(*columns: Ints) -> Flags:
    """Return of sorted rows whether each differs from the one before in any column."""
    first = np.ones(len(columns[0]), dtype=bool)
    if len(first):
        first[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return first


def _matrix(cells: Purchases, values: Floats) -> Sparse:
    """Return customers x items of values, those of one cell summed up."""
    starts = np.searchsorted(cells.customer, np.arange(cells.customers + 1))
    made = sparse.csr_array((values, cells.item, starts), shape=(cells.customers, cells.items))
    made.sum_duplicates()
    return made

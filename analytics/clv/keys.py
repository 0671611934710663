"""
Rows of customers as integers of 64 bits: sorting those is many times faster than comparing rows of columns.

A key has its digits in the order category, age, recency, frequency.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Column = NDArray[Any]  # of numbers: int32 on the day grid, floats elsewhere

# Sizes of a key's columns where blocks are collected and their largest numbers are not known: category, T, t_x, x.
WHOLE_DAYS = (1 << 11, 1 << 17, 1 << 17, 1 << 18)  # 131,071 days are 359 years
KEYS = 2**63


@dataclass(frozen=True)
class Key:
    """
    How a row becomes one integer: whole numbers stand for themselves, others for their place among the column's levels.

    :param levels: of category, age, recency and frequency, sorted; None for whole numbers
    :param sizes: one more than the largest code of each; their product fits into the key
    """

    levels: tuple[Column | None, ...]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, columns: tuple[Column, ...]) -> "Key":
        levels, sizes = [], []
        for column in significant_first(columns):
            found = None if is_whole(column) else np.unique(column)
            levels.append(found)
            sizes.append(len(found) if found is not None else int(column.max()) + 1 if len(column) else 1)
        key = cls(tuple(levels), tuple(sizes))
        if key.size >= KEYS:
            key = cls(*zip(*((each, len(each)) for each in map(np.unique, significant_first(columns))), strict=True))
        if key.size >= KEYS:
            raise ValueError("so many different times and frequencies have no key; round times to days")
        return key

    @property
    def size(self) -> int:
        return math.prod(self.sizes)

    def pack(self, columns: tuple[Column, ...]) -> Integers:
        """Return a key per row, in which category and age are most significant."""
        keys = np.zeros(len(columns[0]), dtype=np.int64)
        for column, levels, size in zip(significant_first(columns), self.levels, self.sizes, strict=True):
            keys *= size
            keys += _codes(column, levels, size)
        return keys

    def unpack(self, keys: Integers) -> tuple[Column, Column, Column, Column]:
        """Return the columns category, age, recency and frequency of keys."""
        found: list[Column] = []
        for levels, size in zip(self.levels[::-1], self.sizes[::-1], strict=True):
            keys, code = np.divmod(keys, size)
            found.append(code.astype(np.int32) if levels is None else levels[code])
        frequency, recency, age, category = found
        return category, age, recency, frequency


DAYS = Key((None,) * 4, WHOLE_DAYS)


def _codes(column: Column, levels: Column | None, size: int) -> Integers:
    if levels is not None:
        codes = np.minimum(np.searchsorted(levels, column), size - 1)
        known = np.array_equal(levels[codes], column)
    else:
        codes = column.astype(np.int64)
        known = not len(codes) or (
            int(codes.max()) < size and (column.dtype.kind != "f" or np.array_equal(codes, column))
        )
    if not known:
        raise KeyError("a time or frequency beyond those of the key")
    return np.asarray(codes, dtype=np.int64)


def significant_first(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    frequency, recency, age, *rest = columns
    return (rest[0] if rest else np.zeros(len(age), dtype=np.int8)), age, recency, frequency


def columns_of(*given: ArrayLike | None) -> tuple[Column, ...]:
    columns = tuple(_column(values) for values in given if values is not None)
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        raise ValueError("frequency, recency and age must have one value per customer")
    return columns


def _column(values: ArrayLike) -> Column:
    column = np.asarray(values)
    return column if column.dtype.kind in "iuf" else np.asarray(values, dtype=np.float64)


def is_whole(column: Column) -> bool:
    if column.dtype.kind in "iu":
        return True
    return not len(column) or bool(column.max() < 2**53 and np.all(column == np.floor(column)))


def require_possible(columns: tuple[Column, ...]) -> None:
    """Refuse rows that cannot be."""
    for name, column in zip(("frequency", "recency", "age", "category"), columns, strict=False):
        if column.dtype.kind == "f" and not np.all(np.isfinite(column)):
            raise ValueError(f"{name} is not a finite number for every customer")
    frequency, recency, age, *category = columns
    if np.any(frequency < 0) or np.any(recency < 0) or np.any(recency > age):
        raise ValueError("needs 0 <= frequency and 0 <= recency <= age")
    if np.any((frequency == 0) != (recency == 0)):
        raise ValueError("recency is 0 exactly where frequency is 0")
    if not is_whole(frequency) or not all(is_whole(each) and not np.any(each < 0) for each in category):
        raise ValueError("frequencies and categories must be whole numbers from 0")


def order_of(keys: Integers, size: int) -> NDArray[np.intp]:
    """Return the order of keys; sorting them with their places in the lower digits is several times faster than argsort."""
    if size * max(len(keys), 1) >= KEYS:
        return np.argsort(keys)
    together = keys * len(keys)
    together += np.arange(len(keys))
    together.sort()
    together %= max(len(keys), 1)
    return together


def distinct(keys: Integers) -> tuple[Integers, Integers]:
    """Return the distinct keys in order, and how often each occurs."""
    keys = np.sort(keys)
    starts = _starts(keys)
    return keys[starts], np.diff(starts, append=len(keys))


def placed(keys: Integers, size: int) -> tuple[Integers, Integers, NDArray[np.intp]]:
    """Return the distinct keys in order, how often each occurs, and the place of each key among them."""
    order = order_of(keys, size)
    keys = keys[order]
    starts = _starts(keys)
    counts = np.diff(starts, append=len(keys))
    place = np.empty(len(keys), dtype=np.intp)
    place[order] = np.repeat(np.arange(len(starts)), counts)
    return keys[starts], counts, place


def merged(parts: list[tuple[Integers, Integers]]) -> tuple[Integers, Integers]:
    """Return the distinct keys of several sets in order, and the sums of their counts."""
    keys, counts = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(keys)
    keys = keys[order]
    starts = _starts(keys)
    return keys[starts], np.add.reduceat(counts[order], starts) if len(keys) else counts


def _starts(keys: Integers) -> NDArray[np.intp]:
    """Return where in sorted keys each distinct one begins."""
    if not len(keys):
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))

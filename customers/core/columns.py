"""
Columns of values, as the binary arrays that `unnest` turns into rows.

psycopg finds the type of a list in its values: so the same statement with larger numbers, or with nothing but nulls, would
be another one to prepare, and each list would be searched for its type. Here the statement names the type.
"""

import struct
from collections.abc import Sequence
from typing import Any, ClassVar

from psycopg import adapters
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

# What PostgreSQL casts: JSON comes as text, and a driver would cut a number that is too large where PostgreSQL refuses it.
SENT_AS = {"jsonb": "text", "integer": "bigint", "smallint": "bigint"}
NULL = struct.pack("!i", -1)
_length = struct.Struct("!i").pack
_head = struct.Struct("!iiIii").pack  # dimensions, whether there are nulls, the elements' type, length, first index


class Column:
    """Values for one column; a subclass a type."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values


class Single:
    """The only value of a column; a subclass a type."""

    __slots__ = ("value",)

    def __init__(self, values: Sequence[Any]) -> None:
        (self.value,) = values


class _SingleDumper(Dumper):
    format = Format.BINARY
    element_oid: ClassVar[int]  # no `oid` of the class: whoever looks for a type's own dumper is not to find this one

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self.oid = self.element_oid
        self._dump = _element_dumper(self.oid)(object, context).dump

    def dump(self, obj: Single) -> Any:
        """Return the value as it stands in a column."""
        return None if obj.value is None else self._dump(obj.value)


class _ColumnDumper(Dumper):
    format = Format.BINARY
    element_oid: ClassVar[int]

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self._element = _element_dumper(self.element_oid)(object, context)
        self._head_of_one = _head(1, 0, self.element_oid, 1, 1)
        self._null_alone = _head(1, 1, self.element_oid, 1, 1) + NULL

    def dump(self, obj: Column) -> bytes:
        """Return an array of one dimension; see array_recv in PostgreSQL's src/backend/utils/adt/arrayfuncs.c."""
        dump, has_nulls = self._element.dump, 0
        values = obj.values
        if len(values) == 1:  # one order has a hundred of these
            found = None if values[0] is None else dump(values[0])
            return self._null_alone if found is None else b"".join((self._head_of_one, _length(len(found)), found))
        parts: list[bytes] = [b""]
        last: Any = self  # a value that no row has
        for value in values:
            if value is not last:  # in most columns all rows have one value
                last, found = value, None if value is None else dump(value)
                if found is None:
                    has_nulls, part = 1, NULL
                else:
                    part = _length(len(found)) + found
            parts.append(part)
        parts[0] = _head(1, has_nulls, self.element_oid, len(values), 1)
        return b"".join(parts)


def column_of(kind: str) -> type[Column]:
    """
    Return the class of columns of a type.

    :param kind: as PostgreSQL names it, with or without modifiers: bigint, numeric(14, 2), timestamp with time zone
    :raises KeyError: when there are no columns of it
    """
    base = kind.partition("(")[0]
    return COLUMNS[adapters.types[SENT_AS.get(base, base)].oid]


def single_of(kind: str) -> type[Single]:
    """Return the class of columns of a type that have one value."""
    return SINGLES[column_of(kind)]


def _element_dumper(oid: int) -> type[Any]:
    return adapters.get_dumper_by_oid(oid, Format.BINARY)


def _register(kind: str) -> tuple[int, type[Column]]:
    info = adapters.types[kind]
    column = type(f"Column_{info.name}", (Column,), {"__slots__": ()})
    known = {"oid": info.array_oid, "element_oid": info.oid}
    adapters.register_dumper(column, type(f"ColumnDumper_{info.name}", (_ColumnDumper,), known))
    return info.oid, column


def _register_single(oid: int) -> type[Single]:
    single = type(f"Single_{oid}", (Single,), {"__slots__": ()})
    adapters.register_dumper(single, type(f"SingleDumper_{oid}", (_SingleDumper,), {"element_oid": oid}))
    return single


# Now, because a connection copies what is registered when it is made.
COLUMNS = dict(
    _register(kind)
    for kind in (
        "bigint",
        "boolean",
        "bytea",
        "date",
        "double precision",
        "integer",
        "numeric",
        "smallint",
        "text",
        "timestamptz",
        "uuid",
    )
)
SINGLES = {column: _register_single(oid) for oid, column in COLUMNS.items()}

"""
Columns of numbers out of the database and into it by binary COPY: a million rows without a Python object for any of them.

Rows are of fixed width: every value is there, or a whole column is not. Amounts of money travel as PostgreSQL's own digits.
See PostgreSQL's manual, COPY, Binary Format, and numeric_recv in src/backend/utils/adt/numeric.c.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray

Array = NDArray[Any]

HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
END = b"\xff\xff"
NOTHING = -1  # the length of a value that is not there
KINDS = {"uuid": "V16", "bigint": ">i8", "integer": ">i4", "smallint": ">i2", "double precision": ">f8", "boolean": "?"}
GROUP = 10_000  # of decimal digits, in which PostgreSQL keeps a numeric
FRACTION = 4  # digits of a group
WRITTEN = 25_000  # rows that are put into bytes at once
MAX_GROUPS = 5  # of 64 bits
NEGATIVE = 0x4000


@dataclass(frozen=True)
class Money:
    """
    A column of amounts.

    :param units: whole numbers of the currency's smallest unit
    :param decimals: of the currency, at most 4
    """

    units: NDArray[np.int64]
    decimals: int

    @classmethod
    def of(cls, amounts: NDArray[np.float64], decimals: int) -> "Money":
        """Return amounts rounded to a currency's smallest unit, half to even."""
        return cls(np.rint(amounts * float(Decimal(10) ** decimals)).astype(np.int64), decimals)

    def __len__(self) -> int:
        return len(self.units)


def read_columns(sql: str, parameters: Mapping[str, Any], kinds: Mapping[str, str], size: int) -> Iterator[Array]:
    """
    Yield the rows of a SELECT in blocks, as structured arrays with a field per column.

    :param parameters: of the statement, written %(name)s
    :param kinds: of its columns, in their order: the names of KINDS; none of them may be null
    :param size: rows of a block; the last one has the rest
    """
    row = _row_of(kinds)
    width = row.itemsize
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")  # with it the session is told for whom it acts
        with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT BINARY)", parameters) as copy:
            buffer, full = bytearray(), len(HEAD) + size * width
            for part in copy:  # one row each
                buffer += part
                if len(buffer) >= full:
                    start = full - size * width
                    yield _parse(bytes(buffer[start:full]), row, kinds)
                    del buffer[:full]
                    full = size * width
            data = bytes(buffer).removeprefix(HEAD).removesuffix(END)
            if data:
                yield _parse(data, row, kinds)


def _row_of(kinds: Mapping[str, str]) -> np.dtype[Any]:
    fields: list[Any] = [("fields", ">i2")]
    for name, kind in kinds.items():
        fields += [(f"length of {name}", ">i4"), (name, KINDS[kind])]
    return np.dtype(fields)


def _parse(data: bytes, row: np.dtype[Any], kinds: Mapping[str, str]) -> Array:
    rows = np.frombuffer(data, dtype=row)
    assert bool(np.all(rows["fields"] == len(kinds))), "rows of another width"
    for name, kind in kinds.items():
        assert bool(np.all(rows[f"length of {name}"] == np.dtype(KINDS[kind]).itemsize)), f"{name} is null somewhere"
    return rows


def write_columns(table: str, columns: Mapping[str, Array | Money | None], kinds: Mapping[str, str]) -> int:
    """
    Write columns of equal length into a table as one COPY; return how many rows.

    :param columns: by their names in the table; None where nobody has a value
    :param kinds: the names of KINDS for those columns that are no Money
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(HEAD)
            for first in range(0, _length(columns), WRITTEN):
                copy.write(encode({name: _part(values, first) for name, values in columns.items()}, kinds))
            copy.write(END)
    return _length(columns)


def _part(values: Array | Money | None, first: int) -> Array | Money | None:
    if isinstance(values, Money):
        return Money(values.units[first : first + WRITTEN], values.decimals)
    return None if values is None else values[first : first + WRITTEN]


def encode(columns: Mapping[str, Array | Money | None], kinds: Mapping[str, str]) -> bytes:
    """Return the rows of columns as COPY takes them, without its head and end."""
    written = {name: None if values is None else _wire(values, kinds.get(name, "")) for name, values in columns.items()}
    fields: list[Any] = [("fields", ">i2")]
    for name, values in written.items():
        fields.append((f"length of {name}", ">i4"))
        if values is not None:
            fields.append((name, values.dtype))
    rows = np.zeros(_length(columns), dtype=np.dtype(fields))
    rows["fields"] = len(columns)
    for name, values in written.items():
        rows[f"length of {name}"] = NOTHING if values is None else values.dtype.itemsize
        if values is not None:
            rows[name] = values
    return rows.tobytes()


def _length(columns: Mapping[str, Array | Money | None]) -> int:
    (length,) = {len(values) for values in columns.values() if values is not None}
    return length


def _wire(values: Array | Money, kind: str) -> Array:
    return _numeric(values) if isinstance(values, Money) else values.astype(KINDS[kind])


def _numeric(money: Money) -> Array:
    """Return amounts in groups of four digits; what is 0 in front the server takes away."""
    whole = np.abs(money.units)
    whole *= 10 ** (FRACTION - money.decimals)
    largest = int(whole.max(initial=0))
    groups = next((count for count in range(2, MAX_GROUPS) if largest < GROUP**count), MAX_GROUPS)
    fields: Any = [
        ("groups", ">i2"), ("weight", ">i2"), ("sign", ">u2"), ("decimals", ">i2"), ("digits", ">i2", (groups,)),
    ]  # fmt: skip
    found: Array = np.zeros(len(whole), dtype=np.dtype(fields))
    found["groups"], found["weight"], found["decimals"] = groups, groups - 2, money.decimals
    found["sign"] = np.where(money.units < 0, NEGATIVE, 0)
    for place in range(groups - 1, 0, -1):
        above = whole // GROUP
        found["digits"][:, place] = whole - above * GROUP
        whole = above
    found["digits"][:, 0] = whole
    return found

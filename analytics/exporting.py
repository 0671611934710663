"""Values of customers as files: CSV line by line, and Parquet block by block, so that millions of them need no memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib.util import find_spec
from io import RawIOBase, StringIO
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.exporting import write_csv

BLOCK = 10_000  # rows that are in memory at once
MONEY_PLACES = Decimal("1E-8")


class NoParquet(DomainError):
    code = "no_parquet"
    kind = Kind.REFUSED
    message = _("Parquet files need the packages of the extra “reports” on the server; ask for file=csv.")


def csv_parts(names: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    """Yield the parts of a CSV file, as `customers.core.exporting` writes it; it has its header also without rows."""
    header: Sequence[Sequence[str]] = [names]
    for block in _blocks(rows):
        yield _text([*header, *block])
        header = []
    if header:
        yield _text(header)


def _text(rows: Sequence[Sequence[Any]]) -> bytes:
    text = StringIO()
    write_csv(text, rows[0], rows[1:])
    return text.getvalue().encode()


def parquet_parts(kinds: Mapping[str, str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    """
    Yield the parts of a Parquet file, a row group for each block; money is decimal128(38, 8).

    :param kinds: of the columns, by their names: text, day, whole, number, money or flag
    :raises NoParquet: where the packages for it are not installed
    """
    if find_spec("pyarrow") is None:
        raise NoParquet
    return _parquet(kinds, rows)


def _parquet(kinds: Mapping[str, str], rows: Iterator[Sequence[Any]]) -> Iterator[bytes]:
    import pyarrow as pa  # noqa: PLC0415 - of an extra
    from pyarrow import parquet  # noqa: PLC0415

    arrow = {
        "text": pa.string(), "day": pa.date32(), "whole": pa.int64(), "number": pa.float64(),
        "money": pa.decimal128(38, 8), "flag": pa.bool_(),
    }  # fmt: skip
    schema = pa.schema([(name, arrow[kind]) for name, kind in kinds.items()])
    sink = _Sink()
    with parquet.ParquetWriter(sink, schema) as writer:
        for block in _blocks(rows):
            columns = zip(kinds.values(), zip(*block, strict=True), strict=True)
            arrays = [pa.array([_exact(each) for each in column] if kind == "money" else column, arrow[kind])
                      for kind, column in columns]  # fmt: skip
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield sink.take()
    yield sink.take()


def _exact(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(MONEY_PLACES)


def _blocks(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    block: list[Sequence[Any]] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


class _Sink(RawIOBase):
    """A file of which what was written is taken away again and again."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.length = 0

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self.parts.append(bytes(part))
        self.length += len(self.parts[-1])
        return len(self.parts[-1])

    def tell(self) -> int:
        return self.length

    def take(self) -> bytes:
        parts, self.parts = self.parts, []
        return b"".join(parts)

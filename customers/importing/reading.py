"""From the bytes of a CSV file to rows with their line numbers, whoever wrote it."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind

PROBE_BYTES = 65_536
DELIMITERS = ";,\t|"


class UnreadableFile(DomainError):
    code = "unreadable_file"
    kind = Kind.INVALID
    message = _("The file is empty or is no CSV file: its first line must name the columns.")


class MissingColumns(DomainError):
    code = "missing_columns"
    kind = Kind.INVALID
    message = _("These columns are missing: {missing}. The file has: {found}.")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file, by column name; `line` counts from 1, the header included."""

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file: its columns, how its numbers are written, and its rows, read as they are asked for."""

    columns: list[str]
    decimal_comma: bool
    rows: Iterator[Row]


def read_table(file: IO[bytes], *, required: frozenset[str]) -> Table:
    """
    Open a CSV file in UTF-8 or CP1252, with `;`, `,`, `|` or a tab between its cells.

    A file with `;` (what a French Excel writes) has decimal commas.

    :raises UnreadableFile: when there is no header
    :raises MissingColumns: when a column is missing without which no row can be taken
    """
    head = file.read(PROBE_BYTES)
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=_encoding(file, head), newline="")
    first = text.readline()
    delimiter = max(DELIMITERS, key=first.count)
    columns = [name.strip().strip('"').strip().lower() for name in first.strip().split(delimiter)]
    if not any(columns):
        raise UnreadableFile
    if missing := required - set(columns):
        raise MissingColumns(missing=", ".join(sorted(missing)), found=", ".join(columns))
    return Table(columns, delimiter == ";", _rows(text, columns, delimiter))


def _encoding(file: IO[bytes], head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(1 << 20):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8"


def _rows(text: io.TextIOWrapper, columns: list[str], delimiter: str) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=delimiter)
    for cells in reader:
        if any(cells):
            yield Row(reader.line_num + 1, dict(zip(columns, cells, strict=False)))

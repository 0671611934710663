"""From the bytes of a CSV file to rows with their line numbers, whoever wrote it; what cannot be read surely is not read."""

import csv
import io
import re
from collections.abc import Iterator
from typing import IO
from unicodedata import normalize

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.errors import DomainError, Kind
from customers.core.exporting import is_escaped
from customers.core.values import dataclass
from customers.importing.encodings import UnreadableFile, encoding_of

DELIMITERS = ";,\t|"
MAX_CELL = (
    131_072  # characters: the csv module's own limit, which keeps a quote that nobody closed from eating the file
)
MAX_COLUMNS = 1_000
MAX_RAW = 1_000
# What may be read again behind rows whose quotes do not close, in characters, each line counted with what it costs besides.
MAX_READ_AGAIN, COST_OF_LINE = 200_000_000, 50
SEPARATOR = re.compile(r'\A"?sep=(.)"?\s*\Z', re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
MARK = "\ufeff"  # of UTF-8; it stands in the middle where files were put together, and there it is no character either
NUL = "\x00"
REFUSAL = "refusal"  # the column that a file of refused rows has before the others


class TwoColumnsOfOneName(DomainError):
    code = "two_columns_of_one_name"
    kind = Kind.INVALID
    message = gettext_lazy("Line {line} names these columns twice: {names}. Nobody can tell which one is meant.")


@dataclass(frozen=True, slots=True)
class Row:
    """
    A row of the file.

    :param line: on which it begins, counted from 1, the header included
    :param cells: as many as the file has columns, unless there is a problem
    :param problem: why it cannot be read; empty where it can
    :param raw: what stands in the line, where it could not even be divided into cells, which then are a guess
    """

    line: int
    cells: list[str]
    problem: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """
    A CSV file whose header was read; its rows can be read as often as one likes.

    :param columns: the names in its header as they are written, without blanks around them
    :param first: the line behind the header
    """

    file: IO[bytes]
    encoding: str
    delimiter: str
    columns: list[str]
    first: int

    @property
    def is_ours(self) -> bool:
        """Whether this is a file of refused rows, with their reasons before them and no cell that is a formula."""
        return is_refusal(self.columns[0])

    def rows(self, *, as_written: bool = False) -> Iterator[Row]:
        """Read from the start: each row that is not empty, also those that cannot be read."""
        with open_text(self.file, self.encoding) as text:
            lines = _Lines(text)
            lines.skip(self.first - 1)
            width = len(self.columns)
            is_escaped = self.is_ours and not as_written
            for row in _records(lines, self.delimiter, width):
                if row.problem or len(row.cells) == width:
                    yield _unescaped(row) if is_escaped else row
                else:
                    yield Row(row.line, row.cells, _miscounted(len(row.cells), width))


def is_refusal(name: str) -> bool:
    """Tell whether a column is the one of reasons, whatever its name says besides: see resending."""
    return name.lower().split(" ", 1)[0] == REFUSAL


def key_of(cell: str) -> str:
    """Return an id as it is known: without blanks around it, and with its letters and accents in one."""
    key = cell.strip()
    return key if key.isascii() else normalize("NFC", key)


def open_source(file: IO[bytes]) -> Source:
    """
    Read the header of a CSV file in UTF-8, UTF-16 with its mark, or CP1252, with `;`, `,`, `|` or a tab between its cells.

    A first line such as `sep=;`, which Excel writes, is understood.

    :raises UnreadableFile: when it is no text, or has no header that can be read
    :raises TwoColumnsOfOneName: when nobody could tell which one is meant
    """
    encoding = encoding_of(file)
    with open_text(file, encoding) as text:
        told = SEPARATOR.match(text.readline(MAX_CELL).lstrip(MARK))
    headers = [
        _header(file, encoding, delimiter, skip=1 if told else 0) for delimiter in (told[1] if told else DELIMITERS)
    ]
    found = [header for header in headers if header is not None]
    if not found:
        raise UnreadableFile("header")
    # A quote inside a name says that the names were not divided by this sign.
    source = max(found, key=lambda each: ('"' not in "".join(each.columns), len(each.columns)))
    if None in headers and len(source.columns) == 1 and '"' in source.columns[0]:
        raise UnreadableFile("header")
    _require_names(source)
    return source


def _header(file: IO[bytes], encoding: str, delimiter: str, *, skip: int) -> Source | None:
    """Return a file as divided by a sign; None where its first line cannot be read so."""
    with open_text(file, encoding) as text:
        lines = _Lines(text)
        lines.skip(skip)
        for row in _records(lines, delimiter):
            if row.problem:
                return None
            return Source(file, encoding, delimiter, [cell.strip() for cell in row.cells], lines.number + 1)
    raise UnreadableFile("empty")


def _require_names(source: Source) -> None:
    names = [name.lower() for name in source.columns if name]
    if not names:
        raise UnreadableFile("header")
    if len(source.columns) > MAX_COLUMNS:
        raise UnreadableFile("columns", count=len(source.columns), limit=MAX_COLUMNS)
    if any(CONTROL.search(name) for name in names):
        raise UnreadableFile("binary")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise TwoColumnsOfOneName(line=source.first - 1, names=", ".join(twice))


class _Lines:
    """The lines of a text, counted; those behind a row's first can be given back, when the row turns out to be none."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._returned: list[str] = []
        self.taken: list[str] = []
        self.number = 0
        self._read_again = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else next(self._text)
        if line[0] == MARK:
            line = line.lstrip(MARK)
        self.number += 1
        self.taken.append(line)
        return line

    def skip(self, count: int) -> None:
        for _place in range(count):
            next(self, "")

    def give_back(self) -> None:
        """
        Let all lines but the first be read again.

        :raises UnreadableFile: when a file goes on so: each of its lines would be read as often as there are lines before it
        """
        later = self.taken[1:]
        self._read_again += sum(map(len, later)) + COST_OF_LINE * len(later)
        if self._read_again > MAX_READ_AGAIN:
            raise UnreadableFile("quotes")
        self._returned += reversed(later)
        self.number -= len(later)


def _records(lines: _Lines, delimiter: str, width: int = 0) -> Iterator[Row]:
    """
    Yield the rows that are not empty.

    :param width: of a row; 0 where nobody knows it yet
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        line = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _first_alone(lines, delimiter, _unreadable(error))
            continue
        text = lines.taken[0]
        if width and len(lines.taken) > 1:
            if _swallows(lines.taken, cells, delimiter, width):
                yield _first_alone(lines, delimiter, _unbalanced())
                continue
            text = "".join(lines.taken)
        if width and NUL in text:
            yield Row(line, cells, _("A cell holds a NUL character, which is no text."))
        elif any(map(str.strip, cells)):
            yield Row(line, cells)


def _first_alone(lines: _Lines, delimiter: str, problem: str) -> Row:
    """Return the first line of what was taken as a row that cannot be read, and leave the others to be read by themselves."""
    lines.give_back()
    first = lines.taken[0].rstrip("\r\n")
    return Row(lines.number, _roughly(first, delimiter), problem, first[:MAX_RAW])


def _swallows(taken: list[str], cells: list[str], delimiter: str, width: int) -> bool:
    """
    Tell whether a row of several lines is several rows, of which two have a quote that nobody closed, such as 42" twice.

    A cell may hold line breaks, but hardly one behind which stands what is a row by itself.
    """
    return len(cells) != width or any(_count(text, delimiter) == width for text in taken[1:])


def _count(line: str, delimiter: str) -> int:
    """Return how many cells a line has by itself; a quote that it does not close is a sign like others."""
    sign = re.escape(delimiter)
    quoted = rf'"(?:[^"]|"")*+"(?={sign}|\Z)'
    return len(re.findall(rf"(?:\A|(?<={sign}))(?:{quoted}|[^{sign}]*+)(?={sign}|\Z)", line.rstrip("\r\n")))


def _roughly(line: str, delimiter: str) -> list[str]:
    return [cell[:MAX_CELL].strip().strip('"') for cell in line.split(delimiter)][:MAX_COLUMNS]


def _unreadable(error: csv.Error) -> str:
    if "field limit" in str(error):
        return _("A cell is longer than {most} characters, or a quote is not closed.").format(most=f"{MAX_CELL:,}")
    return _unbalanced()


def _unbalanced() -> str:
    return _("The quotes of this row are not balanced.")


def _miscounted(cells: int, columns: int) -> str:
    return _("The row has {cells} cells under {columns} columns.").format(cells=cells, columns=columns)


def _unescaped(row: Row) -> Row:
    """Return a row as it was, of a file that we wrote for a spreadsheet: there no cell is a formula."""
    return Row(row.line, [cell[1:] if is_escaped(cell) else cell for cell in row.cells], row.problem, row.raw)


class open_text:  # noqa: N801 - used as a function
    """Open a file's text for reading from its start, and leave the file open behind it."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        file.seek(0)
        self._text = io.TextIOWrapper(file, encoding=encoding, newline="")  # csv reads line ends itself

    def __enter__(self) -> io.TextIOWrapper:
        return self._text

    def __exit__(self, *_error: object) -> None:
        self._text.detach()

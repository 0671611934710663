"""Rows of a file written again: those that were refused with their reasons, and a file without some of its rows."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TextIO

from django.utils.translation import gettext as _

from customers.core.exporting import is_escaped, write_csv
from customers.importing.reading import Row, Source, open_text
from customers.importing.report import Report


def write_refused(file: TextIO, source: Source, report: Report) -> None:
    """
    Write the rows that were not taken, each with its reasons in a first column, to be mended and sent again.

    Of an order that was not taken all rows are there. What could not be read stays unreadable until somebody has mended it.
    """
    reasons = defaultdict(list)
    for problem in report.problems:
        reasons[problem.line].append(f"{problem.column}: {problem.reason}" if problem.column else problem.reason)
    is_ours = source.is_ours
    columns = source.columns[1:] if is_ours else source.columns
    rows = (row for row in source.rows() if row.line in report.refused)
    write_csv(
        file,
        (report.first_column, *columns),
        _with_reasons(rows, reasons, len(columns), is_ours=is_ours),
        is_for_people=True,
    )


def _with_reasons(
    rows: Iterable[Row], reasons: dict[int, list[str]], width: int, *, is_ours: bool
) -> Iterator[list[str]]:
    for row in rows:
        why = "; ".join(reasons.get(row.line) or [_("Another row of the same cannot be taken.")])
        cells = [f"'{cell}" if is_escaped(cell) else cell for cell in row.cells[1 if is_ours else 0 :]]
        yield [f"{row.line}: {why}", *([row.raw, *[""] * width] if row.raw else cells)]


def written(source: Source, rows: Iterable[Row]) -> bytes:
    """
    Return a file with some of its rows, as it was written otherwise.

    :param rows: as they are written
    """
    text = io.StringIO()
    end = _line_end(source)
    writer = csv.writer(text, delimiter=source.delimiter, lineterminator=end)
    writer.writerow(source.columns)
    for row in rows:
        if row.raw:
            text.write(row.raw + end)
        else:
            writer.writerow(row.cells)
    return text.getvalue().encode(source.encoding, "replace")


def _line_end(source: Source) -> str:
    with open_text(source.file, source.encoding) as text:
        return "\r\n" if "\r\n" in text.read(65_536) else "\n"

"""From the rows of one key to the fact that they state together, or to everything that forbids it."""

from collections.abc import Sequence
from dataclasses import field
from typing import Any

from django.utils.translation import gettext as _

from customers.checks import MAX_LINES, REASONS, InvalidFact
from customers.core.values import dataclass
from customers.importing.cells import BadCell, Column, is_doubled, reason_of
from customers.importing.formats import Format, Stated
from customers.importing.problems import Problem
from customers.importing.reading import Row, key_of
from customers.importing.table import Table

MISSING = object()


@dataclass(frozen=True)
class Grouped:
    """
    What rows of one key come to.

    :param stated: the fact; None where there are problems, for part of an order is no order
    :param doubled: lines whose hour a clock showed twice
    :param again: the line from which on all rows stand in the file once more, as when exports overlap; 0 where they do not
    """

    lines: tuple[int, ...]
    stated: Stated[Any] | None
    problems: list[Problem]
    doubled: list[int] = field(default_factory=list)
    again: int = 0


def read_group(form: Format, table: Table, rows: Sequence[Row]) -> Grouped:
    """Read all cells of rows, and say everything that is wrong with them."""
    lines = tuple(row.line for row in rows)
    if form.has_lines and len(rows) > MAX_LINES:
        reason = REASONS["too_many_lines"].format(value=len(rows), limit=MAX_LINES)
        return Grouped(lines, None, [Problem(lines[0], form.key, reason)])
    group = _Group(form, table, rows)
    if form.has_lines:
        group.problems += _incomplete(form, table, rows)
    said, of_rows = group.read()
    if not group.problems:
        try:
            fact = form.fact(said, of_rows, table.notation.currency)
        except (BadCell, InvalidFact) as error:
            place = error.place if isinstance(error, InvalidFact) and error.place is not None else 0
            group.problems.append(Problem(lines[place], error.column, reason_of(error)))
        else:
            return Grouped(lines, Stated(lines, fact), [], group.doubled, _again(rows) if form.has_lines else 0)
    return Grouped(lines, None, sorted(group.problems, key=lambda problem: problem.line))


def _again(rows: Sequence[Row]) -> int:
    """
    Return the line from which on all rows of an order stand in the file once more, apart from the first time; 0 if they do not.

    One article that is scanned twice is a row of an order twice. All of its rows twice, and others between, are more likely
    two exports of which one ends on the day on which the other begins.
    """
    apart = (place for place in range(1, len(rows)) if rows[place].line > rows[place - 1].line + 1)
    size = next(apart, 0)
    if not size or len(rows) % size:
        return 0
    return rows[size].line if all(row.cells == rows[place % size].cells for place, row in enumerate(rows)) else 0


def _incomplete(form: Format, table: Table, rows: Sequence[Row]) -> list[Problem]:
    """Return why the lines of an order may not be all, if so."""
    doubtful = table.survey.doubtful
    line = doubtful.get(key_of(table.value(rows[0], form.key))) if doubtful else None
    if line is None:
        return []
    return [
        Problem(rows[0].line, form.key, _("Line {line}, which cannot be read, may belong to it.").format(line=line))
    ]


class _Group:
    """Rows of one key, being read."""

    def __init__(self, form: Format, table: Table, rows: Sequence[Row]) -> None:
        self.form = form
        self.table = table
        self.rows = rows
        self.problems: list[Problem] = []
        self.doubled: list[int] = []

    def read(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return what the rows say together, and what each says for itself."""
        said: dict[str, Any] = {}
        of_rows: list[dict[str, Any]] = [{} for _row in self.rows]
        for column, place in self.table.columns:
            if column.is_of_row:
                for row, values in zip(self.rows, of_rows, strict=True):
                    values[column.name] = self._cell(column, row.cells[place].strip(), row.line)
            else:
                said[column.name] = self._together(column, place)
        for column in self.form.columns:
            if column.name not in self.table.places.of:
                for values in of_rows if column.is_of_row else [said]:
                    values[column.name] = column.empty
        return said, of_rows

    def _cell(self, column: Column, text: str, line: int) -> Any:
        """Return the value of a cell; with a problem, if it has none."""
        if not text:
            if column.is_required:
                self.problems.append(Problem(line, column.name, _("The cell is empty.")))
            return column.empty
        try:
            return column.read(text, column.name, self.table.notation)
        except (BadCell, InvalidFact) as error:
            self.problems.append(Problem(line, column.name, reason_of(error)))
            return MISSING

    def _together(self, column: Column, place: int) -> Any:
        """Return what all rows say; an empty cell says nothing, and what contradicts is told with both lines."""
        text = ""
        value: Any = MISSING
        line = self.rows[0].line
        for row in self.rows:
            other = row.cells[place].strip()
            if not other or other == text:
                continue
            read = self._cell(column, other, row.line)
            if not text:
                text, value, line = other, read, row.line
            elif MISSING not in {value, read} and read != value:
                self.problems.append(Problem(row.line, column.name, _contradiction(line, text, other)))
        if not text:
            return self._cell(column, "", line)
        if column.kind == "date" and is_doubled(text, self.table.notation.dates, self.table.notation.zone):
            self.doubled.append(line)
        return value


def _contradiction(line: int, one: str, other: str) -> str:
    return _("Line {line} says “{one}” of the same, and this one “{other}”.").format(
        line=line, one=one[:40], other=other[:40]
    )

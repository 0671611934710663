"""What an import came to, or would come to."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.importing.dates import date_of
from customers.importing.numbers import COMMA
from customers.importing.problems import Problem
from customers.importing.reading import REFUSAL
from customers.importing.table import Table

ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "CP1252"}


@dataclass
class Report:
    """
    What an import came to, or would come to.

    :param rows: rows of the file that were dealt with so far, of `total`
    :param created: facts that are new (customers: new or changed)
    :param unchanged: facts that were already recorded with the same content, or stand in the file again
    :param problems: all that is wrong with rows that were not taken, one or several of a row
    :param refused: the lines that were not taken: those with a problem, and the others of the same order
    :param ignored_columns: columns that this kind of file does not have
    :param left_out: how many rows are none of this kind, by why
    :param reading: how the file is read, in words, and its first dates as they are read
    :param notices: what somebody should look at
    :param again: the first lines of orders whose rows all stand in the file twice, and where they do again
    :param first_column: of the file of refused rows: its name says how they are to be read
    """

    rows: int = 0
    created: int = 0
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    refused: dict[int, None] = field(default_factory=dict)
    ignored_columns: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    total: int = 0
    reading: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    doubled: list[int] = field(default_factory=list)
    again: list[tuple[int, int]] = field(default_factory=list)
    first_column: str = REFUSAL

    def refuse(self, lines: Iterable[int], problems: Iterable[Problem]) -> None:
        self.refused.update(dict.fromkeys(lines))
        self.problems += problems

    def leave_out(self, why: str, rows: int) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + rows

    def finish(self) -> None:
        """Bring problems into the file's order, and say what became known by reading."""
        self.problems.sort(key=lambda problem: problem.line)
        if self.doubled:
            self.notices.append(_doubled(sorted(self.doubled)))
        if self.again:
            self.notices.append(_again(self.again))
        for why, rows in self.left_out.items():
            words = ngettext("{count} row is left out: {why}.", "{count} rows are left out: {why}.", rows)
            self.notices.append(words.format(count=rows, why=why))

    def as_json(self) -> dict[str, Any]:
        """Return what a page shows besides the numbers."""
        return {"reading": self.reading, "notices": self.notices, "ignored": self.ignored_columns}


def _doubled(lines: list[int]) -> str:
    words = ngettext(
        "The clocks went back: the time in line {lines} was shown twice, and is taken as the earlier one.",
        "The clocks went back: the times in lines {lines} were shown twice, and are taken as the earlier ones.",
        len(lines),
    )
    shown = ", ".join(str(line) for line in lines[:10]) + (", ..." if len(lines) > 10 else "")  # noqa: PLR2004 - enough to look
    return words.format(lines=shown)


def _again(lines: list[tuple[int, int]]) -> str:
    words = ngettext(
        "All rows of {count} order stand in the file twice, from line {first} and from line {second} on. They are taken as twice "
        "as many pieces: if two exports overlap, take one of both out.",
        "All rows of {count} orders stand in the file twice, such as from line {first} and from line {second} on. They are taken "
        "as twice as many pieces: if two exports overlap, take one of both out.",
        len(lines),
    )
    first, second = min(lines)
    return words.format(count=len(lines), first=first, second=second)


def reading_of(table: Table) -> list[str]:
    """Return how a file is read, in words."""
    source, notation = table.source, table.notation
    signs = {"\t": _("tabs"), ";": ";", ",": ",", "|": "|"}
    found = [
        _("{encoding}, cells divided by “{delimiter}”").format(
            encoding=ENCODINGS[source.encoding], delimiter=signs.get(source.delimiter, source.delimiter)
        )
    ]
    if table.survey.numbers.sure or table.survey.numbers.undecided:
        found.append(_("decimals behind a comma") if notation.decimal == COMMA else _("decimals behind a point"))
    for cell in table.survey.dates.examples:
        day = cell.split()[0].rstrip(",").split("T")[0]
        try:
            found.append(f"{cell} = {date_format(date_of(day, notation.dates), 'j F Y')}")
        except ValueError:
            continue
    return found

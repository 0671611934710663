"""What only a whole file can say, found before any row is taken: which number is the day, which sign the decimals' ..."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from django.utils.translation import gettext_lazy

from customers.core.errors import DomainError, Kind
from customers.importing.cells import Column
from customers.importing.dates import DMY, MDY, is_year_first, parts_of
from customers.importing.numbers import COMMA, POINT, SIGNS, signs_of
from customers.importing.reading import Row, key_of
from customers.importing.spreadsheet_ids import MAX_KNOWN, Ids

MONTHS = 12
EXAMPLES = 3


# One column is not written in both shapes: a year first and last, or 3/4/2026 and 03/04/2026, as when a spreadsheet has turned
# those dates round that it understood, and left the others.
OTHER_SHAPE = {"year first": "year last", "zero": "none"}

Place = tuple[int, str]  # a line, and what stands there


class UndecidedDates(DomainError):
    code = "undecided_dates"
    kind = Kind.INVALID
    message = gettext_lazy(
        "“{cell}” in line {line} can be two days, and no other date of the file says which number is the day. "
        "Say it: dmy, mdy or ymd."
    )


class MixedDates(DomainError):
    code = "mixed_dates"
    kind = Kind.INVALID
    message = gettext_lazy(
        "The dates are written in several ways: “{one}” in line {first}, “{other}” in line {second}. "
        "Mend the file, or say which number is the day: dmy, mdy or ymd."
    )


class UndecidedNumbers(DomainError):
    code = "undecided_numbers"
    kind = Kind.INVALID
    message = gettext_lazy(
        "“{cell}” in line {line} can be two numbers, and no other number of the file says which sign stands before the "
        "decimals. Say it: comma or point."
    )


class MixedNumbers(DomainError):
    code = "mixed_numbers"
    kind = Kind.INVALID
    message = gettext_lazy(
        "The numbers are written in several ways: “{one}” in line {first}, “{other}” in line {second}. "
        "Mend the file, or say which sign stands before the decimals: comma or point."
    )


@dataclass
class Dates:
    """What the dates of a file say about the order of day and month."""

    first_of: dict[str, Place] = field(default_factory=dict)
    shapes: dict[tuple[str, str], Place] = field(default_factory=dict)
    undecided: Place | None = None
    examples: list[str] = field(default_factory=list)

    def add(self, column: str, cell: str, line: int) -> None:
        if len(self.examples) < EXAMPLES:
            self.examples.append(cell[:40])
        parts = parts_of(cell)
        if parts is None:
            if is_year_first(cell):
                self.shapes.setdefault((column, "year first"), (line, cell))
            return
        self.shapes.setdefault((column, "year last"), (line, cell))
        for place, part in enumerate(parts):
            if int(part) < 10:  # noqa: PLR2004 - of one digit, with a zero before it or without
                self.shapes.setdefault((f"{column}/{place}", "zero" if len(part) > 1 else "none"), (line, cell))
        first, second = map(int, parts)
        if MONTHS < first <= 31 and 1 <= second <= MONTHS:  # noqa: PLR2004 - a day
            self.first_of.setdefault(DMY, (line, cell))
        elif MONTHS < second <= 31 and 1 <= first <= MONTHS:  # noqa: PLR2004 - a day
            self.first_of.setdefault(MDY, (line, cell))
        elif first != second and self.undecided is None:
            self.undecided = (line, cell)

    def order(self, asked: str) -> str:
        """
        Return the order of dates whose year comes last; empty where there are none.

        :param asked: what somebody said, which then counts
        :raises MixedDates: when the file contradicts itself
        :raises UndecidedDates: when it does not say
        """
        if asked:
            return asked
        if len(self.first_of) > 1:
            raise _mixed(MixedDates, *self.first_of.values())
        for (column, shape), seen in self.shapes.items():
            other = self.shapes.get((column, OTHER_SHAPE.get(shape, "")))
            if other and (shape == "year first" or self.undecided):
                raise _mixed(MixedDates, seen, other)
        if not self.first_of and self.undecided:
            raise UndecidedDates(line=self.undecided[0], cell=self.undecided[1][:40])
        return next(iter(self.first_of), "")


@dataclass
class Numbers:
    """What the numbers of a file say about the sign before their decimals."""

    sure: dict[str, Place] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)
    undecided: Place | None = None

    def add(self, cell: str, line: int) -> None:
        meant = signs_of(cell)
        if len(meant) == 1:
            ((sign, has_groups),) = meant
            self.sure.setdefault(sign, (line, cell))
            if has_groups:
                self.grouped.add(sign)
        elif meant and self.undecided is None:
            self.undecided = (line, cell)

    def sign(self, asked: str, *, has_groups: bool = True) -> tuple[str, bool]:
        """
        Return the sign before the decimals, and whether the other one may divide thousands.

        :param asked: comma or point, which then counts, as does has_groups
        :raises MixedNumbers: when the file contradicts itself
        :raises UndecidedNumbers: when it does not say
        """
        if asked:
            return SIGNS[asked], has_groups
        if len(self.sure) > 1:
            raise _mixed(MixedNumbers, *self.sure.values())
        if not self.sure and self.undecided:
            raise UndecidedNumbers(line=self.undecided[0], cell=self.undecided[1][:40])
        sign = COMMA if COMMA in self.sure else POINT
        return sign, sign in self.grouped


def _mixed(error: type[DomainError], one: Place, other: Place) -> DomainError:
    first, second = sorted([one, other])
    return error(first=first[0], one=first[1][:40], second=second[0], other=second[1][:40])


@dataclass
class Survey:
    """
    What a whole file says.

    :param rows: how many it has
    :param apart: hashes of the keys whose rows do not follow each other
    :param unreadable: how many rows cannot be read
    :param doubtful: what stands in rows that cannot be read, with their lines: a key among it may miss a row
    """

    rows: int = 0
    unreadable: int = 0
    dates: Dates = field(default_factory=Dates)
    numbers: Numbers = field(default_factory=Numbers)
    ids: dict[str, Ids] = field(default_factory=dict)
    apart: frozenset[int] = frozenset()
    doubtful: dict[str, int] = field(default_factory=dict)

    def notices(self) -> list[str]:
        return [notice for column, ids in self.ids.items() for notice in ids.notices(column)]


class Surveyor:
    """Looks at every row of a file once."""

    def __init__(self, columns: Sequence[tuple[Column, int]], key: int | None) -> None:
        self.found = Survey()
        self._key = key
        self._runs = array("q")
        self._last: str | None = None
        self._looked_at = [(column, place, set[str]()) for column, place in columns if column.kind]

    def look(self, row: Row) -> None:
        self.found.rows += 1
        if row.problem:
            self.found.unreadable += 1
            for cell in row.cells:
                self.found.doubtful.setdefault(key_of(cell), row.line)
            return
        if self._key is not None and (key := key_of(row.cells[self._key])) != self._last:
            self._last = key
            self._runs.append(hash(key))
        for column, place, known in self._looked_at:
            cell = row.cells[place]
            if cell and cell not in known:
                if len(known) >= MAX_KNOWN:
                    known.clear()
                known.add(cell)
                if text := cell.strip():
                    self._examine(column, text, row.line)

    def _examine(self, column: Column, cell: str, line: int) -> None:
        if column.kind == "date":
            self.found.dates.add(column.name, cell, line)
        elif column.kind == "number":
            self.found.numbers.add(cell, line)
        else:
            self.found.ids.setdefault(column.name, Ids()).add(cell, line)

    def result(self) -> Survey:
        hashes = np.sort(np.frombuffer(self._runs, dtype=np.int64)) if self._runs else np.empty(0, dtype=np.int64)
        self.found.apart = frozenset(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        self.found.doubtful.pop("", None)
        return self.found

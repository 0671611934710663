"""From the text of a cell to a value, or a reason that a person understands."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from customers.checks import FIRST_YEAR, LARGEST_SCORE, LAST_YEAR, REASONS
from customers.importing.reading import Row

Value = TypeVar("Value")
TRUE = frozenset({"1", "true", "yes", "y", "oui", "o", "vrai"})
FALSE = frozenset({"", "0", "false", "no", "n", "non", "faux"})


class BadCell(Exception):
    """One cell cannot be taken; `reason` is for the person who wrote the file."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one row, each read as the kind of value that its column holds."""

    row: Row
    zone: ZoneInfo
    decimal_comma: bool

    def text(self, column: str, *, most: int = 100) -> str:
        cell = self.row.cells.get(column, "").strip()
        if "\x00" in cell:
            raise BadCell(column, _("The cell holds a NUL character, which is no text."))
        if len(cell) > most:
            raise BadCell(column, _("“{cell}…” is longer than {most} characters.").format(cell=cell[:20], most=most))
        return cell

    def name(self, column: str) -> str:
        """Return a text that must be there."""
        cell = self.text(column)
        if not cell:
            raise BadCell(column, _("The cell is empty."))
        return cell

    def choice(self, column: str, choices: list[str]) -> str:
        cell = self.name(column).lower()
        if cell not in choices:
            raise BadCell(column, _("“{cell}” is none of: {choices}.").format(cell=cell, choices=", ".join(choices)))
        return cell

    def number(self, column: str) -> Decimal | None:
        cell = self.text(column)
        if not cell:
            return None
        plain = cell.replace("\u202f", "").replace("\xa0", "").replace(" ", "")
        if self.decimal_comma:
            plain = plain.replace(",", ".")
        return self._read(column, cell, lambda: _finite(plain), _("“{cell}” is no number."))

    def integer(self, column: str) -> int | None:
        number = self.number(column)
        if number is None:
            return None
        if not -LARGEST_SCORE <= number <= LARGEST_SCORE or number != int(
            number
        ):  # in this order: int() writes a large number out
            raise BadCell(column, _("“{cell}” is no whole number of this size.").format(cell=number))
        return int(number)

    def flag(self, column: str) -> bool:
        cell = self.text(column).lower()
        if cell not in TRUE | FALSE:
            raise BadCell(column, _("“{cell}” is neither yes nor no.").format(cell=cell))
        return cell in TRUE

    def day(self, column: str) -> date | None:
        cell = self.text(column)
        if not cell:
            return None
        return self._read(column, cell, lambda: _date(cell), _("“{cell}” is no date such as 2026-03-29 or 29/03/2026."))

    def instant(self, column: str) -> datetime:
        """Return an instant; one without a zone is on the retailer's clock."""
        cell = self.name(column)
        found: datetime = self._read(
            column, cell, lambda: _instant(cell), _("“{cell}” is no date and time such as 2026-03-29T18:30:00+02:00.")
        )
        if not FIRST_YEAR <= found.year <= LAST_YEAR:
            raise BadCell(column, REASONS["out_of_range"].format(value=cell, first=FIRST_YEAR, last=LAST_YEAR))
        if found.tzinfo:
            return found
        return found.replace(tzinfo=self.zone).astimezone(UTC)

    def _read(self, column: str, cell: str, read: Callable[[], Value], reason: str) -> Value:
        try:
            return read()
        except (ValueError, InvalidOperation):
            raise BadCell(column, reason.format(cell=cell)) from None


def _finite(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(text)
    return number


def _date(text: str) -> date:
    if "/" in text:
        return datetime.strptime(text, "%d/%m/%Y").date()  # noqa: DTZ007 - a day has no zone
    return date.fromisoformat(text)


@lru_cache(maxsize=1024)  # the lines of one order repeat its instant
def _instant(text: str) -> datetime:
    if "/" in text:
        layout = "%d/%m/%Y %H:%M:%S" if text.count(":") == 2 else "%d/%m/%Y %H:%M"  # noqa: PLR2004
        return datetime.strptime(text, layout)  # noqa: DTZ007 - the caller adds the retailer's zone
    return datetime.fromisoformat(text)

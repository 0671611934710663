"""From the text of a cell to a value, or a reason that a person understands."""

import re
from collections.abc import Callable, Sequence
from dataclasses import field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from unicodedata import is_normalized, normalize
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from customers.checks import (
    LARGEST_SCORE,
    REASONS,
    InvalidFact,
    money_of,
    past_of,
    price_of,
    quantity_of,
)
from customers.core.calendar import FIRST_YEAR, LAST_YEAR
from customers.core.values import dataclass
from customers.importing.dates import date_of, instant_of
from customers.importing.numbers import number_of

TRUE = frozenset({"1", "true", "yes", "y", "oui", "o", "vrai"})
FALSE = frozenset({"0", "false", "no", "n", "non", "faux"})
# What a spreadsheet makes of a long number; the plus sign is what no article number has.
SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+")


class BadCell(Exception):
    """One cell cannot be taken; `reason` is for the person who wrote the file."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Notation:
    """
    How the cells of a file are to be read.

    :param zone: the clock of instants that name none
    :param decimal: the sign before decimals, `.` or `,`
    :param has_groups: whether the other sign may divide thousands, because the file shows it or somebody said it
    :param dates: the order of day and month, `dmy` or `mdy`; empty where years come first
    :param takes_scientific: whether an id may look like 4.51235E+12
    """

    zone: ZoneInfo
    currency: str
    now: datetime
    decimal: str = "."
    has_groups: bool = False
    dates: str = ""
    takes_scientific: bool = False


Reader = Callable[[str, str, Notation], Any]


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column that a kind of file can have.

    :param read: gives the value of a cell that is not empty: (text, the column's name, notation)
    :param is_of_row: whether each row says it for itself; otherwise all rows of one key say it together
    :param empty: the value of an empty cell
    :param kind: what the whole file is looked through for: id, number or date
    :param example: for the template
    """

    name: str
    read: Reader
    is_of_row: bool = False
    is_required: bool = False
    empty: Any = ""
    kind: str = ""
    example: str = field(default="", compare=False)


def text(most: int = 100) -> Reader:
    """Return a reader of texts."""

    def read(cell: str, column: str, _notation: Notation) -> str:
        if "\x00" in cell:
            raise BadCell(column, _("The cell holds a NUL character, which is no text."))
        if "\n" in cell or "\r" in cell:
            raise BadCell(column, _("The cell holds a line break: probably a quote is not closed."))
        known = cell if is_normalized("NFC", cell) else normalize("NFC", cell)  # as the API keeps texts
        if len(known) > most:
            raise BadCell(column, _("“{cell}…” is longer than {most} characters.").format(cell=known[:20], most=most))
        return known

    return read


_short = text()


def identity(cell: str, column: str, notation: Notation) -> str:
    """Read an id: a number that a spreadsheet has shortened is no id any more."""
    if not notation.takes_scientific and SCIENTIFIC.fullmatch(cell):
        reason = _("A spreadsheet has written “{cell}” in the place of an id: its last digits are lost.")
        raise BadCell(column, reason.format(cell=cell))
    name: str = _short(cell, column, notation)
    return name


def currency(cell: str, column: str, notation: Notation) -> str:
    """Read a code of ISO 4217."""
    code: str = text(3)(cell, column, notation)
    return code.upper()


def choice(choices: Sequence[str]) -> Reader:
    """Return a reader of one of some words."""

    def read(cell: str, column: str, _notation: Notation) -> str:
        if cell.lower() not in choices:
            reason = _("“{cell}” is none of: {choices}.")
            raise BadCell(column, reason.format(cell=cell[:20], choices=", ".join(choices)))
        return cell.lower()

    return read


def email(cell: str, column: str, notation: Notation) -> str:
    """Read an e-mail address."""
    address: str = text(254)(cell, column, notation)
    try:
        validate_email(address)
    except ValidationError:
        raise BadCell(column, _("“{cell}” is no e-mail address.").format(cell=address)) from None
    return address


def flag(cell: str, column: str, _notation: Notation) -> bool:
    """Read yes or no."""
    if cell.lower() not in TRUE | FALSE:
        raise BadCell(column, _("“{cell}” is neither yes nor no.").format(cell=cell[:20]))
    return cell.lower() in TRUE


def number(cell: str, column: str, notation: Notation) -> Decimal:
    """Read a number as the whole file writes it."""
    try:
        return number_of(cell, notation.decimal, has_groups=notation.has_groups)
    except ValueError as error:
        raise BadCell(column, str(error)) from None


def whole(cell: str, column: str, notation: Notation) -> int:
    """Read a whole number."""
    found = number(cell, column, notation)
    if not -LARGEST_SCORE <= found <= LARGEST_SCORE or found != int(found):  # in this order: int() writes a number out
        raise BadCell(column, _("“{cell}” is no whole number of this size.").format(cell=cell[:20]))
    return int(found)


def quantity(cell: str, column: str, notation: Notation) -> Decimal:
    """Read how many pieces; as by API."""
    found = number(cell, column, notation)
    quantity_of(found)
    return found


def money(cell: str, column: str, notation: Notation) -> Decimal:
    """Read an amount in the retailer's currency, with no more decimals than it has; as by API."""
    found = number(cell, column, notation)
    money_of(column, found, notation.currency)
    return found


def price(cell: str, column: str, notation: Notation) -> Decimal:
    """Read the price or cost of a piece; as by API."""
    found = number(cell, column, notation)
    price_of(column, found)
    return found


def day(cell: str, column: str, notation: Notation) -> date:
    """Read a day of the calendar."""
    try:
        return date_of(cell, notation.dates)
    except ValueError as error:
        raise BadCell(column, str(error)) from None


def instant(cell: str, column: str, notation: Notation) -> datetime:
    """Read an instant that has come; one without a zone is on the retailer's clock."""
    try:
        found = _instant(cell, notation.dates, notation.zone)
    except ValueError as error:
        raise BadCell(column, str(error)) from None
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadCell(column, REASONS["out_of_range"].format(value=cell[:40], first=FIRST_YEAR, last=LAST_YEAR))
    past_of(column, found, notation.now)
    return found


@lru_cache(maxsize=4096)  # the lines of one order repeat its instant
def _instant(cell: str, dates: str, zone: ZoneInfo) -> datetime:
    found = instant_of(cell, dates)
    if found.tzinfo:
        return found
    local = found.replace(tzinfo=zone)
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        return local  # which the caller refuses
    known = local.astimezone(UTC)
    if known.astimezone(zone).replace(tzinfo=None) != found:
        raise ValueError(
            _("On the clock of {zone} there was no {cell}: the clocks went forward.").format(zone=zone, cell=cell)
        )
    return known


def is_doubled(cell: str, dates: str, zone: ZoneInfo) -> bool:
    """Tell whether a clock showed this instant twice, so that the cell does not say which one is meant."""
    try:
        found = instant_of(cell, dates)
    except ValueError:
        return False
    if found.tzinfo or not FIRST_YEAR <= found.year <= LAST_YEAR:
        return False
    return found.replace(tzinfo=zone).utcoffset() > found.replace(tzinfo=zone, fold=1).utcoffset()  # type: ignore[operator] # a zone has one


def reason_of(error: BadCell | InvalidFact) -> str:
    """Return the words of what is wrong with a cell."""
    return error.reason if isinstance(error, BadCell) else str(error)

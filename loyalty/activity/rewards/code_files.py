"""Files of codes, read as strictly as all others: in any encoding, and what cannot be read surely is refused with its line."""

from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.errors import DomainError, Kind
from customers.importing.cells import SCIENTIFIC
from customers.importing.reading import Source, open_source

HEADINGS = frozenset({"code", "codes", "voucher", "voucher code", "code promo", "bon", "code du bon"})
# A line of the file, what stands there as a code, and why it cannot be one; empty where it may be.
CodeLine = tuple[int, str, str]


class NoColumnOfCodes(DomainError):
    code = "no_column_of_codes"
    kind = Kind.INVALID
    message = gettext_lazy("The file has {count} columns, and none is named code. Name it, or send the codes alone.")


def read_codes(file: IO[bytes]) -> Iterator[CodeLine]:
    """
    Yield the codes of a file: a line each or, of a CSV file with several columns, the one that is named code.

    :raises DomainError: UnreadableFile, TwoColumnsOfOneName, NoColumnOfCodes: no line of it is taken
    """
    source = open_source(file)
    places = [place for place, name in enumerate(source.columns) if name.lower() in HEADINGS]
    if not places and len(source.columns) > 1:
        raise NoColumnOfCodes(count=len(source.columns))
    return _lines(source, places[0] if places else None)


def _lines(source: Source, place: int | None) -> Iterator[CodeLine]:
    if place is None:  # what would be a heading is the first code
        yield source.first - 1, source.columns[0], _problem(source.columns[0])
    for row in source.rows():
        text = "" if row.problem else row.cells[place or 0].strip()
        if text or row.problem:
            yield row.line, text, row.problem or _problem(text)


def _problem(text: str) -> str:
    if SCIENTIFIC.fullmatch(text):
        return _("A spreadsheet has written “{cell}” in the place of a code: its last digits are lost.").format(
            cell=text
        )
    return ""

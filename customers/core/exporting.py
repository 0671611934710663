"""Rows of a list as CSV, as spreadsheets open it: no cell is a formula."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TextIO

from django.http import HttpResponse
from django.utils.translation import get_language

MAX_EXPORTED = 50_000  # rows of a list: a page in a browser waits for them
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what begins one, in full width too


def csv_response(
    name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]], *, is_for_people: bool = False
) -> HttpResponse:
    """Return a file to download with a header and rows, as `write_csv` writes them."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response: Any = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)  # written like a file
    write_csv(response, header, rows, is_for_people=is_for_people)
    return response  # type: ignore[no-any-return] # see above


def figures_response(name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Return figures to download as spreadsheets of the reader's language open them; no system reads them in again."""
    return csv_response(name, header, rows, is_for_people=(get_language() or "").startswith("fr"))


def write_csv(
    file: TextIO, header: Sequence[Any], rows: Iterable[Sequence[Any]], *, is_for_people: bool = False
) -> None:
    """
    Write a header and rows to a file or a response; instants are in ISO 8601.

    :param is_for_people: for a spreadsheet of a country with decimal commas: with them, with semicolons, and marked as UTF-8
    """
    if not is_for_people:
        write_rows(file, [header])
        write_rows(file, rows)
        return
    file.write("\ufeff")
    write_rows(file, [header], delimiter=";")
    write_rows(file, ([_with_comma(each) for each in row] for row in rows), delimiter=";")


def write_rows(file: TextIO, rows: Iterable[Sequence[Any]], *, delimiter: str = ",") -> None:
    """Write rows below those that a file has already, as `write_csv` writes them."""
    csv.writer(file, delimiter=delimiter).writerows([_cell(each) for each in row] for row in rows)


def _with_comma(value: Any) -> Any:
    """Return a number as such a spreadsheet reads it: with a point it would be a text, or a date."""
    return str(value).replace(".", ",") if isinstance(value, float | Decimal) else value


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) and not _is_number(text) else text


def is_escaped(text: str) -> bool:
    """Tell whether a text has the apostrophe before a formula's sign with which `write_csv` writes it."""
    return text.startswith("'") and text.lstrip("'").startswith(FORMULA)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).replace(",", "", 1).isdigit()

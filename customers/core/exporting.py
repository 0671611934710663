"""Rows of a list as CSV, as spreadsheets open it: no cell is a formula."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

from django.http import HttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_response(
    name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]], *, is_for_people: bool = False
) -> HttpResponse:
    """Return a file to download with a header and rows, as `write_csv` writes them."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response: Any = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)  # written like a file
    write_csv(response, header, rows, is_for_people=is_for_people)
    return response  # type: ignore[no-any-return] # see above


def write_csv(
    file: TextIO, header: Sequence[Any], rows: Iterable[Sequence[Any]], *, is_for_people: bool = False
) -> None:
    """
    Write a header and rows to a file or a response; instants are in ISO 8601.

    :param is_for_people: for a spreadsheet of a country with decimal commas: with semicolons, and marked as UTF-8
    """
    if is_for_people:
        file.write("\ufeff")
    writer = csv.writer(file, delimiter=";" if is_for_people else ",")
    writer.writerow([_cell(each) for each in header])
    writer.writerows([_cell(each) for each in row] for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()

"""Rows of a list as CSV, as spreadsheets open it: no cell is a formula."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.http import HttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_response(name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """Return a file to download with a header and rows; instants are in ISO 8601."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    response: Any = HttpResponse(content_type="text/csv; charset=utf-8", headers=headers)  # written like a file
    write_csv(response, header, rows)
    return response  # type: ignore[no-any-return] # see above


def write_csv(file: Any, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    """Write a header and rows to what is written like a file."""
    writer = csv.writer(file)
    writer.writerow([_cell(each) for each in header])
    writer.writerows([_cell(each) for each in row] for row in rows)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()

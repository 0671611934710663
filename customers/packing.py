"""What is held on a person as a file to take away: the whole as JSON, and each part as a table for a spreadsheet."""

import io
import json
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from customers.core.exporting import write_csv


def as_zip(document: dict[str, Any]) -> bytes:
    """
    Return what `privacy.export` gave as a ZIP: `data.json`, and a CSV file of each section that has rows.

    A value with parts, such as an order's lines, is JSON in its cell.
    """
    file = io.BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as archive:
        archive.writestr("data.json", json.dumps(document, indent=1, ensure_ascii=False))
        for section in document["sections"]:
            if section["rows"]:
                table = _table(section["rows"], is_french=document["language"] == "fr")
                archive.writestr(f"{section['name']}.csv", table)
    return file.getvalue()


def _table(rows: list[dict[str, Any]], *, is_french: bool) -> str:
    """Return rows as a spreadsheet of the person's country opens them."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO(newline="")
    if not is_french:
        file.write("\ufeff")  # or it takes the file for another encoding
    write_csv(file, columns, ([_cell(row.get(name)) for name in columns] for row in rows), is_for_people=is_french)
    return file.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value

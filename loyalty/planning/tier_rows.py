"""Tiers as a form's rows: what was typed, into the document of a version and back."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.http import HttpRequest
from django.utils.formats import get_format, sanitize_separators

COLUMNS = ("code", "name", "name_fr", "threshold", "multiplier", "entry_gift")


def posted_rows(request: HttpRequest) -> list[Mapping[str, Any]]:
    columns = {name: request.POST.getlist(name) for name in COLUMNS}
    return [dict(zip(COLUMNS, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def with_tiers(document: dict[str, Any], rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a document with the tiers of the rows, which come highest first; what they do not say stays as it was."""
    known = {tier["code"]: tier for tier in document["tiers"]}
    tiers = []
    for row in reversed(rows):
        gift = row["entry_gift"] or "0"
        said = {**row, "entry_gift": int(gift) if gift.isdigit() else gift}
        tiers.append({**known.get(row["code"], {}), **{name: _number(value) for name, value in said.items()}})
    return {**document, "tiers": tiers}


def _number(value: Any) -> Any:
    """Return an amount as documents write it, from how the reader's language does."""
    if not isinstance(value, str):
        return value
    plain = str(sanitize_separators(value.strip().replace("\u202f", "\xa0")))
    try:
        return f"{Decimal(plain):f}"
    except InvalidOperation:
        return value.strip()


def at_row(place: str, message: str) -> str:
    return f"{place.partition('/')[2] or place}: {message}"


def as_typed(value: Any) -> str:
    """Return a number as one types it: with the decimal sign of the reader's language, and nothing between thousands."""
    if not isinstance(value, Decimal):
        return str(value)
    text = f"{value.normalize():f}"
    return text.replace(".", str(get_format("DECIMAL_SEPARATOR")))

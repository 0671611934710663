"""
Values of requests that are read at once: as they are mostly written, with nothing to be found wrong.

REST framework asks each field some twenty questions. A name of plain letters, a number of plain digits and an instant with its
zone have one answer to all of them. Whatever is written otherwise is left to the field itself, which knows the words.
"""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.timezone import get_current_timezone
from rest_framework import serializers

from customers.api.fields import InstantField, NumberField
from customers.core.calendar import FIRST_YEAR, LAST_YEAR

Reader = Callable[[Any], Any]
NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{6})?(?:Z|[+-][0-9]{2}:[0-9]{2})")


def reader_of(field: serializers.Field[Any, Any, Any, Any]) -> Reader | None:
    """Return what reads a field's plain values, and gives None for any other; None where it has none."""
    if type(field) is serializers.CharField and field.max_length and field.min_length is None:
        return _text_within(field.max_length)
    return {NumberField: _number, InstantField: _instant}.get(type(field))


def _text_within(limit: int) -> Reader:
    def text(value: Any) -> str | None:
        # Of ASCII that can be printed, a space is the only blank, and there are no controls.
        if type(value) is not str or not 0 < len(value) <= limit or not (value.isascii() and value.isprintable()):
            return None
        return None if value[0] == " " or value[-1] == " " else value

    return text


def _number(value: Any) -> Decimal | None:
    return Decimal(value) if type(value) is str and NUMBER.fullmatch(value) else None


def _instant(value: Any) -> datetime | None:
    if type(value) is not str or not INSTANT.fullmatch(value):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at.astimezone(get_current_timezone()) if FIRST_YEAR < at.year < LAST_YEAR else None

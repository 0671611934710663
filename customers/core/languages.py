"""Texts that retailers write in two languages: English, or their own one, and French beside it."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import get_language


def in_readers_language(text: str, text_fr: str) -> str:
    """Return the French text to who reads French, where there is one, and else the other."""
    return (text_fr if get_language() == "fr" else "") or text


def own_text(row: Any, name: str) -> str:
    """Return the text `name` of a row, which has `name_fr` as well, in the reader's language."""
    return in_readers_language(getattr(row, name), getattr(row, f"{name}_fr"))


def own_lines(row: Any, name: str) -> list[str]:
    """Return the lines of such a text that say something."""
    return [line.strip() for line in own_text(row, name).splitlines() if line.strip()]


def said_text(said: Mapping[str, Any], name: str) -> str:
    """Return the text `name` of a mapping in the reader's language, as of a row; empty where it has none."""
    return in_readers_language(said.get(name) or "", said.get(f"{name}_fr") or "")

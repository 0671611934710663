"""What documents of campaigns and of offers are written with, and how two of them are compared."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from loyalty.configuration.document import Change
from loyalty.configuration.findings import Finding

Document = dict[str, Any]
MAX_PLACES, MAX_FINDINGS, MAX_SAID = 5, 50, 200

CODE: dict[str, Any] = {"type": "string", "pattern": r"^[-a-zA-Z0-9_]+$(?!\n)", "maxLength": 50}


def an_object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    """Return the JSON Schema of an object that has these properties and no others."""
    found: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return found | ({"required": list(required)} if required else {})


def differences(before: Document, after: Document) -> list[Change]:
    """Return what differs between two documents, value by value, by their paths."""
    first, second = dict(_flat(before)), dict(_flat(after))
    paths = list(dict.fromkeys([*first, *second]))
    return [Change(path, first.get(path), second.get(path)) for path in paths if first.get(path) != second.get(path)]


def _flat(said: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    parts = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else None
    if parts is None:
        yield path, said
        return
    for name, value in parts:
        yield from _flat(value, f"{path}/{name}" if path else str(name))


def named(places: Sequence[str]) -> str:
    """Return places in a line, the first of many."""
    return ", ".join(places if len(places) <= MAX_PLACES else [*places[:MAX_PLACES], "…"])


def changed_findings(code: str, document: Mapping[str, Any], places: Sequence[str]) -> tuple[Finding, ...]:
    """Return what the places of a document say now that were changed since it was written out."""
    return tuple(Finding.error(code, place, _now_said(document, place)) for place in places[:MAX_FINDINGS])


def _now_said(document: Mapping[str, Any], place: str) -> str:
    """Return what a place of a document says now that was changed since."""
    name, _slash, at = place.partition("/")
    steps = document.get("steps", [])
    said = document.get(name) if name != "steps" else steps[int(at)] if int(at) < len(steps) else None
    if said is None:
        return _("It says nothing now.") if name != "steps" else _("There is no such step now.")
    words = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    short = words if len(words) <= MAX_SAID else f"{words[:MAX_SAID]}…"
    return _("It is now: %(said)s") % {"said": short}

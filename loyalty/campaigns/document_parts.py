"""What documents of campaigns and of offers are written with, and how two of them are compared."""

from collections.abc import Iterator, Mapping
from typing import Any

from loyalty.configuration.document import Change

Document = dict[str, Any]

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

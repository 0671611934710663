"""Results as plain JSON and back, by the types of their fields, digit for digit."""

import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
NOT_A_NUMBER = "nan"


def as_json(value: Any) -> Any:
    """Return a result as JSON has it; floats as Python writes them, which is exact."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Sequence):
        return [as_json(each) for each in value]
    return _number(value)


def _number(value: Any) -> float | int | str:
    """Return a number of Python, of whichever kind NumPy gave; what is none is kept as a word, which JSON can hold."""
    plain: float | int = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float) and not math.isfinite(plain):
        return NOT_A_NUMBER if math.isnan(plain) else ("inf" if plain > 0 else "-inf")
    return plain


def from_json(kind: type[T], value: Any) -> T:
    """Return a result of a dataclass from its JSON."""
    hints = get_type_hints(kind)
    names = [each.name for each in fields(kind) if each.name in value]  # type: ignore[arg-type] # a dataclass
    return kind(**{name: _read(hints[name], value[name]) for name in names})


def _read(kind: Any, value: Any) -> Any:
    origin, parts = get_origin(kind), get_args(kind)
    if value is None:
        return None
    if origin in {Union, types.UnionType}:
        return _of_union([part for part in parts if part is not type(None)], value)
    if origin is not None:
        return _collection(origin, parts, value)
    if is_dataclass(kind):
        return from_json(kind, value)  # type: ignore[arg-type] # a class
    return date.fromisoformat(value) if kind is date else float(value) if kind is float else value


def _collection(origin: Any, parts: tuple[Any, ...], value: Any) -> Any:
    if origin is tuple:
        return tuple(_read(parts[0], each) for each in value)
    if origin is Literal:
        return value
    if issubclass(origin, Mapping):
        return {name: _read(parts[1], each) for name, each in value.items()}
    return [_read(parts[0], each) for each in value]


def _of_union(kinds: list[Any], value: Any) -> Any:
    if len(kinds) == 1:
        return _read(kinds[0], value)
    if float in kinds and value in {NOT_A_NUMBER, "inf", "-inf"}:
        return float(value)
    return value

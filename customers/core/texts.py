"""What PostgreSQL can hold of what people and systems write. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite
from typing import Any


def can_be_stored(said: Any) -> bool:
    """
    Tell whether the database takes a text, or something of JSON with all texts in it.

    Not a NUL, not half of a surrogate pair, and no number that is none: what is read of JSON may have each of them.
    """
    return all(map(_is_storable, (part for part, _depth in _walked(said))))


def depth_of(said: Any) -> int:
    """Return how deep something of JSON is nested: 0 for a text or a number, 1 for a list of them."""
    return max(depth for _part, depth in _walked(said))


def _is_storable(part: Any) -> bool:
    if isinstance(part, str):
        return "\x00" not in part and not any("\ud800" <= letter <= "\udfff" for letter in part)
    return isfinite(part) if isinstance(part, float) else True


def _walked(said: Any) -> Iterator[tuple[Any, int]]:
    """Yield all parts with their depth, however deep: names of objects too."""
    waiting = [(said, 0)]
    while waiting:
        part, depth = waiting.pop()
        yield part, depth + isinstance(part, Mapping | list)
        waiting += [(each, depth + 1) for each in _parts_of(part)]


def _parts_of(part: Any) -> Iterable[Any]:
    if isinstance(part, Mapping):
        return [*part.keys(), *part.values()]
    return part if isinstance(part, list) else ()

"""
What is read of a query and told as JSON: by serializers that are made once a thread, and look at no field twice.

To make a serializer copies all its fields, which costs more than to read or tell a row.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from threading import local
from typing import Any

from rest_framework import serializers

_serializers = local()


def told(kind: type[serializers.Serializer[Any]], value: Any) -> dict[str, Any]:
    """Return a value as a kind of serializer tells it."""
    return kept(kind).to_representation(value)


def asked(kind: type[serializers.Serializer[Any]], query: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return what a query asks for.

    :raises ValidationError: naming what is wrong with each parameter
    """
    return dict(kept(kind).run_validation(query))


def kept(kind: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return this thread's only serializer of a kind, for what leaves no trace in it."""
    known: dict[type, serializers.Serializer[Any]] = _serializers.__dict__.setdefault("kinds", {})
    if kind not in known:
        known[kind] = kind()
    return known[kind]


class Told(serializers.Serializer[Any]):
    """Tells a value as its parent does, in a third of the time: where each field is found is known, and what is null is null."""

    @cached_property
    def _outside(self) -> Sequence[tuple[str, str, Callable[[Any], Any], Callable[[Any], Any]]]:
        """Return each field's name, the attribute where it stands by itself, how it is looked for, and how it is told."""
        return tuple(
            (name, (field.source_attrs or [""])[0] if len(field.source_attrs) == 1 else "", field.get_attribute,
             field.to_representation)
            for name, field in self.fields.items() if not field.write_only
        )  # fmt: skip

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return the value of each field."""
        is_mapping, found = isinstance(instance, Mapping), {}
        for name, attribute, look_for, tell in self._outside:
            try:
                value = (instance[attribute] if is_mapping else getattr(instance, attribute)) if attribute else None
            except (KeyError, AttributeError):
                value = None
            if value is None or callable(value):  # there may be a default, or it is to be asked for
                try:
                    value = look_for(instance)
                except serializers.SkipField:
                    continue
            found[name] = None if value is None else tell(value)
        return found

"""
Lists in pages, each of which begins behind a row.

A cursor says all that a row is ordered by, so that rows of one instant, or of one amount, are told apart as well, however many
they are.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from math import isfinite
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import F, Func, Q, TextField, Value
from django.db.models.lookups import GreaterThan, LessThan
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.utils.urls import replace_query_param

from customers.core.values import dataclass

MAX_DIGITS = 9
MAX_EXPONENT = 100  # of a position: far beyond any amount, and no number that a database cannot hold


class Pages(CursorPagination):
    """Pages of 50 rows, or up to 200 if asked: `next` and `previous` are addresses."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"

    def get_page_size(self, request: Any) -> int:
        """
        Return how many rows a page has.

        :raises ValidationError: for a number that it cannot have
        """
        name = self.page_size_query_param
        if (text := request.query_params.get(name)) is None:
            return self.page_size
        if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= self.max_page_size:
            return int(text)
        words = _("A page has 1 to %(limit)s rows.") % {"limit": self.max_page_size}
        raise serializers.ValidationError({name: [words]})

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        """Return what a list can be asked for, with the limits of a page."""
        found: list[dict[str, Any]] = super().get_schema_operation_parameters(view)
        for one in found:
            if one["name"] == self.page_size_query_param:
                one["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return found

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return what a page is: its rows, and the addresses of its neighbours."""
        address = {"type": ["string", "null"], "format": "uri"}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**address, "description": "Where the next page is; null on the last one."},
                "previous": {**address, "description": "Where the page before is; null on the first one."},
                "results": {**schema, "description": "The rows of this page."},
            },
        }

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """Return a page of rows: those behind a row, whatever was written since, or those before it."""
        keys = telling_apart(
            queryset.model, [Key.of(queryset.model, name) for name in self.get_ordering(request, queryset, view)]
        )

        def read(place: Place, limit: int) -> list[Any]:
            turned = [key.turned() for key in keys] if place.is_back else keys
            rows = queryset.order_by(*(key.ordering for key in turned))
            if place.values:
                rows = rows.filter(behind(turned, place.values))
            return list(rows[:limit])

        return self.page_of(request, keys, read)

    def page_of(self, request: Any, keys: "Sequence[Key]", read: "Callable[[Place, int], list[Any]]") -> list[Any]:
        """
        Return a page of what `read` answers: no more than so many rows behind a place, or before it, what is next to it first.

        :param keys: by which its rows are sorted; each row has them as attributes
        """
        # The path by itself: it is encoded as an address is, which `build_absolute_uri` would do again.
        self._keys, self._url = keys, f"{request.scheme}://{request.get_host()}{request.get_full_path()}"
        size = self.get_page_size(request)
        self._asked = self._place(request)
        place = self._asked or Place()
        found = read(place, size + 1)
        self._has_more = len(found) > size
        self.page = found[:size][::-1] if place.is_back else found[:size]
        return self.page

    def get_next_link(self) -> str | None:
        """Return where the next page is; None on the last one."""
        is_back = self._asked is not None and self._asked.is_back
        return self._address(Place(is_back=False, values=self._values(-1))) if is_back or self._has_more else None

    def get_previous_link(self) -> str | None:
        """Return where the page before is; None on the first one."""
        is_back = self._asked is not None and self._asked.is_back
        is_known = self._has_more if is_back else self._asked is not None
        return self._address(Place(is_back=True, values=self._values(0))) if is_known else None

    def _values(self, place: int) -> list[Any]:
        """Return what says where a row of the page stands; nothing for a page without rows: from the list's end on."""
        return [getattr(self.page[place], key.field.attname) for key in self._keys] if self.page else []

    def _address(self, place: "Place") -> str:
        said = json.dumps([place.is_back, [str(value) for value in place.values]])
        cursor = b64encode(said.encode()).decode()
        if "?" not in self._url:  # nothing is there to be kept, or replaced
            return f"{self._url}?{urlencode({self.cursor_query_param: cursor})}"
        return str(replace_query_param(self._url, self.cursor_query_param, cursor))

    def _place(self, request: Any) -> "Place | None":
        """
        Return where a page begins, or None for the first one.

        :raises NotFound: for a cursor that could not be one of these pages
        """
        encoded = request.query_params.get(self.cursor_query_param)
        if not encoded:
            return None
        try:
            is_back, written = json.loads(b64decode(encoded.encode("ascii"), validate=True))
            values = [key.value_of(text) for key, text in zip(self._keys, written, strict=True)] if written else []
        except (ValidationError, ValueError, TypeError, RecursionError) as error:
            raise NotFound(_("Invalid cursor")) from error
        return Place(is_back=is_back is True, values=values)


class Place(NamedTuple):
    """Behind which row a page begins, told by its keys, or before which it ends; nothing for an end of the list."""

    is_back: bool = False
    values: Sequence[Any] = ()


@dataclass(frozen=True)
class Key:
    """A column that says where a row stands."""

    field: Any
    is_falling: bool

    @classmethod
    def of(cls, model: Any, name: str) -> "Key":
        return cls(model._meta.get_field(name.lstrip("-")), name.startswith("-"))

    @property
    def ordering(self) -> str:
        return f"-{self.field.attname}" if self.is_falling else str(self.field.attname)

    def turned(self) -> "Key":
        return replace(self, is_falling=not self.is_falling)

    def value_of(self, text: Any) -> Any:
        """
        Return a value from what a cursor says.

        :raises ValidationError: when no row can have it
        """
        if not isinstance(text, str):
            raise ValidationError("it is no text")
        field = self.field.target_field if self.field.is_relation else self.field
        value = field.to_python(text)
        if isinstance(value, float) and not isfinite(value):
            raise ValidationError("no amount is that large")
        if not isinstance(value, Decimal):
            field.run_validators(value)
        elif not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
            raise ValidationError("no amount is that large, or that small")
        return value


def telling_apart(model: Any, keys: Sequence[Key]) -> list[Key]:
    """Return keys that no two rows share: with the row's own where many may be of one instant, or a page would skip some."""
    is_sure = any(key.field.unique for key in keys)
    return list(keys) if is_sure else [*keys, Key(model._meta.pk, keys[-1].is_falling)]


def behind(keys: Sequence[Key], values: Sequence[Any]) -> Any:
    """Return the condition that rows stand behind one, whose keys together no other row has."""
    if len({key.is_falling for key in keys}) == 1:  # one comparison, which an index of these columns answers
        compare = LessThan if keys[0].is_falling else GreaterThan
        row = [Value(value, output_field=key.field) for key, value in zip(keys, values, strict=True)]
        return compare(_row(*(F(key.field.attname) for key in keys)), _row(*row))
    found = Q()
    for key, value in reversed(list(zip(keys, values, strict=True))):
        name, sign = key.field.attname, "lt" if key.is_falling else "gt"
        found = Q(**{f"{name}__{sign}": value}) | (Q(**{name: value}) & found if found else Q())
    return found


def _row(*parts: Any) -> Any:
    return Func(*parts, function="ROW", output_field=TextField())


class NewestFirst(Pages):
    """Pages that do not move when something new arrives."""

    ordering = "-id"


class NewestOccurredFirst(NewestFirst):
    """The same by the clock of what happened."""

    ordering = ("-occurred_at", "-id")  # type: ignore[assignment] # several columns are a tuple

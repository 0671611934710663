"""What the document of an operation says that it takes: the one list that is both published and held to."""

from collections.abc import Iterable, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from customers.api.strict import Strict
from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    A query parameter.

    :param choices: all values that it may have; empty where they cannot be listed
    :param is_many: whether it may be said more than once
    """

    is_flag: bool = False
    is_many: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Documented:
    """
    What an operation takes.

    :param parameters: its query parameters by name
    :param body: what reads its body, where that names all of its `fields`
    """

    parameters: Mapping[str, Parameter]
    has_body: bool
    body: type[Serializer[Any]] | None = None
    fields: frozenset[str] = frozenset()


_known: dict[tuple[type, str], Documented] = {}


def documented(view: APIView, method: str) -> Documented:
    """Return what a view takes by a method; asked of its schema once for each class of views."""
    method = "GET" if method == "HEAD" else method
    key = type(view), method
    if key not in _known:
        _known[key] = _read(view, method)
    return _known[key]


def _read(view: APIView, method: str) -> Documented:
    handler: Any = getattr(view, method.lower())
    schema: Any = getattr(handler, "kwargs", {}).get("schema", type(view.schema))()
    schema.view, schema.method = view, method
    parameters: dict[str, Parameter] = {}
    for one in schema.get_override_parameters():
        if not isinstance(one, OpenApiParameter):
            parameters |= {name: _of_field(field) for name, field in one().fields.items()}
        elif one.location == OpenApiParameter.QUERY:
            parameters[one.name] = _parameter(one)
    body = schema.get_request_serializer() if method in {"POST", "PUT", "PATCH"} else None
    strict = body if isinstance(body, type) and issubclass(body, Strict) else None
    return Documented(
        parameters | dict.fromkeys(_of_pages(view, method), Parameter()),
        has_body=body is not None,
        body=strict,
        fields=frozenset(strict().fields) if strict else frozenset(),
    )


def _of_pages(view: Any, method: str) -> Iterable[str]:
    pages = getattr(view, "paginator", None) if method == "GET" else None
    return (one["name"] for one in pages.get_schema_operation_parameters(view)) if pages else ()


def _of_field(field: Any) -> Parameter:
    return Parameter(choices=tuple(map(str, getattr(field, "choices", ()))))


def _parameter(one: OpenApiParameter) -> Parameter:
    choices = tuple(map(str, one.enum or ()))
    return Parameter(is_flag=one.type is bool and not choices, is_many=bool(one.many), choices=choices)

"""The API's own document, held against every answer that the suite gets: status, form, and fields, none too many."""

import json
import re
from functools import cache, cached_property
from typing import Any

import jsonschema_rs
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from loyalty.api.document import described

PREFIX = "/api/v1/"
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")
JSON = re.compile(r"application/(\w+\+)?json")
# What is a matter of the frame, and not of an operation; nothing may ever be answered by the last ones.
OF_THE_FRAME = {"404", "405", "411", "413", "500", "503"}
OF_NO_OPERATION = OF_THE_FRAME | {"400"}  # headers are looked at before the address
OF_PROBLEMS = {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
DOCUMENT = "urn:api"
NO_BODY = ("HEAD", "OPTIONS")


class Undocumented(AssertionError):
    """An answer is other than the API's document says."""


@cache
def document() -> dict[str, Any]:
    """Return the API's document as it is published."""
    found: dict[str, Any] = json.loads(json.dumps(described(), default=str))
    return found


class Contract:
    """What the document says of answers, each part compiled when it is first needed."""

    def __init__(self) -> None:
        self._validators: dict[str, Any] = {}
        self._routes: dict[str, str | None] = {}
        self.checked = 0

    @cached_property
    def _closed(self) -> jsonschema_rs.Registry:
        """The components, in which an object has the fields that are named, and no others; each is compiled once."""
        schemas = json.loads(json.dumps(document()["components"]["schemas"]))
        for each in schemas.values():
            if each.get("type") == "object" and "properties" in each:
                each.setdefault("additionalProperties", False)
        return jsonschema_rs.Registry([(DOCUMENT, _of_document({"components": {"schemas": schemas}}))])

    def check(self, method: str, path: str, response: HttpResponseBase) -> None:
        """
        Hold an answer against the document.

        :raises Undocumented: when it says something else
        """
        place = self._place(method, path)
        operation = document()["paths"].get(place, {}).get(method.lower()) if place else None
        status = str(response.status_code)
        kind = response.get("Content-Type", "").partition(";")[0]
        self.checked += 1
        if operation is None or (status in OF_THE_FRAME and status not in operation["responses"]):
            if status not in OF_NO_OPERATION and method not in NO_BODY:
                raise Undocumented(f"{method} {path}: no such operation, and yet {status}")
            place, said = "", OF_PROBLEMS
        elif status not in operation["responses"]:
            raise Undocumented(f"{method} {place}: {status} is not documented: {_start(response)!r}")
        else:
            said = operation["responses"][status]
        self._check_form(method, place, status, kind, said, response)

    def _check_form(
        self, method: str, place: str | None, status: str, kind: str, said: dict[str, Any], response: HttpResponseBase
    ) -> None:
        contents = said.get("content", {})
        body = b"" if response.streaming else response.content  # type: ignore[attr-defined] # a whole answer
        if method in NO_BODY or (not contents and not body):
            return
        if kind not in contents:
            raise Undocumented(f"{method} {place}: {status} is {kind or 'empty'}, documented are {sorted(contents)}")
        if not JSON.fullmatch(kind):
            return
        validator = self._validator(contents[kind]["schema"])
        data = json.loads(body)
        if not validator.is_valid(data):
            error = next(validator.iter_errors(data))
            where = "/".join(map(str, error.instance_path))
            raise Undocumented(f"{method} {place} {status} at “{where}”: {error.message[:500]}")

    def _validator(self, schema: dict[str, Any]) -> Any:
        key = json.dumps(schema)
        if key not in self._validators:
            self._validators[key] = jsonschema_rs.Draft202012Validator(_of_document(schema), registry=self._closed)
        return self._validators[key]

    def _place(self, method: str, path: str) -> str | None:
        """Return the path's name in the document: a number of an order may look like an action, which only PUT and GET tell."""
        try:
            route = resolve(path).route
        except Resolver404:
            return None
        place = "/" + PLACE.sub(r"{\1}", route)
        if method in {"GET", "PUT"} and place in {"/api/v1/orders/batch", "/api/v1/orders/{number}/claim"}:
            return "/api/v1/orders/{number}"
        if (method, place) == ("PUT", "/api/v1/orders/{number}/related"):
            return "/api/v1/orders/{number}"
        return place


def _of_document(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which references lead to the document: many schemas share its one copy."""
    found: dict[str, Any] = json.loads(json.dumps(schema).replace('"#/components', f'"{DOCUMENT}#/components'))
    return found


def _start(response: HttpResponseBase) -> bytes:
    return b"" if response.streaming else bytes(response.content[:300])  # type: ignore[attr-defined] # a whole answer


CONTRACT = Contract()

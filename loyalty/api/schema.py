"""What the OpenAPI document says beyond what the views say themselves: the errors, which are everywhere the same."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from customers.api.strict import Strict

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code", "instance", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string"},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
ERRORS = {
    "400": "The request is malformed; `errors` names each place.",
    "401": "No credential, or one that is not valid.",
    "403": "The credential lacks the scope.",
    "404": "Not there, or not yours.",
    "409": "It contradicts what is recorded, or the same key is still in flight.",
    "422": "A rule forbids it, or the Idempotency-Key came with another body before.",
    "429": "Too many requests; see Retry-After.",
    "503": "The database does not serve; see Retry-After. The detail says whether anything was done.",
}
# Of those that have a body.
BODY_ERRORS = {
    "415": "The body is no JSON by its Content-Type.",
    "411": "The body comes without its length.",
    "413": "The body is too large.",
}
# Of those that change a state which the caller has read.
STATE_ERRORS = {
    "412": "It has changed since its ETag was read: read it again.",
    "428": "If-Match is missing: say in it which state you change.",
}
# Of those that go on from a position.
FEED_ERRORS = {"410": "What follows the position is no longer kept; the detail says from where to go on."}
KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "The same key and body give the stored answer again, for seven days.",
}


OF_A_DRY_RUN = {
    "type": "object",
    "description": "What would be answered, without ids.",
    "properties": {"dry_run": {"type": "boolean", "const": True, "description": "Nothing was written."}},
    "required": ["dry_run"],
}


def describe_choices(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say `anyOf` where one of several is enough: what is empty, null or anything may be more than one of them."""
    todo: list[Any] = [result]
    while todo:
        each = todo.pop()
        if isinstance(each, dict):
            if isinstance(each.get("oneOf"), list):
                each["anyOf"] = each.pop("oneOf")
            todo += each.values()
        elif isinstance(each, list):
            todo += each
    return result


def describe_dry_runs(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say in the answer of each write that can be tried out that it was: `dry_run`, and 200 whatever it is else."""
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if not any(parameter["name"] == "dry_run" for parameter in operation.get("parameters", [])):
                continue
            answer = operation["responses"].setdefault("200", {"description": "In a dry run."})
            content = answer.setdefault("content", {"application/json": {"schema": OF_A_DRY_RUN}})
            for media in content.values():
                media["schema"] = {"anyOf": [media["schema"], OF_A_DRY_RUN]}
    return result


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the problem answers to each operation, and the idempotency key to each write."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path in result.get("paths", {}).values():
        for method, operation in path.items():
            names = {parameter["name"] for parameter in operation.get("parameters", [])}
            operation.setdefault("security", [{}])
            errors = ERRORS | (BODY_ERRORS if "requestBody" in operation else {})
            errors |= (STATE_ERRORS if "If-Match" in names else {}) | (FEED_ERRORS if "after" in names else {})
            for status, description in errors.items():
                operation["responses"].setdefault(status, {"description": description, "content": content})
            if method in {"post", "put", "patch", "delete"}:
                operation.setdefault("parameters", []).append(KEY)
    return result


class Operations(AutoSchema):
    """Each operation with what its view takes, the scope that it needs, and what it does in a few words."""

    def get_auth(self) -> list[Any]:
        """Return who may ask: shoppers by their token, or systems and staff with a scope."""
        scopes: dict[str, str] | None = getattr(self.view, "scopes", None)
        if not self.view.permission_classes:
            return [{}]
        if scopes is None:
            return [{"MemberToken": []}]
        scope = scopes.get(self.method)
        return [{"RetailerKey": [scope]}, {"StaffSession": [scope]}]

    def get_description(self) -> str:  # type: ignore[override] # as drf-spectacular has it
        """Return what the view says of itself, and which scope it needs."""
        said = str(super().get_description() or "")
        scope = (getattr(self.view, "scopes", None) or {}).get(self.method)
        return f"{said}\n\nNeeds the scope `{scope}`." if scope else said

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Any:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(serializer, Strict):
            schema["additionalProperties"] = False
            for name, each in schema.get("properties", {}).items():
                if name not in schema.get("required", ()):
                    schema["properties"][name] = _or_null(each)
        return schema

    def get_summary(self) -> str:
        """Return the first clause of what the view says of itself."""
        first = str(self.get_description() or "").strip().partition("\n")[0]
        return re.split(r"[;:]|\. |, with |\.$", first)[0]

    def get_override_parameters(self) -> list[Any]:
        return [*super().get_override_parameters(), *getattr(self.view, "switches", {}).get(self.method, ())]


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that allows null besides: an optional field that is null is not said."""
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    if (isinstance(kind, list) and "null" in kind and "enum" not in schema) or not schema.keys() - {"description"}:
        return schema
    said = {"description": schema["description"]} if "description" in schema else {}
    return {**said, "anyOf": [{name: value for name, value in schema.items() if name not in said}, {"type": "null"}]}


class RetailerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself when subclassed
    target_class = "loyalty.api.authentication.RetailerKeyAuthentication"
    name = "RetailerKey"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "Api-Key <key>"}


class StaffSessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself when subclassed
    target_class = "loyalty.api.authentication.StaffSessionAuthentication"
    name = "StaffSession"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Of somebody signed in to the admin.",
        }


class MemberTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call] # registers itself when subclassed
    target_class = "loyalty.api.authentication.MemberTokenAuthentication"
    name = "MemberToken"

    def get_security_definition(self, _auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}

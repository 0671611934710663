"""An example of every body and answer, made of what the document says of them, with values that people know."""

from typing import Any

NAMED: dict[str, Any] = {
    "external_id": "bea", "customer": "bea", "into": "ada", "number": "A1001", "order_number": "A1001", "order": "A1001",
    "member_number": "4711000000000008", "merged_number": "4711000000000016", "to": "4711000000000016",
    "email": "bea@example.org",
    "phone": "+33 6 12 34 56 78", "first_name": "Bea", "last_name": "Martin", "birth_date": "1990-04-12", "sku": "milk",
    "quantity": "2", "unit_price": "5.25", "net_amount": "10.50", "category": "DAIRY", "channel": "web", "store": "Lyon 3",
    "reference": "till-7-001", "reason": "Missed points of 12 May", "author": "Bo", "points": 60, "program": "club",
    "wallet": "points",
    "currency": "EUR", "source": "web", "plan": "plus", "code": "silver", "slug": "club", "zone": "Europe/Paris", "till": "7",
    "retailer": "corner-shop", "language": "fr", "token": "F7w2...", "name": "Club", "tier": "silver", "minutes": 15,
    "rfm": "555", "quiet_from": "21:00", "quiet_to": "08:00", "told_points": 60,
    "ip": "203.0.113.7", "url": "https://shop.example/hooks", "budget": "500.00",
    "endpoint": "https://push.example/send/f2Kx", "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
}  # fmt: skip
BY_FORMAT = {
    "date-time": "2026-06-15T14:00:00+02:00", "date": "2026-06-15", "uuid": "0198c0de-0000-7000-8000-000000000001",
    "uri": "https://loyalty.example/api/v1/orders?cursor=cD0yMDI2", "email": "bea@example.org", "decimal": "10.50",
}  # fmt: skip
BY_TYPE: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "null": None, "string": "text"}
MAX_DEPTH = 8


def describe_examples(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add an example to each body and to each answer that went well."""
    components = result.get("components", {}).get("schemas", {})
    for path in result.get("paths", {}).values():
        for operation in path.values():
            said = [operation.get("requestBody", {})]
            said += [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            for each in said:
                for kind, media in each.get("content", {}).items():
                    if kind.endswith("json") and "example" not in media and "examples" not in media:
                        media["example"] = example_of(media["schema"], components)
    return result


def example_of(schema: dict[str, Any], components: dict[str, Any], name: str = "", depth: int = 0) -> Any:
    """
    Return a value that a schema allows.

    :param name: of the field, by which people know what it holds
    """
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, name, depth + 1)
    given = [schema[key] for key in ("example", "const") if key in schema] + schema.get("enum", [])
    if given:
        return given[0]
    for key in ("allOf", "anyOf", "oneOf"):
        if key in schema:
            return example_of(_most(schema[key]), components, name, depth)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = next(each for each in ([kind] if isinstance(kind, str) else kind) if each != "null")
    if kind == "object":
        return _object(schema, components, depth)
    return _array(schema, components, name, depth) if kind == "array" else _plain(schema, kind, name)


def _array(schema: dict[str, Any], components: dict[str, Any], name: str, depth: int) -> list[Any]:
    inner = schema.get("items", {})
    if depth >= MAX_DEPTH:
        return []
    return [example_of(inner, components, name.removesuffix("s"), depth + 1)] * max(schema.get("minItems", 1), 1)


def _most(several: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the first of several schemas that says something."""
    return next(
        (each for each in several if each and each.get("type") != "null" and each.get("enum") != [""]), several[0]
    )


def _object(schema: dict[str, Any], components: dict[str, Any], depth: int) -> dict[str, Any]:
    fields = schema.get("properties", {})
    wanted = (
        fields
        if depth < MAX_DEPTH
        else {name: each for name, each in fields.items() if name in schema.get("required", ())}
    )
    found = {name: example_of(each, components, name, depth + 1) for name, each in wanted.items()}
    inner = schema.get("additionalProperties")
    if not found and isinstance(inner, dict) and inner:
        found["points"] = example_of(inner, components, "points", depth + 1)
    return found


def _plain(schema: dict[str, Any], kind: str, name: str) -> Any:
    known = NAMED.get(name)
    kinds: dict[str, Any] = {"integer": int, "number": int | float, "string": str, "boolean": bool}
    if known is not None and isinstance(known, kinds[kind]) and len(str(known)) <= schema.get("maxLength", 1_000):
        return known
    if schema.get("format") in BY_FORMAT:
        return BY_FORMAT[schema["format"]]
    if "default" in schema and schema["default"] not in {None, ""}:
        return schema["default"]
    value = max(BY_TYPE[kind], schema["minimum"]) if "minimum" in schema else BY_TYPE[kind]
    return min(value, schema["maximum"]) if "maximum" in schema else value

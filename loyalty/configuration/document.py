"""A version as one document: written out, checked, compared and applied. The round trip is exact."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaError

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.models.retailer import validate_zone
from loyalty.badges.identity import keep_badge_identities
from loyalty.configuration.findings import Finding
from loyalty.configuration.parts import MAX_ROWS, ORDER, SECTIONS, SINGLE, fields_of
from loyalty.plans.identity import keep_plan_identities
from loyalty.points.conditions import InvalidCondition, parse
from loyalty.points.conditions import schema as condition_schema
from loyalty.points.models.policy import words_for
from loyalty.programs.models import ProgramVersion
from loyalty.programs.spans import require_within_calendars
from loyalty.rewards.identity import keep_identities as keep_rewards
from loyalty.tiers.identity import keep_identities

FORMAT = 1
SCHEMA_ID = "urn:loyalty:program-version:1"
Document = dict[str, Any]


class InvalidDocument(DomainError):
    code = "invalid_document"
    kind = Kind.INVALID
    message = _("The document has errors ({count}), the first: {first}")

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(count=len(findings), first=f"{findings[0].place}: {findings[0].message}")
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Change:
    """
    One difference between two documents.

    :param path: such as tiers/gold/threshold
    :param before: None where it was not there
    :param after: None where it is not there any more
    """

    path: str
    before: Any
    after: Any

    def said(self) -> dict[str, Any]:
        return {"path": self.path, "before": self.before, "after": self.after}


def to_document(version: ProgramVersion) -> Document:
    """Return a version as a document of plain values; what is as usual is left out."""
    program = version.program
    document: Document = {
        "loyalty": FORMAT,
        "program": {"slug": program.slug, "name": program.name, "zone": program.zone},
        "note": version.note,
    }
    for section, model in SECTIONS.items():
        rows = model._default_manager.filter(version=version).order_by(
            ORDER.get(section, "pk" if section == SINGLE else "code")
        )
        said = [_row(row, ORDER.get(section)) for row in rows]
        document[section] = said[0] if section == SINGLE and said else {} if section == SINGLE else said
    return document


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a document."""
    sections: dict[str, Any] = {}
    for section, model in SECTIONS.items():
        item = _schema_of(model, without=ORDER.get(section))
        sections[section] = (
            item if section == SINGLE else {"type": "array", "items": item, "maxItems": MAX_ROWS.get(section, 500)}
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "A version of a loyalty program",
        "type": "object",
        "properties": {
            "loyalty": {"const": FORMAT, "description": "The format of this document."},
            "program": {
                "type": "object",
                "properties": {
                    "slug": {"type": "string", "pattern": r"^[-a-zA-Z0-9_]+$(?!\n)", "maxLength": 50},
                    "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "zone": {"type": "string", "description": "Such as Europe/Paris."},
                },
                "required": ["slug", "name", "zone"],
                "additionalProperties": False,
            },
            "note": {"type": "string", "maxLength": 200},
            **sections,
        },
        "required": ["loyalty", "program", "wallets", "earning_rules"],
        "additionalProperties": False,
        "$defs": {"condition": condition_schema()},
    }


def check_document(said: Any) -> list[Finding]:
    """Return what is wrong with a document, place by place; nothing where it can be applied."""
    try:
        return _checked(said)
    except RecursionError:
        return [Finding.error("too_deep", "/", _("The document is nested too deep."))]


def _checked(said: Any) -> list[Finding]:
    oversized = list(_of_size(said))
    if oversized:
        return oversized
    found = schema_findings(said, schema())
    if found:
        return found
    found = _of_program(said["program"])
    for section in SECTIONS:
        seen: set[str] = set()
        for place, row in _rows(said, section):
            found += _of_row(section, row, place)
            if section != SINGLE and row["code"] in seen:
                found.append(Finding.error("duplicate", place, _("“%(code)s” is there twice.") % {"code": row["code"]}))
            seen.add(row.get("code", ""))
    return found


def schema_findings(said: Any, asked: Mapping[str, Any]) -> list[Finding]:
    """Return where a document is not written as a JSON Schema asks, or holds a text that no database can."""
    errors = sorted(Draft202012Validator(asked).iter_errors(said), key=lambda error: list(map(str, error.path)))
    # Of several names that are missing the schema finds one each, and each says all of them.
    return list(dict.fromkeys(_of_schema(error) for error in errors)) or list(_of_texts(said))


def apply_to(version: ProgramVersion, said: Any) -> None:
    """
    Make a draft what a document says; the caller has locked it and notes the change.

    :raises InvalidDocument: with all that is wrong with it
    """
    found = check_document(said) or _of_zone(said["program"]["zone"], version)
    if found:
        raise InvalidDocument(found)
    version.note = said.get("note", "")
    version.save(update_fields=["note"])
    for section, model in SECTIONS.items():
        model._default_manager.filter(version=version).delete()
        rows = [_instance(section, row, position) for position, (_place, row) in enumerate(_rows(said, section))]
        for row in rows:
            row.version = version
            row.save(force_insert=True)
    keep_identities(version)
    keep_plan_identities(version)
    keep_rewards(version)
    keep_badge_identities(version)


def differences(before: Document, after: Document) -> list[Change]:
    """Return what differs between two documents, but for the program's own name."""
    first, second = _flat(before), _flat(after)
    paths = list(dict.fromkeys([*first, *second]))
    changes = [Change(path, first.get(path), second.get(path)) for path in paths if first.get(path) != second.get(path)]
    return _whole_rows(changes, first, second)


def _row(row: models.Model, without: str | None) -> dict[str, Any]:
    found = {}
    for field in fields_of(type(row)):
        value = _plain(getattr(row, field.attname))
        if field.name != without and (field.name == "code" or value != _plain(field.get_default())):
            found[field.name] = value
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        text = f"{value.normalize():f}"
        return "0" if text == "-0" else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | dict):
        return value
    return value if value is None or isinstance(value, bool | int) else str(value)


def _schema_of(model: type[models.Model], *, without: str | None) -> dict[str, Any]:
    fields = [field for field in fields_of(model) if field.name != without]
    required = [field.name for field in fields if field.name == "code" or (not field.has_default() and not field.blank)]
    properties = {field.name: _schema_of_field(field) for field in fields}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _schema_of_field(field: Any) -> dict[str, Any]:
    found = _type_of(field)
    if field.null:
        found = {"anyOf": [found, {"type": "null"}]}
    about = {"title": str(field.verbose_name), "description": str(field.help_text)}
    if field.has_default() and not callable(field.default):
        about["default"] = _plain(field.default)
    return {**{key: value for key, value in about.items() if value != ""}, **found}


def _type_of(field: Any) -> dict[str, Any]:
    if field.name == "condition":
        return {"$ref": "#/$defs/condition"}
    if hasattr(field, "document_schema"):
        return dict(field.document_schema())
    if field.choices:
        return {"enum": [str(value) for value, _label in field.choices]}
    plain = next((said for kind, said in TYPES if isinstance(field, kind)), {"type": "string"})
    return plain | {"maxLength": field.max_length} if plain["type"] == "string" and field.max_length else plain


TYPES: tuple[tuple[Any, dict[str, Any]], ...] = (
    (models.BooleanField, {"type": "boolean"}),
    (models.DecimalField, {"type": ["string", "integer"], "pattern": r"^-?\d+(\.\d+)?$"}),
    (models.IntegerField, {"type": "integer", "minimum": 0}),
    (ArrayField, {"type": "array", "items": {"type": "string"}, "maxItems": 100}),
)


def _rows(said: Mapping[str, Any], section: str) -> Iterable[tuple[str, dict[str, Any]]]:
    if section == SINGLE:
        yield section, said.get(section) or {}
        return
    for position, row in enumerate(said.get(section, [])):
        yield f"{section}/{position}", row


def _of_size(said: Any) -> Iterable[Finding]:
    """Find conditions that are too much for the schema's validator, which tries every way of reading each part."""
    for place, condition in _conditions(said):
        try:
            parse(condition)
        except InvalidCondition as error:
            if error.reason in {"too_large", "too_deep", "too_many"}:
                yield Finding.error(error.reason, place, words_for(error))


def _conditions(said: Any) -> Iterable[tuple[str, Any]]:
    """Yield every condition of a document that may be anything, with its place."""
    for section in ("earning_rules", "challenges", "boards"):
        rows = said.get(section) if isinstance(said, dict) else None
        for position, row in enumerate(rows if isinstance(rows, list) else []):
            if not isinstance(row, dict):
                continue
            yield f"{section}/{position}/condition", row.get("condition")
            further = row.get("further")
            for goal, each in enumerate(further if isinstance(further, list) else []):
                if isinstance(each, dict):
                    yield f"{section}/{position}/further/{goal}/condition", each.get("condition")


def _of_texts(said: Any, place: str = "") -> list[Finding]:
    """Find texts that no database can hold."""
    if isinstance(said, str) and "\x00" in said:
        return [Finding.error("not_a_text", place, _("The text holds a character that cannot be stored."))]
    if isinstance(said, dict) and any("\x00" in str(name) for name in said):
        return [Finding.error("not_a_text", place or "/", _("A name holds a character that cannot be stored."))]
    parts = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    return [finding for key, value in parts for finding in _of_texts(value, f"{place}/{key}".lstrip("/"))]


def _of_program(said: Mapping[str, str]) -> list[Finding]:
    try:
        validate_zone(said["zone"])
    except ValidationError as error:
        return [Finding.error("invalid", "program/zone", " ".join(error.messages))]
    return []


def _of_zone(zone: str, version: ProgramVersion) -> list[Finding]:
    """A version cannot change its program's zone; another one would make another program of the same document."""
    own = version.program.zone
    words = _("The document's days end at midnight in %(zone)s, the program's in %(own)s. Change one of them.")
    return [] if zone == own else [Finding.error("other_zone", "program/zone", words % {"zone": zone, "own": own})]


def _instance(section: str, row: Mapping[str, Any], position: int) -> Any:
    made: Any = SECTIONS[section](**row)
    if section in ORDER:
        setattr(made, ORDER[section], position)
    return made


def _of_row(section: str, row: Mapping[str, Any], place: str) -> list[Finding]:
    """Return what the model refuses of a row, field by field."""
    try:
        made = _instance(section, row, 0)
        made.clean_fields(exclude={"id", "version"})
        made.validate_constraints(exclude={"id", "version"})
        require_within_calendars(made)
    except ValidationError as error:
        found = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        return [Finding.error("invalid", f"{place}/{name}", text) for name, texts in found.items() for text in texts]
    return []


def _of_schema(error: SchemaError) -> Finding:
    place = "/".join(map(str, error.path))
    words = {
        "required": _("something is missing that must be there: %(missing)s."),
        "additionalProperties": _("something is there that is not known: %(extra)s."),
        "enum": _("“%(value)s” is none of %(choices)s."),
        "const": _("“%(value)s” is not %(choices)s."),
        "type": _("“%(value)s” is not of the type %(choices)s."),
        "pattern": _("“%(value)s” is not written as expected (%(choices)s)."),
        "maxLength": _("the text is longer than %(choices)s characters."),
        "minLength": _("the text is empty."),
        "minimum": _("%(value)s is less than %(choices)s."),
        "maximum": _("%(value)s is more than %(choices)s."),
        "minItems": _("at least one is expected."),
        "uniqueItems": _("one of them is there twice."),
        "maxItems": _("there are more than %(choices)s of them."),
    }
    value = error.instance if not isinstance(error.instance, dict | list) else "…"
    facts = {
        "value": value,
        "choices": _joined(error.validator_value),
        "missing": _names(error, missing=True),
        "extra": _names(error, missing=False),
    }  # fmt: skip
    known = words.get(str(error.validator))
    if error.validator in {"oneOf", "anyOf"}:
        known = _("this is not written as the schema asks; compare it with an exported document.")
    return Finding.error(str(error.validator), place or "/", known % facts if known else error.message)


def _joined(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _names(error: SchemaError, *, missing: bool) -> str:
    if not isinstance(error.instance, dict) or not isinstance(error.schema, dict):
        return ""
    known = set(error.schema.get("properties", {}))
    if missing:
        return ", ".join(name for name in error.schema.get("required", []) if name not in error.instance)
    return ", ".join(sorted(map(str, set(error.instance) - known)))


def _flat(document: Document) -> dict[str, Any]:
    """Return every value of a document by its path, rows by their codes."""
    found: dict[str, Any] = {"note": document.get("note", "")}
    for section, model in SECTIONS.items():
        defaults = {field.name: _plain(field.get_default()) for field in fields_of(model)}
        for position, (_place, row) in enumerate(_rows(document, section)):
            path = section if section == SINGLE else f"{section}/{row['code']}"
            for name, value in {**defaults, **row}.items():
                if name not in {"code", ORDER.get(section)}:
                    found[f"{path}/{name}"] = value
            if section in ORDER:
                found[f"{path}/{ORDER[section]}"] = position
    return found


def _whole_rows(changes: list[Change], first: dict[str, Any], second: dict[str, Any]) -> list[Change]:
    """Tell a row that came or went as one change."""
    rows_before, rows_after = ({path.rsplit("/", 1)[0] for path in flat} for flat in (first, second))
    told: list[Change] = []
    seen: set[str] = set()
    for change in changes:
        row = change.path.rsplit("/", 1)[0]
        if (row in rows_before) == (row in rows_after):
            told.append(change)
        elif row not in seen:
            seen.add(row)
            values, absent = (second, first) if row in rows_after else (first, second)
            content = {path.rsplit("/", 1)[1]: value for path, value in values.items() if path.rsplit("/", 1)[0] == row}
            content = {name: value for name, value in content.items() if value not in (None, "", [], {}, False)}
            told.append(Change(row, content, None) if absent is second else Change(row, None, content))
    return told

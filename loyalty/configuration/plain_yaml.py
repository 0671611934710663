"""Documents as YAML of plain values: written in their order, and read with no more than a JSON document could say."""

import json
import re
from typing import Any
from unicodedata import normalize

import yaml
from django.utils.translation import gettext as _

from customers.core.errors import DomainError, Kind

MAX_BYTES = 1_000_000


MAX_NESTING = 50


class UnreadableDocument(DomainError):
    code = "unreadable_document"
    kind = Kind.INVALID
    message = _("The document cannot be read: {reason}")


def to_yaml(document: dict[str, Any]) -> str:
    """Return a document as YAML, in its order."""
    return str(yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=100))


class _PlainDumper(yaml.SafeDumper):
    """Writes texts so that they are read as they are: NEL ends a line in YAML, so it is escaped."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Return a text as YAML has it."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if "\x85" in data else None)


_PlainDumper.add_representer(str, _PlainDumper.represent_str)


def read_yaml(text: str) -> Any:
    """
    Return what a text says.

    :raises UnreadableDocument: when it is no YAML, too large, or refers to itself
    """
    if len(text.encode()) > MAX_BYTES:
        raise UnreadableDocument(reason=_("it is larger than %(limit)s bytes.") % {"limit": MAX_BYTES})
    try:
        _require_plain(text)
        said = yaml.load(normalize("NFC", text), Loader=_PlainLoader)  # noqa: S506 - a safe loader that leaves dates as texts
        json.dumps(said, ensure_ascii=False, skipkeys=True, default=str).encode()
    except RecursionError as error:
        raise UnreadableDocument(reason=_("it is nested too deep.")) from error
    except UnicodeEncodeError as error:
        raise UnreadableDocument(reason=_("it holds half of a surrogate pair, which is no character.")) from error
    except yaml.YAMLError as error:
        raise UnreadableDocument(reason=" ".join(str(error).split())) from error
    return said


def _require_plain(text: str) -> None:
    """
    Refuse aliases, tags that make other things than plain values, and lists in lists without end: the time to read those grows
    with the square of their depth.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise UnreadableDocument(reason=_("it has aliases (*name); write their contents out."))
        if getattr(event, "tag", None) is not None:
            raise UnreadableDocument(reason=_("it has tags (!!name); write the value alone."))
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_NESTING:
            raise UnreadableDocument(reason=_("it is nested too deep."))


class _PlainLoader(yaml.SafeLoader):
    """
    Reads days, times and decimals as texts, as the schema has them: 18:00 is no number in base sixty.

    A name stands once, as in JSON: a field that is said twice could mean either.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        """Return a mapping of texts to values."""
        seen: set[str] = set()
        for key, _value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(
                    None, None, _("a name is a text: put it in quotes"), key.start_mark
                )
            if key.value in seen:
                words = _("“%(name)s” is there twice") % {"name": key.value}
                raise yaml.constructor.ConstructorError(None, None, words, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("int", r"^-?(?:0|[1-9][0-9]{0,17})$", "-0123456789"),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))

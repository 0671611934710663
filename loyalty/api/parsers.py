import json
from decimal import Decimal
from math import isfinite
from typing import IO, Any, NoReturn
from unicodedata import is_normalized, normalize

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

SURE_LENGTH = 16  # of a number with a point: its digits are all kept


class EncodableJSONParser(JSONParser):
    """JSON whose texts can be written down, each in one form: NFC, in which what looks the same is the same."""

    def parse(self, stream: IO[Any], _media_type: str | None = None, _parser_context: Any = None) -> Any:
        try:
            text = stream.read().decode()
        except UnicodeDecodeError:
            raise ParseError(_("The body is no UTF-8 text.")) from None
        try:
            data = json.loads(text, parse_float=_exact, parse_constant=_no_constant, object_pairs_hook=_object)
            return data if text.isascii() and "\\u" not in text else _in_one_form(data)
        except ValueError as error:
            raise _no_json(error) from error
        except RecursionError:
            raise ParseError(_("The body is nested too deep.")) from None


def _in_one_form(data: Any) -> Any:
    """Return data with all texts in NFC."""
    if isinstance(data, str):
        return _text(data)
    if isinstance(data, list):
        return [_in_one_form(each) for each in data]
    if isinstance(data, dict):
        return {_text(name): _in_one_form(each) for name, each in data.items()}
    return data


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ParseError(_("The body holds half of a surrogate pair, which is no character.")) from None
    return text if is_normalized("NFC", text) else normalize("NFC", text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; one that says a field twice could mean either."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        raise ParseError(
            _("The body says %(name)s twice.") % {"name": next(each for each in names if names.count(each) > 1)}
        )
    return found


def _exact(written: str) -> float:
    """Return a number with a point or an exponent, unless some of its digits would be lost."""
    number = float(written)
    is_sure = len(written) <= SURE_LENGTH and "e" not in written and "E" not in written
    if (
        not is_sure and isfinite(number) and Decimal(written) != Decimal(repr(number))
    ):  # infinity: each field refuses it
        raise ParseError(
            _("The number %(number)s has more digits than JSON's numbers keep. Send it as a text.")
            % {"number": written[:40]}
        )
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _no_json(cause: ValueError) -> ParseError:
    """Return the refusal of a body that is no JSON, with the place where it is none."""
    if isinstance(cause, json.JSONDecodeError):
        place = {"line": cause.lineno, "column": cause.colno}
        return ParseError(_("The body is no JSON: look at line %(line)s, column %(column)s.") % place)
    return ParseError(_("The body is no JSON."))

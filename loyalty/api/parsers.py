import json
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


class EncodableJSONParser(JSONParser):
    """JSON whose texts can be written down: half of a surrogate pair is no character."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            data: Any = super().parse(stream, media_type, parser_context)
        except ParseError as error:
            raise _no_json(error.__context__) from error
        except RecursionError:
            raise ParseError(_("The body is nested too deep.")) from None
        try:
            json.dumps(data, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ParseError(_("The body holds half of a surrogate pair, which is no character.")) from None
        except RecursionError:
            raise ParseError(_("The body is nested too deep.")) from None
        return data


def _no_json(cause: BaseException | None) -> ParseError:
    """Return the refusal of a body that is no JSON, with the place where it is none."""
    if isinstance(cause, json.JSONDecodeError):
        place = {"line": cause.lineno, "column": cause.colno}
        return ParseError(_("The body is no JSON: look at line %(line)s, column %(column)s.") % place)
    return ParseError(_("The body is no JSON."))

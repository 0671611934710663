"""Documents over HTTP, as JSON or as the YAML that an export writes."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from loyalty.configuration.plain_yaml import read_yaml

YAML = "application/yaml"
FORMAT = OpenApiParameter("as", str, enum=["json", "yaml"], description="How to write the document.")
DOCUMENT = {(200, "application/json"): OpenApiTypes.OBJECT, (200, YAML): OpenApiTypes.STR}


class YamlParser(BaseParser):
    """A document as YAML, as the export writes it."""

    media_type = YAML

    def parse(self, stream: Any, _media_type: str | None = None, _parser_context: Any = None) -> Any:
        try:
            text = stream.read().decode()
        except UnicodeDecodeError:
            raise ParseError(_("The body is no UTF-8 text.")) from None
        return read_yaml(text)

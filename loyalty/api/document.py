"""The API's document as it is served: made once in a process for each form and language, for it takes more than a second."""

from functools import lru_cache
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_MAKING = Lock()


class DocumentView(SpectacularAPIView):
    """Answers with what was made before, whatever else is asked."""

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        language = translation.get_language()
        is_known = language in dict(settings.LANGUAGES)  # whatever `lang` says
        kind: type[BaseRenderer] = type(renderer)
        body = document(kind, str(language) if is_known else settings.LANGUAGE_CODE)  # type: ignore[arg-type] # a class can be a key
        return HttpResponse(body, content_type=f"{renderer.media_type}; charset=utf-8")


@lru_cache(maxsize=16)
def document(renderer: type[BaseRenderer], language: str) -> bytes:
    """Return the document in a form and a language."""
    with translation.override(language):
        said: bytes | str = renderer().render(described(), renderer_context={})
    return said.encode() if isinstance(said, str) else said


def described() -> dict[str, Any]:
    """
    Return the document as plain values, in the language of the thread.

    One thread at a time: the library looks for the classes that it knows when it is first asked, and two would find half.
    """
    with _MAKING:
        found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
        return found

"""Colons between a name and what it has, which French sets behind a space: none is written into a template as it stands."""

import re
from pathlib import Path

from django.conf import settings

APPS = ("loyalty", "customers", "analytics")
TRANSLATED = re.compile(r"\{% blocktranslate.*?\{% endblocktranslate %\}", re.DOTALL)
# What is shown, then a colon and what follows it. In an attribute, in styles and in scripts a colon is the program's.
COLON = re.compile(r"\}\}(?:\{% (?:if|end)[^%]*%\})*: ?(?:\{\{|\{%|<)")
NOT_TEXT = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|\s[a-z-]+=\"[^\"]*\"", re.DOTALL)


def untranslated_colons(source: str) -> list[str]:
    return COLON.findall(NOT_TEXT.sub("", TRANSLATED.sub("", source)))


def test_what_it_looks_for_is_found() -> None:
    assert untranslated_colons("<p>{{ name }}: {{ value }}</p>") != []
    assert untranslated_colons("<p>{{ name }}{% if step %}: {{ step }}{% endif %}</p>") != []
    assert untranslated_colons('<p>{{ name }}{% translate ":" %} {{ value }}</p>') == []
    assert (
        untranslated_colons(
            '<p style="{{ width }}: {{ value }}">{% blocktranslate %}{{ a }}: {{ b }}{% endblocktranslate %}'
        )
        == []
    )


def test_no_template_sets_a_colon_as_english_does() -> None:
    templates = [
        path
        for app in APPS
        for kind in ("html", "txt")
        for path in Path(settings.BASE_DIR, app).rglob(f"templates/**/*.{kind}")
        if "unfold" not in path.parts  # of the theme that is not ours
    ]

    assert {path.name: said for path in templates if (said := untranslated_colons(path.read_text()))} == {}

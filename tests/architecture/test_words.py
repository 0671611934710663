"""
Words that the house does not use as names, and what it says instead.

To refuse another word, add it here with what to say: a pattern of the whole name, as it is written.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("customers", "loyalty", "analytics", "benchmarks", "tests")
INSTEAD = {
    r"(MOST|DEEPEST|HIGHEST|LONGEST)(_\w+)?": "MAX_*",
    r"(LEAST|LOWEST|SHORTEST)(_\w+)?": "MIN_*",
    r"EVERYONE": "ALL_TENANTS",
    r"PATIENCE(_\w+)?": "MAX_WAIT",
    r"(test_)?gathering": "coalescing",
    r"hand_over": "promote_next",
    r"take_together": "coalescing.submit",
    r"Forms|SignedIn": "BrowserCsrfMiddleware, BrowserAuthenticationMiddleware",
    r"TextParser": "EncodableJSONParser",
}
# Columns, which SQL names as well.
INSTEAD_OF_COLUMN = {"timeline": "versions_revision"}


def _names(path: Path) -> Iterator[str]:
    """Yield the names that a file gives or uses, its own among them."""
    yield path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if not name.startswith("test_"):  # a claim, in words
                    yield name
            case ast.alias(name=name, asname=given):
                yield from (given or name).split(".")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_name_is_one_that_the_house_does_not_use(folder: str) -> None:
    paths = [path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]

    found = {
        f"{path.relative_to(ROOT)}: {name}: say {say}"
        for path in paths
        for name in set(_names(path))
        for pattern, say in INSTEAD.items()
        if re.fullmatch(pattern, name)
    }

    assert found == set()


def test_no_column_has_a_name_that_the_house_does_not_use() -> None:
    columns = {
        f"{model._meta.label}.{field.name}: say {INSTEAD_OF_COLUMN[field.name]}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.name in INSTEAD_OF_COLUMN
    }

    assert columns == set()


def test_texts_are_marked_by_names_that_the_collector_of_translations_knows() -> None:
    """A text that is marked by another name is left out by `make messages`, and its French is lost without a word."""
    known = {("gettext", "_"), ("gettext_lazy", "_")}

    found = {
        f"{path.relative_to(ROOT)}: {alias.name} as {alias.asname}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for alias in node.names
        if alias.asname and (alias.name, alias.asname) not in known
    }

    assert found == set()

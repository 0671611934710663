"""The glossary, the catalogue and the code say the same words."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "glossary.md"
CATALOGUE = ROOT / "loyalty" / "locale" / "fr" / "LC_MESSAGES" / "django.po"
ROW = re.compile(
    r"^\| (?P<term>[^|]+) \| (?P<french>[^|]+) \| (?:`(?P<code>\w+)` )?\| (?P<says>[^|]+) \|$", re.MULTILINE
)
# What the house does not say in French, and what it says.
NOT_IN_FRENCH = {"commerçant": "enseigne"}


class Term(NamedTuple):
    term: str
    french: str
    code: str | None
    says: str


def terms() -> list[Term]:
    return [Term(*row.groups()) for row in ROW.finditer(PAGE.read_text(encoding="utf-8")) if row["term"] != "term"]


def _catalogue() -> dict[str, str]:
    """Return the messages of one form; those with a context have a word of their own because of what they are about."""
    with CATALOGUE.open("rb") as file:
        found = [each for each in read_po(file, locale="fr") if each.id and each.context is None]
        return {each.id: str(each.string) for each in found if isinstance(each.id, str)}


def test_the_page_is_read_whole() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]

    headings = [line for line in rows if line.startswith("| term |")]
    assert len(terms()) == len(rows) - len(headings)
    assert len({each.term for each in terms()}) == len(terms())


@pytest.mark.parametrize("row", terms(), ids=lambda row: row.term)
def test_a_terms_french_is_that_of_the_messages(row: Term) -> None:
    said = {english: french for english, french in _catalogue().items() if english.lower() == row.term.lower()}

    others = {english: french for english, french in said.items() if french.lower() != row.french.lower()}

    assert others == {}


def test_the_messages_say_no_other_word_for_a_term() -> None:
    said = [french for french in _catalogue().values() if any(word in french.lower() for word in NOT_IN_FRENCH)]

    assert said == []


def test_the_code_has_what_the_glossary_names() -> None:
    folders = ("customers", "loyalty", "analytics")
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]
    classes = {
        node.name for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    }

    assert {row.code for row in terms() if row.code} - classes == set()

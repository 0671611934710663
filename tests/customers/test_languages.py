"""Texts in two languages: whoever reads French gets the French one, where there is one."""

import pytest
from django.utils import translation

from customers.core.languages import in_readers_language, own_text, said_text
from loyalty.tiers.models import Tier


@pytest.mark.parametrize(
    ("language", "french", "expected"),
    [
        ("fr", "Or", "Or"),
        ("fr", "", "Gold"),
        ("en", "Or", "Gold"),
        (None, "Or", "Gold"),  # where no language is chosen, as in a task
    ],
)
def test_a_text_is_in_the_readers_language_or_else_in_the_one_that_there_is(
    language: str | None, french: str, expected: str
) -> None:
    with translation.override(language, deactivate=True):
        found = {
            in_readers_language("Gold", french),
            own_text(Tier(name="Gold", name_fr=french), "name"),
            said_text({"name": "Gold", "name_fr": french}, "name"),
        }

    assert found == {expected}


def test_what_says_nothing_in_either_language_is_empty() -> None:
    with translation.override("fr"):
        assert said_text({"code": "gold", "name_fr": None}, "name") == ""

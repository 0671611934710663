"""What is said of one point, or of one member, is said in the singular, its verb too: in English and in French."""

from typing import Any

import pytest
from django.utils import translation

from loyalty.activity.explaining import said_by
from loyalty.campaigns.publishing.audience import Audience
from loyalty.campaigns.publishing.moving import Moves
from loyalty.campaigns.publishing.outlook_words import lines_of, moves_in_words
from loyalty.campaigns.publishing.starting import Outlook

RULE = {"version": 1, "rules": [{"rule": "base", "points": 1, "basis": "1", "multiplier": "1"}]}


class Told:
    """An entry as it is told."""

    def __init__(self, **explanation: Any) -> None:
        self.explanation = explanation


def plainly(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(
    ("said", "english", "french"),
    [
        (RULE, "base: 1 point for 1 × 1", "base : 1 point pour 1 × 1"),
        ({"points": 1, "refused": True}, "Refused: 1 point cancelled", "Refusé : 1 point annulé"),
        ({"points": 2, "refused": True}, "Refused: 2 points cancelled", "Refusé : 2 points annulés"),
        ({"repaid": 1, "still_owed": 0}, "1 point repaid, 0 still owed", "1 point remboursé, 0 encore dus"),
        (
            {"order": "A1", "kept_now": 0, "kept_before": 1},
            "Order A1 keeps 0 of 1 point",
            "La commande A1 garde 0 point sur 1",
        ),
    ],
)
def test_an_entry_says_one_point(said: dict[str, Any], english: str, french: str) -> None:
    for language, words in (("en", english), ("fr", french)):
        with translation.override(language):
            assert [plainly(each) for each in said_by(Told(**said), {})] == [words]


@pytest.mark.parametrize(
    ("found", "enters", "english", "french"),
    [
        (3, 1, "Today it finds 3 members. 1 enters.", "Aujourd’hui, elle trouve 3 membres. 1 y entre."),
        (3, 2, "Today it finds 3 members. 2 enter.", "Aujourd’hui, elle trouve 3 membres. 2 y entrent."),
        (1, 1, "Today it finds 1 member. 1 enters.", "Aujourd’hui, elle trouve 1 membre. 1 y entre."),
    ],
)
def test_of_several_who_are_found_one_enters(found: int, enters: int, english: str, french: str) -> None:
    audience = Audience(
        is_by_fact=False, found=found, in_a_month=None, expected=enters, counted=found, enters=enters, not_entered={},
        held_out=0, unreachable={},
    )  # fmt: skip
    for language, words in (("en", english), ("fr", french)):
        with translation.override(language):
            assert next(iter(lines_of(Outlook(audience, None)))) == words


def test_of_those_who_are_on_earlier_versions_one_stays() -> None:
    said = moves_in_words(Moves(version=2, moved=2, at_once=1, completed=1, stay=1))

    assert said[1:] == [
        "1 of them is to hear its next message now: the time that it waits is over.",
        "1 of them has had all that it says, and is through.",
        "1 stays on its version: what began it is something else.",
    ]

from collections import defaultdict
from datetime import date

import pytest
from django.utils import translation

from analytics.audit.checks import CHECKS, WEIGHTS
from analytics.audit.verdicts import Answer, Example, Finding, Level, Use, judge

DAY = date(2026, 4, 6)
OF = {"costs": {Use.CAC: Level.BAD, Use.HISTORY: Level.CARE}, "clock": {Use.PREDICTED: Level.CARE}}


@pytest.mark.parametrize(
    ("level", "cac", "history", "uplift"),
    [
        (Level.GOOD, "ready", "ready", "ready"),
        (Level.NOTE, "ready", "ready", "ready"),
        (Level.CARE, "care", "care", "ready"),
        (Level.BAD, "not", "care", "ready"),
    ],
)
def test_a_finding_does_to_a_use_what_it_weighs_for_it(level: Level, cac: str, history: str, uplift: str) -> None:
    findings = [Finding("costs", level)]

    answers = [judge(use, findings, OF, DAY).answer for use in (Use.CAC, Use.HISTORY, Use.UPLIFT)]

    assert answers == [cac, history, uplift]


def test_what_blocks_stands_first_and_what_does_not_matter_is_left_out() -> None:
    weights = {"a": {Use.CAC: Level.CARE}, "b": {Use.CAC: Level.BAD}, "c": {Use.CAC: Level.BAD}, "d": {}}
    findings = [Finding(name, Level.BAD) for name in "abcd"]

    verdict = judge(Use.CAC, findings, weights, DAY)

    assert (verdict.answer, verdict.as_of, verdict.is_blocked) == (Answer.NOT, DAY, True)
    assert [reason.check for reason in verdict.reasons] == ["b", "c", "a"]


def test_a_finding_is_kept_and_read_again() -> None:
    finding = Finding("free_orders", Level.NOTE, {"count": 2, "share": 0.25}, (Example("order", "o1"),))

    assert Finding.from_json(finding.as_json()) == finding


def test_every_check_has_a_code_of_its_own_and_every_use_is_judged() -> None:
    assert len(WEIGHTS) == len(CHECKS) == 34
    assert {use for weights in WEIGHTS.values() for use in weights} == set(Use)
    assert [check.code for check in CHECKS if check.severity is Level.NOTE] == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_sentence_can_be_said(language: str) -> None:
    with translation.override(language):
        said = [str(sentence) % defaultdict(lambda: "7") for check in CHECKS for sentence in check.sentences.values()]

    assert [each for each in said if "%(" in each or "%%" in each] == []

"""What the findings of an audit mean for each use of the data. Pure: neither Django nor a database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any

Number = float | int | str | None


class Use(StrEnum):
    """What the data are used for."""

    HISTORY = "history"
    FORMULA = "formula"
    PREDICTED = "predicted"
    UPLIFT = "uplift"
    COHORTS = "cohorts"
    CAC = "cac"
    RECOMMENDATIONS = "recommendations"


class Level(IntEnum):
    """How much is wrong: nothing, nothing that changes a use, what its reader should know, or so much that it would mislead."""

    GOOD = 0
    NOTE = 1
    CARE = 2
    BAD = 3


class Answer(StrEnum):
    """Whether the data carry a use."""

    READY = "ready"
    CARE = "care"
    NOT = "not"


Weights = Mapping[str, Mapping[Use, Level]]
ANSWERS = {Level.GOOD: Answer.READY, Level.NOTE: Answer.READY, Level.CARE: Answer.CARE, Level.BAD: Answer.NOT}


@dataclass(frozen=True)
class Example:
    """
    One of what a check found.

    :param kind: "order" or "return" (by number), "customer" (by its row's id), "day" or "month" (ISO)
    """

    kind: str
    name: str


@dataclass(frozen=True)
class Finding:
    """
    What one check found.

    :param check: its code
    :param numbers: what its sentence names; shares are of 1
    :param examples: a few of the rows that it is about
    """

    check: str
    level: Level
    numbers: Mapping[str, Number] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "level": int(self.level),
            "numbers": dict(self.numbers),
            "examples": [[each.kind, each.name] for each in self.examples],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Finding":
        examples = tuple(Example(kind, name) for kind, name in kept["examples"])
        return cls(kept["check"], Level(kept["level"]), kept["numbers"], examples)


@dataclass(frozen=True)
class Verdict:
    """
    Whether the data carry a use, and why not.

    :param reasons: the findings that stand in the way, those that block first
    :param as_of: the last day of the data that were looked at; None where nobody looked yet, and nothing is blocked
    """

    use: Use
    answer: Answer
    reasons: tuple[Finding, ...] = ()
    as_of: date | None = None

    @property
    def is_blocked(self) -> bool:
        return self.answer is Answer.NOT


def judge(use: Use, findings: Iterable[Finding], weights: Weights, as_of: date) -> Verdict:
    """
    Return the verdict for a use.

    :param weights: by check, the most that it can do to each use: a bad finding of a check that weighs CARE asks for care
    """
    weighed = [(effect(use, each, weights), each) for each in findings]
    weighed.sort(key=lambda pair: -pair[0])  # stable: as the checks stand
    reasons = tuple(each for level, each in weighed if level >= Level.CARE)
    worst = max((level for level, _finding in weighed), default=Level.GOOD)
    return Verdict(use, ANSWERS[worst], reasons, as_of)


def effect(use: Use, finding: Finding, weights: Weights) -> Level:
    """Return what a finding does to a use."""
    return min(finding.level, weights.get(finding.check, {}).get(use, Level.GOOD))

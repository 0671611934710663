"""What a check is, and how it tells how much is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.utils.functional import Promise

from analytics.audit.measures import Measures
from analytics.audit.verdicts import Example, Finding, Level, Number, Use

Extremes = tuple[int, str | None, str | None]  # how many, and the least and the greatest number of them


class Group(StrEnum):
    """What checks are about, in the order of the page."""

    HISTORY = "history"
    CLOCK = "clock"
    IDENTITY = "identity"
    MONEY = "money"
    RETURNS = "returns"
    PRODUCTS = "products"
    REACH = "reach"
    ACQUISITION = "acquisition"


@dataclass(frozen=True)
class Check:
    """
    One question to the data.

    :param sentences: what was found, by the case that the finding names ("" where there is one only); in them, names that end
        in `share` are shares of 1 and those that end in `amount` are money
    :param repair: what to do about it
    :param weights: the most that a bad finding does to each use
    :param find: answers it
    """

    code: str
    group: Group
    question: Promise
    sentences: Mapping[str, Promise]
    repair: Promise
    weights: Mapping[Use, Level]
    find: Callable[[Measures], Finding]

    @property
    def severity(self) -> Level:
        """Return the most that it can do to any use."""
        return max(self.weights.values(), default=Level.NOTE)


def above(value: float, *, note: float | None = None, care: float | None = None, bad: float | None = None) -> Level:
    """Return how bad it is that a value is above a limit."""
    if bad is not None and value > bad:
        return Level.BAD
    if care is not None and value > care:
        return Level.CARE
    return Level.NOTE if note is not None and value > note else Level.GOOD


def below(value: float, *, note: float | None = None, care: float | None = None, bad: float | None = None) -> Level:
    """Return how bad it is that a value is below a limit."""
    return above(
        -value, **{name: -limit for name, limit in (("note", note), ("care", care), ("bad", bad)) if limit is not None}
    )


def share(part: float, whole: float) -> float:
    """Return a part of a whole; 0 of nothing."""
    return float(part) / float(whole) if whole else 0.0


def found(check: str, level: Level, *examples: Example, **numbers: Number) -> Finding:
    """Return a finding; shares with six digits, which is more than anybody reads."""
    rounded = {name: round(number, 6) if isinstance(number, float) else number for name, number in numbers.items()}
    return Finding(check, level, rounded, examples)


def counted(check: str, some: Extremes, whole: int, kind: str = "order", **limits: float) -> Finding:
    """Return the finding that so many of all are unlike the others; one is worth a note."""
    count, least, greatest = some
    examples = [Example(kind, number) for number in dict.fromkeys((least, greatest)) if number]
    part = share(count, whole)
    return found(check, above(part, **({"note": 0.0} | limits)), *examples, count=count, whole=whole, share=part)

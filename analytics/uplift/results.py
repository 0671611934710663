"""What a measurement of the uplift says: numbers, and reasons as codes with values, which an edge words for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Grade = Literal["A", "B", "C", "D"]


@dataclass(frozen=True)
class Reason:
    """A sentence to be worded: its code, and the values that it names."""

    code: str
    values: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Range:
    """An estimate with its standard error and the ends of its interval at the plan's level."""

    value: float
    error: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """One estimator's answer: the effect as a share of what members would have spent (.07 is 7 % more)."""

    method: str  # "symmetric_1", "symmetric_2", "symmetric_3", "aipw", "holdout"
    effect: Range | None
    members: int
    controls: int
    reason: Reason | None = None  # why there is no effect to tell


@dataclass(frozen=True)
class Gap:
    """
    The plain difference between members and non-members a month, as a share: a difference, not an effect of the program.

    There is no share where nobody but members spends, or nobody was one for a whole month. `joiners_share` is the part of it
    that those who join bring with them, by what they spent before.
    """

    members_mean: float
    others_mean: float
    share: float | None
    joiners_share: float | None


@dataclass(frozen=True)
class Gate:
    """One condition of a grade: what was seen, what is asked for, whether it holds."""

    code: str
    seen: float | None
    asked: float
    passed: bool
    for_grade: Grade  # the best grade that needs it


@dataclass(frozen=True)
class Balance:
    """A covariate's standardised difference between members and controls, before and after weighting."""

    name: str
    before: float
    after: float


@dataclass(frozen=True)
class Point:
    """One dot of a picture: where it stands (a month, a lag), its value and interval, and of how many."""

    at: float
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Measured:
    """
    Everything that a measurement says, for a page, a report and the digit-for-digit repetition.

    `band` goes from the lowest lower to the highest upper end of the estimates; `effect` is its middle estimate. Money
    is per member and month in units of the currency. `capture` has one point per month: the linked share of orders.
    """

    grade: Grade
    reasons: Sequence[Reason]
    gap: Gap
    effect: float | None
    band: tuple[float, float] | None
    revenue: Range | None
    margin: Range | None
    estimates: Sequence[Estimate]
    gates: Sequence[Gate]
    balance: Sequence[Balance]
    placebo: Sequence[Estimate]
    leads: Sequence[Point]
    capture: Sequence[Point]
    capture_jump: float | None
    overlap: float | None
    contrast: float | None
    effective_sample: float | None
    used: Mapping[str, int] = field(default_factory=dict)  # by what they were used for
    dropped: Mapping[str, int] = field(default_factory=dict)  # by reason
    groups: Mapping[str, Sequence["GroupEffect"]] = field(default_factory=dict)  # by the way of dividing
    overlap_weights: Sequence[Point] = ()  # the picture of the propensities, where there is one


@dataclass(frozen=True)
class GroupEffect:
    """The effect among some: its estimates, and the interval's level after counting how many groups were looked at."""

    label: str
    members: int
    band: tuple[float, float] | None
    effect: float | None
    grade: Grade
    reason: Reason | None = None
    level: float = 0.95

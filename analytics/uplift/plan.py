"""What a measurement is decided to be before anybody looks: its windows, its level, and the limits of its grades."""

import json
from dataclasses import asdict, dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Literal

Metric = Literal["revenue", "margin"]
METRICS: tuple[Metric, ...] = ("revenue", "margin")

DAYS_A_MONTH = 365.25 / 12
SOURCES = (
    "aipw", "balance", "band", "capture", "diagnosing", "dividing", "estimating", "gap", "grading", "leads", "logit",
    "measuring", "pairs", "panel", "placebo", "plan", "ratios", "results", "symmetric", "weights", "windows",
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """
    What each grade asks for.

    :param members_b: evaluated members, and as many controls, for a B; `members_c` for a C
    :param difference: the largest standardised difference of a covariate after weighting
    :param effective: controls that the weighted ones are worth
    :param overlap: the share of members who have controls as likely to join
    :param contrast: the share of the controls' spending that joining later has not touched
    :param one_customer_b: the largest share that one customer may have of what its side spent, for a B; `one_customer_c`
        for a C
    :param jump: the points by which the linked share of orders may rise or fall at joining
    :param significance: below which a placebo or a lead test is rejected
    """

    members_b: int = 2_000
    members_c: int = 500
    difference: float = 0.1
    effective: float = 200.0
    overlap: float = 0.9
    contrast: float = 0.5
    one_customer_b: float = 0.05
    one_customer_c: float = 0.2
    jump: float = 0.02
    significance: float = 0.05


@dataclass(frozen=True)
class Plan:
    """
    A measurement as it is planned.

    :param window_months: how long after joining, and before it, spending is compared
    :param lags: how many months of deciding to join are left out before the index, for one symmetric estimate each: lag l
        mirrors the window about l - .5 months before the index, so that its baseline ends 2 l - 1 months before it
    :param metric: what the effect is a share of
    :param level: of the intervals, .5 to .9999
    :param max_members: evaluated at most, and `max_controls`: of more a part is drawn, the same each time
    :param cut: the last day of the data that it is for, in days since 1970-01-01; None for any
    """

    window_months: int = 6
    lags: tuple[int, ...] = (1, 2, 3)
    metric: Metric = "revenue"
    level: float = 0.95
    max_members: int = 75_000
    max_controls: int = 150_000
    cut: int | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if not 1 <= self.window_months <= MAX_WINDOW:
            raise InvalidPlan("window_months", self.window_months)
        if not self.lags or len(set(self.lags)) < len(self.lags) or not all(1 <= lag <= MAX_LAG for lag in self.lags):
            raise InvalidPlan("lags", str(self.lags))
        if not MIN_LEVEL <= self.level <= MAX_LEVEL:
            raise InvalidPlan("level", self.level)
        if self.metric not in METRICS:
            raise InvalidPlan("metric", self.metric)

    @property
    def window_days(self) -> int:
        """Days of the window."""
        return days_of(self.window_months)

    def history_months(self, lag: int) -> int:
        """Return the months before the index that a lag needs."""
        return self.window_months + 2 * lag - 1

    def digest(self) -> str:
        """Return the sha256 of the plan together with the code that will carry it out."""
        text = json.dumps({"plan": asdict(self), "code": code_version()}, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


MAX_WINDOW, MAX_LAG, MIN_LEVEL, MAX_LEVEL = 24, 12, 0.5, 0.9999


class InvalidPlan(ValueError):
    """A plan says what cannot be measured; `code` names what."""

    code = "invalid_plan"

    def __init__(self, name: str, value: float | str) -> None:
        super().__init__(f"{name} cannot be {value}")
        self.name, self.value = name, value


def days_of(months: float) -> int:
    """Return the days of so many months of equal length."""
    return round(months * DAYS_A_MONTH)


@cache
def code_version() -> str:
    """Return a hash of the modules that measure: another one means that the numbers may be others."""
    found = sha256()
    for name in SOURCES:
        found.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return found.hexdigest()[:16]

"""
Rates of a funnel, and where and why people stop, from counts. Pure.

A customer counts once, by the attempt that got furthest: of several starts the last one before what followed. What friction
goes with is a difference, not an effect: who has trouble may differ in other ways.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analytics.kpis.scores import Score, share


@dataclass(frozen=True, slots=True)
class StepCount:
    """
    Customers of a group at one step, the first being 1.

    :param reached: who came so far or further
    :param stopped: of them, who came no further within the window
    :param troubled: who had friction after this step, before the next one or the window's end
    :param ended: of them, who stopped here
    :param troubled_finished: of them, who came to the last step all the same
    :param by_support: of the troubled, who contacted support; `by_survey` who was not satisfied, `by_cart` who left a cart
    :param seconds: median from the step before; None at the first one
    :param total_seconds: median from the first step
    :param valued: of those who stopped, whose value is known; `value` is the sum of theirs
    """

    step: int
    reached: int
    stopped: int
    troubled: int
    ended: int
    troubled_finished: int
    by_support: int
    by_survey: int
    by_cart: int
    seconds: float | None
    total_seconds: float | None
    valued: int
    value: float


@dataclass(frozen=True, slots=True)
class Stage:
    """
    A step of a funnel as it is told.

    :param of_before: the share of those who reached the step before
    :param overall: the share of those who began
    :param friction: the share of those who reached it who had friction before they went on
    :param with_friction: the share of them who finished; `without_friction` of the others
    :param lost: by how many more would have finished at the others' share
    """

    counted: StepCount
    of_before: Score
    overall: Score
    friction: Score
    with_friction: Score
    without_friction: Score
    lost: float | None

    @property
    def mean_value(self) -> float | None:
        """Return the value of a customer who stopped here, of those of whom it is known."""
        return self.counted.value / self.counted.valued if self.counted.valued else None

    def cost(self, each: float | None) -> float | None:
        """Return what friction goes with, at the margin that an order brings."""
        return None if self.lost is None or each is None else self.lost * each


@dataclass(frozen=True, slots=True)
class FunnelResult:
    """A funnel of a group: a stage for each step; `seconds` is the median from the first step to the last one."""

    group: str
    stages: tuple[Stage, ...]

    @property
    def began(self) -> int:
        return self.stages[0].counted.reached

    @property
    def overall(self) -> Score:
        return self.stages[-1].overall

    @property
    def seconds(self) -> float | None:
        return self.stages[-1].counted.total_seconds


def result_of(group: str, counted: Iterable[StepCount], steps: int) -> FunnelResult:
    """Return a group's funnel; a step that nobody reached is in it."""
    by_step = {each.step: each for each in counted}
    rows = [by_step.get(step, _nobody(step)) for step in range(1, steps + 1)]
    began, finished = rows[0].reached, rows[-1].reached
    return FunnelResult(
        group,
        tuple(_stage(row, _reached_before(rows, row), began, finished, is_last=row is rows[-1]) for row in rows),
    )


def _reached_before(rows: Sequence[StepCount], row: StepCount) -> int:
    return rows[max(row.step - 2, 0)].reached


def _stage(row: StepCount, before: int, began: int, finished: int, *, is_last: bool) -> Stage:
    others = row.reached - row.troubled
    with_friction = share(row.troubled_finished, 0 if is_last else row.troubled)
    without = share(finished - row.troubled_finished, 0 if is_last else others)
    lost = None
    if with_friction.value is not None and without.value is not None:
        lost = row.troubled * (without.value - with_friction.value)
    friction = share(row.troubled, 0 if is_last else row.reached)
    return Stage(row, share(row.reached, before), share(row.reached, began), friction, with_friction, without, lost)


def _nobody(step: int) -> StepCount:
    return StepCount(step, 0, 0, 0, 0, 0, 0, 0, 0, None, None, 0, 0.0)

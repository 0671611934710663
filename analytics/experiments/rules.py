"""
What an experiment's numbers allow to be said. Pure.

Everybody counts in the arm that they were assigned to, from the planned instant of their exposure on. Whoever may look at any
time sees only what holds at any time; one that came to its planned end is read once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.experiments.results import ArmResult, Effect, Floats, Part, Result, Says, Trial, Units
from analytics.uplift.multiplicity import holm
from analytics.uplift.power import POWER, reach
from analytics.uplift.randomised import Arm, Difference, adjusted, complier, difference, per_customer
from analytics.uplift.results import Range, Reason
from analytics.uplift.sample_ratio import SampleRatio, sample_ratio
from analytics.uplift.sequence import widened

MIN_UNITS = 100  # of an arm: of fewer, a few customers decide


@dataclass(frozen=True)
class _Compared:
    """A variant beside the control."""

    part: Part
    treated: Arm
    control: Arm
    customers: float
    adjusted: Difference


def judge(units: Units, trial: Trial) -> Result:
    """Return what may be said of an experiment: effects, or why there are none to tell."""
    sizes = [int(np.count_nonzero(units.part == place)) for place in range(len(trial.parts))]
    ratio = sample_ratio(sizes, [each.share_bp for each in trial.parts])
    blocked = _blocked(sizes, ratio, trial)
    effects = [] if blocked else _effects(units, trial)
    return Result(
        grade=None if blocked else "A", blocked=blocked, is_final=trial.is_final, ratio=ratio,
        arms=[_arm_result(units, trial, place) for place in range(len(trial.parts))], effects=effects,
        waiting=trial.waiting,
    )  # fmt: skip


def _blocked(sizes: Sequence[int], ratio: SampleRatio, trial: Trial) -> Reason | None:
    """Return why nothing may be told: the gravest reason."""
    if not trial.plan_is_kept:
        return Reason("plan_changed")
    if trial.misplaced:
        return Reason("not_as_assigned", {"customers": trial.misplaced})
    if sum(sizes) == 0:
        return Reason("ended_too_soon" if trial.is_over else "nobody_long_enough", {"customers": trial.waiting})
    if ratio.is_broken:
        return Reason("sample_ratio", {"p_value": ratio.p_value})
    if min(sizes) < MIN_UNITS:
        return Reason("too_few_units", {"units": min(sizes), "needed": MIN_UNITS})
    return None


def _effects(units: Units, trial: Trial) -> list[Effect]:
    control = next(place for place, part in enumerate(trial.parts) if part.is_control)
    compared = [_compare(units, trial, place, control) for place, part in enumerate(trial.parts) if not part.is_control]
    raw = [each.adjusted.p_value for each in compared]
    levels = _levels(raw, 1 - trial.level) if trial.is_final else [1 - (1 - trial.level) / len(raw)] * len(raw)
    return [_effect(one, trial, level, after) for one, level, after in zip(compared, levels, holm(raw), strict=True)]


def _levels(p_values: Sequence[float], alpha: float) -> list[float]:
    """
    Return the levels of the intervals that go with Holm's test: zero is outside exactly where it claims an effect.

    The smallest p-value is held to alpha over all, the next to alpha over the rest, until one fails; the others then as that.
    """
    count, failed = len(p_values), False
    levels, tail = [0.0] * count, alpha / max(count, 1)
    for place, which in enumerate(sorted(range(count), key=p_values.__getitem__)):
        tail = tail if failed else alpha / (count - place)
        failed = failed or p_values[which] > tail
        levels[which] = 1 - tail
    return levels


def _compare(units: Units, trial: Trial, place: int, control: int) -> _Compared:
    both = [units.part == which for which in (place, control)]
    together = both[0] | both[1]
    treated, other = (_arm(units, of, together) for of in both)
    return _Compared(
        part=trial.parts[place], treated=treated, control=other, customers=float(units.customers[both[0]].sum()),
        adjusted=adjusted(treated, other, level=trial.level),
    )  # fmt: skip


def _arm(units: Units, of: NDArray[np.bool_], together: NDArray[np.bool_]) -> Arm:
    """Return an arm's columns per customer: of units of one customer each, as they are."""
    outcome, before, took = units.outcome[of], units.before[of], units.took_up[of]
    customers = units.customers[of]
    if bool(np.all(units.customers[together] == 1)):
        return Arm(outcome, before, took)
    whole = units.customers[together]
    past = units.before[together].sum() / whole.sum()
    return Arm(
        per_customer(outcome, customers, of=_per(outcome, customers), size=float(customers.mean())),
        per_customer(before, customers, of=float(past), size=float(whole.mean())),
        took,
    )  # fmt: skip


def _effect(one: _Compared, trial: Trial, level: float, after: float) -> Effect:
    units = len(one.treated) + len(one.control)
    at_level = adjusted(one.treated, one.control, level=level)
    shown, percent = at_level.effect, at_level.percent
    plain, lin = difference(one.treated, one.control, level=trial.level).effect, one.adjusted.effect
    if not trial.is_final:
        shown, plain, lin = (
            widened(each, units, level=at) for each, at in ((shown, level), (plain, trial.level), (lin, trial.level))
        )
        percent = widened(percent, units, level=level) if percent else None
    taken = complier(one.treated, one.control, level=trial.level) if trial.tells_take_up else None
    detectable = reach(trial.level, POWER) * one.adjusted.effect.error
    base = one.adjusted.control_mean
    return Effect(
        code=one.part.code, says=_says(shown, is_final=trial.is_final), shown=shown, percent=percent,
        plain=plain, adjusted=lin, level=level,
        p_value=one.adjusted.p_value if trial.is_final else None, holm=after if trial.is_final else None,
        take_up=taken.take_up if taken else None, compliers=taken.effect if taken and trial.is_final else None,
        detectable=detectable, detectable_percent=detectable / base if base > 0 else None,
        total=Range(*(each * one.customers for each in (shown.value, shown.error, shown.low, shown.high))),
    )  # fmt: skip


def _says(shown: Range, *, is_final: bool) -> Says:
    """Return what an interval says: with zero inside there is nothing to tell, neither more nor less."""
    if shown.low > 0 or shown.high < 0:
        return "effect"
    return "no_detectable_effect" if is_final else "not_decided"


def _arm_result(units: Units, trial: Trial, place: int) -> ArmResult:
    part, of = trial.parts[place], units.part == place
    customers = units.customers[of]
    mean, half = _per(units.outcome[of], customers), _half(units.outcome[of], customers, trial.level)
    count = int(np.count_nonzero(of))
    return ArmResult(
        code=part.code, is_control=part.is_control, share_bp=part.share_bp, units=count, customers=int(customers.sum()),
        mean=mean, low=mean - half, high=mean + half, before=_per(units.before[of], customers),
        take_up=float(units.took_up[of].mean()) if count else 0.0,
        crossed=float(units.crossed[of].mean()) if count else 0.0,
    )  # fmt: skip


def _half(outcome: Floats, customers: Floats, level: float) -> float:
    """Return half the interval of an arm's own mean per customer."""
    if len(outcome) < MIN_UNITS:
        return 0.0
    rests = outcome - _per(outcome, customers) * customers
    error = float(np.sqrt(rests @ rests / (len(rests) - 1) / len(rests))) / float(customers.mean())
    return reach(level, 0.5) * error


def _per(amounts: Floats, customers: Floats) -> float:
    whole = float(customers.sum())
    return float(amounts.sum()) / whole if whole else 0.0

"""
What a roll-out in some stores did, with what has to hold before it is told: stores and months enough, and the same course before.

The effect is that of synthetic difference-in-differences (`analytics.uplift.synthetic`); its error is how far effects spread
among stores that never got the program. It is no experiment: nobody drew the stores by chance, so its best grade is B. Where
the stores already went another way before the program began, it is D, and nothing is told. Less than that is often not seen: by
as much as they were off before, they may be off since (Rambachan, Roth 2023, A More Credible Approach to Parallel Trends): the
interval is widened by it, and by the error with which it is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from statistics import NormalDist
from typing import Literal

import numpy as np

from analytics.uplift.panel import Flags, Floats
from analytics.uplift.results import Range, Reason
from analytics.uplift.synthetic import RollOut, Synthetic, placebo_error, synthetic_did

MIN_BEFORE, FULL_BEFORE = 6, 12  # months
MIN_WITHOUT, FULL_WITHOUT = 10, 20  # stores without the program
LEAD_MONTHS = 3  # before it began, at which it is looked as if it had begun then
LEADS = (LEAD_MONTHS, 2 * LEAD_MONTHS)  # and by how much, at each of them, it would have seemed to do something
LEVEL = 0.95
REACH = NormalDist().inv_cdf(0.5 + LEVEL / 2)
DRAWS = 200
NO_DRIFT = Range(0.0, 0.0, 0.0, 0.0)  # where the time before is too short to tell
RESOLUTION = 1e-9  # of what a store sells in a month: what is smaller comes of rounding, and is nothing
RollOutGrade = Literal["B", "C", "D"]


class CannotJudge(Exception):
    """Stores and months allow no comparison: a reason, with what would lift it in its words."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.code)
        self.reason = reason


@dataclass(frozen=True)
class Sales:
    """
    What stores sold, month by month.

    :param stores: their codes, in order
    :param sold: stores x months, in units of the currency
    :param orders: stores x months: in a month without any a store was not there, or nobody told of it
    :param treated: the codes of the stores that got the program
    :param first: the place of the first month with it
    """

    stores: Sequence[str]
    sold: Floats
    orders: Floats
    treated: frozenset[str]
    first: int


@dataclass(frozen=True)
class Weight:
    """A store without the program, and how much it counts in what the others are compared with; all of them add up to 1."""

    store: str
    share: float


@dataclass(frozen=True)
class Judged:
    """
    What is told of a roll-out; money is per store and month.

    :param effect: its interval is that of its error and of the drift's, widened by `drift`; `error` is the effect's own
    :param percent: the effect as a share of what the stores would have sold
    :param total: in all stores and months with the program
    :param lead: the effect three months before it began, when there was none; None where the time before is too short
    :param treated: what a store with the program sold on average, month by month
    :param compared: what it would have sold, by the weighted others
    :param weights: of the stores that count, the heaviest first
    :param left_out: stores without the program that were not there in each month
    """

    grade: RollOutGrade
    reasons: Sequence[Reason]
    effect: Range
    percent: Range | None
    total: Range
    p_value: float
    lead: Range | None
    treated: Sequence[float]
    compared: Sequence[float]
    weights: Sequence[Weight]
    left_out: Sequence[str]
    with_it: int
    without: int
    before: int
    after: int
    drift: float = 0.0  # by how much the stores were off before it began, the most of what was looked at


def judge_roll_out(sales: Sales, *, seed: int = 7, draws: int = DRAWS) -> Judged:
    """
    Return what a roll-out did; the same numbers for the same seed.

    :raises CannotJudge: with what is missing
    """
    roll_out, stores, left_out = _compared(sales)
    found = synthetic_did(roll_out)
    leads = {each: _lead(roll_out, each, seed=seed, draws=draws) for each in LEADS}
    drift = max(
        (each for each in leads.values() if each is not None), key=lambda each: abs(each.value), default=NO_DRIFT
    )
    effect = _widened(_effect(roll_out, found, seed=seed, draws=draws), drift)
    treated, compared = _courses(roll_out, found)
    with_it, months = int(np.count_nonzero(roll_out.rolled_out)), len(treated) - roll_out.first
    without = len(stores) - with_it
    reasons = _reasons(roll_out, leads, without)
    would = float(treated[roll_out.first :].mean()) - effect.value
    controls = [store for store in stores if store not in sales.treated]
    return Judged(
        grade=_grade(reasons), reasons=reasons, effect=effect, percent=_scaled(effect, 1 / would) if would > 0 else None,
        total=_scaled(effect, with_it * months), p_value=_p_value(effect, drift), lead=leads[LEAD_MONTHS],
        treated=treated.tolist(), compared=compared.tolist(), weights=_weights(controls, found), left_out=left_out,
        with_it=with_it, without=without, before=roll_out.first, after=months, drift=abs(drift.value),
    )  # fmt: skip


def _compared(sales: Sales) -> tuple[RollOut, list[str], list[str]]:
    """Return the stores that can be compared, and those that were not there all the time. :raises CannotJudge: else"""
    months = sales.sold.shape[1]
    unknown = sorted(sales.treated - set(sales.stores))
    if unknown:
        raise CannotJudge(Reason("stores_unknown", {"stores": ", ".join(unknown)}))
    for code, number, asked in (
        ("months_before", sales.first, MIN_BEFORE), ("months_after", months - sales.first, 1),
        ("stores_with", len(sales.treated), 1),
    ):  # fmt: skip
        if number < asked:
            raise CannotJudge(Reason(code, {"there_are": number, "asked": asked}))
    whole: Flags = np.asarray((sales.orders > 0).all(axis=1))
    gaps = [store for store, is_whole in zip(sales.stores, whole, strict=True) if not is_whole]
    if short := sorted(sales.treated & set(gaps)):
        raise CannotJudge(Reason("stores_with_gaps", {"stores": ", ".join(short)}))
    asked = max(MIN_WITHOUT, len(sales.treated) + 1)
    without = int(np.count_nonzero(whole)) - len(sales.treated)
    if without < asked:
        raise CannotJudge(Reason("stores_without", {"there_are": without, "asked": asked, "left_out": len(gaps)}))
    kept = [store for store, is_whole in zip(sales.stores, whole, strict=True) if is_whole]
    rolled_out = np.array([store in sales.treated for store in kept])
    return RollOut(sales.sold[whole], rolled_out, sales.first), kept, gaps


def _lead(roll_out: RollOut, months: int, *, seed: int, draws: int) -> Range | None:
    """Return the effect of what never was: of the months just before, as if the program had begun with them."""
    first = roll_out.first - months
    if first < MIN_BEFORE:
        return None
    earlier = RollOut(roll_out.sold[:, : roll_out.first], roll_out.rolled_out, first)
    return _effect(earlier, synthetic_did(earlier), seed=seed, draws=draws)


def _reasons(roll_out: RollOut, leads: Mapping[int, Range | None], without: int) -> list[Reason]:
    """Return why the grade is no better: what would lift it is in each."""
    found = []
    moved = [months for months, lead in leads.items() if lead is not None and (lead.low > 0 or lead.high < 0)]
    if moved:
        found.append(Reason("moved_before", {"months": moved[0]}))
    if leads[LEAD_MONTHS] is None:
        found.append(Reason("no_lead", {"there_are": roll_out.first, "asked": MIN_BEFORE + LEAD_MONTHS}))
    if roll_out.first < FULL_BEFORE:
        found.append(Reason("few_months_before", {"there_are": roll_out.first, "asked": FULL_BEFORE}))
    if without < FULL_WITHOUT:
        found.append(Reason("few_stores_without", {"there_are": without, "asked": FULL_WITHOUT}))
    return found


def _grade(reasons: Sequence[Reason]) -> RollOutGrade:
    if any(each.code == "moved_before" for each in reasons):
        return "D"
    return "C" if reasons else "B"


def _courses(roll_out: RollOut, found: Synthetic) -> tuple[Floats, Floats]:
    """Return what the stores with the program sold, and what they would have, brought to their height of before."""
    treated = roll_out.sold[roll_out.rolled_out].mean(axis=0)
    others = found.stores @ roll_out.sold[~roll_out.rolled_out]
    apart = float((treated - others)[: roll_out.first] @ found.months)
    return treated, others + apart


def _weights(controls: Sequence[str], found: Synthetic) -> list[Weight]:
    counted = [Weight(store, float(share)) for store, share in zip(controls, found.stores, strict=True) if share > 0]
    return sorted(counted, key=lambda each: (-each.share, each.store))


def _effect(roll_out: RollOut, found: Synthetic, *, seed: int, draws: int) -> Range:
    """Return an effect with its error; where all stores go alike both are nothing, whatever rounding leaves of them."""
    least = RESOLUTION * float(np.abs(roll_out.sold).mean())
    told = found.effect, placebo_error(roll_out, found, seed=seed, draws=draws)
    return _range(*(each if abs(each) > least else 0.0 for each in told))


def _range(value: float, error: float) -> Range:
    return Range(value, error, value - REACH * error, value + REACH * error)


def _widened(found: Range, drift: Range) -> Range:
    """Return an effect with an interval that is as wide as its own error and that of the drift make it, and the drift wider."""
    reach = abs(drift.value) + REACH * hypot(found.error, drift.error)
    return Range(found.value, found.error, found.value - reach, found.value + reach)


def _p_value(effect: Range, drift: Range) -> float:
    """Return how likely so large an effect is by chance, if the stores are as far off as they were before."""
    beyond, error = max(abs(effect.value) - abs(drift.value), 0.0), hypot(effect.error, drift.error)
    return 2 * (1 - NormalDist().cdf(beyond / error)) if error else float(beyond == 0)


def _scaled(found: Range, by: float) -> Range:
    return Range(*(each * by for each in (found.value, found.error, found.low, found.high)))

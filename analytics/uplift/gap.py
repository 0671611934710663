"""The plain gap between members and others, which is a difference and no effect, and how much of it is who joins."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.uplift.panel import Flags, Floats, Panel
from analytics.uplift.plan import DAYS_A_MONTH, Plan
from analytics.uplift.results import Gap
from analytics.uplift.windows import History

Months = NDArray[np.int64]
FAR = 10**9  # a month after all others


@dataclass(frozen=True)
class _Calendar:
    """
    When customers were there, in complete months that are counted so that the last one ends with the cut.

    :param began: the month of the first order, for each customer; far ahead where there is none
    :param joined: the month of joining; far ahead for never
    :param month_of: the month of days
    """

    months: int
    began: Months
    joined: Months
    month_of: Callable[[NDArray[np.int32]], Months]
    history: History
    values: Floats

    def spent(self, start: Months, stop: Months) -> Floats:
        """Return what was spent by month, by each customer from month `start` to before `stop`."""
        found = np.zeros(self.months)
        for block in self.history.blocks():
            who, month = self.history.customer[block], self.month_of(self.history.day[block])
            part = (month >= start[who]) & (month < stop[who])
            found += np.bincount(month[part], weights=self.values[block][part], minlength=self.months)
        return found

    def present(self, start: Months, stop: Months) -> Floats:
        """Return how many customers are there by month, each from month `start` to before `stop`."""
        some = stop > start
        comes, goes = (np.bincount(each[some], minlength=self.months + 1) for each in (start, stop))
        return np.cumsum(comes - goes)[: self.months].astype(np.float64)

    def inside(self, month: Months) -> Months:
        """Return months cut to those that there are."""
        return np.clip(month, 0, self.months)


def gap_of(panel: Panel, history: History, plan: Plan) -> Gap:
    """
    Return what members and others spend a month, over the months of the plan's window before the cut.

    Everybody counts from the month after their first order on, members from the month after joining. The joiners' share
    compares those who joined, in the months of the baseline at lag 1, with all who had not joined in the same months.
    """
    at = _calendar(panel, history, plan)
    last = np.arange(at.months) >= at.months - plan.window_months
    out = (at.inside(at.began + 1), at.inside(at.joined))
    in_ = (at.inside(np.maximum(at.began, at.joined) + 1), np.full_like(at.began, at.months))
    others, members = (_mean(at.spent(*who), at.present(*who), last) for who in (out, in_))
    if not others > 0 or not at.present(*in_)[last].sum() > 0:
        return Gap(members, others, None, None)
    joiners = (
        np.maximum(out[0], at.inside(at.joined - plan.history_months(1))),
        np.where(at.joined < FAR, at.inside(at.joined - 1), 0),
    )
    return Gap(members, others, members / others - 1.0, _joiners_share(at, out, joiners, members - others))


def _calendar(panel: Panel, history: History, plan: Plan) -> _Calendar:
    months = int((panel.cut + 1 - panel.first) / DAYS_A_MONTH)

    def month_of(day: NDArray[np.int32]) -> Months:
        return months - 1 - np.floor((panel.cut - day.astype(np.int64)) / DAYS_A_MONTH).astype(np.int64)

    starts = history.starts
    some = np.flatnonzero(np.diff(starts))
    began = np.full(len(panel.customers), FAR, dtype=np.int64)
    began[some] = month_of(history.day[starts[some]])
    joined = np.where(panel.customers.joined <= panel.cut, month_of(panel.customers.joined), FAR)
    return _Calendar(months, began, joined, month_of, history, history.values_of(plan.metric))


def _mean(spent: Floats, present: Floats, part: Flags) -> float:
    count = float(present[part].sum())
    return float(spent[part].sum()) / count if count else 0.0


def _joiners_share(
    at: _Calendar, out: tuple[Months, Months], joiners: tuple[Months, Months], difference: float
) -> float | None:
    """Return how much of a difference those who join had before joining; None where there is none to explain or no past."""
    present, all_present = at.present(*joiners), at.present(*out)
    count = float(present.sum())
    if count <= 0 or difference <= 0:
        return None
    usual = np.divide(at.spent(*out), all_present, out=np.zeros(at.months), where=all_present > 0)
    before = (float(at.spent(*joiners).sum()) - float(present @ usual)) / count
    return before / difference

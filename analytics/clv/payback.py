"""When a customer has brought back what it cost to acquire, and what it may cost at most."""

from dataclasses import dataclass

import numpy as np

from analytics.clv.purchases import MONTH_DAYS, PurchaseModel, purchases_by_ends
from analytics.clv.spend import Spend
from analytics.clv.statements import Figure, Statement
from analytics.clv.tuples import Floats, Tuples

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Payback:
    """
    When cumulated margin covers an acquisition cost.

    :param period: the first in which it does, 0 the period of acquisition; None where it does not in the time seen
    :param recovered_share: of the cost by the last period seen; above 1 where more than that came back
    :param basis: "paid_back" or "not_yet", or why there is no answer
    """

    period: int | None
    recovered_share: float
    basis: Statement


def acquisition_cost(*, spent: float, customers: int) -> Figure:
    """Return what a new customer cost; NaN where money was spent and nobody came, and the basis says so."""
    if customers <= 0:
        return Figure(float("nan"), Statement("nobody_acquired", {"cost_amount": spent}))
    return Figure(spent / customers, Statement("acquired", {"cost_amount": spent, "customers": customers}))


def payback(*, cost: float, margin_per_period: Floats) -> Payback:
    """
    Return when the margin of acquired customers covers what one cost.

    :param cost: of one customer
    :param margin_per_period: of one customer on average, seen or expected, the period of acquisition first
    """
    if not np.isfinite(cost):
        return Payback(None, float("nan"), Statement("no_cost_known"))
    cumulated = np.cumsum(margin_per_period)
    last = float(cumulated[-1]) if len(cumulated) else 0.0
    share = last / cost if cost > 0 else float("inf")
    period = int(first_covered(np.array([cost]), cumulated[:, None])[0])
    values = {"cost_amount": cost, "recovered_share": share, "periods": len(cumulated)}
    if period < 0:
        return Payback(None, share, Statement("not_yet", values))
    return Payback(period, share, Statement("paid_back", {**values, "period": period}))


def first_covered(cost: Floats, cumulated: Floats) -> np.ndarray:
    """
    Return the first period whose cumulated margin covers each customer's cost; -1 where none does, or the cost is not known.

    What differs by no more than floats do is covered: 12.70 and 7.10 are 19.80.

    :param cost: per customer
    :param cumulated: periods x customers
    """
    if not len(cumulated):
        return np.full(len(cost), -1)
    covered = (cumulated >= cost[None, :]) | np.isclose(cumulated, cost[None, :], rtol=TOLERANCE, atol=0.0)
    return np.where(covered.any(axis=0) & np.isfinite(cost), covered.argmax(axis=0), -1)


def expected_margins(  # noqa: PLR0913 - what a month of a new customer brings
    purchases: PurchaseModel,
    spend: Spend,
    *,
    margin_rate: float,
    months: int,
    factor: float = 1.0,
    cost_a_month: float = 0.0,
    unit_days: float = 1.0,
) -> Floats:
    """
    Return the margin that a new customer is expected to bring in each month: the first purchase, then months 1, 2, ...

    :param purchases, spend: fitted to the customers so far
    :param margin_rate: share of revenue that is margin
    :param months: how many after that of acquisition, which holds the first purchase alone
    :param factor: by which the back-test found repeat purchases to be more, or fewer
    :param cost_a_month: to serve a customer
    :param unit_days: how many days the unit of time of `purchases` has
    """
    ends = np.arange(1.0, months + 1.0, dtype=np.float64) * (MONTH_DAYS / unit_days)
    until = purchases_by_ends(purchases, Tuples.ungrouped([0], [0.0], [0.0]), ends)[:, 0] * factor
    each = np.diff(until, prepend=0.0) * spend.mean * margin_rate - cost_a_month
    return np.append(spend.mean * margin_rate, each)


def highest_cost(*, margin_per_period: Floats, periods: int) -> Figure:
    """
    Return what a customer may cost at most, to be paid back within so many periods after its acquisition.

    :param margin_per_period: of one customer on average, the period of acquisition first
    :param periods: 12 is the end of the twelfth period after that of acquisition
    """
    seen = min(periods + 1, len(margin_per_period))
    most = float(np.max(np.cumsum(margin_per_period[:seen]), initial=0.0))
    values = {"periods": periods, "seen": seen - 1}
    return Figure(most, Statement("highest_cost" if seen == periods + 1 else "highest_cost_so_far", values))


def incremental_cost(*, cost: float, organic_share: float) -> Figure:
    """
    Return what a customer cost who would not have come anyway; to be shown only where an experiment told the share.

    :param organic_share: of the acquired customers, how many would have come
    """
    if not 0 <= organic_share < 1:
        raise ValueError(f"the share that would have come must be at least 0 and below 1, not {organic_share}")
    return Figure(cost / (1.0 - organic_share), Statement("incremental", {"organic_share": organic_share}))

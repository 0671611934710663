"""What a run believes: the model that the back-test chose on a sample, fitted to everybody, or why there is none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics import reading
from analytics.blocks import Block, Days
from analytics.clv import activation as activating
from analytics.clv import backtest, mbg_nbd, pareto_nbd
from analytics.clv.backtest import Choice, Origin, Snapshot
from analytics.clv.fitting import DidNotConverge, Fit
from analytics.clv.intervals import Customers
from analytics.clv.purchases import PurchaseModel
from analytics.clv.spend import Spend, fit_spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Tuples
from analytics.scoring import Prediction
from customers.models import Retailer

MIN_CUSTOMERS = 100
MIN_DAYS = 90
MAX_TRIED = 200_000  # customers of a back-test
MAX_SPENDING = 500_000  # customers to whom spending is fitted

# BG/NBD is no rival: by it everybody who bought once is active for ever.
FITS: dict[str, Callable[[Tuples], tuple[PurchaseModel, Fit]]] = {
    pareto_nbd.ParetoNBD.name: pareto_nbd.fit,
    mbg_nbd.MBGNBD.name: mbg_nbd.fit,
}


@dataclass(frozen=True)
class Chosen:
    """
    What a run believes and why.

    :param reason: of the choice, or why there is no prediction
    :param prediction: None where there is none
    :param fit: of the model of purchases
    :param choice: what the back-test came to; None where it could not be made
    :param origins: at which models were tried, the latest first
    :param snapshots: what was known there, and what came
    """

    reason: Statement
    prediction: Prediction | None = None
    fit: Fit | None = None
    choice: Choice | None = None
    origins: Sequence[Origin] = field(default=())
    snapshots: Sequence[Snapshot] = field(default=(), repr=False)


@dataclass
class Sample:
    """Rows of customers, evenly spread over all, to which spending is fitted."""

    share: float
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    @classmethod
    def among(cls, customers: int) -> "Sample":
        return cls(min(1.0, MAX_SPENDING / max(customers, 1)))

    def add(self, block: Block) -> None:
        if not len(block):
            return
        few = np.unique(np.linspace(0, len(block) - 1, max(1, round(len(block) * self.share))).astype(np.intp))
        self.rows.append((block.frequency[few], block.recency[few], block.age[few], block.means[few]))

    def customers(self) -> Customers:
        """Return the sampled customers."""
        return Customers(*(np.concatenate(column) for column in zip(*self.rows, strict=True)))

    def spend(self) -> Spend:
        """Return what spending came to."""
        found = self.customers()
        return fit_spend(found.frequency + 1.0, found.means)


def choose(  # noqa: PLR0913 - what is to be believed, of whom, by when
    retailer: Retailer, tuples: Tuples, sample: Sample, *, first: date, cut: date, horizon_days: int, rate: float
) -> Chosen:
    """Try the models on time that they have not seen, and fit the chosen one to everybody."""
    days, customers = (cut - first).days + 1, tuples.customers  # the first and the last day count, as in the audit
    if customers < MIN_CUSTOMERS or days < MIN_DAYS:
        values = {"customers": customers, "days": days, "needed": MIN_CUSTOMERS, "needed_days": MIN_DAYS}
        return Chosen(Statement("too_little_history" if customers >= MIN_CUSTOMERS else "needs_customers", values))
    origins = backtest.origins(first, cut, horizon_days)
    share = share_of(customers)
    snapshots = [reading.snapshot(retailer, each.at, each.end, share, known=cut) for each in origins]
    choice = backtest.choose(snapshots, {name: _fitter(name) for name in FITS})
    tried: dict[str, Any] = {"choice": choice, "origins": origins, "snapshots": snapshots}
    if choice.model is None or not choice.passed:
        return Chosen(_as_of_origins(choice.gate, tuples), **tried)
    try:
        model, fit = FITS[choice.model](tuples)
    except DidNotConverge as error:
        return Chosen(Statement(error.reason), **tried)
    return Chosen(choice.reason, Prediction(model, sample.spend(), choice.factor, horizon_days, rate), fit, **tried)


def _as_of_origins(reason: Statement, tuples: Tuples) -> Statement:
    """Return why there is no prediction; what lacked at an origin alone is not said of all the data."""
    only_there = reason.code == "nobody_bought_twice" and np.any(tuples.frequency)
    return Statement("nobody_had_bought_twice") if only_there else reason


def activation(
    waits: tuple[Days, NDArray[np.bool_]], prediction: Prediction, never: int, margin_share: float
) -> Statement:
    """
    Return what is expected of those who never bought, or why nothing is.

    :param waits: of the share of all customers by which those who never bought are judged, as they are read
    :param never: how many they are
    """
    share, (days, bought) = share_of(never), waits
    try:
        model, _ = activating.fit(days, bought)
    except DidNotConverge as error:
        return Statement(error.reason)
    waiting, horizon = days[~bought], float(prediction.horizon_days)
    worth = model.expected_value(waiting, horizon, prediction.model, prediction.spend).sum() * margin_share
    values = {
        "customers": never, "expected": round(float(model.probability(waiting, horizon).sum()) / share),
        "days": prediction.horizon_days, "worth_amount": float(worth) / share,
    }  # fmt: skip
    return Statement("activated", values)


def share_of(customers: int) -> float:
    """Return the share of customers that back-tests look at."""
    return min(1.0, MAX_TRIED / max(customers, 1))


def _fitter(name: str) -> backtest.Fitter:
    return lambda tuples: FITS[name](tuples)[0]

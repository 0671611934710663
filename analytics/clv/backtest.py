"""
Which model is believed: each one predicts time that it had not seen, from several origins, and the choice has a reason.

The level of a model is the business of one factor, so models are compared after their totals are scaled to the actual (mean
Poisson deviance; mean absolute error would reward whoever forecasts zero). After the factor a gate decides whether anything
is published.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analytics.clv import measures
from analytics.clv.fitting import DidNotConverge
from analytics.clv.formulas import MIN_DAYS
from analytics.clv.orders import histories
from analytics.clv.purchases import PurchaseModel, probability_of_buying
from analytics.clv.spend import Spend, fit_spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Column, Floats, Tuples

STEPS = (1.0, 1.2, 1.4)  # origins lie so many horizons before the cut
HORIZON_SHARE = 0.45  # of the history, at most
MARGIN = 0.02  # by which a rival must be better in the mean: see docs/adr/0032-a-rival-has-to-be-clearly-better.md
MIN_FACTOR, MAX_FACTOR = 0.7, 1.4
MAX_BIAS = 0.25
DEFAULT = "Pareto/NBD"

Fitter = Callable[[Tuples], PurchaseModel]


@dataclass(frozen=True)
class Origin:
    """
    A day on which a model is asked to look ahead.

    :param at: the last day that it knows
    :param end: the last day on which it is judged
    """

    at: date
    end: date

    @property
    def days(self) -> int:
        """How far it looks ahead."""
        return (self.end - self.at).days


@dataclass(frozen=True)
class Snapshot:
    """
    Customers as they were known at an origin, and what they did after it, as columns of equal length.

    :param horizon: length of the time after, in the unit of the columns
    :param frequency, recency, age: until the origin, as in `Tuples`
    :param occasions: of which `means` are, until the origin
    :param means: mean value of an occasion, until the origin
    :param later: purchase occasions after the origin
    :param later_value: what they came to
    :param least_age: 90 days, in the unit of the columns, for the plain rate
    """

    horizon: float
    frequency: Column
    recency: Column
    age: Column
    occasions: Column
    means: Floats
    later: Floats
    later_value: Floats
    least_age: float = float(MIN_DAYS)

    def __post_init__(self) -> None:
        columns = (self.frequency, self.recency, self.age, self.occasions, self.means, self.later, self.later_value)
        if len({len(column) for column in columns}) != 1:
            raise ValueError("a snapshot's columns must have one value per customer")
        if not (np.all(np.isfinite(self.later)) and np.all(np.isfinite(self.later_value)) and np.all(self.later >= 0)):
            raise ValueError("what customers did later must be finite numbers, and purchases not below 0")
        if self.horizon <= 0:
            raise ValueError("a horizon must be above 0")

    def __len__(self) -> int:
        return len(self.frequency)

    @property
    def tuples(self) -> Tuples:
        """The customers' distinct rows."""
        return self._grouped[0]

    @property
    def place(self) -> NDArray[np.intp]:
        """Where each customer's row stands among them."""
        return self._grouped[1]

    @cached_property
    def _grouped(self) -> tuple[Tuples, NDArray[np.intp]]:
        return Tuples.grouped(self.frequency, self.recency, self.age)


@dataclass(frozen=True)
class Prediction:
    """What a model said at an origin: columns, one row per customer."""

    purchases: Floats
    revenue: Floats
    buys: Floats


@dataclass(frozen=True)
class Scores:
    """
    How wrong a model was at an origin.

    :param deviance: mean Poisson deviance of purchases, the total scaled to the actual
    :param purchases: errors of purchase occasions
    :param revenue: errors of their value
    :param auc: of the probability of buying
    :param brier: of the probability of buying
    :param buying: calibration of the probability of buying, by tenths
    """

    deviance: float
    purchases: measures.Errors
    revenue: measures.Errors
    auc: float
    brier: float
    buying: tuple[measures.Group, ...]


@dataclass(frozen=True)
class Choice:
    """
    What the back-test came to.

    :param model: the name of the chosen one; None where none could be fitted
    :param factor: by which its purchases are multiplied
    :param reason: of the choice
    :param passed: whether it may be published
    :param gate: why, or why not
    :param scores: by model, at each origin, the latest first; a Statement where it could not be fitted
    :param plain: deviance at each origin of the plain repeat rate, each one's own or everybody's, whichever is lower
    """

    model: str | None
    factor: float
    reason: Statement
    passed: bool
    gate: Statement
    scores: Mapping[str, Sequence[Scores | Statement]] = field(default_factory=dict)
    plain: Sequence[float] = ()


def origins(first: date, cut: date, horizon_days: int) -> list[Origin]:
    """
    Return the origins of a back-test, the latest first; none where the history is too short for a day's horizon.

    :param first: the first day with an order
    :param cut: the last day of data
    """
    horizon = min(horizon_days, int(HORIZON_SHARE * (cut - first).days))
    if horizon < 1:
        return []
    starts = [cut - timedelta(days=round(step * horizon)) for step in STEPS]
    return [Origin(at, at + timedelta(days=horizon)) for at in dict.fromkeys(starts)]


def snapshot(customer: ArrayLike, day: ArrayLike, value: ArrayLike, origin: Origin) -> Snapshot:
    """
    Return what was known of customers at an origin and what they did after it, from columns with one row per order.

    :param customer: ids: numbers or texts
    :param day: of each order: dates
    :param value: net of each order, returns below 0 on their order's day
    """
    ids, days, values = np.asarray(customer), np.asarray(day, dtype="datetime64[D]"), np.asarray(value)
    known, after = histories(ids, days, values, end=origin.at), days > np.datetime64(origin.at)
    then = histories(ids[after], days[after], values[after], end=origin.end)
    later, later_value = np.zeros(len(known)), np.zeros(len(known))
    place = np.minimum(np.searchsorted(known.ids, then.ids), max(len(known) - 1, 0))
    same = known.ids[place] == then.ids if len(known) else np.zeros(len(then), dtype=np.bool_)
    later[place[same]], later_value[place[same]] = then.occasions[same], then.total[same]
    return Snapshot(
        float(origin.days), known.frequency, known.recency, known.age, known.occasions, known.mean, later, later_value
    )


def predict(model: PurchaseModel, spend: Spend, snapshot: Snapshot) -> Prediction:
    """Return what a model says of a snapshot's customers."""
    tuples, place = snapshot.tuples, snapshot.place
    purchases = model.expected_purchases(tuples, snapshot.horizon)[place]
    buys = probability_of_buying(model, tuples, snapshot.horizon)[place]
    return Prediction(purchases, purchases * spend.expected_value(snapshot.occasions, snapshot.means), buys)


def score(prediction: Prediction, snapshot: Snapshot) -> Scores:
    """Compare a prediction with what came."""
    bought = (snapshot.later > 0).astype(np.float64)
    return Scores(
        deviance=measures.scaled_deviance(prediction.purchases, snapshot.later),
        purchases=measures.errors(prediction.purchases, snapshot.later),
        revenue=measures.errors(prediction.revenue, snapshot.later_value),
        auc=measures.auc(prediction.buys, bought),
        brier=measures.brier(prediction.buys, bought),
        buying=measures.calibration(prediction.buys, bought),
    )


def plain_rate(snapshot: Snapshot) -> Floats:
    """Return the purchases of customers who carry on at their past rate of repeats, over 90 days of relation at least."""
    age = np.maximum(np.asarray(snapshot.age, dtype=np.float64), snapshot.least_age)
    return np.asarray(snapshot.frequency / age * snapshot.horizon)


def plain_deviance(snapshot: Snapshot) -> float:
    """Return the deviance that needs no model: by each one's own repeat rate, or by everybody's where that is better."""
    own = measures.scaled_deviance(plain_rate(snapshot), snapshot.later)
    return min(own, measures.scaled_deviance(np.ones(len(snapshot)), snapshot.later))


def choose(
    snapshots: Sequence[Snapshot], fitters: Mapping[str, Fitter], default: str = DEFAULT, *, margin: float = MARGIN
) -> Choice:
    """
    Fit every model on each origin, and choose.

    The default stays unless a rival wins on every origin and by more than the margin in the mean.

    :param snapshots: at the origins, the latest first
    :param fitters: by name; each takes tuples and returns a fitted model, or raises `DidNotConverge`
    :param margin: a share of the default's deviance
    """
    if not snapshots or not any(len(snapshot) for snapshot in snapshots):
        return _none(Statement("no_origin"))
    predictions: dict[str, list[Prediction | Statement]] = {name: [] for name in fitters}
    for snapshot in snapshots:
        spend = fit_spend(snapshot.occasions, snapshot.means)
        for name, fit in fitters.items():
            predictions[name].append(_try(fit, spend, snapshot))
    scores: dict[str, list[Scores | Statement]] = {
        name: [
            said if isinstance(said, Statement) else score(said, snapshot)
            for said, snapshot in zip(made, snapshots, strict=True)
        ]
        for name, made in predictions.items()
    }
    plain = [plain_deviance(snapshot) for snapshot in snapshots]
    model, reason = _best(scores, default, margin)
    if model is None:
        return _none(reason, scores=scores, plain=plain)
    said = [made for made in predictions[model] if isinstance(made, Prediction)]
    factor = _factor([made.purchases for made in said], snapshots)
    gate = _gate(said[0].purchases * factor, snapshots[0], plain[0])
    return Choice(model, factor, reason, gate.code == "passed", gate, scores, plain)


def _none(reason: Statement, **more: Any) -> Choice:
    return Choice(None, 1.0, reason, passed=False, gate=reason, **more)


def _try(fit: Fitter, spend: Spend, snapshot: Snapshot) -> Prediction | Statement:
    try:
        model = fit(snapshot.tuples)
    except DidNotConverge as error:
        return Statement(error.reason)
    return predict(model, spend, snapshot)


def _best(
    scores: Mapping[str, Sequence[Scores | Statement]], default: str, margin: float
) -> tuple[str | None, Statement]:
    """Return the chosen model and why."""
    deviances = {
        name: np.array([found.deviance for found in row if isinstance(found, Scores)])
        for name, row in scores.items()
        if all(isinstance(found, Scores) for found in row)
    }
    if not deviances:
        failed = next((found for row in scores.values() for found in row if isinstance(found, Statement)), None)
        return None, failed or Statement("no_model")
    if default not in deviances:
        best = min(deviances, key=lambda name: float(deviances[name].mean()))
        return best, Statement("default_failed", {"model": best, "default": default})
    own = deviances.pop(default)
    gains = {name: float(np.mean(1.0 - other / own)) for name, other in deviances.items() if np.all(other < own)}
    best = max(gains, key=lambda name: gains[name], default=default)
    if gains.get(best, 0.0) > margin:
        return best, Statement("rival_won", {"model": best, "default": default, "gain_share": gains[best]})
    return default, Statement("default_stays", {"model": default, "rivals": len(deviances)})


def _factor(predicted: Sequence[Floats], snapshots: Sequence[Snapshot]) -> float:
    """Return sqrt(actual / predicted) of the latest origin, within its limits; 1 where the origin before speaks against it."""
    said, came = float(predicted[0].sum()), float(snapshots[0].later.sum())
    if len(predicted) == 1 or said <= 0:
        return 1.0
    factor = min(max(sqrt(came / said), MIN_FACTOR), MAX_FACTOR)
    before, actual = predicted[1], snapshots[1].later
    return factor if measures.deviance(before * factor, actual) < measures.deviance(before, actual) else 1.0


def _gate(predicted: Floats, snapshot: Snapshot, plain: float) -> Statement:
    """Return "passed", or what keeps a prediction from being published."""
    came = float(snapshot.later.sum())
    if came <= 0:
        return Statement("nothing_came", {"days": snapshot.horizon})
    bias = float(predicted.sum()) / came - 1.0
    deviance = measures.scaled_deviance(predicted, snapshot.later)
    values = {"bias_rate": bias, "most_rate": MAX_BIAS, "deviance": deviance, "plain": plain}
    if not abs(bias) <= MAX_BIAS:
        return Statement("too_biased", values)
    return Statement("passed" if deviance < plain else "no_better_than_plain", values)

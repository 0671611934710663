"""What a run shows of itself, as plain values to be stored: how wrong it was, how well it fits, and what is new in it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from analytics import reading
from analytics.choosing import FITS, Chosen, share_of
from analytics.clv import intervals
from analytics.clv.backtest import Scores
from analytics.clv.fitting import DidNotConverge, Fit
from analytics.clv.intervals import Customers
from analytics.clv.leaving_chance import LeavingChance
from analytics.clv.measures import Errors, Group
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.purchases import PurchaseModel, purchases_by_ends
from analytics.clv.simulation import simulate
from analytics.clv.spend import Spend
from analytics.clv.statements import Statement
from analytics.clv.tuples import Floats, Tuples
from analytics.models import ValueRun
from analytics.scoring import Prediction

MAX_REPEATS = 7  # that stand by themselves in the comparison of frequencies
DRAWN = 100_000  # customers of the model's for it
TINY = 1e-9
IN_TOTAL = 20_000  # customers by whom the range of the sum is drawn
Json = dict[str, Any]


def said(statement: Statement) -> Json:
    """Return a statement as it is stored."""
    return {"code": statement.code, "values": {name: _plain(value) for name, value in statement.values.items()}}


def parameters(fit: Fit | None, spend: Spend) -> Json:
    """Return each parameter with its standard error, in days and in the retailer's currency."""
    found = _named(fit)
    return found | (_named(spend.fit) if spend.fit else {"mean": {"value": _plain(spend.mean), "standard_error": None}})


def _named(fit: Fit | None) -> Json:
    if fit is None:
        return {}
    errors = fit.standard_errors
    return {
        name: {"value": _plain(value), "standard_error": _plain(error)}
        for name, value, error in zip(fit.names, fit.values, errors, strict=True)
    }


def held_out(chosen: Chosen) -> Json:
    """Return the errors of every model at every origin, those of the chosen one at the latest in front."""
    choice = chosen.choice
    if choice is None or not chosen.origins:
        return {}
    origins = [
        {
            "at": origin.at.isoformat(), "end": origin.end.isoformat(), "days": origin.days, "customers": len(snapshot),
            "plain_deviance": _plain(plain),
            "models": {name: _of_model(rows[place]) for name, rows in choice.scores.items()},
        }
        for place, (origin, snapshot, plain) in enumerate(
            zip(chosen.origins, chosen.snapshots, choice.plain or [math.nan] * len(chosen.origins), strict=True)
        )
    ]  # fmt: skip
    found: Json = {
        "origins": origins,
        "gate": said(choice.gate),
        "choice": said(choice.reason),
        "factor": choice.factor,
    }
    best = choice.scores.get(choice.model or "", [None])[0]
    return found | (_in_front(best, origins[0]) if isinstance(best, Scores) else {})


def _in_front(scores: Scores, origin: Json) -> Json:
    model = _of_model(scores)
    return {"days": origin["days"], "customers": origin["customers"], "purchases": model["purchases"],
            "value": model["revenue"], "auc": model["auc"], "brier": model["brier"]}  # fmt: skip


def _of_model(found: Scores | Statement) -> Json:
    if isinstance(found, Statement):
        return {"failed": said(found)}
    return {
        "deviance": _plain(found.deviance), "purchases": _errors(found.purchases), "revenue": _errors(found.revenue),
        "auc": _plain(found.auc), "brier": _plain(found.brier), "buying": _groups(found.buying),
    }  # fmt: skip


def _errors(found: Errors) -> Json:
    names = ("bias", "mae", "rmse", "gini")
    return {name: _plain(getattr(found, name)) for name in names} | {"groups": _groups(found.groups)}


def _groups(groups: Sequence[Group]) -> list[Json]:
    return [
        {"predicted": _plain(group.predicted), "actual": _plain(group.actual), "customers": group.customers}
        for group in groups
    ]


def tracking(run: ValueRun, chosen: Chosen, customers: int) -> list[Json]:
    """Return what was bought week by week after the latest origin, beside what the model said there of the same customers."""
    choice = chosen.choice
    if choice is None or choice.model is None:
        return []
    origin, snapshot = chosen.origins[0], chosen.snapshots[0]
    try:
        model, _ = FITS[choice.model](snapshot.tuples)
    except DidNotConverge:
        return []
    actual = reading.weekly_purchases(run.retailer, origin, share_of(customers), known=run.cut)
    ends = np.minimum(np.arange(1, len(actual) + 1) * 7.0, float(origin.days))
    until = purchases_by_ends(model, snapshot.tuples, ends) @ snapshot.tuples.counts * choice.factor
    return [
        {"week": week + 1, "actual": int(done), "predicted": _plain(expected)}
        for week, (done, expected) in enumerate(zip(np.cumsum(actual), until, strict=True))
    ]


def frequencies(model: PurchaseModel, tuples: Tuples, *, seed: int) -> list[Json]:
    """Return how many customers bought again so many times, beside how many the model expects, by draws from it."""
    if not isinstance(model, ParetoNBD | LeavingChance):
        return []
    rng = np.random.default_rng(seed)
    ages = rng.choice(np.asarray(tuples.age), DRAWN, p=tuples.counts / tuples.customers)
    drawn = simulate(model, ages, rng).in_days()
    expected = _counted(drawn.frequency, np.ones(DRAWN)) * (tuples.customers / DRAWN)
    actual = _counted(np.asarray(tuples.frequency), tuples.counts.astype(np.float64))
    return [
        {"repeats": place, "actual": int(found), "expected": _plain(said)}
        for place, (found, said) in enumerate(zip(actual, expected, strict=True))
    ]


def _counted(frequency: Any, counts: Floats) -> Floats:
    found = np.bincount(np.minimum(frequency, MAX_REPEATS), weights=counts, minlength=MAX_REPEATS + 1)
    return np.asarray(found, dtype=np.float64)


def total_range(prediction: Prediction, chosen: Chosen, customers: Customers, *, seed: int) -> tuple[float, float]:
    """
    Return the range of what all are worth together, as shares of what is expected.

    It is that of the parameters, of chance, and of how far totals were off at the origins.

    :param customers: a sample of all
    """
    assert chosen.fit is not None, "who predicts has fitted"
    few = np.unique(np.linspace(0, len(customers.means) - 1, min(len(customers.means), IN_TOTAL)).astype(np.intp))
    some = Customers(
        *(column[few] for column in (customers.frequency, customers.recency, customers.age, customers.means))
    )
    found = intervals.total(
        prediction.model, chosen.fit, prediction.spend, some, np.zeros(len(few), dtype=np.int64),
        float(prediction.horizon_days), rng=np.random.default_rng(seed), factor=prediction.factor,
        model_error=_model_error(chosen),
    )  # fmt: skip
    value = float(found.value[0])
    if value <= 0:
        return 1.0, 1.0
    return float(found.value_range.low[0]) / value, float(found.value_range.high[0]) / value


def _model_error(chosen: Chosen) -> float:
    """Return how far the chosen model's totals were off, after the correction, in the mean over the origins."""
    choice = chosen.choice
    assert choice is not None, "who predicts has chosen"
    assert choice.model is not None, "who predicts has chosen"
    found = [each.purchases.bias for each in choice.scores[choice.model] if isinstance(each, Scores)]
    off = np.log(np.maximum((1.0 + np.array(found)) * choice.factor, TINY))
    return float(np.sqrt(np.mean(off**2)))


def change(before: ValueRun | None) -> Json:
    """Return what is new since the last run."""
    if before is None:
        return {}
    return {
        "run": before.pk, "data_cut": before.cut.isoformat(), "model": before.model, "customers": before.customers,
        "total_value": None if before.total_value is None else f"{before.total_value:f}", "factor": before.factor,
        "status": before.status, "parameters": {name: each["value"] for name, each in before.parameters.items()},
    }  # fmt: skip


def _plain(value: Any) -> Any:
    """Return a number as JSON has it: NaN and infinity are none."""
    if isinstance(value, str | int) or value is None:
        return value
    number = float(value)
    return round(number, 9) if math.isfinite(number) else None

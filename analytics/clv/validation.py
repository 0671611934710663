"""How wrong a prediction was on time that it had not seen."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from analytics.clv.summary import Floats


@dataclass(frozen=True)
class Errors:
    """
    Errors of predicted against actual, per customer.

    :param bias: total predicted / total actual - 1; NaN if nothing happened
    :param mae: mean absolute error, in the quantity's unit
    :param rmse: root mean squared error, in the quantity's unit
    :param gini: how well the ranking finds what happened: 1 is the perfect ranking, 0 is chance
    """

    bias: float
    mae: float
    rmse: float
    gini: float

    def as_json(self) -> dict[str, Any]:
        return {name: None if np.isnan(value) else round(value, 6) for name, value in asdict(self).items()}


def errors(predicted: Floats, actual: Floats) -> Errors:
    """Compare what was predicted with what happened."""
    difference = predicted - actual
    total = float(actual.sum())
    return Errors(
        bias=float(predicted.sum()) / total - 1.0 if total else float("nan"),
        mae=float(np.abs(difference).mean()),
        rmse=float(np.sqrt((difference**2).mean())),
        gini=gini(predicted, actual),
    )


def gini(score: Floats, actual: Floats) -> float:
    """Return the area between the gains curve by score and chance, as a share of what the perfect ranking has."""
    perfect = _gains(actual, actual)
    return _gains(score, actual) / perfect if perfect > 0 else float("nan")


def auc(score: Floats, happened: Floats) -> float:
    """Return the probability that one to whom it happened has a higher score than one to whom it did not."""
    positives = float(happened.sum())
    negatives = len(happened) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[happened > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def deciles(predicted: Floats, actual: Floats) -> list[dict[str, float]]:
    """Return mean predicted and mean actual of ten groups of equal size, the lowest predictions first."""
    order = np.argsort(predicted, kind="stable")
    return [
        {"predicted": float(predicted[group].mean()), "actual": float(actual[group].mean())}
        for group in np.array_split(order, 10)
        if len(group)
    ]


def _gains(score: Floats, actual: Floats) -> float:
    """Return the area under the share of `actual` found among the highest scores, less chance; ties share evenly."""
    total = actual.sum()
    if not total:
        return 0.0
    ranks = rankdata(-score, method="average")
    return float(((len(score) - ranks + 0.5) @ actual) / (len(score) * total) - 0.5)

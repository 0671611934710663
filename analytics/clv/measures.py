"""How wrong predictions are, of a quantity per customer and of whether something happens."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from analytics.clv.tuples import Floats

GROUPS = 10
SMALLEST_SHARE = (
    1e-2  # of the mean: nobody is predicted less when deviances are taken, or one purchase would refute all
)


@dataclass(frozen=True)
class Group:
    """
    One tenth of the customers, by prediction.

    :param predicted: mean
    :param actual: mean
    :param customers: how many
    """

    predicted: float
    actual: float
    customers: int


@dataclass(frozen=True)
class Errors:
    """
    Errors of a quantity, predicted against actual, per customer.

    :param bias: total predicted / total actual - 1; NaN if nothing happened
    :param mae: mean absolute error, in the quantity's unit
    :param rmse: root mean squared error, in the quantity's unit
    :param gini: how well the ranking finds what happened: 1 is the perfect ranking, 0 is chance
    :param groups: calibration by tenths of the prediction, the lowest first
    """

    bias: float
    mae: float
    rmse: float
    gini: float
    groups: tuple[Group, ...]


def errors(predicted: Floats, actual: Floats) -> Errors:
    """Compare what was predicted with what happened."""
    difference = predicted - actual
    total = float(actual.sum())
    return Errors(
        bias=float(predicted.sum()) / total - 1.0 if total else float("nan"),
        mae=float(np.abs(difference).mean()),
        rmse=float(np.sqrt((difference**2).mean())),
        gini=gini(predicted, actual),
        groups=calibration(predicted, actual),
    )


def gini(score: Floats, actual: Floats) -> float:
    """Return the area between the gains curve by score and chance, as a share of what the perfect ranking has."""
    perfect = _gains(actual, actual)
    return _gains(score, actual) / perfect if perfect > 0 else float("nan")


def deviance(predicted: Floats, actual: Floats) -> float:
    """
    Return the mean Poisson deviance of counts; lower is better.

    A prediction counts as at least a hundredth of the mean prediction.
    """
    mean = np.maximum(predicted, SMALLEST_SHARE * float(predicted.mean()))
    if not np.all(mean > 0):
        return float("inf") if actual.any() else 0.0
    logs = np.log(np.where(actual > 0, actual / mean, 1.0))
    return float(2.0 * (actual * logs - (actual - mean)).mean())


def scaled_deviance(predicted: Floats, actual: Floats) -> float:
    """Return the deviance after the prediction's total is scaled to the actual: of the ranking, not of the level."""
    total = float(predicted.sum())
    return deviance(predicted * (float(actual.sum()) / total) if total > 0 else predicted, actual)


def auc(score: Floats, happened: Floats) -> float:
    """Return the probability that one to whom it happened has a higher score than one to whom it did not."""
    positives = float(happened.sum())
    negatives = len(happened) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[happened > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def brier(probability: Floats, happened: Floats) -> float:
    """Return the mean squared distance of probabilities from what happened (1 or 0); lower is better."""
    return float(((probability - happened) ** 2).mean())


def calibration(predicted: Floats, actual: Floats) -> tuple[Group, ...]:
    """Return ten groups of equal size by prediction, the lowest first; of fewer customers, as many groups as there are."""
    order = np.argsort(predicted, kind="stable")
    return tuple(
        Group(float(predicted[group].mean()), float(actual[group].mean()), len(group))
        for group in np.array_split(order, GROUPS)
        if len(group)
    )


def _gains(score: Floats, actual: Floats) -> float:
    """Return the area under the share of `actual` found among the highest scores, less chance; ties share evenly."""
    total = actual.sum()
    if not total:
        return 0.0
    ranks = rankdata(-score, method="average")
    return float(((len(score) - ranks + 0.5) @ actual) / (len(score) * total) - 0.5)

"""
What an occasion of each customer is worth: the Gamma-Gamma model where the data carry it, else one mean for all.

A fall back says its reason; it never refuses, because a run's purchases are worth having where spending cannot be told apart.
"""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from analytics.clv import gamma_gamma
from analytics.clv.fitting import DidNotConverge, Fit
from analytics.clv.gamma_gamma import GammaGamma
from analytics.clv.statements import Statement
from analytics.clv.tuples import Column, Floats

MAX_CUSTOMERS = 500_000  # more do not make three parameters better
MIN_CUSTOMERS = 30  # who bought at least twice: one occasion does not tell a customer from an occasion
ALIKE = 1e-9
CAP_QUANTILE = 0.99
MAX_OF_SEEN = 2.0  # the model's mean of one who is not known, against what was seen: above it the tail makes the mean


class SpendModel(Protocol):
    """A model of what future occasions are worth; answers are columns, one per customer."""

    @property
    def mean(self) -> float:
        """The expected value of an occasion of a customer of whom nothing is known."""
        ...

    def expected_value(self, occasions: Column, means: Column) -> Floats:
        """Return the expected value of an occasion, given how many were seen and their mean."""
        ...

    def scale(self, occasions: Column, means: Column) -> Floats:
        """Return the unit in which each customer's future spending is drawn by `draw`."""
        ...

    def draw(self, future: Column, occasions: Column, rng: np.random.Generator) -> Floats:
        """Return draws of what future occasions come to together, in units of `scale`."""
        ...


@dataclass(frozen=True)
class CommonMean:
    """
    One mean for all.

    :param mean: of all occasions, in units of money
    :param variation: standard deviation of an occasion's value, as a share of the mean
    """

    mean: float
    variation: float

    def expected_value(self, occasions: Column, means: Column) -> Floats:
        """Return the mean for each customer."""
        return np.full(np.shape(occasions), self.mean)

    def scale(self, occasions: Column, means: Column) -> Floats:
        """Return the mean for each customer."""
        return self.expected_value(occasions, means)

    def draw(self, future: Column, occasions: Column, rng: np.random.Generator) -> Floats:
        """Return draws of what future occasions come to together, in means: Gamma with their variation."""
        if self.variation < ALIKE:
            return np.asarray(future, dtype=np.float64)
        shape = np.where(future > 0, future, 1.0) / self.variation**2
        return np.asarray(np.where(future > 0, rng.standard_gamma(shape) * self.variation**2, 0.0))


@dataclass(frozen=True)
class Spend:
    """
    What was fitted to spending.

    :param model: Gamma-Gamma, or a common mean
    :param reason: why this model: "gamma_gamma" or the reason for falling back
    :param fit: parameters with their errors; None for a common mean
    :param first_too: whether the occasions are all of a customer's, or those after the first
    """

    model: GammaGamma | CommonMean
    reason: Statement
    fit: Fit | None
    first_too: bool = True

    @property
    def fell_back(self) -> bool:
        """Whether all customers have one mean."""
        return isinstance(self.model, CommonMean)

    @property
    def mean(self) -> float:
        """The expected value of an occasion of a customer of whom nothing is known."""
        return self.model.mean

    def with_values(self, values: Floats) -> "Spend":
        """Return the same with other parameters of Gamma-Gamma; a common mean stays as it is."""
        return replace(self, model=self.model.with_values(values)) if isinstance(self.model, GammaGamma) else self

    def seen(self, frequency: Column) -> Floats:
        """Return the number of occasions of the kind that was fitted, of customers with so many repeats."""
        return np.asarray(frequency, dtype=np.float64) + (1.0 if self.first_too else 0.0)

    def expected_value(self, occasions: Column, means: Column) -> Floats:
        """
        Return the expected value of each customer's future occasions, in units of money.

        :param occasions: how many were seen, of the kind that was fitted (all, or those after the first)
        :param means: of those seen; not read where none was seen
        """
        return self.model.expected_value(occasions, means)


@dataclass(frozen=True)
class Occasions:
    """Columns that `fit_spend` takes: how many occasions each customer has, and their mean value (0 where there is none)."""

    number: Floats
    means: Floats


def all_occasions(purchase_days: Column, total: Column) -> Occasions:
    """Return every occasion, the first too: the default, because most customers have no other."""
    number = np.asarray(purchase_days, dtype=np.float64)
    return Occasions(number, np.divide(total, number, out=np.zeros_like(number), where=number > 0))


def repeat_occasions(purchase_days: Column, total: Column, first_value: Column) -> Occasions:
    """Return the occasions after the first, as in the published examples: for shops where the first is of another kind."""
    return all_occasions(np.maximum(np.asarray(purchase_days) - 1, 0), np.asarray(total) - np.asarray(first_value))


def fit_spend(occasions: Column, means: Column, *, first_too: bool = True) -> Spend:
    """
    Fit Gamma-Gamma, or fall back to a common mean with the reason.

    Customers without an occasion, and those whose mean is not a number above 0, are left out.

    :param occasions: how many occasions each mean is of
    :param means: mean value of an occasion, in units of money
    :param first_too: whether those are all of a customer's (`all_occasions`), or those after the first (`repeat_occasions`)
    :raises ValueError: where the columns are not of the same customers
    """
    if np.shape(occasions) != np.shape(means):
        raise ValueError("occasions and means must have one value per customer")
    return replace(_fit(occasions, means), first_too=first_too)


def _fit(occasions: Column, means: Column) -> Spend:
    number, mean = _usable(np.asarray(occasions, dtype=np.float64), np.asarray(means, dtype=np.float64))
    if not len(number):
        return Spend(CommonMean(0.0, 0.0), Statement("nothing_spent"), None)
    if mean.max() - mean.min() <= ALIKE * mean.max():
        return _common(number, mean, Statement("one_price", {"amount": float(mean[0])}))
    often = int(np.count_nonzero(number > 1))
    if often < MIN_CUSTOMERS:
        values = {"customers": often, "needed": MIN_CUSTOMERS}
        return _common(number, mean, Statement("too_few_bought_twice", values))
    return _gamma_gamma(number, mean)


def _usable(occasions: Floats, means: Floats) -> tuple[Floats, Floats]:
    """Return the rows that say something: at most half a million of them, evenly spread."""
    with np.errstate(invalid="ignore"):
        usable = (occasions >= 1) & np.isfinite(occasions) & np.isfinite(means) & (means > 0)
    if not usable.all():
        occasions, means = occasions[usable], means[usable]
    if len(means) > MAX_CUSTOMERS:
        spread = np.linspace(0, len(means) - 1, MAX_CUSTOMERS).astype(np.intp)
        occasions, means = occasions[spread], means[spread]
    return occasions, means


def _gamma_gamma(occasions: Floats, means: Floats) -> Spend:
    try:
        model, found = gamma_gamma.fit(occasions, means)
    except DidNotConverge:
        return _common(occasions, means, Statement("no_maximum"))
    if model.q <= 1.0:
        return _capped(occasions, means, "mean_does_not_exist", {"q": model.q})
    seen = float(np.average(means, weights=occasions))
    if model.mean > MAX_OF_SEEN * seen:
        return _capped(occasions, means, "heavy_tail", {"expected_amount": model.mean, "seen_amount": seen})
    return Spend(model, Statement("gamma_gamma"), found)


def _capped(occasions: Floats, means: Floats, code: str, values: dict[str, float | str]) -> Spend:
    """Return a common mean that the few in the tail do not make: nobody counts for more than 99 of 100 customers spend."""
    cap = float(np.quantile(means, CAP_QUANTILE))
    values = {**values, "cap_amount": cap, "capped": int(np.count_nonzero(means > cap))}
    return _common(occasions, np.minimum(means, cap), Statement(code, values))


def _common(occasions: Floats, means: Floats, reason: Statement) -> Spend:
    mean = float(np.average(means, weights=occasions))
    # n x (customer's mean - mean)^2 has the expectation of one occasion's variance, or more where customers differ.
    variance = float((occasions * (means - mean) ** 2).mean())
    variation = 0.0 if reason.code == "one_price" else float(np.sqrt(variance)) / mean
    return Spend(CommonMean(mean, variation), reason, None)

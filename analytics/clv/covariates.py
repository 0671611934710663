"""
What is known of customers besides what they bought, and does not change: channel, country, how they were won.

Fader, Hardie (2007), Incorporating Time-Invariant Covariates into the Pareto/NBD and BG/NBD Models: covariates multiply the
scales of the distributions, alpha_i = alpha exp(-gamma' z_i). Covariates are categories here, so that customers of the same
category and history are still one tuple.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from analytics.clv.families import Design, Family
from analytics.clv.fitting import Fit
from analytics.clv.purchases import PurchaseModel, purchases_by_ends
from analytics.clv.tuples import Floats, Integers, Tuples

M = TypeVar("M", bound=PurchaseModel)


@dataclass(frozen=True)
class Covariates:
    """
    The categories that customers are divided by.

    :param levels: of each covariate, the values that occur; the first is the one that others are compared with
    :param categories: each combination of levels that occurs, as places in them (categories x covariates)
    """

    levels: Mapping[str, tuple[str, ...]]
    categories: Integers

    @classmethod
    def of(cls, **columns: ArrayLike) -> tuple["Covariates", Integers]:
        """
        Return the covariates, and the category of each customer, from columns of labels with one row per customer.

        The most frequent label of a column is the one that others are compared with.

        :raises ValueError: where columns differ in length, or a label is missing
        """
        if not columns:
            raise ValueError("needs at least one column of labels")
        levels, codes = {}, []
        for name, values in columns.items():
            levels[name], code = _levels(name, values)
            codes.append(code)
        if len({len(code) for code in codes}) != 1:
            raise ValueError("columns of labels must have one label per customer")
        categories, places = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
        return cls(levels, categories), places.reshape(-1).astype(np.int64)

    @property
    def design(self) -> Design:
        """One column of 0 and 1 per label but for those that others are compared with."""
        names, columns = [], []
        for place, (name, labels) in enumerate(self.levels.items()):
            for level, label in enumerate(labels[1:], start=1):
                names.append(f"{name}={label}")
                columns.append(self.categories[:, place] == level)
        values = np.stack(columns, axis=1) if columns else np.zeros((len(self.categories), 0))
        return Design(tuple(names), values.astype(np.float64))


def _levels(name: str, values: ArrayLike) -> tuple[tuple[str, ...], Integers]:
    """Return labels, the most frequent first, and the place of each customer's."""
    column = np.asarray(values)
    if (column.dtype.kind == "f" and np.any(np.isnan(column))) or (column.dtype.kind == "O" and _lacking(column)):
        raise ValueError(f"{name} has no label for some customers; give those one of their own")
    labels, codes, counts = np.unique(column.astype(str), return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return tuple(labels[order].tolist()), np.argsort(order)[codes.reshape(-1)].astype(np.int64)


def _lacking(column: Sequence[object] | np.ndarray) -> bool:
    return any(value is None or value != value for value in column)  # noqa: PLR0124 - NaN alone differs from itself


@dataclass(frozen=True)
class ByCategory(Generic[M]):
    """
    A model whose scales differ between categories; it answers for tuples that name theirs.

    :param base: the model of customers with the labels that others are compared with
    :param family: how the model is fitted
    :param coefficients: of each scale, for each column of the covariates' design
    """

    base: M
    family: Family
    covariates: Covariates
    coefficients: Floats

    @classmethod
    def of(cls, base: M, family: Family, covariates: Covariates, fit: Fit) -> "ByCategory[M]":
        return cls(base, family, covariates, fit.values[len(family.names) :])

    @property
    def name(self) -> str:
        """That of the model."""
        return self.base.name

    def with_values(self, values: Floats) -> "ByCategory[M]":
        """Return the same model with other parameters and coefficients."""
        size = len(self.family.names)
        return replace(self, base=self.base.with_values(values[:size]), coefficients=np.asarray(values[size:]))

    def of_category(self, category: int) -> M:
        """Return the model of the customers of one category."""
        values = np.array([getattr(self.base, name) for name in self.family.names])
        jacobian = self.family.jacobian(self.covariates.design.values[category])[:, len(values) :]
        return self.base.with_values(values * np.exp(jacobian @ self.coefficients))

    def log_likelihood(self, tuples: Tuples) -> Floats:
        """Return the log-likelihood of one customer of each tuple."""
        return np.asarray(self._each(tuples, lambda model, part: model.log_likelihood(part))[0])

    def probability_active(self, tuples: Tuples) -> Floats:
        """Return the probability of not having left by the end of the data."""
        return np.asarray(self._each(tuples, lambda model, part: model.probability_active(part))[0])

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        """Return the expected number of purchase occasions within a horizon after the end of the data."""
        return np.asarray(self._each(tuples, lambda model, part: model.expected_purchases(part, horizon))[0])

    def purchases_by_ends(self, tuples: Tuples, ends: Floats) -> Floats:
        """Return the expected purchases until each of several horizons (ends x tuples)."""
        return self._each(tuples, lambda model, part: purchases_by_ends(model, part, ends), len(ends))

    def _each(self, tuples: Tuples, answer: Callable[[M, Tuples], Floats], width: int = 1) -> Floats:
        if tuples.category is None:
            raise ValueError("the tuples must name each customer's category")
        found = np.empty((width, len(tuples)))
        for category in np.unique(tuples.category):
            part = np.flatnonzero(tuples.category == category)
            found[:, part] = answer(self.of_category(int(category)), tuples.take(part))
        return found

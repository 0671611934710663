"""What every model of purchases answers, and what follows from that for any of them."""

from dataclasses import replace
from typing import Protocol, Self, runtime_checkable

import numpy as np

from analytics.clv.tuples import Floats, Tuples

DAYS_A_YEAR = 365.25
MONTH_DAYS = DAYS_A_YEAR / 12
PART = 100_000  # tuples whose months are in memory together


class PurchaseModel(Protocol):
    """A fitted model of when customers buy and when they silently leave; answers are columns, one per tuple."""

    @property
    def name(self) -> str:
        """As the literature has it: "Pareto/NBD"."""
        ...

    def with_values(self, values: Floats) -> Self:
        """Return the same model with other parameters, in the order of its fit."""
        ...

    def log_likelihood(self, tuples: Tuples) -> Floats:
        """Return the log-likelihood of one customer of each tuple."""
        ...

    def probability_active(self, tuples: Tuples) -> Floats:
        """Return the probability of not having left by the end of the data."""
        ...

    def expected_purchases(self, tuples: Tuples, horizon: float) -> Floats:
        """
        Return the expected number of purchase occasions within a horizon after the end of the data.

        :param horizon: in the tuples' unit of time
        """
        ...


@runtime_checkable
class ByEnds(Protocol):
    """A model that answers for several horizons at little more than the cost of one."""

    def purchases_by_ends(self, tuples: Tuples, ends: Floats) -> Floats:
        """Return the expected purchases until each end (ends x tuples)."""
        ...


def probability_of_buying(model: PurchaseModel, tuples: Tuples, horizon: float) -> Floats:
    """
    Return the probability of at least one purchase within a horizon: what a manager means by not having churned.

    It is 1 - L(x, t_x, T + horizon) / L(x, t_x, T): nothing new by then is as likely as the same record that much later.

    :param horizon: in the tuples' unit of time
    """
    later = replace(tuples, age=tuples.age + horizon)
    return np.asarray(-np.expm1(np.minimum(model.log_likelihood(later) - model.log_likelihood(tuples), 0.0)))


def discounted_purchases(
    model: PurchaseModel, tuples: Tuples, horizon: float, rate_a_year: float, unit_days: float = 1.0
) -> Floats:
    """
    Return the expected purchases within a horizon, each month's (a twelfth of 365.25 days) discounted from its middle.

    :param horizon: in the tuples' unit of time
    :param rate_a_year: the effective annual rate: a purchase a year ahead counts 1 / (1 + rate)
    :param unit_days: how many days the unit of time has
    """
    month = MONTH_DAYS / unit_days
    ends = np.append(np.arange(1, np.ceil(horizon / month)) * month, horizon)
    starts = np.append(0.0, ends[:-1])
    factors = (1.0 + rate_a_year) ** (-(starts + ends) / 2 * unit_days / DAYS_A_YEAR)
    # The sum over months of factor x (until this end - until the last one), ordered by ends.
    weights = factors - np.append(factors[1:], 0.0)
    found = np.empty(len(tuples))
    for first in range(0, len(tuples), PART):
        part = np.arange(first, min(first + PART, len(tuples)))
        found[part] = weights @ purchases_by_ends(model, tuples.take(part), ends)
    return found


def purchases_by_ends(model: PurchaseModel, tuples: Tuples, ends: Floats) -> Floats:
    """Return the expected purchases until each of several horizons (ends x tuples)."""
    if isinstance(model, ByEnds):
        return model.purchases_by_ends(tuples, ends)
    return np.stack([model.expected_purchases(tuples, float(end)) for end in ends])

"""
How many purchases a customer who has not left makes within a horizon: the whole distribution, by model.

A customer of a Pareto/NBD population who is known to be active is a new customer of a population whose parameters are
(r + x, alpha + T, s, beta + T); so too for the beta-geometric models. Distributions are exact but for the quadrature over the
moment of leaving.
"""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln

from analytics.clv.bg_nbd import BGNBD
from analytics.clv.leaving_chance import LeavingChance
from analytics.clv.mbg_nbd import MBGNBD
from analytics.clv.pareto_nbd import ParetoNBD
from analytics.clv.purchases import PurchaseModel
from analytics.clv.tuples import Floats

NODES = 20
DECAY = 30.0
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(NODES)


@dataclass(frozen=True)
class Active:
    """
    Customers who have not left, one per row, and how far they are looked after.

    :param frequency, recency, age: as in `Tuples`
    :param horizon: in their unit of time
    :param factor: by which rates of purchase are multiplied, as the back-test found
    """

    frequency: Floats
    recency: Floats
    age: Floats
    horizon: float
    factor: float = 1.0

    def rows(self, chosen: NDArray[np.intp]) -> "Active":
        """Return some of the customers."""
        columns = (self.frequency[chosen], self.recency[chosen], self.age[chosen])
        return Active(*columns, horizon=self.horizon, factor=self.factor)


@singledispatch
def most_purchases(model: PurchaseModel, customers: Active) -> Floats:
    """Return how many purchases practically none of the customers exceeds within the horizon, per row."""
    raise TypeError(f"how many of {len(customers.age)} customers buy how often is not known of {type(model).__name__}")


@singledispatch
def if_active(model: PurchaseModel, customers: Active, most: int) -> Floats:
    """Return the distribution of purchases within the horizon (rows x 0..most), cumulated."""
    raise TypeError(f"whether {len(customers.age)} customers buy {most} times is not known of {type(model).__name__}")


@singledispatch
def forgets(model: PurchaseModel) -> bool:  # noqa: ARG001 - the answer of all but those registered
    """Return whether an active customer's future does not depend on when it last bought."""
    return True


def negative_binomial(shape: Floats, scale: Floats, spans: Floats, most: int) -> Floats:
    """
    Return the probabilities of 0..most events (... x most + 1) at Gamma-distributed rates.

    :param shape: of the rates
    :param scale: of the rates, in units of time
    :param spans: time in which events are counted
    """
    k = np.arange(most + 1.0)
    ways = gammaln(shape[..., None] + k) - gammaln(shape)[..., None] - gammaln(k + 1.0)
    none = -shape * np.log1p(spans / scale)
    each = -np.log1p(scale / spans)
    return np.exp(ways + none[..., None] + k * each[..., None])


def most_of_negative_binomial(shape: Floats, scale: Floats, span: float) -> Floats:
    """Return a number of events that practically never is exceeded."""
    mean = shape * span / scale
    return np.asarray(np.ceil(mean + 7.0 * np.sqrt(mean * (1.0 + span / scale)) + 12.0))


@most_purchases.register
def _(model: ParetoNBD, customers: Active) -> Floats:
    scale = (model.alpha + customers.age) / customers.factor
    return most_of_negative_binomial(model.r + customers.frequency, scale, customers.horizon)


@if_active.register
def _(model: ParetoNBD, customers: Active, most: int) -> Floats:
    shape, scale = model.r + customers.frequency, (model.alpha + customers.age) / customers.factor
    left = model.beta + customers.age
    width = np.log1p(customers.horizon / left)
    stays = np.exp(-model.s * width)
    width = np.minimum(width, DECAY / model.s)  # beyond, all have left
    found = stays[:, None] * negative_binomial(shape, scale, np.full_like(scale, customers.horizon), most)
    for point, weight in zip(POINTS, WEIGHTS, strict=True):
        u = (point + 1.0) / 2 * width
        leaves = model.s * np.exp(-model.s * u) * width * weight / 2
        found += leaves[:, None] * negative_binomial(shape, scale, left * np.expm1(u), most)
    return np.minimum(np.cumsum(found, axis=1), 1.0)


@most_purchases.register(MBGNBD)
@most_purchases.register(BGNBD)
def _(model: LeavingChance, customers: Active) -> Floats:
    scale = (model.alpha + customers.age) / customers.factor
    return most_of_negative_binomial(model.r + customers.frequency, scale, customers.horizon)


@if_active.register(MBGNBD)
@if_active.register(BGNBD)
def _(model: LeavingChance, customers: Active, most: int) -> Floats:
    """Return that of n purchases and more: they are due, and the customer has not left after any of the first n - 1."""
    scale = (model.alpha + customers.age) / customers.factor
    due = negative_binomial(model.r + customers.frequency, scale, np.full_like(scale, customers.horizon), most)
    could = model.b + customers.frequency + (1.0 if model.first_counts else 0.0)
    n = np.arange(most + 1.0)
    stays = np.exp(betaln(model.a, could[:, None] + n) - betaln(model.a, could)[:, None])
    return np.asarray(1.0 - np.maximum(1.0 - np.cumsum(due, axis=1), 0.0) * stays)

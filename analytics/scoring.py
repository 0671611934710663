"""
What a plan says of a block of customers: pure, so that it is the same here, in another process and on another machine.

A plan is all that was decided before: models, correction, horizon, rates, and what the models say of each distinct row. Customers
are given what is said of their row, times what they spend.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analytics.blocks import Block, Columns
from analytics.clv import intervals
from analytics.clv.formulas import Terms, value_by_formula
from analytics.clv.purchases import PurchaseModel, discounted_purchases, probability_of_buying
from analytics.clv.spend import Spend
from analytics.clv.tuples import Floats, Tuples, places
from analytics.margins import margin

RISK = 0.6  # of the probability the day after the last purchase: below it a customer is at risk
DIGITS = 6  # of probabilities and numbers of purchases
TENTHS = 10


@dataclass(frozen=True)
class Money:
    """
    What turns revenue into value.

    :param margin_rate: of goods without a known cost; None where no margin is known at all, and values are revenue
    :param margin_share: margin per unit of revenue that is expected, costs and rate together
    :param decimals: of the currency
    """

    margin_rate: float | None
    margin_share: float
    decimals: int

    def margin(self, block: Block) -> Floats:
        """Return what is left of revenue: after the known costs, and by the rate where none is known, however goods were paid."""
        if self.margin_rate is None:
            return block.total
        found = margin(
            value=block.total, paid=block.paid_with_points, costed=block.costed, cost=block.cost, rate=self.margin_rate
        )
        return np.asarray(found)

    def rounded(self, amounts: Floats) -> Floats:
        """Return amounts in whole units of the currency."""
        return np.asarray(np.round(amounts, self.decimals) + 0.0)


@dataclass(frozen=True)
class Formula:
    """
    What the formula takes from all customers.

    :param lifetime_years: how long a customer stays
    :param common_rate: purchases a year of all who have been customers for 90 days; NaN where nobody has
    """

    lifetime_years: float
    common_rate: float

    def values(self, block: Block, money: Money) -> Floats | None:
        """Return average margin of a purchase day x purchases a year x lifetime; None where nobody has a rate."""
        if np.isnan(self.common_rate):
            return None
        found = value_by_formula(
            average_value=block.means * money.margin_share, occasions=block.occasions, age_days=block.age,
            lifetime_years=self.lifetime_years, terms=Terms(), common=self.common_rate,
        )  # fmt: skip
        return money.rounded(found.value)


@dataclass(frozen=True)
class Predictions:
    """
    What models say of each distinct row, as columns; purchases are after the correction.

    :param purchases: expected within the horizon
    :param discounted: the same, each counted by how far it is off
    :param if_active: the same for who has not left
    :param low, high: of undiscounted spending, in units of the spend model's scale of a customer
    """

    tuples: Tuples
    active: Floats
    buying: Floats
    at_risk: NDArray[np.bool_]
    purchases: Floats
    discounted: Floats
    if_active: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Prediction:
    """
    What a run believes.

    :param model: of purchases, on the grid of days
    :param spend: of what a purchase day is worth
    :param factor: by which the back-test found purchases to be more, or fewer
    :param rate_a_year: by which later purchases count less
    :param rows: what all this says of each distinct row; those of all customers that will be scored
    """

    model: PurchaseModel
    spend: Spend
    factor: float
    horizon_days: int
    rate_a_year: float
    rows: Predictions | None = None


@dataclass(frozen=True)
class Deciles:
    """
    Tenths by rank among all customers; who is worth the same is in the same one, that of the middle of them.

    :param bounds: distinct values at which a tenth ends
    :param of_equal: the decile of those who are worth exactly that
    """

    bounds: Floats
    of_equal: NDArray[np.int16]
    of_less: NDArray[np.int16]

    @classmethod
    def among(cls, values: Floats) -> "Deciles":
        """Return the deciles of values; the values come back in another order."""
        if not len(values):
            return cls(np.empty(0), np.empty(0, np.int16), np.ones(1, np.int16))
        steps = np.arange(1, TENTHS) * len(values) // TENTHS
        values.partition(steps)
        bounds = np.unique(values[steps])
        less = np.array([np.count_nonzero(values < bound) for bound in bounds])
        equal = np.array([np.count_nonzero(values == bound) for bound in bounds])
        middle = (less + (equal - 1) // 2) * TENTHS // len(values) + 1
        below = np.append(np.maximum(less - 1, 0), len(values) - 1) * TENTHS // len(values) + 1
        return cls(bounds, middle.astype(np.int16), below.astype(np.int16))

    def of(self, values: Floats) -> NDArray[np.int16]:
        """Return the decile of each value, 10 the highest."""
        place = np.searchsorted(self.bounds, values)
        found = self.of_less[place]
        near = np.minimum(place, max(len(self.bounds) - 1, 0))
        if len(self.bounds):
            is_bound = self.bounds[near] == values
            found[is_bound] = self.of_equal[near[is_bound]]
        return found


@dataclass(frozen=True)
class Plan:
    """All that was decided before customers are scored; it can be pickled."""

    money: Money
    formula: Formula
    prediction: Prediction | None = None
    deciles: Deciles | None = None


def predict_rows(prediction: Prediction, tuples: Tuples, *, seed: int) -> Prediction:
    """Return a prediction with what it says of each distinct row, ranges too, for which numbers are drawn."""
    model, horizon = prediction.model, float(prediction.horizon_days)
    active = model.probability_active(tuples)
    buying = probability_of_buying(model, tuples, horizon)
    discounted = discounted_purchases(model, tuples, horizon, prediction.rate_a_year)
    drawn = intervals.predictive(
        model, prediction.spend, tuples, horizon, rng=np.random.default_rng(seed), factor=prediction.factor
    ).spending
    rows = Predictions(
        tuples=tuples, active=np.clip(active, 0.0, 1.0), buying=np.clip(buying, 0.0, 1.0),
        at_risk=buying < RISK * _fresh(model, tuples, horizon),
        purchases=model.expected_purchases(tuples, horizon) * prediction.factor,
        discounted=discounted * prediction.factor,
        if_active=_if_active(model, tuples, horizon, prediction.rate_a_year) * prediction.factor,
        low=drawn.low, high=drawn.high,
    )  # fmt: skip
    return replace(prediction, rows=rows)


def _fresh(model: PurchaseModel, tuples: Tuples, horizon: float) -> Floats:
    """Return how probable buying again was the day after each row's last purchase."""
    recency = np.asarray(tuples.recency)
    return _of_distinct(
        lambda distinct: probability_of_buying(model, distinct, horizon), tuples.frequency, recency, recency + 1
    )


def _if_active(model: PurchaseModel, tuples: Tuples, horizon: float, rate: float) -> Floats:
    """
    Return the discounted purchases of who is known not to have left.

    It does not depend on when the last purchase was, so it is taken from who bought today: there it is no ratio of two nothings.
    """
    age = np.asarray(tuples.age)
    recency = np.where(np.asarray(tuples.frequency) > 0, age, 0)

    def of_active(distinct: Tuples) -> Floats:
        active = np.maximum(model.probability_active(distinct), np.finfo(np.float64).tiny)
        return np.asarray(discounted_purchases(model, distinct, horizon, rate) / active)

    return _of_distinct(of_active, tuples.frequency, recency, age)


def _of_distinct(
    read: Callable[[Tuples], Floats], frequency: NDArray[np.generic], recency: Floats, age: Floats
) -> Floats:
    distinct = Tuples.of(frequency, recency, age)
    return np.asarray(read(distinct)[places(distinct, frequency, recency, age)])


def value(block: Block, plan: Plan) -> Floats | None:
    """Return what ranks customers: the predicted value, or the formula's where there is no prediction."""
    if plan.prediction is None:
        return plan.formula.values(block, plan.money)
    rows = _rows_of(plan.prediction)
    worth = _worth(block, plan.prediction) * plan.money.margin_share
    return plan.money.rounded(rows.discounted[_places(rows, block)] * worth)


def score(block: Block, plan: Plan) -> Columns:
    """
    Return what a plan says of a block of customers.

    :raises KeyError: when the prediction knows nothing of a customer's row
    """
    money = plan.money
    said = value(block, plan)
    formula = said if plan.prediction is None else plan.formula.values(block, money)
    columns = Columns(
        ids=block.ids,
        historic_revenue=money.rounded(block.total),
        historic_margin=money.rounded(money.margin(block)),
        formula_value=formula,
        value_decile=_deciles(block, plan, said),
    )
    return columns if plan.prediction is None else _predicted(columns, block, plan.prediction, money, said)


def _deciles(block: Block, plan: Plan, said: Floats | None) -> NDArray[np.int16]:
    ranked = block.total if said is None else said
    return plan.deciles.of(ranked) if plan.deciles else np.ones(len(block), np.int16)


def _predicted(columns: Columns, block: Block, prediction: Prediction, money: Money, said: Floats | None) -> Columns:
    rows = _rows_of(prediction)
    place = _places(rows, block)
    occasions = _worth(block, prediction)
    worth = occasions * money.margin_share
    drawn = prediction.spend.model.scale(prediction.spend.seen(block.frequency), block.means) * money.margin_share
    # Ranges are of undiscounted spending; discounting makes them smaller as it does what is expected.
    discount = rows.discounted / np.maximum(rows.purchases, np.finfo(np.float64).tiny)
    drawn = drawn * np.minimum(discount, 1.0)[place]
    low, high = rows.low[place] * drawn, rows.high[place] * drawn
    return replace(
        columns,
        predicted_value=said,
        value_low=money.rounded(
            np.minimum(low, high)
        ),  # where goods cost more than they bring, buying more is worth less
        value_high=money.rounded(np.maximum(low, high)),
        value_if_active=money.rounded(rows.if_active[place] * worth),
        expected_order_value=money.rounded(worth),
        expected_purchases=np.round(rows.purchases[place], DIGITS),
        probability_active=np.round(rows.active[place], DIGITS),
        probability_of_buying=np.round(rows.buying[place], DIGITS),
        at_risk=rows.at_risk[place],
    )


def _worth(block: Block, prediction: Prediction) -> Floats:
    """Return what a purchase day of each customer is expected to bring, in revenue."""
    spend = prediction.spend
    return spend.expected_value(spend.seen(block.frequency), block.means)


def _places(rows: Predictions, block: Block) -> NDArray[np.intp]:
    return places(rows.tuples, block.frequency, block.recency, block.age)


def _rows_of(prediction: Prediction) -> Predictions:
    assert prediction.rows is not None, "a plan is complete before customers are scored"
    return prediction.rows

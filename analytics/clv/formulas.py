"""
The values that need no model: the textbook's formulas, for one customer, for columns of them and for cohorts.

They stand beside the prediction, each with what it rests on. Margin is compared with margin: where no margin is known, all of
them are revenue, and say so.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analytics.clv.statements import Figure, Statement
from analytics.clv.tuples import Column, Floats

DAYS_A_YEAR = 365.25
MIN_DAYS = 90  # of relation, before a rate is one: a purchase of 50 today is not 18,263 a year


@dataclass(frozen=True)
class Terms:
    """
    What turns revenue into value.

    :param margin_rate: share of revenue that is margin; None where none is known, and values are revenue
    :param cost_per_order: of serving an order
    :param cost_a_year: of serving a customer for a year
    """

    margin_rate: float | None = None
    cost_per_order: float = 0.0
    cost_a_year: float = 0.0

    def __post_init__(self) -> None:
        if self.margin_rate is not None and not 0 <= self.margin_rate <= 1:
            raise ValueError(f"a margin rate is a share of 1, not {self.margin_rate}")
        if self.cost_per_order < 0 or self.cost_a_year < 0:
            raise ValueError("a cost to serve cannot be below 0")

    @property
    def rate(self) -> float:
        """The share of revenue that counts: the margin rate, or all of it."""
        return 1.0 if self.margin_rate is None else self.margin_rate


@dataclass(frozen=True)
class FormulaValues:
    """
    The formula's values, as columns.

    :param value: per customer; NaN where no rate is known
    :param own_rate: whether the rate of purchases is the customer's own; else it is everybody's
    :param basis: of all of them
    """

    value: Floats
    own_rate: NDArray[np.bool_]
    basis: Statement


def value_by_churn(*, revenue_per_period: float, churn: float) -> float:
    """
    Return ARPU / churn: what a customer brings until it leaves.

    :param churn: share of customers who leave in a period, above 0; 100 a month at 10 % is worth 1,000
    """
    if not 0 < churn <= 1:
        raise ValueError(f"churn must be above 0 and at most 1, not {churn}")
    return revenue_per_period / churn


def value_by_duration(*, revenue_per_period: float, periods: float) -> float:
    """Return average profit x duration: 100 a month for 24 months is worth 2,400."""
    if periods < 0:
        raise ValueError(f"a duration cannot be below 0, as {periods} is")
    return revenue_per_period * periods


def lifetime_from_churn(churn_a_year: float, *, most_years: float = 10.0) -> float:
    """Return the expected lifetime 1 / churn, in years, limited where hardly anybody leaves."""
    return most_years if churn_a_year <= 1 / most_years else 1 / churn_a_year


def value_by_transactions(
    *, average_basket: float, purchases_a_year: float, lifetime_years: float, terms: Terms
) -> Figure:
    """
    Return what a customer is worth, put together from its transactions.

    It is average basket x purchases a year x lifetime in years x margin - cost to serve.
    """
    revenue = average_basket * purchases_a_year * lifetime_years
    cost = (terms.cost_per_order * purchases_a_year + terms.cost_a_year) * lifetime_years
    values = {
        "basket_amount": average_basket, "purchases_a_year": purchases_a_year, "lifetime_years": lifetime_years,
        "margin_rate": terms.rate, "cost_amount": cost,
    }  # fmt: skip
    return Figure(revenue * terms.rate - cost, Statement(_of_margin("transactions", terms), values))


def value_by_customers(
    *, revenue: float, customer_years: float, orders: float, lifetime_years: float, terms: Terms
) -> Figure:
    """
    Return what a customer is worth, put together from customers: the average revenue of one in a year, kept for a lifetime.

    :param revenue: of all customers together
    :param customer_years: how many years of relation it took them; NaN comes out where there are none
    :param orders: of all customers together, for the cost to serve them
    """
    if customer_years <= 0:
        return Figure(float("nan"), Statement("no_relation"))
    revenue_a_year = revenue / customer_years
    cost = (terms.cost_per_order * orders / customer_years + terms.cost_a_year) * lifetime_years
    values = {
        "revenue_amount": revenue_a_year, "lifetime_years": lifetime_years, "margin_rate": terms.rate,
        "cost_amount": cost,
    }  # fmt: skip
    return Figure(
        revenue_a_year * lifetime_years * terms.rate - cost, Statement(_of_margin("customers", terms), values)
    )


def value_by_formula(  # noqa: PLR0913 - the formula has these factors
    *,
    average_value: Floats,
    occasions: Column,
    age_days: Column,
    lifetime_years: float,
    terms: Terms,
    common: float | None = None,
) -> FormulaValues:
    """
    Return average basket x purchases a year x lifetime in years x margin - cost to serve, per customer.

    Who has been a customer for less than 90 days has no rate of its own: everybody's rate stands in, that of all who have, and
    where nobody has there is none. Who has no occasion, because all was returned, is worth 0.

    :param average_value: of an occasion, in units of money; not read where there is none
    :param occasions: purchase occasions so far
    :param age_days: from the first occasion to the end of the data
    :param lifetime_years: how long a customer stays
    :param common: everybody's purchases a year, by `common_rate`, where the columns are but some of the customers
    """
    own = np.asarray(age_days) >= MIN_DAYS
    rate = purchases_a_year(occasions=occasions, age_days=age_days)
    common = common_rate(occasions=occasions, age_days=age_days) if common is None else common
    rate = np.where(own, rate, common)
    a_year = average_value * terms.rate * rate - terms.cost_per_order * rate - terms.cost_a_year
    value = np.where(np.asarray(occasions) > 0, a_year * lifetime_years, 0.0)
    values = {
        "lifetime_years": lifetime_years, "margin_rate": terms.rate, "common_purchases_a_year": common,
        "days": MIN_DAYS, "customers": int(np.count_nonzero(~own)),
    }  # fmt: skip
    return FormulaValues(value, own, Statement(_of_margin("formula", terms), values))


def purchases_a_year(*, occasions: Column, age_days: Column) -> Floats:
    """Return each customer's occasions in a year of relation; NaN before 90 days."""
    days = np.asarray(age_days, dtype=np.float64)
    years = np.where(days >= MIN_DAYS, days, np.nan) / DAYS_A_YEAR
    return np.asarray(occasions / years)


def common_rate(*, occasions: Column, age_days: Column) -> float:
    """Return the occasions in a year of relation of all customers of 90 days or more; NaN where there are none."""
    days, number = np.asarray(age_days, dtype=np.float64), np.asarray(occasions)
    long = (days >= MIN_DAYS) & (number > 0)
    total = float(days[long].sum())
    return float(number[long].sum()) / total * DAYS_A_YEAR if total else float("nan")


def retention(active: Floats, sizes: Floats) -> Floats:
    """
    Return the share of a cohort that is still there in each period, over all cohorts that were seen in it.

    :param active: cohorts x periods, how many bought in each period since the cohort's first; NaN where not yet seen
    :param sizes: customers of each cohort
    """
    seen = np.isfinite(active)
    there = np.where(seen, active, 0.0).sum(axis=0)
    of = (seen * np.asarray(sizes)[:, None]).sum(axis=0)
    return np.asarray(np.divide(there, of, out=np.full(len(of), np.nan), where=of > 0))


def value_by_retention(
    *, value_per_period: Floats, retained: Floats, discount_rate: float, periods_a_year: float = 12.0
) -> Figure:
    """
    Return what a customer of a cohort brings: the sum over periods of value x share still there, discounted.

    :param value_per_period: of one who is still there, from the first period on; one for all periods or one for each
    :param retained: share of the cohort in each period, the first one's mostly 1
    :param discount_rate: the effective rate a year; a period's value is discounted from its beginning
    """
    if np.any((retained < 0) | (retained > 1)):
        raise ValueError("a share still there must lie between 0 and 1")
    factors = (1.0 + discount_rate) ** (-np.arange(len(retained)) / periods_a_year)
    value = float(np.sum(np.broadcast_to(value_per_period, retained.shape) * retained * factors))
    values = {"periods": len(retained), "last_share": float(retained[-1]), "discount_rate": discount_rate}
    return Figure(value, Statement("retention", values))


def _of_margin(code: str, terms: Terms) -> str:
    return f"{code}_revenue" if terms.margin_rate is None else f"{code}_margin"

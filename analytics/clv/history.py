"""
What customers have brought so far, in revenue and in margin, and in a year of relation.

What was paid with points is no revenue: the goods still cost, and no money came. Who returned everything has brought nothing.
"""

from dataclasses import dataclass, fields

import numpy as np

from analytics.clv.formulas import DAYS_A_YEAR, MIN_DAYS, Terms
from analytics.clv.statements import Statement
from analytics.clv.tuples import Column, Floats

FOR_ALL = ("paid_with_points", "cost", "value_with_cost", "benefits")  # of which one number may hold for all customers


@dataclass(frozen=True)
class Facts:
    """
    What is known of customers, as columns of equal length; money in the retailer's currency, after returns.

    :param occasions: purchase days that kept a value; 0 for who returned everything
    :param orders: how many there were, for the cost to serve them
    :param value: of what was bought and kept, however paid
    :param age_days: from the first purchase to the end of the data
    :param paid_with_points: the part of the value that was paid with points
    :param cost: of the goods on lines whose unit cost is known
    :param value_with_cost: the value of those lines
    :param benefits: cost of the rewards that were given; not of points, which count where they pay
    :raises ValueError: where a column is not of the same customers, or not of numbers for who bought; a single number, of the
        last four, holds for all
    """

    occasions: Column
    orders: Column
    value: Floats
    age_days: Column
    paid_with_points: Column | float = 0.0
    cost: Column | float = 0.0
    value_with_cost: Column | float = 0.0
    benefits: Column | float = 0.0

    def __post_init__(self) -> None:
        columns = {each.name: np.asarray(getattr(self, each.name), dtype=np.float64) for each in fields(self)}
        bought = columns["occasions"] > 0
        for name, column in columns.items():
            if column.shape != bought.shape and not (name in FOR_ALL and column.ndim == 0):
                raise ValueError(f"{name} must have one value per customer, as occasions has")
            if not (np.isfinite(column) | ~bought).all():
                raise ValueError(f"{name} is not a finite number for every customer who bought")
            object.__setattr__(self, name, column)


@dataclass(frozen=True)
class Historic:
    """
    What customers have brought, as columns.

    :param revenue: money that came in for goods
    :param margin: after the goods' cost, the cost to serve and the benefits given; equal to revenue less those where no
        margin is known
    :param revenue_a_year: per year of relation; NaN before 90 days
    :param margin_a_year: the same of margin
    :param basis: how margin came about
    """

    revenue: Floats
    margin: Floats
    revenue_a_year: Floats
    margin_a_year: Floats
    basis: Statement


def historic(facts: Facts, terms: Terms) -> Historic:
    """Return what customers have brought so far: margin by the lines' cost where that is known, else by the margin rate."""
    bought = np.asarray(facts.occasions) > 0
    days = np.asarray(facts.age_days, dtype=np.float64)
    years = np.where(days >= MIN_DAYS, days, np.nan) / DAYS_A_YEAR
    revenue = np.where(bought, np.maximum(facts.value - facts.paid_with_points, 0.0), 0.0)
    goods = facts.cost + (1.0 - terms.rate) * np.maximum(facts.value - facts.value_with_cost, 0.0)
    served = terms.cost_per_order * np.asarray(facts.orders) + terms.cost_a_year * days / DAYS_A_YEAR
    margin = np.where(bought, revenue - goods - served - facts.benefits, 0.0)
    value, known = (float(np.sum(np.where(bought, column, 0.0))) for column in (facts.value, facts.value_with_cost))
    return Historic(
        revenue, margin, np.where(bought, revenue / years, 0.0), np.where(bought, margin / years, 0.0),
        historic_basis(value=value, value_with_cost=known, terms=terms),
    )  # fmt: skip


def historic_basis(*, value: float, value_with_cost: float, terms: Terms) -> Statement:
    """
    Return what the margin of all customers rests on, from their sums.

    :param value: of what was bought and kept
    :param value_with_cost: the part of it on lines whose unit cost is known
    """
    cost_share = min(value_with_cost / value, 1.0) if value > 0 else 0.0
    values = {"cost_share": cost_share, "margin_rate": terms.rate}
    if terms.margin_rate is None:
        return Statement("historic_cost_or_revenue" if cost_share else "historic_revenue", values)
    return Statement("historic_cost_and_rate" if cost_share else "historic_rate", values)

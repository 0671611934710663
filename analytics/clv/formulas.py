"""The values that need no model: what was spent, and the textbook formulas. They stand beside the prediction."""

import numpy as np

from analytics.clv.summary import Floats

DAYS_A_YEAR = 365.25


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
    return revenue_per_period * periods


def value_by_formula(  # noqa: PLR0913 - the formula has these factors
    *,
    average_value: Floats,
    occasions: Floats,
    age_days: Floats,
    lifetime_years: float,
    margin: float,
    cost_to_serve: float = 0.0,
) -> Floats:
    """
    Return average basket x purchases a year x lifetime in years x margin - cost to serve, per customer.

    :param occasions: purchase occasions so far, spread over the customer's age of at least 30 days
    :param lifetime_years: how long a customer stays
    :param margin: share of revenue
    :param cost_to_serve: over the lifetime, in units of money
    """
    years = np.maximum(age_days, 30.0) / DAYS_A_YEAR
    return np.asarray(average_value * (occasions / years) * lifetime_years * margin - cost_to_serve)


def lifetime_from_churn(churn_a_year: float, *, most_years: float = 10.0) -> float:
    """Return the expected lifetime 1 / churn, in years, limited where hardly anybody leaves."""
    return most_years if churn_a_year <= 1 / most_years else 1 / churn_a_year

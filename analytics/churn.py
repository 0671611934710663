"""
Churn: that a customer does not buy again within the horizon, which is what a manager means by it. Reads only.

It is 1 less the probability of buying, and it is believed as far as it was right on time that it had not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from analytics.models import ValueRun
from customers.core import bulk

TENTHS = 10


@dataclass(frozen=True, slots=True)
class Tenth:
    """
    A tenth of the customers by predicted churn, on time that was held out.

    :param expected: the share that was expected not to buy
    :param actual: the share that did not
    """

    expected: float
    actual: float
    customers: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """
    Churn that was predicted beside what came.

    :param tenths: the highest churn first
    :param days: that were held out
    :param brier: mean squared distance of the probability from what happened, lower is better; None where unknown
    """

    tenths: Sequence[Tenth]
    days: int
    brier: float | None

    @property
    def expected(self) -> float:
        """Return the share of all that was expected not to buy."""
        return sum(each.expected * each.customers for each in self.tenths) / self.customers

    @property
    def actual(self) -> float:
        """Return the share of all that did not buy."""
        return sum(each.actual * each.customers for each in self.tenths) / self.customers

    @property
    def customers(self) -> int:
        return sum(each.customers for each in self.tenths)


def calibration_of(run: ValueRun) -> Calibration | None:
    """Return how the chosen model's churn came true at the latest origin of a run's back-test; None where it has none."""
    origins = run.held_out.get("origins") or []
    if not origins:
        return None
    latest = origins[0]
    model = latest.get("models", {}).get(run.model, {})
    groups = model.get("buying") or []
    tenths = [Tenth(1 - each["predicted"], 1 - each["actual"], each["customers"]) for each in groups]
    return Calibration(tenths, latest["days"], model.get("brier")) if tenths else None


@dataclass(frozen=True, slots=True)
class TypeChurn:
    """
    What is expected of a type.

    :param leaving: how many of its customers are expected not to buy within the horizon
    :param at_stake: what their value would be if all were active, less what is predicted
    """

    segment: str
    customers: int
    leaving: float
    at_stake: Decimal

    @property
    def churn(self) -> float:
        return self.leaving / self.customers


BY_TYPE = """
SELECT s.segment, count(*), sum(1 - v.probability_of_buying), sum(v.value_if_active - v.predicted_value)
FROM analytics_customersegment s JOIN analytics_customervalue v ON v.run_id = s.run_id AND v.customer_id = s.customer_id
WHERE s.run_id = %s AND v.probability_of_buying IS NOT NULL GROUP BY 1
"""


def by_type(run_id: int) -> dict[str, TypeChurn]:
    """Return what churn is expected of each type in a run; nothing where nothing was predicted."""
    return {row[0]: TypeChurn(*row) for row in bulk.fetch(BY_TYPE, [run_id])}


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A customer at risk, and what is at stake."""

    customer_id: UUID
    name: str
    segment: str
    churn: float
    value: Decimal
    value_if_active: Decimal

    @property
    def at_stake(self) -> Decimal:
        return self.value_if_active - self.value


LISTED = """
SELECT v.customer_id, c.external_id, s.segment, 1 - v.probability_of_buying, v.predicted_value, v.value_if_active
FROM analytics_customervalue v JOIN customers_customer c ON c.id = v.customer_id
JOIN analytics_customersegment s ON s.run_id = v.run_id AND s.customer_id = v.customer_id
WHERE v.run_id = %s AND v.at_risk AND c.erased_at IS NULL
ORDER BY v.value_if_active - v.predicted_value DESC, v.customer_id LIMIT %s
"""


def at_risk(run_id: int, limit: int) -> list[AtRisk]:
    """Return the customers at risk of a run of whom most is at stake."""
    return [AtRisk(*row) for row in bulk.fetch(LISTED, [run_id, limit])]

"""A small shop whose customers' values are written by hand, so that every figure of them can be said."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from analytics import statistics, writing
from analytics.models import CustomerValue, ValueRun
from customers.models import Customer, Insight, Retailer
from customers.recording import record_orders
from tests import make
from tests.make import NOON

CUT = date(2026, 5, 31)
# Twenty customers: one is worth 100, one 50, and eighteen together 50.
WORTHS = [Decimal(100), Decimal(50), *[Decimal("2.5")] * 12, *[Decimal(4)] * 5, Decimal(0)]
TRACKED = [{"week": 1, "actual": 10, "predicted": 12.5}, {"week": 2, "actual": 20, "predicted": 22.0}]


def run_of(shop: Retailer, **given: Any) -> ValueRun:
    usual: dict[str, Any] = {
        "status": "done", "ran_at": NOON, "data_cut": CUT, "calibration_cut": date(2026, 3, 1), "currency": "EUR",
        "basis": "rate", "margin_share": 0.25, "model": "Pareto/NBD", "customers": 20, "total_value": Decimal("200.00"),
        "total_low": Decimal(150), "total_high": Decimal(260), "card": {"tracking": TRACKED},
        "held_out": {"days": 90, "value": {"bias": 0.05},
                     "purchases": {"groups": [{"predicted": 1.5, "actual": 1.25, "customers": 10}]}},
    }  # fmt: skip
    return ValueRun.objects.create(retailer=shop, **{**usual, **given})


def valued(shop: Retailer, run: ValueRun, worths: list[Decimal]) -> None:
    """Write down what customers are worth: those of the first four are at risk, in two deciles."""
    for place, worth in enumerate(worths):
        customer = Customer.objects.create(retailer=shop, external_id=f"v{place}", identified_at=NOON)
        Insight.objects.create(
            customer=customer, run_id=run.pk, as_of=CUT, horizon_days=365, currency="EUR", historic_revenue=Decimal(10),
            predicted_value=worth, value_if_active=worth * 2, at_risk=place < 4, value_decile=10 if place < 2 else 3,
        )  # fmt: skip


def buys(shop: Retailer, *orders: tuple[str, str, str]) -> None:
    """Record orders of a customer, a day and an amount, and count them."""
    facts = [
        make.order(who, amount, at=datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC))
        for who, day, amount in orders
    ]
    record_orders(shop, facts, now=NOON)
    statistics.refresh(shop)


def keeps(run: ValueRun, *rows: tuple[Customer, float, str]) -> None:
    """Keep what a run expected of customers: purchases, and margin of one."""
    writing.open_partition(run)
    writing.close_partition(run)
    CustomerValue.objects.bulk_create(
        CustomerValue(
            id=(run.pk << writing.PLACES) + place, run=run, customer=customer, historic_revenue=1, historic_margin=1,
            expected_purchases=purchases, expected_order_value=Decimal(worth),
        )
        for place, (customer, purchases, worth) in enumerate(rows)
    )  # fmt: skip


def shop(**given: Any) -> Retailer:
    """Return a shop of twenty valued customers, of whom two have bought."""
    found = make.retailer(**({"margin_rate": Decimal("0.25")} | given))
    valued(found, run_of(found), WORTHS)
    buys(
        found,
        ("v0", "2026-03-05", "20.00"), ("v1", "2026-03-10", "10.00"), ("v0", "2026-03-20", "6.00"),
        ("v0", "2026-05-02", "8.00"), ("v2", "2026-04-02", "30.00"), ("v2", "2026-06-02", "99.00"),
    )  # fmt: skip
    return found

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from analytics import extract, statistics
from analytics.models import CustomerStatistics, CustomerValue, ValueRun
from analytics.runs import compute_value
from customers.facts import OrderFact, ReturnFact, ReturnLineFact
from customers.models import FactChange, Insight, Retailer
from customers.recording import record_orders, record_returns
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


def shop_with_history(customers: int = 150, days: int = 360) -> Retailer:
    """Return a retailer whose customers buy at Gamma-distributed rates and leave at Gamma-distributed rates."""
    shop = make.retailer()
    rng = np.random.default_rng(11)
    facts: list[OrderFact] = []
    start = datetime(2025, 6, 1, 12, tzinfo=UTC)
    for customer in range(customers):
        rate, leaves = rng.gamma(1.2, 1 / 20), rng.exponential(1 / rng.gamma(0.8, 1 / 150))
        born, mean = rng.uniform(0, days / 3), rng.gamma(6.0, 4.0)
        at = born
        while at < min(days, born + leaves):
            amount = f"{rng.gamma(4.0, mean / 4.0) + 0.5:.2f}"
            facts.append(make.order(f"c{customer}", amount, at=start + timedelta(days=at)))
            at += rng.exponential(1 / rate)
    record_orders(shop, facts, now=NOON)
    return shop


def test_statistics_count_days_values_and_returns_to_their_orders_day() -> None:
    shop = make.retailer()
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    days = [at, at + timedelta(hours=2), at + timedelta(days=5), at + timedelta(days=9)]
    facts = [make.order("ada", f"{10 * (place + 1)}.00", at=day, name=f"A{place}") for place, day in enumerate(days)]
    record_orders(shop, facts, now=NOON)
    lines = (ReturnLineFact(Decimal(1), 1),)
    record_returns(shop, [ReturnFact("R1", "A3", at + timedelta(days=20), lines)], now=NOON)

    assert statistics.refresh(shop) == 1

    found = CustomerStatistics.objects.get()
    assert (found.first_day, found.last_day) == (at.date(), (at + timedelta(days=5)).date())
    assert (found.purchase_days, found.orders) == (2, 4)
    assert (found.first_value, found.total_value, found.returned_value) == (30, 60, 40)
    assert FactChange.objects.count() == 0
    assert statistics.differences(shop) == 0


def test_the_rebuild_is_the_truth_and_both_agree() -> None:
    shop = shop_with_history(customers=30)
    statistics.refresh(shop)
    assert statistics.differences(shop) == 0
    CustomerStatistics.objects.filter(retailer=shop).update(orders=999)
    assert statistics.differences(shop) == 60

    statistics.rebuild(shop)

    assert statistics.differences(shop) == 0


def test_who_returned_everything_has_no_statistics() -> None:
    shop = make.retailer()
    record_orders(shop, [make.order("ada", "10.00", name="A1")], now=NOON)
    statistics.refresh(shop)
    record_returns(shop, [ReturnFact("R1", "A1", NOON, (ReturnLineFact(Decimal(1), 1),))], now=NOON)

    statistics.refresh(shop)

    assert CustomerStatistics.objects.count() == 0


def test_a_run_is_validated_stored_and_written_down() -> None:
    shop = shop_with_history()
    Retailer.objects.filter(pk=shop.pk).update(margin_rate=Decimal("0.30"))
    shop.refresh_from_db()

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert (run.status, run.model) == (ValueRun.Status.DONE, "Pareto/NBD and Gamma-Gamma")
    assert run.calibration_cut is not None
    assert set(run.parameters) == {"r", "alpha_days", "s", "beta_days", "p", "q", "v"}
    assert abs(run.held_out["purchases"]["bias"]) < 0.5
    assert len(run.held_out["deciles"]) == 10
    assert CustomerValue.objects.filter(run=run).count() == run.customers == 150
    value = CustomerValue.objects.filter(run=run).order_by("-predicted_value").first()
    assert value is not None
    insight = Insight.objects.get(customer=value.customer)
    assert (insight.predicted_value, insight.value_decile, insight.run_id) == (value.predicted_value, 10, run.pk)
    assert value.historic_value == round(value.historic_revenue * Decimal("0.30"), 2)


def test_a_second_run_replaces_what_is_written_down_and_keeps_the_first() -> None:
    shop = shop_with_history()
    first = compute_value(shop, now=NOON)
    second = compute_value(shop, now=NOON)

    assert first is not None
    assert second is not None
    assert set(Insight.objects.values_list("run_id", flat=True)) == {second.pk}
    assert CustomerValue.objects.filter(run=first).count() == 150


def test_no_prediction_is_shown_that_was_not_validated() -> None:
    shop = shop_with_history(customers=20)

    run = compute_value(shop, now=NOON)

    assert run is not None
    assert run.status == ValueRun.Status.REFUSED
    assert "20 customers" in run.reason
    assert set(CustomerValue.objects.values_list("predicted_value", "probability_active")) == {(None, None)}
    assert CustomerValue.objects.filter(formula_value__gt=0).count() == 20


def test_nothing_bought_is_no_run() -> None:
    assert compute_value(make.retailer(), now=NOON) is None


def test_a_later_return_does_not_change_what_was_known_then() -> None:
    shop = make.retailer()
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    record_orders(shop, [make.order("ada", "10.00", at=at, name="A1")], now=NOON)
    record_returns(shop, [ReturnFact("R1", "A1", at + timedelta(days=9), (ReturnLineFact(Decimal(1), 1),))], now=NOON)

    known = [len(extract.buyers_then(shop, (at + timedelta(days=days)).date())) for days in (5, 9)]

    assert known == [1, 0]

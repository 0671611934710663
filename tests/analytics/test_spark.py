"""Spark counts and scores as PostgreSQL and one process do: to the last digit of money, to 1e-9 of what is drawn from models."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from analytics.models import CustomerStatistics, CustomerValue
from analytics.runs import compute_value
from analytics.scoring import Plan
from analytics.spark.files import write_facts
from customers.facts import ReturnFact, ReturnLineFact
from customers.models import Order, Retailer
from customers.recording import record_orders, record_returns
from tests import make
from tests.analytics.test_runs import shop_with_history
from tests.make import NOON

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: requirements/spark.lock has it")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        shutil.which("java") is None, reason="there is no Java; docs/how-to/score-on-spark.md says how to get it"
    ),
    pytest.mark.filterwarnings("ignore"),  # of Spark about its own use of pandas
]
MONEY = ("first_value", "total_value", "returned_value", "paid_with_points", "costed_value", "cost")
OTHERS = ("first_day", "last_day", "purchase_days", "orders")
SAID = (
    "historic_revenue", "historic_margin", "formula_value", "predicted_value", "value_low", "value_high", "value_if_active",
    "expected_order_value", "expected_purchases", "probability_active", "probability_of_buying", "at_risk", "value_decile",
)  # fmt: skip


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of two workers on this machine, each a process of its own."""
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    builder = pyspark.sql.SparkSession.builder.master("local-cluster[2,1,1024]").appName("test")
    for name, value in (("ui.enabled", "false"), ("driver.host", "127.0.0.1"), ("driver.bindAddress", "127.0.0.1")):
        builder = builder.config(f"spark.{name}", value)
    found = builder.config("spark.sql.shuffle.partitions", "4").getOrCreate()
    yield found
    found.stop()


def with_points(shop: Retailer) -> None:
    """Let some pay with points, in part or all of it, for goods with a cost and without one."""
    costed = replace(make.line("10.00", quantity="3"), unit_cost=Decimal("2.5"))
    facts = [
        make.order(f"c{place}", costed, "13.33", at=NOON - timedelta(days=20 - place), paid_with_points=Decimal(paid))
        for place, paid in enumerate(["1.01", "23.33", "7.77", "11.11"])
    ]
    record_orders(shop, facts, now=NOON)
    parts = (ReturnLineFact(Decimal(1), 1), ReturnLineFact(Decimal("0.3"), 2))
    back = [ReturnFact(f"P{fact.number}", fact.number, fact.occurred_at, parts) for fact in facts]
    record_returns(shop, back, now=NOON)


def with_returns(shop: Retailer) -> None:
    """Let every ninth order come back in part, a week later."""
    orders = Order.objects.filter(retailer=shop).order_by("number")[::9]
    facts = [
        ReturnFact(f"R{order.number}", order.number, order.occurred_at, (ReturnLineFact(Decimal(1), 1),))
        for order in orders
    ]
    record_returns(shop, facts, now=NOON)


def test_spark_counts_and_scores_the_same(session: Any, tmp_path: Path) -> None:
    from analytics.spark.job import (  # it needs what may not be installed
        bring_code,
        read_facts,
        scored,
        statistics,
        tuples,
    )

    shop, plans = shop_with_history(), list[Plan]()
    with_returns(shop)
    with_points(shop)
    run = compute_value(shop, now=NOON, on_plan=plans.append)
    assert run is not None
    assert run.data_cut is not None

    written = write_facts(shop, tmp_path)
    bring_code(session)
    read_facts(session, str(tmp_path))
    found = statistics(session, run.data_cut).toPandas().set_index("customer_id")
    (plan,) = plans
    said = scored(session.table("statistics"), plan, run.data_cut).toPandas().set_index("customer_id")

    assert written["orders"] == Order.objects.filter(retailer=shop).count()
    kept = {str(each.pk): each for each in CustomerStatistics.objects.filter(retailer=shop)}
    assert set(found.index) == set(kept)
    assert sum(each.paid_with_points > 0 for each in kept.values()) == 4
    for key, row in kept.items():
        assert [Decimal(found.loc[key, name]) for name in MONEY] == [getattr(row, name) for name in MONEY]
        assert [found.loc[key, name] for name in OTHERS] == [getattr(row, name) for name in OTHERS]
    values = {str(each.customer_id): each for each in CustomerValue.objects.filter(run=run)}
    assert set(said.index) == set(values)
    for key, value in values.items():
        for name in SAID:
            assert float(said.loc[key, name]) == pytest.approx(float(getattr(value, name)), rel=1e-9, abs=1e-9)
    assert tuples(session, run.data_cut).customers == len(kept)

"""A shop of a few customers, each of whom is one kind of customer."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from analytics import writing
from analytics.models import CustomerValue, ValueRun
from analytics.segments.assigning import assign
from analytics.segments.models import CustomerSegment, SegmentRun
from analytics.statistics import refresh
from customers.facts import InteractionFact, OrderFact, ReturnFact, ReturnLineFact
from customers.models import Customer, Insight, Order, Retailer
from customers.recording import record_interactions, record_orders, record_returns
from tests import make
from tests.make import NOON

CUT = NOON.date()
YEAR = timedelta(days=365)


def buy(shop: Retailer, *facts: OrderFact) -> None:
    record_orders(shop, list(facts), now=NOON)


def days_ago(days: int) -> datetime:
    return datetime(2026, 6, 15, 9, tzinfo=UTC) - timedelta(days=days)


def send_back(shop: Retailer, order: str, *, at: datetime = NOON, quantity: str = "1") -> None:
    lines = (ReturnLineFact(Decimal(quantity), 1),)
    record_returns(shop, [ReturnFact(make.number("back"), order, at, lines)], now=NOON)


def visit(shop: Retailer, who: str, times: int) -> None:
    facts = [InteractionFact(make.number("visit"), who, "visit", days_ago(5)) for _ in range(times)]
    record_interactions(shop, facts, now=NOON)


def valued(shop: Retailer, **worth: tuple[str, bool]) -> ValueRun:
    """
    Return a run that says of each buyer what it would be worth if active, and whether it is at risk.

    Of all buyers, if anything was predicted.
    """
    refresh(shop)
    run = ValueRun.objects.create(
        retailer=shop, status="done", ran_at=NOON, data_cut=CUT, horizon_days=365, discount_rate=Decimal("0.1"),
        currency="EUR", held_out={},
    )  # fmt: skip
    writing.open_partition(run)
    writing.close_partition(run)
    for place, customer in enumerate(Customer.objects.filter(retailer=shop, statistics__isnull=False).order_by("pk")):
        spent = customer.statistics.total_value
        said = worth.get(customer.external_id)
        value = Decimal(said[0]) if said else None
        CustomerValue.objects.create(
            id=(run.pk << writing.PLACES) + place, run=run, customer=customer, historic_revenue=spent,
            historic_margin=spent, formula_value=spent,
            value_if_active=value, at_risk=said[1] if said else None,
            predicted_value=value / 2 if value is not None else None,
            probability_of_buying=0.05 if said and said[1] else 0.5 if said else None, value_decile=1,
        )  # fmt: skip
        Insight.objects.create(
            customer=customer, run_id=run.pk, as_of=CUT, horizon_days=365, currency="EUR", historic_revenue=spent
        )
    return run


def assigned(run: ValueRun, **given: Any) -> SegmentRun:
    done = assign(run, **given)
    assert done is not None
    return done


def kinds(run: ValueRun) -> dict[str, tuple[str, str]]:
    rows = CustomerSegment.objects.filter(run=run).select_related("customer")
    return {row.customer.external_id: (row.segment, row.life_stage) for row in rows}


def tags(run: ValueRun) -> dict[str, list[str]]:
    rows = CustomerSegment.objects.filter(run=run).select_related("customer")
    return {row.customer.external_id: row.tags for row in rows if row.tags}


def number_of(shop: Retailer, who: str) -> str:
    return Order.objects.filter(retailer=shop, customer__external_id=who).latest("occurred_at").number

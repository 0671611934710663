"""Data as they come: a good shop, and what is added to it to make one thing wrong."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from analytics.audit.measures import Measures, measure
from analytics.audit.running import look
from analytics.audit.verdicts import Finding
from customers.facts import LineFact, OrderFact, line_of
from customers.models import Retailer
from customers.recording import record_orders
from tests import make

FIRST = datetime(2026, 1, 5, 10, tzinfo=UTC)  # a Monday
NOW = datetime(2026, 4, 7, 12, tzinfo=UTC)
DAYS = 92  # to 2026-04-06


def line(amount: str, **given: Any) -> LineFact:
    wanted: dict[str, Any] = {
        "sku": "A",
        "quantity": Decimal(1),
        "category": "tea",
        "brand": "Port",
        "unit_cost": Decimal("6"),
    }
    return line_of(net_amount=Decimal(amount), **(wanted | given))


def order(who: str | None, day: int = 0, *lines: LineFact, hour: int = 0, name: str = "", **given: Any) -> OrderFact:
    """Return an order of a day, counted from the first one, of one line of 10 unless others are given."""
    at = FIRST + timedelta(days=day, hours=hour)
    number = name or make.number("o")
    return OrderFact(number=number, occurred_at=at, lines=lines or (line("10.00"),), customer=who, **given)


def shop(*facts: OrderFact, **given: Any) -> Retailer:
    """Return a retailer with some orders, told when the data end."""
    owner = make.retailer(**given)
    record_orders(owner, list(facts), now=NOW)
    return owner


def every_day(orders: int = 4, customers: int = 10) -> list[OrderFact]:
    """Return orders on each of 92 days: each customer comes in turn."""
    return [
        order(f"c{(day * orders + place) % customers}", day, hour=place, name=f"d{day}-{place}")
        for day in range(DAYS)
        for place in range(orders)
    ]


def looked_at(owner: Retailer, now: datetime = NOW) -> dict[str, Finding]:
    """Return what each check finds."""
    return {finding.check: finding for finding in look(measured(owner, now))}


def measured(owner: Retailer, now: datetime = NOW) -> Measures:
    found = measure(owner, now)
    assert found is not None
    return found

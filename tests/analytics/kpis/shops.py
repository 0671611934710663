"""Five customers in four months of 2026, in Paris: the shop by which figures are told by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from analytics.statistics import rebuild
from customers.facts import OrderFact, line_of
from customers.models import Retailer
from customers.recording import record_orders
from tests import make

ORDERS = (
    ("ada", "01-05", 100), ("ada", "02-10", 50), ("ada", "04-02", 50), ("bob", "01-20", 80), ("bob", "01-25", 20),
    ("charlie", "01-31", 60), ("charlie", "03-01", 40), ("dora", "02-14", 30), ("dora", "03-15", 30), ("eve", "02-28", 200),
)  # fmt: skip
MAY = datetime(2026, 5, 1, 8, tzinfo=UTC)


def five_customers(**given: Any) -> Retailer:
    owner = make.retailer(zone="Europe/Paris", **given)
    sell(owner, ORDERS)
    return owner


def sell(owner: Retailer, rows: Sequence[tuple[str, str, int | str]]) -> None:
    facts = [
        OrderFact(
            make.number("o"), at(day), (line_of(sku="A", quantity=Decimal(1), net_amount=Decimal(amount)),),
            customer=who or None,
        )
        for who, day, amount in rows
    ]  # fmt: skip
    record_orders(owner, facts, now=datetime(2026, 6, 1, tzinfo=UTC))
    rebuild(owner)


def at(day: str, hour: int = 12) -> datetime:
    month, number = day.split("-")
    return datetime(2026, int(month), int(number), hour, tzinfo=UTC)

"""Retailers with stores, a season, and a program that began in some of them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np

from analytics.uplift.roll_outs import Sales
from customers.core.calendar import add_months
from customers.facts import OrderFact, line_of
from customers.models import Retailer
from customers.recording import record_orders

FIRST = date(2025, 1, 1)
NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)  # seventeen whole months
BEGAN = date(2026, 2, 1)  # after thirteen of them
WITH_IT = ("s00", "s01")


def sales(
    seed: int = 1, *, stores: int = 24, months: int = 18, first: int = 13, effect: float = 0.0, trend: float = 0.0
) -> Sales:
    """Return stores of different heights in one season; the first two get the program, and may have gone their own way before."""
    rng = np.random.default_rng(seed)
    season = np.cumsum(rng.normal(0, 2, months)) * rng.uniform(0.5, 1.5, (stores, 1))
    sold = rng.normal(200, 20, (stores, 1)) + season + rng.normal(0, 3, (stores, months))
    sold[:2, first:] += effect
    sold[:2] += trend * np.maximum(np.arange(months) - (first - 3), 0)
    names = [f"s{place:02}" for place in range(stores)]
    return Sales(names, sold, np.ones_like(sold), frozenset(WITH_IT), first)


def orders(
    owner: Retailer,
    *,
    stores: int = 12,
    effect: int = 0,
    without: Sequence[str] = (),
    first: date = FIRST,
    cost: str = "",
) -> None:
    """Record an order of a guest on the first of each month in each store, with a season; those with it sell more."""
    facts = []
    for place in range(stores):
        store = f"s{place:02}"
        month, number = first, 0
        while month <= NOW.date():
            if f"{store}:{month:%Y-%m}" not in without:
                amount = 100 + 5 * place + [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8][month.month - 1]
                amount += effect * (store in WITH_IT and month >= BEGAN)
                unit = Decimal(cost) * amount if cost else None
                line = line_of(sku="A", quantity=Decimal(1), net_amount=Decimal(amount), unit_cost=unit)
                at = datetime(month.year, month.month, 1, 12, tzinfo=UTC)
                facts.append(OrderFact(f"{store}-{number}", at, (line,), store=store))
            month, number = add_months(month, 1), number + 1
    record_orders(owner, facts, now=NOW)

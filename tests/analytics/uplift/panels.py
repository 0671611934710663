"""Small pasts, by hand: who bought on which day for how much, and who joined when."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from analytics.uplift.panel import NEVER, NOBODY, Customers, Group, Orders, Panel

CUT = 730
NOON = 43_200.0
Row = tuple[int, int, float]  # customer, day, value


def panel_of(rows: Iterable[Row], joined: Mapping[int, int], *, customers: int, cut: int = CUT) -> Panel:
    """Return a past from day 0 to the cut in which a third of each value is margin."""
    ordered = sorted(rows)
    who, day, value = (np.array(column) for column in zip(*ordered, strict=True)) if ordered else (np.zeros(0),) * 3
    days = np.full(customers, NEVER, np.int32)
    for customer, at in joined.items():
        days[customer] = at
    seconds = np.where(days == NEVER, np.nan, days * 86_400.0 + NOON)
    orders = Orders(
        who.astype(np.int32), day.astype(np.int32), day * 86_400.0 + NOON, value.astype(float), value / 3.0,
        np.zeros(len(who), dtype=np.bool_),
    )  # fmt: skip
    return Panel(Customers(days, seconds, np.zeros(customers, np.int32)), orders, 0, cut)


def unflagged(panel: Panel) -> Panel:
    """Return a past whose retailer does not say which orders only a member's card links."""
    return replace(panel, orders=replace(panel.orders, membership_only=np.zeros(len(panel.orders), dtype=np.bool_)))


def without_unlinked(panel: Panel) -> Panel:
    """Return a past in which nobody tells of orders that are not linked."""
    orders, kept = panel.orders, panel.orders.customer != NOBODY
    columns = (orders.customer, orders.day, orders.seconds, orders.value, orders.margin, orders.membership_only)
    return replace(panel, orders=Orders(*(column[kept] for column in columns)))


def in_other_units(panel: Panel, money: float, days: int) -> Panel:
    """Return a past with money in another unit, and days counted from another day."""
    orders, people = panel.orders, panel.customers
    return replace(
        panel,
        customers=replace(
            people,
            joined=np.where(people.joined == NEVER, NEVER, people.joined + days).astype(np.int32),
            seconds=people.seconds + days * 86_400.0,
        ),
        orders=replace(
            orders, day=(orders.day + days).astype(np.int32), seconds=orders.seconds + days * 86_400.0,
            value=orders.value * money, margin=orders.margin * money,
        ),
        first=panel.first + days,
        cut=panel.cut + days,
    )  # fmt: skip


def with_group(panel: Panel, way: str, group: Group) -> Panel:
    """Return a past with one more way to divide its customers."""
    groups = {**panel.customers.groups, way: group}
    return replace(panel, customers=replace(panel.customers, groups=groups))

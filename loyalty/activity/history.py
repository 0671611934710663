"""Recorded facts as activities to decide."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.activity.state import Activity, GivenBack, Happened, Interacted, Purchase
from loyalty.points.rules import Basket, Line

PURCHASES = """
SELECT o.id, o.number, o.customer_id, o.occurred_at, o.paid_with_points, o.channel, o.store, o.promotion_code, o.is_gift,
    (SELECT json_agg(json_build_array(e.kind, e.occurred_at)) FROM customers_orderevent e WHERE e.order_id = o.id),
    array_agg(l.net_amount), array_agg(l.category), array_agg(l.brand), array_agg(l.sku), array_agg(l.quantity)
FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
WHERE o.id = ANY(%s) GROUP BY o.id
"""
HAPPENED = """
SELECT e.id, e.kind, o.id, o.number, o.customer_id, e.occurred_at
FROM customers_orderevent e JOIN customers_order o ON o.id = e.order_id
WHERE e.id = ANY(%s) AND o.customer_id IS NOT NULL
"""
INTERACTED = """
SELECT id, number, kind, customer_id, occurred_at FROM customers_interaction WHERE id = ANY(%s)
"""
# What an order's line keeps is what it cost less what came back of it, in every return that was decided before and in
# those of this batch up to the one in question; the reader adds them up in the order of time.
RETURNS = """
SELECT r.id, r.number, o.id, o.number, o.customer_id, o.occurred_at, r.occurred_at, o.paid_with_points,
    o.channel, o.store, o.promotion_code, o.is_gift, o.redemptions::json
FROM customers_return r JOIN customers_order o ON o.id = r.order_id
WHERE r.id = ANY(%s) AND o.customer_id IS NOT NULL ORDER BY r.occurred_at, r.id
"""
RETURNED_ORDERS = """
SELECT l.order_id, l.id, l.net_amount, l.quantity, l.category, l.brand, l.sku
FROM customers_orderline l WHERE l.order_id = ANY(%s) ORDER BY l.order_id, l.position
"""
RETURNED_LINES = """
SELECT r.id, rl.line_id, rl.quantity, rl.net_amount,
    EXISTS (SELECT 1 FROM activity_returndecision d WHERE d.order_return_id = r.id)
FROM customers_return r JOIN customers_returnline rl ON rl.order_return_id = r.id
WHERE r.order_id = ANY(%s)
"""


def load_activities(
    order_ids: Sequence[UUID], return_ids: Sequence[UUID], interaction_ids: Sequence[UUID]
) -> list[Activity]:
    """Return recorded orders, returns and interactions as activities, in no particular order."""
    return [*load_purchases(order_ids), *load_returns(return_ids), *load_interactions(interaction_ids)]


def load_purchases(order_ids: Sequence[UUID]) -> list[Purchase]:
    """Return recorded orders of known customers with their lines, and what is known to have happened to them."""
    if not order_ids:
        return []
    return [
        Purchase(
            order_id,
            number,
            customer_id,
            occurred_at,
            Basket(tuple(map(Line, *columns)), *about),
            tuple((kind, datetime.fromisoformat(at)) for kind, at in events or ()),
        )
        for order_id, number, customer_id, occurred_at, events, columns, *about in _purchased(order_ids)
    ]


def _purchased(order_ids: Sequence[UUID]) -> Iterator[tuple[Any, ...]]:
    """Yield orders: id, number, customer, instant, events, the lines' columns, and what else there is to say of each."""
    for row in bulk.fetch(PURCHASES, [list(order_ids)]):
        yield (*row[:4], row[9], row[10:], *row[4:9])


def load_happened(event_ids: Sequence[UUID]) -> list[Happened]:
    """Return recorded events of known customers' orders."""
    return [Happened(*row) for row in bulk.fetch(HAPPENED, [list(event_ids)])] if event_ids else []


def load_interactions(interaction_ids: Sequence[UUID]) -> list[Interacted]:
    """Return recorded interactions."""
    return [Interacted(*row) for row in bulk.fetch(INTERACTED, [list(interaction_ids)])] if interaction_ids else []


@dataclass(slots=True)
class _KeptLine:
    net_amount: Decimal
    quantity: Decimal
    category: str
    brand: str
    sku: str


def load_returns(return_ids: Sequence[UUID], *, anew: bool = False) -> list[GivenBack]:
    """
    Return recorded returns of known customers, each with what its order keeps after it.

    :param anew: as if none had been decided
    """
    if not return_ids:
        return []
    rows = bulk.fetch(RETURNS, [list(return_ids)])
    orders = sorted({row[2] for row in rows})
    kept: dict[UUID, dict[int, _KeptLine]] = {order_id: {} for order_id in orders}
    for order_id, line_id, *line in bulk.fetch(RETURNED_ORDERS, [orders]):
        kept[order_id][line_id] = _KeptLine(*line)
    back: dict[UUID, list[tuple[int, Decimal, Decimal]]] = {}
    order_of_line = {line_id: order_id for order_id, lines in kept.items() for line_id in lines}
    for return_id, line_id, quantity, amount, is_decided in bulk.fetch(RETURNED_LINES, [orders]):
        if is_decided and not anew:
            _take(kept[order_of_line[line_id]], [(line_id, quantity, amount)])
        else:
            back.setdefault(return_id, []).append((line_id, quantity, amount))
    return [_given_back(row, kept, back) for row in rows]


def _given_back(
    row: tuple[Any, ...],
    kept: dict[UUID, dict[int, _KeptLine]],
    back: dict[UUID, list[tuple[int, Decimal, Decimal]]],
) -> GivenBack:
    return_id, number, order_id, order_number, customer_id, ordered_at, occurred_at, *about, redemptions = row
    before = _basket(kept[order_id], about)
    _take(kept[order_id], back.get(return_id, []))
    return GivenBack(
        return_id=return_id,
        number=number,
        order_id=order_id,
        order_number=order_number,
        customer_id=customer_id,
        ordered_at=ordered_at,
        occurred_at=occurred_at,
        before=before,
        kept=_basket(kept[order_id], about),
        redemptions=tuple(redemptions),
    )


def _basket(lines: dict[int, _KeptLine], about: Sequence[Any]) -> Basket:
    left = (line for line in lines.values() if line.quantity > 0)
    return Basket(
        tuple(Line(line.net_amount, line.category, line.brand, line.sku, line.quantity) for line in left),
        *about,
    )


def _take(lines: dict[int, _KeptLine], back: list[tuple[int, Decimal, Decimal]]) -> None:
    for line_id, quantity, amount in back:
        lines[line_id].quantity -= quantity
        lines[line_id].net_amount -= amount

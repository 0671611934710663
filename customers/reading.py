"""Orders as they are recorded, read back as the facts that they state."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.values import dataclass
from customers.facts import LineFact, OrderFact
from customers.models import Retailer

ORDERS = """
SELECT o.id, o.customer_id, o.version, o.content_hash, o.number, o.occurred_at, c.external_id, o.currency, o.shipping_amount,
    o.channel, o.store, o.promotion_code, o.is_gift, o.identified_by, o.paid_with_points, o.redemptions,
    o.recorded_at
FROM customers_order o LEFT JOIN customers_customer c ON c.id = o.customer_id
WHERE o.retailer_id = %s AND o.number = ANY(%s)
"""
LINES = """
SELECT order_id, sku, quantity, net_amount, unit_price, discount, category, brand, unit_cost, is_gift_card
FROM customers_orderline
WHERE order_id = ANY(%s) ORDER BY order_id, position
"""
REVISIONS = "SELECT order_id, version, content_hash FROM customers_orderrevision WHERE order_id = ANY(%s)"
LEADS_TO = """
SELECT a.external_id, c.external_id FROM customers_customer a JOIN customers_customer c ON c.id = a.merged_into_id
WHERE a.retailer_id = %s AND a.external_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class RecordedOrder:
    """
    An order with what it says now.

    :param hash: of the content that was reported, which may have named the order's customer otherwise
    :param earlier: the hashes of what it said before, by version
    :param recorded_at: when it was first told
    """

    id: UUID
    customer_id: UUID | None
    version: int
    hash: bytes
    fact: OrderFact
    earlier: dict[int, bytes]
    recorded_at: datetime


def recorded_orders(retailer: Retailer, numbers: Iterable[str]) -> dict[str, RecordedOrder]:
    """Return orders by number; a number that is not recorded is left out."""
    rows = bulk.fetch(ORDERS, [retailer.pk, sorted(numbers)])
    ids = [row[0] for row in rows]
    lines: dict[UUID, list[LineFact]] = {order_id: [] for order_id in ids}
    for order_id, *line in bulk.fetch(LINES, [ids]):
        lines[order_id].append(LineFact(*line))
    earlier: dict[UUID, dict[int, bytes]] = {order_id: {} for order_id in ids}
    for order_id, version, content in bulk.fetch(REVISIONS, [ids]):
        earlier[order_id][version] = bytes(content)
    return {
        fact[0]: RecordedOrder(
            pk, customer_id, version, bytes(content), _fact(fact, lines[pk]), earlier[pk], recorded_at
        )
        for pk, customer_id, version, content, *fact, recorded_at in rows
    }


def _fact(row: Sequence[Any], lines: Sequence[LineFact]) -> OrderFact:
    names = ("number", "occurred_at", "customer", "currency", "shipping_amount", "channel", "store", "promotion_code",
             "is_gift", "identified_by", "paid_with_points", "redemptions")  # fmt: skip
    said = dict(zip(names, row, strict=True))
    return OrderFact(**said | {"lines": tuple(lines), "redemptions": tuple(said["redemptions"])})

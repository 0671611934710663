"""Corrected contents on their way into the tables: what was said is kept, what is said now takes its place."""

import json
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import local_date
from customers.core.values import dataclass
from customers.facts import CorrectionFact, LineFact, OrderFact, fingerprint
from customers.identifying import note_changes
from customers.models import OrderLine, OrderRevision, Retailer
from customers.reading import RecordedOrder
from customers.recording import LINE_COLUMNS, line_rows
from customers.returning import BoughtLine, LockedOrder


@dataclass(frozen=True, slots=True)
class Change:
    """
    What becomes of one order.

    :param is_other: whether its content changes; else only its version does
    :param kept: the position and content of lines of which something came back, by their ids
    :param added: the other lines, by their positions
    """

    order: LockedOrder
    said: RecordedOrder
    fact: CorrectionFact
    customer_id: UUID | None
    is_other: bool
    kept: dict[int, tuple[int, LineFact]] = field(default_factory=dict)
    added: dict[int, LineFact] = field(default_factory=dict)


# Of an order: `customer_id` and `local_date` come from elsewhere, the rest from the fact.
UPDATE_ORDERS = """
UPDATE customers_order o SET version = n.version, content_hash = n.content_hash, customer_id = n.customer_id,
    occurred_at = n.occurred_at, local_date = n.local_date, currency = n.currency, net_amount = n.net_amount,
    shipping_amount = n.shipping_amount, channel = n.channel, store = n.store, promotion_code = n.promotion_code,
    is_gift = n.is_gift, identified_by = n.identified_by, paid_with_points = n.paid_with_points,
    redemptions = n.redemptions
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS version, unnest(%b::bytea[]) AS content_hash,
    unnest(%b::uuid[]) AS customer_id, unnest(%b::timestamptz[]) AS occurred_at, unnest(%b::date[]) AS local_date,
    unnest(%b::text[]) AS currency, unnest(%b::numeric[]) AS net_amount, unnest(%b::numeric[]) AS shipping_amount,
    unnest(%b::text[]) AS channel, unnest(%b::text[]) AS store, unnest(%b::text[]) AS promotion_code,
    unnest(%b::boolean[]) AS is_gift, unnest(%b::text[]) AS identified_by, unnest(%b::numeric[]) AS paid_with_points,
    unnest(%b::jsonb[]) AS redemptions) n
WHERE o.id = n.id
"""
# Out of the way of each other first: positions are unique in an order while they change.
SHIFT_LINES = "UPDATE customers_orderline SET position = position + 20000 WHERE id = ANY(%s)"
UPDATE_LINES = """
UPDATE customers_orderline l SET position = n.position, category = n.category, brand = n.brand, quantity = n.quantity,
    unit_price = n.unit_price, discount = n.discount, net_amount = n.net_amount, unit_cost = n.unit_cost,
    is_gift_card = n.is_gift_card
FROM (SELECT unnest(%b::bigint[]) AS id, unnest(%b::smallint[]) AS position, unnest(%b::text[]) AS category,
    unnest(%b::text[]) AS brand, unnest(%b::numeric[]) AS quantity, unnest(%b::numeric[]) AS unit_price,
    unnest(%b::numeric[]) AS discount, unnest(%b::numeric[]) AS net_amount, unnest(%b::numeric[]) AS unit_cost,
    unnest(%b::boolean[]) AS is_gift_card) n
WHERE l.id = n.id
"""
UPDATE_RETURN_LINES = """
UPDATE customers_returnline r SET net_amount = n.net_amount
FROM (SELECT unnest(%b::bigint[]) AS id, unnest(%b::numeric[]) AS net_amount) n WHERE r.id = n.id
"""
UPDATE_RETURNS = """
UPDATE customers_return r SET net_amount = (
    SELECT sum(l.net_amount) FROM customers_returnline l WHERE l.order_return_id = r.id
) WHERE r.order_id = ANY(%s)
"""


def write_changes(retailer: Retailer, changes: Sequence[Change], now: datetime) -> None:
    """Write what becomes of several orders, by a fixed number of statements."""
    versions = [change for change in changes if not change.is_other]
    if versions:
        _note_versions(versions)
    others = [change for change in changes if change.is_other]
    if not others:
        return
    # fmt: off
    bulk.insert(
        OrderRevision, ("retailer_id", "order_id", "version", "content", "content_hash", "replaced_at"),
        [(retailer.pk, change.order.id, change.order.version, json.dumps(content_of(change.said.fact)), change.said.hash, now)
         for change in others],
    )
    # fmt: on
    bulk.execute(UPDATE_ORDERS, bulk.columns_of(_order_row(retailer, change) for change in others))
    _write_lines(retailer, others)
    _count_returns_again(retailer, others)
    note_changes(retailer, (who for change in others for who in (change.order.customer_id, change.customer_id)))


def _note_versions(changes: Sequence[Change]) -> None:
    sql = "UPDATE customers_order o SET version = n.version FROM (SELECT unnest(%b::uuid[]) AS id,"
    sql += " unnest(%b::bigint[]) AS version) n WHERE o.id = n.id"
    bulk.execute(sql, [[change.order.id for change in changes], [change.fact.version for change in changes]])


def _order_row(retailer: Retailer, change: Change) -> tuple[Any, ...]:
    fact = change.fact.order
    # fmt: off
    return (
        change.order.id, change.fact.version, fingerprint(fact), change.customer_id, fact.occurred_at,
        local_date(fact.occurred_at, retailer.tzinfo), retailer.currency, fact.net_amount, fact.shipping_amount, fact.channel,
        fact.store, fact.promotion_code, fact.is_gift, fact.identified_by, fact.paid_with_points,
        json.dumps(fact.redemptions),
    )
    # fmt: on


def _write_lines(retailer: Retailer, changes: Sequence[Change]) -> None:
    kept = {line_id: each for change in changes for line_id, each in change.kept.items()}
    bulk.execute(
        "DELETE FROM customers_orderline WHERE order_id = ANY(%s) AND id <> ALL(%s)",
        [[change.order.id for change in changes], list(kept)],
    )
    if kept:
        bulk.execute(SHIFT_LINES, [list(kept)])
        # fmt: off
        rows = [(line_id, position, line.category, line.brand, line.quantity, line.unit_price, line.discount, line.net_amount,
                 line.unit_cost, line.is_gift_card) for line_id, (position, line) in kept.items()]
        # fmt: on
        bulk.execute(UPDATE_LINES, bulk.columns_of(rows))
    added = [row for change in changes for row in line_rows(retailer, change.order.id, change.added.items())]
    bulk.insert(OrderLine, LINE_COLUMNS, added)


def _count_returns_again(retailer: Retailer, changes: Sequence[Change]) -> None:
    """Give what came back the amounts that it would have had, part by part in the order in which the parts were recorded."""
    lines = {
        line_id: BoughtLine(line_id, position, line.sku, line.quantity, line.net_amount, Decimal(0), retailer.currency)
        for change in changes
        for line_id, (position, line) in change.kept.items()
    }
    if not lines:
        return
    parts = bulk.fetch(
        "SELECT id, line_id, quantity FROM customers_returnline WHERE line_id = ANY(%s) ORDER BY order_return_id, id",
        [list(lines)],
    )
    amounts = [(part_id, lines[line_id].take(quantity)[2]) for part_id, line_id, quantity in parts]
    bulk.execute(UPDATE_RETURN_LINES, bulk.columns_of(amounts))
    bulk.execute(UPDATE_RETURNS, [[change.order.id for change in changes]])


def content_of(order: OrderFact) -> dict[str, Any]:
    """
    Return an order as JSON, the way it is kept when it is replaced.

    :returns: all of the fact by its names; instants in ISO 8601, amounts and quantities as texts, `lines` as a list
    """
    said = {name: getattr(order, name) for name in OrderFact.__dataclass_fields__}
    lines = [
        {name: _plain(getattr(line, name)) for name in LineFact.__dataclass_fields__ if name != "is_derived"}
        for line in order.lines
    ]
    return {name: _plain(value) for name, value in said.items()} | {
        "lines": lines,
        "redemptions": list(order.redemptions),
        "net_amount": str(order.net_amount),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value

"""
What a customer has of a product, for rules that reward an interaction with it only then.

Asked of the facts themselves: an interaction knows when its product was bought that was not returned by then, and whether the
last of it has come back since; a return whether its customer has the product from another order still. Only where a rule of a
program asks for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import InteractionReported, OrderReturned
from loyalty.engine.versions import Versions
from loyalty.points.state import RULES

# When the product of an interaction was bought last before it of which something was kept then.
BOUGHT_AT = """(
    SELECT max(o.occurred_at) FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id AND l.sku = i.sku
    WHERE o.customer_id = i.customer_id AND o.occurred_at <= i.occurred_at AND l.quantity > coalesce((
        SELECT sum(b.quantity) FROM customers_returnline b JOIN customers_return r ON r.id = b.order_return_id
        WHERE b.line_id = l.id AND r.occurred_at <= i.occurred_at), 0)
)"""
# Of each interaction the last purchase of its product before it of which something was kept then; and whether a return that was
# decided since took the last of it, which nobody can take back from what is decided only now.
BOUGHT = f"""
SELECT i.id, {BOUGHT_AT}, EXISTS (
    SELECT 1 FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id AND l.sku = i.sku
    JOIN customers_returnline b ON b.line_id = l.id
    JOIN customers_return r ON r.id = b.order_return_id AND r.occurred_at > i.occurred_at
    JOIN activity_returndecision d ON d.order_return_id = r.id
    WHERE o.customer_id = i.customer_id AND NOT EXISTS (
        SELECT 1 FROM customers_order k JOIN customers_orderline m ON m.order_id = k.id AND m.sku = i.sku
        WHERE k.customer_id = i.customer_id AND k.occurred_at <= r.occurred_at AND m.quantity > coalesce((
            SELECT sum(c.quantity) FROM customers_returnline c JOIN customers_return t ON t.id = c.order_return_id
            WHERE c.line_id = m.id AND t.occurred_at <= r.occurred_at), 0))
) FROM customers_interaction i WHERE i.id = ANY(%s) AND i.sku <> ''
"""
# Which of some products customers have at an instant from other orders than one.
KEPT = """
SELECT DISTINCT n.order_id, l.sku FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[]) AS n(order_id, customer_id, at)
JOIN customers_order o ON o.customer_id = n.customer_id AND o.id <> n.order_id AND o.occurred_at <= n.at
JOIN customers_orderline l ON l.order_id = o.id AND l.sku = ANY(%s)
WHERE l.quantity > coalesce((
    SELECT sum(b.quantity) FROM customers_returnline b JOIN customers_return r ON r.id = b.order_return_id
    WHERE b.line_id = l.id AND r.occurred_at <= n.at), 0)
"""
# The same of interactions that were rewarded, where an order about whose products they are is returned, or corrected.
REWARDED = f"""
SELECT n.order_id, i.id, {BOUGHT_AT} FROM unnest(%s::uuid[], %s::uuid[]) AS n(order_id, customer_id)
JOIN customers_interaction i ON i.customer_id = n.customer_id AND i.sku = ANY(%s)
WHERE EXISTS (SELECT 1 FROM activity_interactiondecision d WHERE d.interaction_id = i.id AND d.points > 0)
"""


def asks_for_products(programs: Iterable[Versions]) -> bool:
    """Tell whether any rule of programs looks at whether a product was bought, or returned."""
    return any(
        rule.terms is not None and rule.terms.is_about_products
        for versions in programs
        for version in versions.versions
        for rule in version.of(RULES).earnings
    )


def limits_interactions(programs: Iterable[Versions]) -> bool:
    """Tell whether any rule of programs limits which interactions are rewarded."""
    return any(
        rule.terms is not None
        for versions in programs
        for version in versions.versions
        for rule in version.of(RULES).earnings
    )


def with_purchases(
    interactions: Sequence[InteractionReported], *, in_their_time: bool = False
) -> list[InteractionReported]:
    """
    Return interactions with when their products were bought, and whether the last of these has come back.

    :param in_their_time: that what came back later is lived through behind them
    """
    named = [each.interaction_id for each in interactions if each.sku]
    rows = bulk.fetch(BOUGHT, [named]) if named else ()
    found: Mapping[UUID, tuple[datetime | None, bool]] = {key: (bought_at, is_gone) for key, bought_at, is_gone in rows}
    return [
        replace(each, bought_at=bought_at, is_gone=is_gone and not in_their_time)
        for each in interactions
        for bought_at, is_gone in [found.get(each.interaction_id, (None, False))]
    ]


def with_others(returns: Sequence[OrderReturned]) -> list[OrderReturned]:
    """
    Return returns and corrections with those of their products that their customers have from other orders.

    And with when what rewarded interactions are about was bought: what is told late may say that it was not.
    """
    asked = [(each.order_id, each.customer_id, each.occurred_at) for each in returns if each.questioned]
    if not asked:
        return list(returns)
    skus = sorted(frozenset[str]().union(*(each.questioned for each in returns)))
    found: dict[UUID, set[str]] = {}
    for order_id, sku in bulk.fetch(KEPT, [*bulk.columns_of(asked), skus]):
        found.setdefault(order_id, set()).add(sku)
    bought: dict[UUID, dict[UUID, datetime | None]] = {}
    for order_id, interaction_id, at in bulk.fetch(REWARDED, [*bulk.columns_of(key[:2] for key in asked), skus]):
        bought.setdefault(order_id, {})[interaction_id] = at
    return [
        replace(
            each,
            kept_elsewhere=frozenset(found.get(each.order_id, ())),
            bought=bought.get(each.order_id, {}) if each.questioned else {},
        )
        for each in returns
    ]

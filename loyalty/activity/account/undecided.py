"""What no program has decided of two who turn out to be one waits for the one who stays."""

from customers.core import bulk
from customers.merging import MergedCustomer

FOLLOW = "UPDATE customers_undecidedfact SET customer_id = %s WHERE customer_id = %s"
# What was refused because its customer was no member then, and is somebody who was.
FORGET_ORDERS = """
DELETE FROM activity_orderdecision d USING customers_order o, memberships_membership m
WHERE o.id = d.order_id AND o.customer_id = %s AND d.version_id IS NULL
    AND m.customer_id = o.customer_id AND m.program_id = d.program_id AND m.left_at IS NULL AND o.occurred_at >= m.enrolled_at
"""
FORGET_RETURNS = """
DELETE FROM activity_returndecision d USING customers_return r, customers_order o
WHERE r.id = d.order_return_id AND o.id = r.order_id AND o.customer_id = %s AND NOT EXISTS (
    SELECT 1 FROM activity_orderdecision e WHERE e.order_id = o.id AND e.program_id = d.program_id)
"""
FORGET_INTERACTIONS = """
DELETE FROM activity_interactiondecision d USING customers_interaction i, memberships_membership m
WHERE i.id = d.interaction_id AND i.customer_id = %s AND d.reason = 'not_a_member_then'
    AND m.customer_id = i.customer_id AND m.program_id = d.program_id AND m.left_at IS NULL AND i.occurred_at >= m.enrolled_at
"""
UNDECIDED = """
INSERT INTO customers_undecidedfact (retailer_id, customer_id, kind, fact_id, occurred_at, is_again)
SELECT DISTINCT f.retailer_id, m.customer_id, f.kind, f.id, f.occurred_at, true
FROM memberships_membership m CROSS JOIN LATERAL (
    SELECT o.retailer_id, 'order' AS kind, o.id, o.occurred_at FROM customers_order o
    WHERE o.customer_id = m.customer_id AND o.occurred_at >= m.enrolled_at AND NOT EXISTS (
        SELECT 1 FROM activity_orderdecision d WHERE d.order_id = o.id AND d.program_id = m.program_id)
    UNION ALL
    SELECT r.retailer_id, 'return', r.id, r.occurred_at FROM customers_return r JOIN customers_order o ON o.id = r.order_id
    WHERE o.customer_id = m.customer_id AND o.occurred_at >= m.enrolled_at AND NOT EXISTS (
        SELECT 1 FROM activity_returndecision d WHERE d.order_return_id = r.id AND d.program_id = m.program_id)
    UNION ALL
    SELECT i.retailer_id, 'interaction', i.id, i.occurred_at FROM customers_interaction i
    WHERE i.customer_id = m.customer_id AND i.occurred_at >= m.enrolled_at AND NOT EXISTS (
        SELECT 1 FROM activity_interactiondecision d WHERE d.interaction_id = i.id AND d.program_id = m.program_id)
) f WHERE m.customer_id = %s AND m.left_at IS NULL
ON CONFLICT DO NOTHING
"""


def let_wait(merged: MergedCustomer) -> int:
    """Let what no program has decided of either customer wait for the one who stays; return how much waits."""
    bulk.execute(FOLLOW, [merged.target_id, merged.source_id])
    for sql in (FORGET_ORDERS, FORGET_RETURNS, FORGET_INTERACTIONS, UNDECIDED):
        bulk.execute(sql, [merged.target_id])
    ((waiting,),) = bulk.fetch(
        "SELECT count(*) FROM customers_undecidedfact WHERE customer_id = %s", [merged.target_id]
    )
    return int(waiting)

"""
Where touchpoints are recorded, as SQL: who, when, of which kind, by which channel, and whether it is friction.

Friction is a contact with support, a cart that was left, or an answer of 2 and less to how satisfied somebody is. What guests
buy is on nobody's path.
"""

from collections.abc import Iterable

from analytics.paths.touchpoints import RANKS, Touch

# What was reported of a customer, by the kind of interaction.
INTERACTIONS = {
    Touch.VISIT: ("visit",), Touch.VIEW: ("product_view",), Touch.CART: ("cart_abandoned",), Touch.SUPPORT: ("support",),
    Touch.REVIEW: ("review", "photo"), Touch.SURVEY: ("nps", "csat"), Touch.SHARE: ("share",), Touch.EVENT: ("event",),
}  # fmt: skip
FRICTION = "(kind IN ('support', 'cart_abandoned') OR kind = 'csat' AND score BETWEEN 1 AND 2)"
BETWEEN = "retailer_id = %(retailer)s AND {at} >= %(first)s AND {at} < %(last)s"
KEPT = """
SELECT o.customer_id, o.occurred_at, {rank}, lower(btrim(o.channel)), false FROM customers_order o
LEFT JOIN (SELECT order_id, sum(net_amount) AS amount FROM customers_return WHERE retailer_id = %(retailer)s GROUP BY 1) b
    ON b.order_id = o.id
WHERE o.retailer_id = %(retailer)s AND o.occurred_at >= %(first)s AND o.occurred_at < %(last)s
    AND o.customer_id IS NOT NULL AND (b.amount IS NULL OR b.amount < o.net_amount)
"""
OTHERS = {
    Touch.ORDER: f"""
        SELECT customer_id, occurred_at, {{rank}}, lower(btrim(channel)), false FROM customers_order
        WHERE {BETWEEN.format(at="occurred_at")} AND customer_id IS NOT NULL""",
    Touch.KEPT_ORDER: KEPT,
    Touch.DELIVERY: f"""
        SELECT o.customer_id, e.occurred_at, {{rank}}, lower(btrim(o.channel)), false FROM customers_orderevent e
        JOIN customers_order o ON o.id = e.order_id
        WHERE e.{BETWEEN.format(at="e.occurred_at")} AND e.kind = 'delivered' AND o.customer_id IS NOT NULL""",
    Touch.RETURN: f"""
        SELECT o.customer_id, r.occurred_at, {{rank}}, lower(btrim(o.channel)), false FROM customers_return r
        JOIN customers_order o ON o.id = r.order_id
        WHERE r.{BETWEEN.format(at="r.occurred_at")} AND o.customer_id IS NOT NULL""",
    # Messages and redemptions stay with the customer who was merged: what it did is the other one's.
    Touch.MESSAGE: f"""
        SELECT coalesce(c.merged_into_id, c.id), m.claimed_at, {{rank}}, m.channel, false FROM campaigns_message m
        JOIN customers_customer c ON c.id = m.customer_id
        WHERE m.{BETWEEN.format(at="m.claimed_at")} AND m.state IN ('accepted', 'delivered', 'complained')""",
    Touch.READ: f"""
        SELECT coalesce(c.merged_into_id, c.id), m.read_at, {{rank}}, m.channel, false FROM campaigns_message m
        JOIN customers_customer c ON c.id = m.customer_id
        WHERE m.{BETWEEN.format(at="m.read_at")}""",
    Touch.REDEMPTION: f"""
        SELECT coalesce(c.merged_into_id, c.id), r.redeemed_at, {{rank}}, '', false FROM rewards_rewardredemption r
        JOIN memberships_membership m ON m.id = r.membership_id JOIN customers_customer c ON c.id = m.customer_id
        WHERE r.{BETWEEN.format(at="r.redeemed_at")} AND r.status NOT IN ('cancelled', 'refunded', 'withdrawn')""",
}


def select(kinds: Iterable[Touch]) -> str:
    """Return the SELECT of touchpoints of some kinds: customer_id, at, rank, channel, is_friction."""
    wanted = set(kinds)
    parts = [OTHERS[each].format(rank=RANKS[each]) for each in Touch if each in wanted and each in OTHERS]
    reported = [each for each in Touch if each in wanted and each in INTERACTIONS]
    if reported:
        parts.append(_interactions(reported))
    first, *rest = parts
    return " UNION ALL ".join([f"SELECT * FROM ({first}) AS t (customer_id, at, rank, channel, is_friction)", *rest])


def _interactions(kinds: Iterable[Touch]) -> str:
    ranks = {name: RANKS[kind] for kind in kinds for name in INTERACTIONS[kind]}
    names = ", ".join(f"'{name}'" for name in ranks)
    cases = " ".join(f"WHEN '{name}' THEN {rank}" for name, rank in ranks.items())
    return f"""
        SELECT customer_id, occurred_at, CASE kind {cases} END, lower(btrim(channel)), {FRICTION} FROM customers_interaction
        WHERE {BETWEEN.format(at="occurred_at")} AND kind IN ({names})"""

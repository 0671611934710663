"""
Which part of an order's price belongs to its points (IFRS 15, paragraphs 73-86 and B39-B43).

The price is divided between goods and points by their stand-alone prices; that of points is what a point is worth times
the share that is expected to be redeemed, both as they were when the points were earned. It is never divided again.

The points are those that the order gives, as it is now: those that a correction took again, or gave anew at another instant,
were never sold, though their lots are there. What could not be taken counts, so that no order's points have more than its price.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from customers.core import bulk
from customers.core.values import dataclass
from loyalty.points.statement import Clock
from loyalty.points.valuation import Curve
from loyalty.programs.models import Program


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What the last version that says it says of a wallet.

    :param by_history: that any version leaves its share to history
    """

    point_value: Decimal
    share: Decimal | None
    by_history: bool


def policies(program: Program, at: datetime, clock: Clock) -> dict[str, Policy]:
    """Return what a point is worth in each wallet just before an instant, as the last version that says it says."""
    rows = bulk.fetch(POLICIES.format(known=KNOWN[clock]), {"program": program.pk, "at": at})
    return {code: Policy(*rest) for code, *rest in rows}


def pricing(program: Program, known: Mapping[str, Policy], curves: Mapping[str, Curve]) -> dict[str, Any]:
    """Return the parameters with which PRICED allocates an order's price."""
    codes = sorted(known)
    births = {code: curves.get(code, Curve()).shares[0] for code in codes}
    shares = [births[code] if (share := known[code].share) is None else share for code in codes]
    return {
        "program": program.pk,
        "valued": codes,
        "values": [known[code].point_value for code in codes],
        "shares": shares,
        "births": [births[code] for code in codes],
    }


KNOWN = {Clock.RECORDED: "AND v.published_at < %(at)s", Clock.OCCURRED: ""}
POLICIES = """
SELECT DISTINCT ON (p.code) p.code, p.point_value, p.redeemed_share,
    bool_or(p.redeemed_share IS NULL) OVER (PARTITION BY p.code)
FROM points_pointspolicy p JOIN programs_programversion v ON v.id = p.version_id
WHERE v.program_id = %(program)s AND v.status = 'published' AND v.effective_from < %(at)s {known}
    AND p.point_value IS NOT NULL ORDER BY p.code, v.effective_from DESC
"""
PRICE = """coalesce(p.point_value, n.point_value)
        * CASE WHEN p.point_value IS NULL THEN n.share ELSE coalesce(p.redeemed_share, n.birth) END"""
TERMS = """unnest(%(valued)s::text[], %(values)s::numeric[], %(shares)s::numeric[], %(births)s::numeric[])
        AS n(code, point_value, share, birth)"""
# From `wanted`, whose lots no transfer gave, to `priced`, with the other lots of their orders. What was fixed with a closed
# month stays, also where its order has other lots since; a lot whose version gave its points no value is priced by the version
# that is valid now.
# Here and elsewhere in the books, tables are looked up row by row (OFFSET 0) and sums are joined by windows: what is read
# grows with what is asked, whatever the planner knows of tables that have just been filled.
PRICED = """
known AS (
    SELECT w.lot_id, l.order_id, a.price FROM wanted w
    CROSS JOIN LATERAL (SELECT order_id FROM points_lot WHERE id = w.lot_id OFFSET 0) AS l
    LEFT JOIN LATERAL (SELECT price FROM points_allocatedprice WHERE lot_id = w.lot_id OFFSET 0) AS a ON true
), orders AS (
    SELECT k.order_id, o.paid, g.gives FROM (SELECT DISTINCT order_id FROM known WHERE price IS NULL) AS k
    CROSS JOIN LATERAL (
        SELECT net_amount - paid_with_points AS paid FROM customers_order WHERE id = k.order_id OFFSET 0
    ) AS o
    CROSS JOIN LATERAL (
        SELECT sum(d.points * {price}) AS gives FROM activity_orderdecision d
        CROSS JOIN LATERAL (SELECT code FROM points_wallet WHERE id = d.wallet_id OFFSET 0) AS w
        JOIN {terms} ON n.code = w.code
        LEFT JOIN LATERAL (
            SELECT point_value, redeemed_share FROM points_pointspolicy
            WHERE version_id = d.version_id AND code = w.code AND point_value IS NOT NULL OFFSET 0
        ) AS p ON true
        WHERE d.order_id = k.order_id AND d.program_id = %(program)s
    ) AS g
), together AS (
    SELECT lot_id, NULL::uuid AS order_id, NULL::numeric AS paid, NULL::numeric AS gives, false AS is_fixed
    FROM known WHERE price IS NULL AND order_id IS NULL
    UNION ALL
    SELECT l.id, o.order_id, o.paid, o.gives, f.lot_id IS NOT NULL FROM orders o
    CROSS JOIN LATERAL (
        SELECT id FROM points_lot WHERE order_id = o.order_id AND from_lot_id IS NULL OFFSET 0
    ) AS l
    LEFT JOIN LATERAL (SELECT lot_id FROM points_allocatedprice WHERE lot_id = l.id OFFSET 0) AS f ON true
), alone AS (
    SELECT t.lot_id, t.order_id, t.paid, t.gives, t.is_fixed, l.amount, l.amount * {price} AS price
    FROM together t
    CROSS JOIN LATERAL (SELECT * FROM points_lot WHERE id = t.lot_id OFFSET 0) AS l
    CROSS JOIN LATERAL (SELECT * FROM points_wallet WHERE id = l.wallet_id OFFSET 0) AS w
    CROSS JOIN LATERAL (SELECT program_id FROM memberships_membership WHERE id = w.membership_id OFFSET 0) AS s
    JOIN {terms} ON n.code = w.code
    LEFT JOIN LATERAL (
        SELECT point_value, redeemed_share FROM points_pointspolicy
        WHERE version_id = l.version_id AND code = w.code AND point_value IS NOT NULL OFFSET 0
    ) AS p ON true
    WHERE s.program_id = %(program)s
), of_orders AS (
    SELECT *, sum(price) OVER (PARTITION BY order_id) AS of_all FROM alone
), left_of_orders AS (
    SELECT *, sum(CASE WHEN order_id IS NULL OR gives >= of_all THEN price ELSE price * (amount - (
        SELECT coalesce(sum(CASE 'cancelled' WHEN to_state THEN m.amount WHEN from_state THEN -m.amount ELSE 0 END), 0)
        FROM points_lot l JOIN points_movement m ON m.lot_id = l.id
        WHERE l.order_id = of_orders.order_id AND of_orders.lot_id IN (l.id, l.origin_id)
    )) / amount END) OVER (PARTITION BY order_id) AS of_kept
    FROM of_orders
), priced AS (
    SELECT lot_id, round(
        price * coalesce(CASE WHEN order_id IS NOT NULL THEN
            paid / nullif(paid + coalesce(nullif(greatest(gives, of_kept), 0), of_all), 0) END, 1), 12) AS price
    FROM left_of_orders WHERE NOT is_fixed
    UNION ALL
    SELECT lot_id, price FROM known WHERE price IS NOT NULL
)
""".replace("{price}", PRICE).replace("{terms}", TERMS)

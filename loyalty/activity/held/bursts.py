"""
Reviews and photos that come in bursts: held for a person, and neither published nor rewarded until that one has looked.

The sixth of one customer within ten minutes is held, with those that follow: what was bought together is reviewed in one
sitting, but nobody writes faster than one in two minutes for long. So is the sixth within a day about one product by customers
who were not known a week before they wrote: who buys, waits for a parcel and tries what was in it is known for longer, and
accounts made for the purpose are not. What came before stays as it is. The numbers are constants: they cost a look at what is
honest, and one that every shop sets anew would be one that no shop has set.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from customers.models import Interaction
from loyalty.engine.activities import HeldInteraction, InteractionReported

CONTENT = (Interaction.Kind.REVIEW, Interaction.Kind.PHOTO)
MAX_BY_CUSTOMER, WITHIN_MINUTES = 5, 10
MAX_ON_PRODUCT, WITHIN_HOURS, NEW_DAYS = 5, 24, 7
KINDS = "kind IN ('review', 'photo')"
# Behind these locks a burst is counted by one at a time, whoever reports it: of one customer, and of one product. They are
# shared by all of one of 64 parts: a call may have a thousand reviews, and a server has room for some thousand locks.
LOCK = f"""
WITH keys AS MATERIALIZED (
    SELECT DISTINCT hashtextextended('held reviews', i.retailer_id * 64 + abs(hashtext(s.subject) %% 64)) AS key
    FROM customers_interaction i CROSS JOIN LATERAL (VALUES ('wrote:' || i.customer_id), ('about:' || i.sku)) s(subject)
    WHERE i.id = ANY(%s) AND {KINDS} ORDER BY 1
)
SELECT pg_advisory_xact_lock(key) FROM keys
"""
# Those that came before one of its own call are those of earlier instants; one that is decided later than it was recorded, as
# imports are, comes after those that were recorded before it. What was decided or held once is not looked at again.
BEFORE = """
    AND ((%(are_new)s AND o.recorded_at <> n.recorded_at)
        OR (o.recorded_at, o.occurred_at, o.id) < (n.recorded_at, n.occurred_at, n.id))
"""
HOLD = f"""
INSERT INTO activity_interactionhold (retailer_id, interaction_id, reason, counted, held_at)
SELECT retailer_id, id, CASE WHEN by_customer > {MAX_BY_CUSTOMER} THEN 'many_by_customer' ELSE 'many_on_product' END,
    CASE WHEN by_customer > {MAX_BY_CUSTOMER} THEN by_customer ELSE on_product END, %(now)s
FROM (
    SELECT n.id, n.retailer_id, 1 + (
        SELECT count(*) FROM customers_interaction o
        WHERE o.customer_id = n.customer_id AND o.{KINDS} AND o.occurred_at > n.occurred_at - interval '{WITHIN_MINUTES} minutes'
            AND o.occurred_at < n.occurred_at + interval '{WITHIN_MINUTES} minutes' {BEFORE}
    ) AS by_customer, CASE WHEN n.sku <> '' AND c.identified_at > n.occurred_at - interval '{NEW_DAYS} days' THEN 1 + (
        SELECT count(DISTINCT o.customer_id) FROM customers_interaction o JOIN customers_customer d ON d.id = o.customer_id
        WHERE o.retailer_id = n.retailer_id AND o.sku = n.sku AND o.{KINDS} AND o.customer_id <> n.customer_id
            AND o.occurred_at > n.occurred_at - interval '{WITHIN_HOURS} hours'
            AND o.occurred_at < n.occurred_at + interval '{WITHIN_HOURS} hours'
            AND d.identified_at > o.occurred_at - interval '{NEW_DAYS} days' {BEFORE}
    ) ELSE 0 END AS on_product
    FROM customers_interaction n JOIN customers_customer c ON c.id = n.customer_id
    WHERE n.id = ANY(%(ids)s) AND n.{KINDS}
        AND NOT EXISTS (SELECT 1 FROM activity_interactiondecision e WHERE e.interaction_id = n.id)
        AND NOT EXISTS (SELECT 1 FROM activity_interactionhold h WHERE h.interaction_id = n.id)
) n WHERE by_customer > {MAX_BY_CUSTOMER} OR on_product > {MAX_ON_PRODUCT}
RETURNING interaction_id, reason
"""
RESERVED = """
SELECT n.id, i.id, i.kind, i.sku, i.occurred_at FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[]) AS n(id, customer_id, at)
JOIN customers_interaction i ON i.customer_id = n.customer_id AND (i.occurred_at, i.id) < (n.at, n.id)
JOIN activity_interactionhold h ON h.interaction_id = i.id AND (h.decided_at IS NULL OR h.decided_at > (
    SELECT d.decided_at FROM activity_interactiondecision d WHERE d.interaction_id = n.id AND d.program_id = %s::bigint))
ORDER BY i.occurred_at, i.id
"""


def hold_bursts(interaction_ids: Sequence[UUID], *, now: datetime, are_new: bool = False) -> Mapping[UUID, str]:
    """
    Hold the reviews and photos of a burst that nobody has decided; call it before any member is locked.

    :param are_new: that they were recorded in this transaction; otherwise they waited since for their decision
    :returns: why, as a code, by the ids of those that are held now
    """
    if not interaction_ids or not bulk.fetch(LOCK, [list(interaction_ids)]):
        return {}
    return dict(bulk.fetch(HOLD, {"ids": list(interaction_ids), "now": now, "are_new": are_new}))


def is_content(kind: str) -> bool:
    """Tell whether an interaction is one that a shop publishes."""
    return kind in CONTENT


def with_reserved(
    interactions: Iterable[InteractionReported], *, decided_in: int | None = None
) -> list[InteractionReported]:
    """
    Return interactions with those of their customers that are held, and came before: their places stay theirs.

    :param decided_in: the program in which they were decided, where their past is lived again: those that were held by then
    """
    told = list(interactions)
    asked = [(each.interaction_id, each.customer_id, each.occurred_at) for each in told if is_content(each.kind)]
    found: dict[UUID, list[HeldInteraction]] = {}
    for interaction_id, *held in bulk.fetch(RESERVED, [*bulk.columns_of(asked), decided_in]) if asked else ():
        found.setdefault(interaction_id, []).append(HeldInteraction(*held))
    return [each.having_reserved(found[each.id]) if each.id in found else each for each in told]

"""
Reviews that turn out to be about what their customers had bought: an order says so that is told only after them.

What a rule gives only for a bought product was refused when the review was decided. With the order the review is decided again
as of its own time, as if the order had been known, and gives what is missing. What was taken back since, or refused by somebody,
stays so; so does what was decided of a review for another reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.activity.purchases import asks_for_products
from loyalty.engine.activities import (
    DecidedInteraction,
    Fact,
    InteractionReported,
    InteractionReviewed,
    InteractionVerified,
    OrderCorrected,
    OrderPlaced,
)
from loyalty.engine.decision import Decision
from loyalty.engine.versions import Versions

MAX_ENTRIES = 4  # in so many turns one review is rewarded, as one order after the other is told
# Decided interactions about products that orders have and that were placed before them, program by program, with what each rule
# gave; also to a membership that was merged since.
VERIFIED = """
SELECT i.id, i.number, i.kind, i.customer_id, i.occurred_at, i.sku, n.number, CASE WHEN h.is_approved THEN h.decided_at END,
    d.program_id, d.points, d.reason, g.gave, g.entries
FROM (
    SELECT DISTINCT ON (f.id) f.id, o.number
    FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id AND l.sku <> ''
    JOIN customers_interaction f ON f.customer_id = o.customer_id AND f.occurred_at >= o.occurred_at AND f.sku = l.sku
    WHERE {orders} AND f.id <> ALL(%(decided)s) ORDER BY f.id, o.occurred_at DESC, o.id
) n JOIN customers_interaction i ON i.id = n.id
JOIN activity_interactiondecision d ON d.interaction_id = i.id AND d.program_id = ANY(%(programs)s)
LEFT JOIN activity_interactionhold h ON h.interaction_id = i.id
CROSS JOIN LATERAL (
    SELECT json_agg(json_build_array(w.code, e.explanation->'rules')) FILTER (WHERE e.kind = 'earn') AS gave,
        count(DISTINCT e.cause) FILTER (WHERE e.kind = 'earn') AS entries,
        bool_or(e.cause = 'interaction-back:' || i.id) AS is_back
    FROM memberships_membership m JOIN memberships_membership p ON p.id = m.id OR p.merged_into_id = m.id
    JOIN points_wallet w ON w.membership_id = p.id
    JOIN points_entry e ON e.wallet_id = w.id AND e.cause = ANY(
        ARRAY(SELECT 'interaction:' || i.id || s FROM unnest(%(turns)s::text[]) s) || ('interaction-back:' || i.id))
    WHERE m.customer_id = i.customer_id AND m.program_id = d.program_id
) g
WHERE g.is_back IS NOT TRUE AND g.entries < %(most)s ORDER BY i.occurred_at, i.id
"""
OF_ORDERS, OF_CUSTOMER = "o.id = ANY(%(orders)s)", "o.customer_id = %(customer)s"


def find_verified(facts: Sequence[Fact], programs: Mapping[int, Versions]) -> list[InteractionVerified]:
    """
    Return the interactions that the orders among some facts verify, and that were decided before those.

    :param programs: of the customers, all of whose members are locked
    """
    orders = [fact.order_id for fact in facts if isinstance(fact, OrderPlaced | OrderCorrected)]
    if not orders:
        return []
    decided = [fact.id for fact in facts if isinstance(fact, InteractionReported)]
    return _verified(OF_ORDERS, programs, {"orders": orders, "decided": decided})


def find_verified_of(customer_id: UUID, programs: Mapping[int, Versions]) -> list[InteractionVerified]:
    """Return the decided interactions that any order of a customer verifies: what another one bought may be its own by now."""
    return _verified(OF_CUSTOMER, programs, {"customer": customer_id, "decided": []})


def find_approved(facts: Sequence[Fact], decisions: Iterable[Decision]) -> list[InteractionReviewed]:
    """Return the approvals of what is rewarded after somebody had looked at it who had held it: it needs no other."""
    given = {each.interaction.interaction_id for each in decisions if each.interaction and each.interaction.is_again}
    return [
        InteractionReviewed(fact.id, fact.customer_id, fact.approved_at, is_approved=True)
        for fact in facts
        if isinstance(fact, InteractionVerified) and fact.approved_at is not None and fact.id in given
    ]


def _verified(orders: str, programs: Mapping[int, Versions], asked: dict[str, Any]) -> list[InteractionVerified]:
    asking = [program_id for program_id, versions in programs.items() if asks_for_products([versions])]
    if not asking:
        return []
    turns = ["", *(f":{turn}" for turn in range(1, MAX_ENTRIES))]
    given = {**asked, "programs": asking, "turns": turns, "most": MAX_ENTRIES}
    found: dict[UUID, InteractionVerified] = {}
    for *about, order, approved_at, program_id, points, reason, gave, entries in bulk.fetch(
        VERIFIED.format(orders=orders), given
    ):
        interaction_id, number, kind, customer_id, at, sku = about
        verified = InteractionVerified(
            interaction_id, number, kind, customer_id, at, sku, order_number=order, approved_at=approved_at
        )
        known = DecidedInteraction(points, reason, _gave(gave or ()), entries)
        before = found.get(interaction_id, verified)
        found[verified.id] = replace(before, known={**before.known, program_id: known})
    return list(found.values())


def _gave(entries: Iterable[tuple[str, Iterable[Mapping[str, Any]] | None]]) -> dict[tuple[str, str], int]:
    """Return what each rule gave, by wallet and code, as entries explain it."""
    found: dict[tuple[str, str], int] = {}
    for wallet, parts in entries:
        for part in parts or ():
            key = wallet, part["rule"]
            found[key] = found.get(key, 0) + part["points"]
    return found

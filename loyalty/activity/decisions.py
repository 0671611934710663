"""How facts were decided: read before their orders' returns are decided, written with what each decision causes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.activity.models import InteractionDecision, OrderDecision, ReturnDecision
from loyalty.engine.activities import Award, DecidedOrder
from loyalty.engine.basket import Occasion
from loyalty.engine.decision import Decision, InteractionDecided, OrderDecided, ReturnDecided
from loyalty.engine.versions import Versions

DECIDED = """
SELECT d.retailer_id, d.program_id, d.order_id, d.membership_id, d.version_id, o.occurred_at, d.occasion, d.reason, d.is_kept,
    d.is_forfeited, d.wallet_id, d.allowance, d.points, d.points_kept
FROM activity_orderdecision d JOIN customers_order o ON o.id = d.order_id
WHERE {condition} ORDER BY o.occurred_at, d.order_id, d.wallet_id
"""
KEPT = "d.membership_id = ANY(%s) AND d.is_kept AND d.version_id IS NOT NULL AND NOT d.is_first"


def load_decided(order_ids: Iterable[UUID], versions: Mapping[int, Versions]) -> dict[tuple[UUID, int], DecidedOrder]:
    """Return how orders were decided, by order and program."""
    return _decided(bulk.fetch(DECIDED.format(condition="d.order_id = ANY(%s)"), [sorted(order_ids)]), versions)


def load_kept(memberships: Sequence[UUID], versions: Mapping[int, Versions]) -> list[DecidedOrder]:
    """Return members' orders of which something is left and that are not their first, the earliest first."""
    found = _decided(bulk.fetch(DECIDED.format(condition=KEPT), [list(memberships)]), versions)
    return list(found.values())


def load_settled(table: str, column: str, ids: Iterable[UUID]) -> set[tuple[UUID, int]]:
    """Return which returns or interactions were decided before, with their programs."""
    return set(bulk.fetch(f"SELECT {column}, program_id FROM {table} WHERE {column} = ANY(%s)", [sorted(ids)]))


def _decided(rows: Iterable[tuple[Any, ...]], versions: Mapping[int, Versions]) -> dict[tuple[UUID, int], DecidedOrder]:
    found: dict[tuple[UUID, int], DecidedOrder] = {}
    for (
        retailer_id,
        program_id,
        order_id,
        membership_id,
        version_id,
        at,
        said,
        reason,
        is_kept,
        is_forfeited,
        *award,
    ) in rows:
        earlier = found.get((order_id, program_id))
        awards = (*(earlier.awards if earlier else ()), Award(*award))
        version = versions[program_id].version(version_id) if program_id in versions else None
        occasion = Occasion(at, version.zone if version else Occasion().zone).restored(said)
        found[order_id, program_id] = DecidedOrder(
            retailer_id,
            program_id,
            order_id,
            membership_id,
            version_id,
            occasion,
            reason,
            awards,
            is_kept,
            is_forfeited,
        )
    return found


def write_decisions(decisions: Sequence[Decision], now: datetime) -> None:
    """Write how the facts of a batch were decided."""
    _write_orders(decisions, now)
    _write_returns(decisions, now)
    _write_interactions(decisions, now)


def _write_orders(decisions: Iterable[Decision], now: datetime) -> None:
    """An order decided and returned in one batch is one row a wallet: the last word counts."""
    latest: dict[tuple[UUID, int], tuple[DecidedOrder, bool]] = {}
    for decision in decisions:
        for effect in decision.effects:
            if isinstance(effect, OrderDecided):
                key = (effect.order.order_id, effect.order.program_id)
                latest.pop(key, None)  # the order that is first no more comes before the one that becomes it
                # It may have been decided as another one: it was told late, or its member was two customers.
                is_first = decision.member.first_order_id == effect.order.order_id
                latest[key] = effect.order, is_first
    # fmt: off
    rows = [
        (order.retailer_id, order.program_id, order.order_id, order.membership_id, award.wallet_id, order.version_id,
         json.dumps(order.occasion.stored()), is_first and order.version_id is not None, order.is_kept,
         order.reason, award.allowance, award.points, award.points_kept, now)
        for order, is_first in latest.values() for award in order.awards
    ]
    columns = ("retailer_id", "program_id", "order_id", "membership_id", "wallet_id", "version_id", "occasion", "is_first",
               "is_kept", "reason", "allowance", "points", "points_kept", "decided_at")
    # fmt: on
    bulk.insert(OrderDecision, columns, rows, suffix=REPLACE)


REPLACE = """
ON CONFLICT (order_id, wallet_id) DO UPDATE SET points = excluded.points, points_kept = excluded.points_kept,
    occasion = excluded.occasion, is_first = excluded.is_first, is_kept = excluded.is_kept, version_id = excluded.version_id,
    allowance = excluded.allowance, reason = excluded.reason
"""


def _write_returns(decisions: Iterable[Decision], now: datetime) -> None:
    rows = [
        (decision.member.retailer_id, decision.member.program_id, each.return_id, each.points, each.shortfall, now)
        for decision in decisions
        for each in decision.effects
        if isinstance(each, ReturnDecided)
    ]
    columns = ("retailer_id", "program_id", "order_return_id", "points", "shortfall", "decided_at")
    bulk.insert(ReturnDecision, columns, rows)


def _write_interactions(decisions: Iterable[Decision], now: datetime) -> None:
    decided = [
        (decision.member, each)
        for decision in decisions
        for each in decision.effects
        if isinstance(each, InteractionDecided)
    ]
    rows = [
        (member.retailer_id, member.program_id, each.interaction_id, each.points, each.reason, now)
        for member, each in decided
        if not each.is_again
    ]
    columns = ("retailer_id", "program_id", "interaction_id", "points", "reason", "decided_at")
    bulk.insert(InteractionDecision, columns, rows)
    again = [
        (member.program_id, each.interaction_id, each.points, each.reason) for member, each in decided if each.is_again
    ]
    if again:
        bulk.execute(DECIDED_AGAIN, [now, *bulk.columns_of(again)])


DECIDED_AGAIN = """
UPDATE activity_interactiondecision d SET points = n.points, reason = n.reason, decided_at = %s::timestamptz
FROM (SELECT unnest(%b::bigint[]) AS program_id, unnest(%b::uuid[]) AS interaction_id, unnest(%b::bigint[]) AS points,
    unnest(%b::text[]) AS reason) n
WHERE d.program_id = n.program_id AND d.interaction_id = n.interaction_id
"""

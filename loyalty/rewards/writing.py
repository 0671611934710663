"""The only writer of members' rewards, of what is left of them, and of causes' ledgers."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.engine.decision import Effect
from loyalty.rewards.models import CauseEntry, RewardCounter, RewardRedemption
from loyalty.rewards.state import (
    CauseMoved,
    RewardCounted,
    RewardEnded,
    RewardRedeemed,
    RewardsMoved,
    RewardUsed,
)

Counted = tuple[int, UUID]
OPEN_COUNTERS = "ON CONFLICT (program_id, reward_key) DO NOTHING"
LOCK_COUNTERS = """
SELECT c.program_id, c.reward_key, c.added, c.taken, c.matched FROM rewards_rewardcounter c
WHERE (c.program_id, c.reward_key) IN (SELECT unnest(%b::bigint[]), unnest(%b::uuid[]))
ORDER BY c.program_id, c.reward_key FOR NO KEY UPDATE
"""
COUNT = """
UPDATE rewards_rewardcounter c SET taken = c.taken + d.taken, matched = c.matched + d.matched
FROM (SELECT unnest(%b::bigint[]) AS program_id, unnest(%b::uuid[]) AS reward_key, unnest(%b::integer[]) AS taken,
    unnest(%b::numeric[]) AS matched) d WHERE c.program_id = d.program_id AND c.reward_key = d.reward_key
"""
END = """
UPDATE rewards_rewardredemption r SET status = d.status, ended_at = d.at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS status, unnest(%b::timestamptz[]) AS at) d WHERE r.id = d.id
"""
USE = """
UPDATE rewards_rewardredemption r SET status = d.status,
    used_at = CASE WHEN d.status = 'in_progress' THEN NULL ELSE d.at END, order_number = d.order_number,
    note = coalesce(nullif(d.note, ''), r.note)
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS status, unnest(%b::timestamptz[]) AS at,
    unnest(%b::text[]) AS order_number, unnest(%b::text[]) AS note) d WHERE r.id = d.id
"""
# A reference that both used gets the number of the member who goes, as that of the points that paid it does. What it had in a
# membership that ended stays there, as all else of it.
MOVE = """
UPDATE rewards_rewardredemption r SET membership_id = %s, reference = CASE WHEN EXISTS (
    SELECT 1 FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
    WHERE w.membership_id = %s AND e.kind = 'redeem' AND e.explanation->>'reference' = r.reference
) OR EXISTS (
    SELECT 1 FROM rewards_rewardredemption o WHERE o.membership_id = %s AND o.reference = r.reference
) THEN r.reference || ' (' || %s::text || ')' ELSE r.reference END
FROM memberships_membership s WHERE s.id = %s AND r.membership_id = s.id AND r.redeemed_at >= s.enrolled_at
"""
END_HOLDS = """
UPDATE rewards_voucherhold h SET status = 'released', ended_at = d.at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS at) d WHERE h.redemption_id = d.id AND h.status = 'open'
"""


def lock_counters(retailer_id: int, keys: Iterable[Counted]) -> dict[Counted, tuple[int, int, Decimal]]:
    """
    Lock what is counted of rewards, in the order of their keys; behind the members' lock, so that no two wait crosswise.

    :returns: by program and reward what was added to the stock, what is taken, and what was matched
    """
    asked = sorted(set(keys))
    if not asked:
        return {}
    rows = [(retailer_id, program_id, key, 0, 0, Decimal(0)) for program_id, key in asked]
    columns = ("retailer_id", "program_id", "reward_key", "added", "taken", "matched")
    bulk.insert(RewardCounter, columns, rows, suffix=OPEN_COUNTERS)
    found = bulk.fetch(LOCK_COUNTERS, bulk.columns_of(asked))
    return {(program_id, key): (added, taken, matched) for program_id, key, added, taken, matched in found}


def counters_of(effects: Iterable[Effect]) -> set[Counted]:
    """Return which counters effects change, by program and reward."""
    return {(each.program_id, each.reward_key) for each in effects if isinstance(each, RewardCounted)}


def lock_counters_of(effects: Iterable[Effect]) -> None:
    """Lock the counters that effects change, before any of them changes."""
    by_retailer: dict[int, set[Counted]] = {}
    for each in effects:
        if isinstance(each, RewardCounted):
            by_retailer.setdefault(each.retailer_id, set()).add((each.program_id, each.reward_key))
    for retailer_id, keys in sorted(by_retailer.items()):
        lock_counters(retailer_id, keys)


def write(effects: Sequence[Effect], now: datetime) -> None:
    """Write what steps decided of rewards: a fixed number of statements."""
    _redeemed([each for each in effects if isinstance(each, RewardRedeemed)], now)
    _run(USE, effects, RewardUsed, lambda each: (each.id, each.status, each.at, each.order_number, each.note))
    _run(END, effects, RewardEnded, lambda each: (each.id, each.status, each.at))
    _run(END_HOLDS, effects, RewardEnded, lambda each: (each.id, each.at))
    _count([each for each in effects if isinstance(each, RewardCounted)])
    _causes([each for each in effects if isinstance(each, CauseMoved)], now)
    for each in effects:
        if isinstance(each, RewardsMoved):
            bulk.execute(MOVE, [each.target_id, each.target_id, each.target_id, each.number, each.source_id])


def _redeemed(redeemed: Sequence[RewardRedeemed], now: datetime) -> None:
    # fmt: off
    columns = ("id", "retailer_id", "program_id", "membership_id", "reward_id", "reward_key", "reference", "wallet",
               "points", "price_rule", "amount", "matched", "status", "redeemed_at", "recorded_at", "expires_at", "used_at",
               "order_number", "note", "is_counted")
    rows = [(each.id, each.retailer_id, each.program_id, each.membership_id, each.reward_id, each.reward_key, each.reference,
             each.wallet, each.points, each.price_rule, each.amount, each.matched, each.status, each.redeemed_at, now,
             each.expires_at, each.used_at, "", "", each.is_counted) for each in redeemed]
    # fmt: on
    bulk.insert(RewardRedemption, columns, rows)


def _run(sql: str, effects: Sequence[Effect], kind: type[Any], row: Callable[[Any], tuple[Any, ...]]) -> None:
    rows = [row(each) for each in effects if isinstance(each, kind)]
    if rows:
        bulk.execute(sql, bulk.columns_of(rows))


def _count(changes: Sequence[RewardCounted]) -> None:
    sums: dict[Counted, tuple[int, Decimal]] = {}
    for each in changes:
        taken, matched = sums.get((each.program_id, each.reward_key), (0, Decimal(0)))
        sums[each.program_id, each.reward_key] = (taken + each.taken, matched + each.matched)
    if sums:
        bulk.execute(COUNT, bulk.columns_of([(*key, *change) for key, change in sorted(sums.items(), key=_key)]))


def _key(item: tuple[Counted, tuple[int, Decimal]]) -> Counted:
    return item[0]


def _causes(moved: Sequence[CauseMoved], now: datetime) -> None:
    # fmt: off
    columns = ("retailer_id", "program_id", "reward_key", "kind", "amount", "redemption_id", "document", "occurred_at",
               "recorded_at")
    # fmt: on
    rows = [
        (
            each.retailer_id,
            each.program_id,
            each.reward_key,
            each.kind,
            each.amount,
            each.redemption_id,
            "",
            each.at,
            now,
        )
        for each in moved
    ]
    bulk.insert(CauseEntry, columns, rows)

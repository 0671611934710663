"""The only writer of members' rewards, of what is left of them, and of causes' ledgers."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from customers.core import bulk
from loyalty.engine.decision import Effect
from loyalty.rewards.models import CauseEntry, RewardBudget, RewardBudgetEntry, RewardCounter, RewardRedemption
from loyalty.rewards.state import (
    BudgetMoved,
    CauseMoved,
    RewardCounted,
    RewardEnded,
    RewardRedeemed,
    RewardsMoved,
    RewardUsed,
)

CounterKey = tuple[int, UUID]
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
    note = coalesce(nullif(d.note, ''), r.note), spent = d.spent
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::text[]) AS status, unnest(%b::timestamptz[]) AS at,
    unnest(%b::text[]) AS order_number, unnest(%b::text[]) AS note, unnest(%b::numeric[]) AS spent) d WHERE r.id = d.id
"""
LOCK_BUDGETS = """
SELECT id, "limit", reserved, spent FROM rewards_rewardbudget WHERE id = ANY(%b::bigint[]) ORDER BY id FOR NO KEY UPDATE
"""
MOVE_BUDGETS = """
UPDATE rewards_rewardbudget b SET reserved = b.reserved + d.reserved, spent = b.spent + d.spent
FROM (SELECT id, sum(reserved) AS reserved, sum(spent) AS spent FROM (
    SELECT unnest(%b::bigint[]) AS id, unnest(%b::numeric[]) AS reserved, unnest(%b::numeric[]) AS spent
) m GROUP BY id) d WHERE b.id = d.id
"""
# A reference that both used gets the number of the member who goes, as that of the points that paid it does. What it had in a
# membership that ended stays there, as all else of it.
MOVE = """
UPDATE rewards_rewardredemption r SET membership_id = %s, reference = CASE WHEN EXISTS (
    SELECT 1 FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
    WHERE w.membership_id = %s AND e.kind = 'redeem' AND e.explanation->>'reference' = r.reference
) OR EXISTS (
    SELECT 1 FROM points_spendingreference u WHERE u.membership_id = %s AND u.reference = r.reference
) OR EXISTS (
    SELECT 1 FROM rewards_rewardredemption o WHERE o.membership_id = %s AND o.reference = r.reference
) THEN r.reference || ' (' || %s::text || ')' ELSE r.reference END
FROM memberships_membership s WHERE s.id = %s AND r.membership_id = s.id AND r.redeemed_at >= s.enrolled_at
"""
END_HOLDS = """
UPDATE rewards_voucherhold h SET status = 'released', ended_at = d.at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS at) d WHERE h.redemption_id = d.id AND h.status = 'open'
"""


class CounterState(NamedTuple):
    """What was added to a reward's stock, how many members took, and what was matched of its donations."""

    added: int
    taken: int
    matched: Decimal


def lock_counters(retailer_id: int, keys: Iterable[CounterKey]) -> dict[CounterKey, CounterState]:
    """
    Lock what is counted of rewards, in the order of their keys; behind the members' lock, so that no two wait crosswise.

    :returns: by program and reward
    """
    asked = sorted(set(keys))
    if not asked:
        return {}
    rows = [(retailer_id, program_id, key, 0, 0, Decimal(0)) for program_id, key in asked]
    columns = ("retailer_id", "program_id", "reward_key", "added", "taken", "matched")
    bulk.insert(RewardCounter, columns, rows, suffix=OPEN_COUNTERS)
    found = bulk.fetch(LOCK_COUNTERS, bulk.columns_of(asked))
    return {(program_id, key): CounterState(*counted) for program_id, key, *counted in found}


def counters_of(effects: Iterable[Effect]) -> set[CounterKey]:
    """Return which counters effects change, by program and reward."""
    return {(each.program_id, each.reward_key) for each in effects if isinstance(each, RewardCounted)}


def lock_counters_of(effects: Iterable[Effect]) -> None:
    """Lock the counters that effects change, before any of them changes."""
    by_retailer: dict[int, set[CounterKey]] = {}
    for each in effects:
        if isinstance(each, RewardCounted):
            by_retailer.setdefault(each.retailer_id, set()).add((each.program_id, each.reward_key))
    for retailer_id, keys in sorted(by_retailer.items()):
        lock_counters(retailer_id, keys)


class BudgetState(NamedTuple):
    """What a budget is in all, what of it is reserved, and what is spent, in the retailer's currency."""

    limit: Decimal
    reserved: Decimal
    spent: Decimal

    @property
    def free(self) -> Decimal:
        return self.limit - self.reserved - self.spent


def budgets_of(effects: Iterable[Effect]) -> set[int]:
    """Return which budgets effects change."""
    return {each.budget_id for each in effects if isinstance(each, BudgetMoved)}


def lock_budgets(budgets: Iterable[int]) -> dict[int, BudgetState]:
    """Lock budgets in the order of their ids; behind the members' and the counters' locks, as all who lock several do."""
    asked = sorted(set(budgets))
    if not asked:
        return {}
    return {key: BudgetState(*row) for key, *row in bulk.fetch(LOCK_BUDGETS, [asked])}


def read_free(budgets: Iterable[int]) -> dict[int, Decimal]:
    """Return what is left of budgets, holding none."""
    rows = RewardBudget.objects.filter(pk__in=list(budgets)).values_list("pk", "limit", "reserved", "spent")
    return {key: BudgetState(*row).free for key, *row in rows}


class BudgetLine(NamedTuple):
    """A line of a budget's ledger. :param redemption_id: None for what was granted, and is not taken yet"""

    retailer_id: int
    budget_id: int
    redemption_id: UUID | None
    cause: str
    reserved: Decimal
    spent: Decimal
    at: datetime


def move_budgets(lines: Sequence[BudgetLine], now: datetime) -> None:
    """Write lines of locked budgets' ledgers, and what the budgets come to."""
    if not lines:
        return
    columns = (
        "retailer_id", "budget_id", "redemption_id", "cause", "reserved", "spent", "occurred_at", "recorded_at",
    )  # fmt: skip
    bulk.insert(RewardBudgetEntry, columns, [(*line, now) for line in lines])
    bulk.execute(MOVE_BUDGETS, bulk.columns_of((line.budget_id, line.reserved, line.spent) for line in lines))


def write(effects: Sequence[Effect], *, now: datetime) -> None:
    """Write what steps decided of rewards: a fixed number of statements."""
    _redeemed([each for each in effects if isinstance(each, RewardRedeemed)], now)
    _run(USE, effects, RewardUsed, lambda each: (
        each.id, each.status, each.at, each.order_number, each.note, each.spent))  # fmt: skip
    _run(END, effects, RewardEnded, lambda each: (each.id, each.status, each.at))
    _run(END_HOLDS, effects, RewardEnded, lambda each: (each.id, each.at))
    _count([each for each in effects if isinstance(each, RewardCounted)])
    move_budgets([_line(each) for each in effects if isinstance(each, BudgetMoved)], now)
    _causes([each for each in effects if isinstance(each, CauseMoved)], now)
    for each in effects:
        if isinstance(each, RewardsMoved):
            bulk.execute(MOVE, [*[each.target_id] * 4, each.number, each.source_id])


def _line(moved: BudgetMoved) -> BudgetLine:
    return BudgetLine(
        moved.retailer_id, moved.budget_id, moved.redemption_id, moved.cause, moved.reserved, moved.spent, moved.at
    )


def _redeemed(redeemed: Sequence[RewardRedeemed], now: datetime) -> None:
    # fmt: off
    columns = ("id", "retailer_id", "program_id", "membership_id", "reward_id", "reward_key", "reference", "wallet",
               "points", "price_rule", "amount", "matched", "status", "redeemed_at", "recorded_at", "expires_at", "used_at",
               "order_number", "note", "is_counted", "budget_id", "reserved")
    rows = [(each.id, each.retailer_id, each.program_id, each.membership_id, each.reward_id, each.reward_key, each.reference,
             each.wallet, each.points, each.price_rule, each.amount, each.matched, each.status, each.redeemed_at, now,
             each.expires_at, each.used_at, "", "", each.is_counted, each.budget_id, each.reserved) for each in redeemed]
    # fmt: on
    bulk.insert(RewardRedemption, columns, rows)


def _run(sql: str, effects: Sequence[Effect], kind: type[Any], row: Callable[[Any], tuple[Any, ...]]) -> None:
    rows = [row(each) for each in effects if isinstance(each, kind)]
    if rows:
        bulk.execute(sql, bulk.columns_of(rows))


def _count(changes: Sequence[RewardCounted]) -> None:
    sums: dict[CounterKey, tuple[int, Decimal]] = {}
    for each in changes:
        taken, matched = sums.get((each.program_id, each.reward_key), (0, Decimal(0)))
        sums[each.program_id, each.reward_key] = (taken + each.taken, matched + each.matched)
    if sums:
        bulk.execute(COUNT, bulk.columns_of([(*key, *change) for key, change in sorted(sums.items(), key=_key)]))


def _key(item: tuple[CounterKey, tuple[int, Decimal]]) -> CounterKey:
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

"""Rewards that members have, where time or a return may end them, with what paid them."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import OrderReturned
from loyalty.engine.capability import Scope
from loyalty.engine.member import Member
from loyalty.points.debts import debts_of
from loyalty.points.loading.debts import load_debts
from loyalty.points.loading.lots import load_lots
from loyalty.points.loading.redeemed import load_redeemed
from loyalty.rewards.state import REWARDS, HeldReward, RewardsState
from loyalty.rewards.writing import lock_counters

COLUMNS = """
r.membership_id, r.id, r.reward_key, w.code, r.reference, r.points, r.status IN ('issued', 'in_progress'),
r.status = 'in_progress', r.expires_at, h.protected_until, w.on_expiry = 'give_back', w.on_withdrawal = 'give_back',
r.is_counted, r.amount, r.matched, w.kind = 'donation', r.ended_at IS NOT NULL, r.budget_id, coalesce(r.reserved, 0), r.spent,
r.order_number
"""
# A till that was cut off has so much more time, in which nobody else gets what it has in hand.
OFFLINE = timedelta(minutes=1)
HELD = f"""
SELECT {COLUMNS}
FROM rewards_rewardredemption r JOIN rewards_reward w ON w.id = r.reward_id
LEFT JOIN LATERAL (
    SELECT ends_at + interval '{OFFLINE.seconds} seconds' AS protected_until FROM rewards_voucherhold
    WHERE redemption_id = r.id AND status = 'open' OFFSET 0
) h ON true
WHERE r.membership_id = ANY(%(members)s) AND {{condition}} ORDER BY r.id
"""
OPEN = HELD.format(condition="r.status IN ('issued', 'in_progress')")
NAMED = HELD.format(
    condition="""(r.status IN ('issued', 'in_progress') OR r.reference = ANY(%(references)s)
    OR r.budget_id IS NOT NULL AND r.order_number = ANY(%(orders)s))"""
)
ONE = HELD.format(condition="r.id = %(id)s")
# Which donations their causes have been paid: what is paid out comes behind them in the cause's ledger.
IS_PAID_OUT = """
EXISTS (SELECT 1 FROM rewards_causeentry p WHERE p.program_id = r.program_id AND p.reward_key = r.reward_key
    AND p.kind = 'payout' AND p.id > (SELECT min(e.id) FROM rewards_causeentry e WHERE e.redemption_id = r.id))
"""
PAID_OUT = f"SELECT r.id FROM rewards_rewardredemption r WHERE r.id = ANY(%s) AND {IS_PAID_OUT}"
PAID_OUT_OF = f"""
SELECT m.customer_id, r.reference FROM rewards_rewardredemption r JOIN memberships_membership m ON m.id = r.membership_id
WHERE r.program_id = %(program)s AND m.customer_id = ANY(%(customers)s) AND r.reference = ANY(%(references)s)
    AND r.ended_at IS NULL AND {IS_PAID_OUT}
"""


def load(scope: Scope) -> dict[UUID, RewardsState]:
    """Load the rewards that members have, and what paid them, where time or a return may end them."""
    keys = scope.using(REWARDS.name)
    whole = sorted(scope.whole.intersection(keys))
    states = dict.fromkeys(keys, RewardsState())
    if not whole:
        return states  # an order in time neither looks at rewards nor changes any
    returned = [each for each in scope.activities if isinstance(each, OrderReturned) and not each.kept.lines]
    asked = {
        "members": whole,
        "references": sorted({name for each in returned for name in each.redemptions}),
        "orders": sorted({each.order_number for each in returned}),
    }
    for key, *row in bulk.fetch(NAMED, asked) if returned else bulk.fetch(OPEN, {"members": whole}):
        states[key] = states[key].with_held(HeldReward(*row))
    return _with_paid(_with_paid_out(states, scope.members))


def _with_paid_out(states: dict[UUID, RewardsState], members: Mapping[UUID, Member]) -> dict[UUID, RewardsState]:
    """Lock the causes of donations that may come back, before anything else that is counted, and note which were paid."""
    donations = [
        (key, held) for key, state in states.items() for held in state.held if held.is_donation and not held.is_over
    ]
    if not donations:
        return states
    causes: dict[int, set[tuple[int, UUID]]] = {}
    for key, held in donations:
        causes.setdefault(members[key].retailer_id, set()).add((members[key].program_id, held.reward_key))
    for retailer_id, keys in sorted(causes.items()):
        lock_counters(retailer_id, keys)
    paid = paid_out(held.id for _, held in donations)
    for key, held in donations:
        states[key] = states[key].with_held(replace(held, is_paid_out=held.id in paid))
    return states


def _with_paid(states: dict[UUID, RewardsState]) -> dict[UUID, RewardsState]:
    """Load what paid the rewards whose points may come back by time alone."""
    pairs = sorted(
        (held.reference, key)
        for key, state in states.items()
        for held in state.held
        if held.is_open and held.points and (held.gives_back_on_expiry or held.gives_back_on_withdrawal)
    )
    if not pairs:
        return states
    found = load_redeemed(pairs)
    wallets = sorted({each.wallet_id for paid in found.values() for each in paid})
    lots = sorted({move.lot_id for paid in found.values() for each in paid for move in each.moves})
    debts = load_debts(wallets, lots=lots)
    covers = load_lots(
        sorted({lot for entries in debts.values() for debt in debts_of(entries) for lot, _ in debt.covers})
    )
    for key, paid in found.items():
        own = {each.wallet_id: debts[each.wallet_id] for each in paid if each.wallet_id in debts}
        states[key] = replace(states[key], paid=tuple(paid), debts=own, covers=tuple(covers) if own else ())
    return states


def load_one(membership_id: UUID, redemption_id: UUID) -> HeldReward:
    """Return a member's reward, whatever has become of it."""
    ((_, *row),) = bulk.fetch(ONE, {"members": [membership_id], "id": redemption_id})
    return HeldReward(*row)


def paid_out(donations: Iterable[UUID]) -> set[UUID]:
    """Return those of some donations that their causes have been paid; certain behind the locks of the causes alone."""
    return {found for (found,) in bulk.fetch(PAID_OUT, [sorted(set(donations))])}


def paid_out_of(program_id: int, customers: Iterable[UUID], references: Iterable[str]) -> set[tuple[UUID, str]]:
    """Return whose donations a program's causes have been paid, with the references under which they were made."""
    asked = {"program": program_id, "customers": sorted(set(customers)), "references": sorted(set(references))}
    return {(customer, reference) for customer, reference in bulk.fetch(PAID_OUT_OF, asked)}

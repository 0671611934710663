"""
Pieces of a stock that time has freed: rewards of others that are past their end, or were withdrawn, and give back, whose clocks
nobody has read yet.

So that no stock is empty until somebody's night: they are counted where a catalogue says how many are left, and end by their
members' own clocks before anybody is refused the last piece.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from loyalty.activity.account.households import household_of
from loyalty.activity.account.session import AccountSession
from loyalty.memberships.models import Membership

BATCH = 500
HAD = """
SELECT r.id, r.membership_id FROM rewards_rewardredemption r JOIN rewards_reward w ON w.id = r.reward_id
WHERE r.program_id = %(program)s AND r.reward_key = k.reward_key AND r.is_counted AND r.status = 'issued'
"""
# What a till has in hand is not over before its hold is. What was withdrawn since somebody had it may be back by now: when a
# version last had it no more is asked once, and as most were never withdrawn, those that wait of them are not read.
FREED = f"""
FROM (
    SELECT a.reward_key, (
        SELECT max(v.effective_from) FROM programs_programversion v
        WHERE v.program_id = %(program)s AND v.status = 'published' AND v.effective_from <= %(at)s
            AND NOT EXISTS (SELECT 1 FROM rewards_reward o WHERE o.version_id = v.id AND o.key = a.reward_key)
    ) AS withdrawn_at
    FROM unnest(%(keys)s::uuid[]) a (reward_key) OFFSET 0
) k CROSS JOIN LATERAL (
    {HAD} AND w.on_expiry = 'give_back' AND r.expires_at <= %(at)s
    UNION
    {HAD} AND w.on_withdrawal = 'give_back' AND r.redeemed_at < k.withdrawn_at AND k.withdrawn_at IS NOT NULL
) f
LEFT JOIN rewards_voucherhold h ON h.redemption_id = f.id AND h.status = 'open'
WHERE (h.id IS NULL OR h.ends_at < %(at)s) AND f.membership_id <> %(member)s
"""
PIECES = f"SELECT k.reward_key, count(*)::int {FREED} GROUP BY 1"
HOLDERS = f"SELECT DISTINCT f.membership_id {FREED} ORDER BY f.membership_id LIMIT {BATCH}"


def freed_of_others(program_id: int, keys: Sequence[UUID], membership_id: UUID, *, at: datetime) -> Mapping[UUID, int]:
    """Return how many pieces of rewards, by their keys, others give back whose time is over at an instant."""
    return dict(bulk.fetch(PIECES, {"program": program_id, "keys": list(keys), "at": at, "member": membership_id}))


@transaction.atomic
def end_freed(membership: Membership, key: UUID, *, now: datetime) -> bool:
    """
    Let rewards of others end that are past their time, or were withdrawn, and tell whether any did.

    Each ends by its member's own clock, as its night would end it.
    They are locked with the member who asks and its household, which it locks next: all in one order.
    """
    asked = {"program": membership.program_id, "keys": [key], "at": now, "member": membership.pk}
    holders = [pk for (pk,) in bulk.fetch(HOLDERS, asked)]
    if not holders:
        return False
    others = [other.pk for other in household_of(membership)]
    AccountSession.open({*holders, membership.pk, *others}, now).finish()
    return True

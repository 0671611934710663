"""
Pieces of a stock that time has freed: rewards of others that are past their end and give back, whose clocks nobody has read yet.

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
# What a till has in hand is not over before its hold is.
FREED = """
FROM rewards_rewardredemption r JOIN rewards_reward w ON w.id = r.reward_id AND w.on_expiry = 'give_back'
LEFT JOIN rewards_voucherhold h ON h.redemption_id = r.id AND h.status = 'open'
WHERE r.program_id = %s AND r.reward_key = ANY(%s) AND r.is_counted AND r.status = 'issued' AND r.expires_at <= %s
    AND (h.id IS NULL OR h.ends_at < %s) AND r.membership_id <> %s
"""
PIECES = f"SELECT r.reward_key, count(*)::int {FREED} GROUP BY 1"
HOLDERS = f"SELECT DISTINCT r.membership_id {FREED} ORDER BY r.membership_id LIMIT %s"


def freed_of_others(program_id: int, keys: Sequence[UUID], membership_id: UUID, *, at: datetime) -> Mapping[UUID, int]:
    """Return how many pieces of rewards, by their keys, others give back whose time is over at an instant."""
    return dict(bulk.fetch(PIECES, [program_id, list(keys), at, at, membership_id]))


@transaction.atomic
def end_freed(membership: Membership, key: UUID, *, now: datetime) -> bool:
    """
    Let rewards of others end that are past their time, each by its member's own clock, as its night would; tell whether any did.

    They are locked with the member who asks and its household, which it locks next: all in one order.
    """
    holders = [pk for (pk,) in bulk.fetch(HOLDERS, [membership.program_id, [key], now, now, membership.pk, BATCH])]
    if not holders:
        return False
    others = [other.pk for other in household_of(membership)]
    AccountSession.open({*holders, membership.pk, *others}, now).finish()
    return True

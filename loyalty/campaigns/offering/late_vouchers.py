"""Vouchers of offers past their time: they end with their members' nights, and who fails there keeps nobody else waiting."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from loyalty.activity.account.session import AccountSession
from loyalty.activity.nightly import set_aside
from loyalty.campaigns.setting_aside import NO_DATABASE

BATCH = 500
# Those that have not been ended by their member's own night. Who was set aside keeps its own until that night is made up for.
LATE = """
SELECT DISTINCT r.membership_id FROM rewards_rewardredemption r
LEFT JOIN rewards_voucherhold h ON h.redemption_id = r.id AND h.status = 'open'
WHERE r.budget_id = ANY(%s::bigint[]) AND r.status = 'issued' AND r.expires_at <= %s AND (h.id IS NULL OR h.ends_at < %s)
    AND NOT EXISTS (SELECT 1 FROM activity_setaside a WHERE a.membership_id = r.membership_id)
ORDER BY r.membership_id LIMIT %s
"""


def late_holders(budgets: Collection[int], *, now: datetime) -> list[UUID]:
    """
    Return some members whose vouchers of offers are past their time, and would end by their own clocks with their night.

    They are locked together with those who are given offers, all in one order: behind a budget nobody waits for a member.
    """
    return [key for (key,) in bulk.fetch(LATE, [sorted(budgets), now, now, BATCH])]


def set_failing_aside(budgets: Collection[int], *, now: datetime) -> bool:
    """
    Set aside, of the members with late vouchers, those whose night fails; tell whether there are any.

    Each is only tried: nobody's lock is kept, as whoever asks may hold a transaction in which they are locked together.
    """
    failed = [(key, error) for key in late_holders(budgets, now=now) if (error := _failure(key, now)) is not None]
    for key, error in failed:
        set_aside(key, "time", error, now=now)
    return bool(failed)


def _failure(membership_id: UUID, now: datetime) -> Exception | None:
    """Return as what the night of a member fails; None where it does not."""
    try:
        with transaction.atomic():
            AccountSession.open([membership_id], now).finish()
            transaction.set_rollback(True)
    except NO_DATABASE:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this one's
        return error
    return None

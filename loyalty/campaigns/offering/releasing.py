"""What offers reserve and nobody uses comes back to their budgets: when they end, are declined, or are withdrawn."""

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from customers.models import Retailer
from loyalty.rewards.writing import BudgetLine, BudgetState, lock_budgets, move_budgets

# What is over, and what those have who were erased or left, whether or not they came back. Who takes one meanwhile has its
# row, and is left alone: nothing waits for a grant while it holds a budget.
RELEASE = """
WITH over AS (
    SELECT g.id FROM campaigns_offergrant g JOIN campaigns_offer o ON o.id = g.offer_id
    JOIN memberships_membership m ON m.id = g.membership_id
    JOIN customers_customer c ON c.id = m.customer_id
    LEFT JOIN memberships_membership n ON n.id = m.merged_into_id
    WHERE g.state = 'granted' AND o.budget_id = ANY(%s::bigint[])
        AND (g.expires_at <= %s OR c.erased_at IS NOT NULL
            OR coalesce(n.left_at, CASE WHEN n.id IS NULL THEN m.left_at END) <= %s
            OR n.id IS NULL AND m.enrolled_at > g.granted_at)
    ORDER BY g.id LIMIT 10000 FOR NO KEY UPDATE OF g SKIP LOCKED
)
UPDATE campaigns_offergrant g SET state = 'expired', ended_at = %s FROM over, campaigns_offer o
WHERE g.id = over.id AND o.id = g.offer_id RETURNING g.id, g.retailer_id, o.budget_id, g.reserved
"""
# Who is taking one may yet not have it: a dry run, or a request that fails. It is waited for before the budget is locked.
HOLD_OPEN = (
    "SELECT id FROM campaigns_offergrant WHERE offer_id = %s AND state = 'granted' ORDER BY id FOR NO KEY UPDATE"
)
WITHDRAW = """
WITH mine AS (
    SELECT id FROM campaigns_offergrant WHERE offer_id = %s AND state = 'granted' ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE campaigns_offergrant g SET state = 'withdrawn', ended_at = %s FROM mine, campaigns_offer o
WHERE g.id = mine.id AND o.id = g.offer_id RETURNING g.id, g.retailer_id, o.budget_id, g.reserved
"""
DECLINE = """
UPDATE campaigns_offergrant g SET state = 'declined', ended_at = %s FROM campaigns_offer o
WHERE g.id = %s AND g.state = 'granted' AND o.id = g.offer_id RETURNING g.id, g.retailer_id, o.budget_id, g.reserved
"""
BUDGETS = """
SELECT DISTINCT o.budget_id FROM campaigns_offergrant g JOIN campaigns_offer o ON o.id = g.offer_id
JOIN memberships_membership m ON m.id = g.membership_id JOIN customers_customer c ON c.id = m.customer_id
WHERE g.retailer_id = %s AND g.state = 'granted'
    AND (g.expires_at <= %s OR m.left_at <= %s OR c.erased_at IS NOT NULL
        OR m.merged_into_id IS NULL AND m.enrolled_at > g.granted_at)
"""


def release_over(budgets: Collection[int], *, now: datetime) -> dict[int, BudgetState]:
    """Lock budgets, give back to them what is over and was not taken, and return them as they are then."""
    asked = sorted(budgets)
    lock_budgets(asked)
    _release(asked, now)
    return lock_budgets(asked)


def _release(budgets: Sequence[int], now: datetime) -> int:
    found = bulk.fetch(RELEASE, [list(budgets), now, now, now])
    write_back(found, "expired", now)
    return len(found)


@transaction.atomic
def release_due(retailer: Retailer, *, now: datetime) -> int:
    """Give back to a retailer's budgets what is over and was not taken, some at once; return how many offers that were."""
    budgets = [key for (key,) in bulk.fetch(BUDGETS, [retailer.pk, now, now])]
    lock_budgets(budgets)
    return _release(budgets, now) if budgets else 0


def withdraw_open(offer_id: int, budget_id: int, *, now: datetime) -> int:
    """Take an offer back from all who have it and have not taken it; return how many those were."""
    bulk.fetch(HOLD_OPEN, [offer_id])
    lock_budgets([budget_id])
    found = bulk.fetch(WITHDRAW, [offer_id, now])
    write_back(found, "withdrawn", now)
    return len(found)


def decline_open(grant_id: UUID, budget_id: int, *, now: datetime) -> bool:
    """
    Give back what a member has and does not want; tell whether it had it and had not taken it.

    Who takes it meanwhile is waited for before its budget is locked: then it is the member's reward, behind the member's lock.
    """
    found = bulk.fetch(DECLINE, [now, grant_id])
    if found:
        lock_budgets([budget_id])
        write_back(found, "declined", now)
    return bool(found)


def write_back(grants: Sequence[tuple[Any, ...]], why: str, now: datetime) -> None:
    """Write down that what grants reserved comes back to their locked budgets."""
    move_budgets(
        [
            BudgetLine(retailer_id, budget_id, None, f"{why}:{key}", -reserved, Decimal(0), now)
            for key, retailer_id, budget_id, reserved in grants
        ],
        now,
    )

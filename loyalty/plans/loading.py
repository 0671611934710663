"""Members' plans, read with them, and how they changed, where earlier ones are looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import Activity, OrderCorrected, PlanFollowed
from loyalty.engine.capability import Joined, Scope
from loyalty.plans.rules import NOTHING, Days
from loyalty.plans.state import PLANS, Due, PlanEntry, PlanState

# A member's plan, or the last one that it had, with its open invoice.
COLUMNS = (
    "pl.id", "pl.key", "pl.plan_id", "pl.status", "pl.joined_at", "pl.since", "pl.anchor_on", "pl.first_day", "pl.end_day",
    "pl.paid_from", "pl.paid", "pl.had_trial", "pl.cancels", "pl.next_key", "pl.credit", "pl.method", "pl.ended_at",
    "pl.end_reason", "pl.invoice_id", "pl.kind", "pl.due_key", "pl.due_plan_id", "pl.due_first_day", "pl.due_end_day",
    "pl.fee", "pl.credit_used", "pl.amount", "pl.unpaid_on", "pl.next_try_at",
    """CASE WHEN pl.id IS NOT NULL THEN
        (SELECT max(c.occurred_at) FROM plans_planchange c WHERE c.membership_id = m.id) END""",
    """(SELECT max(c.occurred_at) FROM memberships_membership g JOIN plans_planchange c ON c.membership_id = g.id
        WHERE g.merged_into_id = m.id)""",
)  # fmt: skip
OWN = 18  # of the columns, before those of the invoice; the last two say when what it had last changed, and for who was merged
JOIN = """
LEFT JOIN LATERAL (
    SELECT s.id, s.key, s.plan_id, s.status, s.joined_at, s.since, s.anchor_on, s.first_day, s.end_day, s.paid_from, s.paid,
        s.had_trial, s.cancels, s.next_key, s.credit, s.method, s.ended_at, s.end_reason, i.id AS invoice_id, i.kind,
        (SELECT key FROM plans_paidplan WHERE id = i.plan_id) AS due_key, i.plan_id AS due_plan_id,
        i.first_day AS due_first_day, i.end_day AS due_end_day, i.fee, i.credit_used, i.amount, i.unpaid_on,
        i.next_try_at
    FROM plans_subscription s LEFT JOIN plans_invoice i ON i.subscription_id = s.id AND i.status = 'open'
    WHERE s.membership_id = m.id ORDER BY s.ended_at IS NOT NULL, s.ended_at DESC, s.since DESC, s.id DESC LIMIT 1
) pl ON true
"""
# Who has left and come back has begun anew, but what it did before is still told late; so is what who was merged did.
CHANGES = """
SELECT coalesce(m.merged_into_id, m.id), m.id, c.occurred_at, f.key, t.key FROM plans_planchange c
JOIN memberships_membership m ON m.id = c.membership_id
LEFT JOIN plans_paidplan f ON f.id = c.from_plan_id LEFT JOIN plans_paidplan t ON t.id = c.to_plan_id
WHERE m.id = ANY(%(members)s) OR m.merged_into_id = ANY(%(members)s) ORDER BY c.occurred_at, c.id
"""
# Of a customer who was merged, who lives with the one that stays, comes what it had.
FOLLOWED = """
SELECT c.id, coalesce(u.merged_into_id, u.id), c.occurred_at, t.key, t.id FROM plans_planchange c
JOIN memberships_membership m ON m.id = c.membership_id JOIN customers_customer u ON u.id = m.customer_id
LEFT JOIN plans_paidplan t ON t.id = c.to_plan_id
WHERE m.program_id = %s AND (m.customer_id = ANY(%s) OR u.merged_into_id = ANY(%s)) AND c.occurred_at <= %s ORDER BY c.id
"""
# What of all that members paid has not gone back: no more than that is ever credited.
REFUNDABLE = """
SELECT s.membership_id, sum(i.amount - i.refunded) FROM plans_subscription s JOIN plans_invoice i ON i.subscription_id = s.id
WHERE s.membership_id = ANY(%s) AND i.status = 'paid' AND i.amount > i.refunded GROUP BY 1
"""
PLAN = Joined(COLUMNS, JOIN)


def load(scope: Scope) -> dict[UUID, PlanState]:
    """Load members' plans, and how they changed, where a late fact looks at an earlier one."""
    keys = scope.using(PLANS.name)
    if not keys:
        return {}
    states = {key: read_state(scope.joined[PLANS.name][key][0]) for key in keys}
    first = min((_told_of(activity) for activity in scope.activities), default=None)
    # A late fact looks at an earlier plan, where it is behind the last change.
    back = [key for key, state in states.items() if first and state.looks_back(first)]
    return states | _refundable(states | _changed(states, back), scope.whole)


def _refundable(states: Mapping[UUID, PlanState], whole: frozenset[UUID]) -> dict[UUID, PlanState]:
    """Return members' plans with what of their fees can go back, where something may be credited of these."""
    paid = {key: each for key, each in states.items() if key in whole and each.is_open and (each.paid or each.credit)}
    found = dict(bulk.fetch(REFUNDABLE, [list(paid)])) if paid else {}
    return {**states, **{key: replace(each, refundable=found.get(key, NOTHING)) for key, each in paid.items()}}


def _told_of(activity: Activity) -> datetime:
    """Return the instant at which an activity asks for a plan: a correction may move its order to another one."""
    if isinstance(activity, OrderCorrected) and activity.placed is not None:
        return min(activity.placed.occurred_at, activity.occurred_at)
    return activity.occurred_at


def _changed(states: Mapping[UUID, PlanState], members: Sequence[UUID]) -> dict[UUID, PlanState]:
    """Return the plans of some members with how they changed, and how those of who was merged into them did."""
    found: dict[UUID, dict[UUID, tuple[PlanEntry, ...]]] = {key: {} for key in members}
    for key, whose, *entry in bulk.fetch(CHANGES, {"members": members}) if members else ():
        found[key][whose] = (*found[key].get(whose, ()), PlanEntry(*entry))
    return {
        key: replace(states[key], changes=changes.pop(key, ()), merged=tuple(changes.values()))
        for key, changes in found.items()
    }


def read_state(row: Sequence[Any]) -> PlanState:
    """Return a member's plan as its joined row says."""
    if row[0] is None:
        return PlanState(merged_until=row[-1])
    (key, plan, plan_id, status, joined_at, since, anchor, first, end, paid_from, paid, had_trial, cancels, next_key, credit,
     method, ended_at, end_reason) = row[:OWN]  # fmt: skip
    period = Days(first, end) if end else None
    return PlanState(
        key, plan, plan_id, status, joined_at, since, anchor, period, paid_from, paid, had_trial, cancels, next_key, credit,
        method, ended_at, end_reason, _due(row[OWN:-2]), merged_until=row[-1], changed_at=row[-2],
    )  # fmt: skip


def _due(row: Sequence[Any]) -> Due | None:
    if row[0] is None:
        return None
    invoice_id, kind, key, plan_id, first, end, fee, credit_used, amount, until, next_try_at = row
    days = Days(first, end)
    return Due(invoice_id, kind, key, plan_id, days, fee, credit_used, amount, until, next_try_at, is_known=True)


def load_followed(program_id: int, customers: Sequence[UUID], until: datetime) -> list[PlanFollowed]:
    """Load which plans some customers had in a program, change by change, for a past that is simulated."""
    rows = bulk.fetch(FOLLOWED, [program_id, list(customers), list(customers), until])
    return [PlanFollowed(UUID(int=pk), *row) for pk, *row in rows]

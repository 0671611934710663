"""
What-if: a past lived again under other rules, through the same decisions, without a write.

Each member lives (`deciding.living`) from the day on which it joined with the versions that were in force, and from a
chosen instant on with a draft.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from customers.core import bulk
from loyalty.activity.deciding.living import Budgets, Joined, Life, Lived, Observer
from loyalty.activity.deciding.moving import Moved
from loyalty.activity.history import load_happened, load_interactions, load_purchases, load_returns
from loyalty.activity.rulesets import Ruleset, Timeline
from loyalty.activity.state import GivenBack, Happened, Interacted, Purchase

CHUNK = 1_000
TOLD_EVERY = 5_000  # activities
RANKS: dict[type, int] = {Purchase: 0, Happened: 1, GivenBack: 2, Interacted: 3, Moved: 4}


def with_draft(timeline: Timeline, draft: Ruleset, since: datetime) -> Timeline:
    """Return a program's timeline as it would be had a draft been in force from an instant on."""
    kept = [
        (start, ruleset) for start, ruleset in zip(timeline.starts, timeline.rulesets, strict=True) if start < since
    ]
    starts, rulesets = zip(*kept, (since, draft), strict=True)
    return replace(timeline, starts=tuple(starts), rulesets=tuple(rulesets))


def replay(
    timeline: Timeline,
    *,
    until: datetime,
    observe: Observer,
    on_chunk: Callable[[int, int], bool] = lambda _members, _orders: True,
) -> Iterator[Life]:
    """
    Let every member of a program live again until an instant; yield each life when it is over.

    Without budgets members do not touch each other, and come in chunks; with a budget all live side by side.

    :param observe: is told of everything that happens: member, what, when, effects
    :param on_chunk: is told how many members and orders are done; the replay ends when it says False
    """
    shared = any(policy.limits.budget is not None for rules in timeline.rulesets for policy in rules.policies.values())
    budgets = Budgets(until)
    last, members, orders = UUID(int=0), 0, 0
    while joined := _joined(timeline.program_id, after=last, until=until, limit=10**9 if shared else CHUNK):
        last = joined[-1].membership_id
        activities = _activities(timeline.program_id, joined, until)
        returned = frozenset(each.order_id for each in activities if isinstance(each, GivenBack))
        lives = {each.customer_id: Life(each, timeline, budgets, observe, returned) for each in joined}
        for place, activity in enumerate(activities, start=1):
            life = lives[activity.customer_id]
            if life.member.enrolled_at <= activity.occurred_at:
                life.live(activity)
            orders += isinstance(activity, Purchase)
            if place % TOLD_EVERY == 0 and not on_chunk(members + len(joined) * place // len(activities), orders):
                return
        for life in lives.values():
            life.sleep_until(until)
            yield life
        members += len(joined)
        if not on_chunk(members, orders):
            return


JOINED = """
SELECT m.id, m.customer_id, m.retailer_id, m.program_id, m.enrolled_at, m.left_at, c.birth_date
FROM memberships_membership m JOIN customers_customer c ON c.id = m.customer_id
WHERE m.program_id = %(program)s AND m.id > %(after)s AND m.enrolled_at <= %(until)s ORDER BY m.id LIMIT %(limit)s
"""
ORDERS = "SELECT id FROM customers_order WHERE customer_id = ANY(%s) AND occurred_at <= %s"
RETURNS = """
SELECT r.id FROM customers_return r JOIN customers_order o ON o.id = r.order_id
WHERE o.customer_id = ANY(%s) AND r.occurred_at <= %s
"""
EVENTS = """
SELECT e.id FROM customers_orderevent e JOIN customers_order o ON o.id = e.order_id
WHERE o.customer_id = ANY(%s) AND e.occurred_at <= %s
"""
INTERACTIONS = "SELECT id FROM customers_interaction WHERE customer_id = ANY(%s) AND occurred_at <= %s"
# A restoration that a return caused comes with the return; what time does comes with the nights.
MOVES = """
SELECT e.id, m.customer_id, e.occurred_at, e.kind, w.code,
    CASE WHEN e.kind = 'redeem' THEN (e.explanation->>'points')::bigint ELSE e.available_change END,
    coalesce(e.explanation->>'reference', e.id::text),
    CASE WHEN e.kind = 'restore' THEN substr(e.cause, 9)::uuid END
FROM points_entry e JOIN points_wallet w ON w.id = e.wallet_id JOIN memberships_membership m ON m.id = w.membership_id
WHERE m.customer_id = ANY(%s) AND e.occurred_at <= %s AND m.program_id = %s
    AND e.kind IN ('redeem', 'restore', 'adjust', 'transfer') AND NOT e.explanation ? 'return'
"""


def _joined(program_id: int, *, after: UUID, until: datetime, limit: int) -> list[Joined]:
    parameters = {"program": program_id, "after": after, "until": until, "limit": limit}
    return [Joined(*row) for row in bulk.fetch(JOINED, parameters)]


def _activities(program_id: int, joined: Sequence[Joined], until: datetime) -> list[Lived]:
    """Load all that some members ever did, in the order of its time."""
    customers = [each.customer_id for each in joined]

    def ids(sql: str) -> list[UUID]:
        return [found for (found,) in bulk.fetch(sql, [customers, until])]

    # An order's events are told when they happen, not with the order.
    purchases = [replace(each, events=()) if each.events else each for each in load_purchases(ids(ORDERS))]
    lived: list[Lived] = [
        *purchases,
        *load_returns(ids(RETURNS), anew=True),
        *load_happened(ids(EVENTS)),
        *load_interactions(ids(INTERACTIONS)),
        *(Moved(*row) for row in bulk.fetch(MOVES, [customers, until, program_id])),
    ]
    return sorted(lived, key=lambda each: (each.occurred_at, RANKS[type(each)], each.id))

"""What members did or got before that decisions ask about: what was celebrated, what was rewarded, what kept points alive."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import InteractionReported, OrderReturned
from loyalty.engine.capability import Scope
from loyalty.points.ends import KEEPS_NOW
from loyalty.points.expiry import Active
from loyalty.points.limits import Rewarded
from loyalty.points.rules import Counted
from loyalty.points.state import RULES

# Also of a membership that was merged into this one: a person has one birthday a year.
CELEBRATED = """
SELECT m.id, array_agg(e.cause) FROM memberships_membership m
JOIN memberships_membership o ON o.id = m.id OR o.merged_into_id = m.id
JOIN points_wallet w ON w.membership_id = o.id JOIN points_entry e ON e.wallet_id = w.id
WHERE m.id = ANY(%s) AND (e.cause LIKE 'birthday:%%' OR e.cause LIKE 'anniversary:%%') GROUP BY 1
"""
# Interactions that were rewarded: those of the months of what is to be decided, and those about its products; also of a
# membership that was merged into this one.
REWARDED = """
SELECT m.id, i.id, i.kind, i.sku, i.occurred_at FROM memberships_membership m
JOIN memberships_membership o ON o.id = m.id OR o.merged_into_id = m.id
JOIN customers_interaction i ON i.customer_id = m.customer_id JOIN points_wallet w ON w.membership_id = o.id
CROSS JOIN LATERAL (SELECT 'interaction:' || i.id AS given, 'interaction-back:' || i.id AS taken OFFSET 0) c
JOIN points_entry e ON e.wallet_id = w.id AND e.cause = c.given AND e.pending_change + e.available_change > 0
WHERE m.id = ANY(%(members)s) AND i.occurred_at >= o.enrolled_at
    AND (i.occurred_at BETWEEN %(first)s AND %(last)s OR i.sku = ANY(%(skus)s))
    AND NOT EXISTS (SELECT 1 FROM points_wallet v JOIN points_entry b ON b.wallet_id = v.id AND b.cause = c.taken
        WHERE v.membership_id IN (m.id, o.id))
GROUP BY m.id, i.id ORDER BY i.occurred_at, i.id
"""
ACTIVES = f"""
SELECT wallet_id, array_agg(occurred_at), array_agg(keeps_until), array_agg(cause), array_agg(order_id)
FROM points_entry e WHERE wallet_id = ANY(%s) AND {KEEPS_NOW} GROUP BY wallet_id
"""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
A_MONTH = timedelta(days=32)


def load_celebrated(scope: Scope) -> dict[UUID, frozenset[str]]:
    """Load what was given to those for whom time may pass, where any version of their program celebrates."""
    celebrate = {Counted.BIRTHDAY, Counted.ANNIVERSARY}
    keys = [
        key
        for key in scope.whole
        if any(
            rule.kind in celebrate
            for version in scope.versions[scope.members[key].program_id].versions
            for rule in version.of(RULES).earnings
        )
    ]
    return {key: frozenset(causes) for key, causes in bulk.fetch(CELEBRATED, [keys])} if keys else {}


def load_rewarded(scope: Scope) -> dict[UUID, tuple[Rewarded, ...]]:
    """Load which interactions were rewarded of those who report another one, or return a product, where a rule asks."""
    told = [each for each in scope.activities if isinstance(each, InteractionReported | OrderReturned)]
    if not told:
        return {}
    looks = {
        program_id
        for program_id, versions in scope.versions.items()
        if any(rule.terms for version in versions.versions for rule in version.of(RULES).earnings)
    }
    customers = {each.customer_id for each in told}
    keys = [key for key, each in scope.members.items() if each.customer_id in customers and each.program_id in looks]
    if not keys:
        return {}
    instants = [each.occurred_at for each in told if isinstance(each, InteractionReported)]
    skus = {each.sku for each in told if isinstance(each, InteractionReported) and each.sku}
    skus |= {sku for each in told if isinstance(each, OrderReturned) for sku in each.questioned}
    given = {
        "members": keys, "skus": sorted(skus), "first": min(instants, default=LONG_AGO + A_MONTH) - A_MONTH,
        "last": max(instants, default=LONG_AGO - A_MONTH) + A_MONTH,
    }  # fmt: skip
    found: dict[UUID, tuple[Rewarded, ...]] = {}
    for key, *row in bulk.fetch(REWARDED, given):
        found[key] = (*found.get(key, ()), Rewarded(*row))
    return found


def load_actives(scope: Scope, whole: Sequence[int]) -> dict[int, tuple[Active, ...]] | None:
    """Load what members did that keeps points that expire on inactivity, for facts that may be late."""
    if not whole or not scope.activities or not may_idle(scope):
        return None
    return actives_of(whole)


def actives_of(wallet_ids: Sequence[int]) -> dict[int, tuple[Active, ...]]:
    """Load what members did that keeps points that expire on inactivity, by wallet; nothing of wallets of which there is none."""
    found = bulk.fetch(ACTIVES, [list(wallet_ids)])
    return {wallet_id: tuple(map(Active, *columns)) for wallet_id, *columns in found}


def may_idle(scope: Scope) -> bool:
    """Tell whether points expire on inactivity under any version."""
    return any(
        policy.lifetime.on_inactivity
        for versions in scope.versions.values()
        for version in versions.versions
        for policy in version.of(RULES).policies.values()
    )

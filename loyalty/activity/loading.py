"""Load: the state of all members that a batch touches, locked in id order. A fixed number of statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from customers.core import bulk
from loyalty.activity.rulesets import Timeline, timelines
from loyalty.activity.state import DecidedOrder, Member
from loyalty.points.clawback import OpenLot
from loyalty.tiers.rules import Day

MEMBERS = """
SELECT m.customer_id, m.retailer_id, m.program_id, m.id, w.id, w.available - w.owed, w.owed, m.enrolled_at, m.left_at,
    EXISTS (SELECT 1 FROM activity_orderdecision d WHERE d.membership_id = m.id AND d.version_id IS NOT NULL),
    t.code, s.tier_id, s.since, s.assessed_on
FROM memberships_membership m
JOIN points_wallet w ON w.membership_id = m.id AND w.code = 'points'
JOIN tiers_standing s ON s.membership_id = m.id
LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE {condition}
ORDER BY w.id FOR UPDATE OF w
"""
DAYS = """
SELECT membership_id, on_date, spend, points FROM tiers_qualifyingday WHERE membership_id = ANY(%s)
ORDER BY membership_id, on_date
"""
LOTS = """
SELECT wallet_id, id, order_id, earned_at, active_at, expires_at, pending, available FROM points_lot
WHERE wallet_id = ANY(%s) AND (available > 0 OR pending > 0 OR held > 0)
"""
DECIDED = """
SELECT retailer_id, program_id, order_id, membership_id, version_id, multiplier, is_first, points, points_kept
FROM activity_orderdecision WHERE order_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Members by wallet id, with each customer's wallets, and the versions of their programs."""

    members: dict[int, Member]
    wallets_of: dict[UUID, list[int]]
    timelines: dict[int, Timeline]


def load_members(customers: Iterable[UUID], *, with_lots: bool) -> Loaded:
    """Lock and load every membership of some customers."""
    rows = bulk.fetch(MEMBERS.format(condition="m.customer_id = ANY(%s)"), [sorted(customers)])
    return _loaded(rows, with_lots=with_lots)


def load_wallets(wallets: Sequence[int], *, with_lots: bool) -> Loaded:
    """Lock and load the members of some wallets."""
    return _loaded(bulk.fetch(MEMBERS.format(condition="w.id = ANY(%s)"), [list(wallets)]), with_lots=with_lots)


def load_decided(order_ids: Iterable[UUID]) -> dict[tuple[UUID, int], DecidedOrder]:
    """Return how orders were decided, by order and program."""
    decided = (DecidedOrder(*row) for row in bulk.fetch(DECIDED, [sorted(order_ids)]))
    return {(order.order_id, order.program_id): order for order in decided}


def load_returned(return_ids: Iterable[UUID]) -> set[tuple[UUID, int]]:
    """Return which returns were decided before, with their programs."""
    sql = "SELECT order_return_id, program_id FROM activity_returndecision WHERE order_return_id = ANY(%s)"
    return set(bulk.fetch(sql, [sorted(return_ids)]))  # type: ignore[arg-type] # rows of two columns


def _loaded(rows: list[tuple[object, ...]], *, with_lots: bool) -> Loaded:
    wallets_of: dict[UUID, list[int]] = {}
    members: dict[int, Member] = {}
    for customer_id, *row in rows:
        member = Member(*row)  # type: ignore[arg-type] # the columns of MEMBERS are Member's fields, in order
        members[member.wallet_id] = member
        wallets_of.setdefault(customer_id, []).append(member.wallet_id)  # type: ignore[arg-type] # its first column
    members = _with_days(members)
    if with_lots:
        members = _with_lots(members)
    return Loaded(members, wallets_of, timelines({member.program_id for member in members.values()}))


def _with_days(members: dict[int, Member]) -> dict[int, Member]:
    days: dict[UUID, list[Day]] = {}
    for membership_id, *day in bulk.fetch(DAYS, [[member.membership_id for member in members.values()]]):
        days.setdefault(membership_id, []).append(Day(*day))
    return {
        wallet: replace(member, days=tuple(days.get(member.membership_id, ()))) for wallet, member in members.items()
    }


def _with_lots(members: dict[int, Member]) -> dict[int, Member]:
    lots: dict[int, list[OpenLot]] = {}
    for wallet_id, *lot in bulk.fetch(LOTS, [list(members)]):
        lots.setdefault(wallet_id, []).append(OpenLot(*lot))
    return {wallet: replace(member, lots=tuple(lots.get(wallet, ()))) for wallet, member in members.items()}

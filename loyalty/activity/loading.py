"""Load: the state of all members that a batch touches, locked in id order. A fixed number of statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import local_date
from loyalty.activity.rulesets import Timeline, remembered_timeline
from loyalty.activity.state import DecidedOrder, Member
from loyalty.points.clawback import OpenLot
from loyalty.points.limits import period_start
from loyalty.tiers.rules import Day, window_start

MEMBERS = """
SELECT m.customer_id, p.timeline, m.retailer_id, m.program_id, m.id, w.id, w.available - w.owed, w.owed, m.enrolled_at, m.left_at,
    EXISTS (SELECT 1 FROM activity_orderdecision d WHERE d.membership_id = m.id AND d.version_id IS NOT NULL),
    t.code, s.tier_id, s.since, s.assessed_on
FROM memberships_membership m
JOIN points_wallet w ON w.membership_id = m.id AND w.code = 'points'
JOIN tiers_standing s ON s.membership_id = m.id
JOIN programs_program p ON p.id = m.program_id
LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE {condition}
ORDER BY w.id FOR UPDATE OF w
"""
# Days that are in every window that the batch looks at need not be told apart: they come as one.
DAYS = """
SELECT membership_id, CASE WHEN on_date >= %(common)s AND on_date < %(earliest)s THEN %(common)s ELSE on_date END AS day,
    sum(spend), sum(points)::bigint
FROM tiers_qualifyingday WHERE membership_id = ANY(%(memberships)s) AND on_date >= %(first)s
GROUP BY 1, 2 ORDER BY 1, 2
"""
LOTS = """
SELECT wallet_id, id, order_id, earned_at, active_at, expires_at, pending, available, held FROM points_lot
WHERE wallet_id = ANY(%(wallets)s) AND (available > 0 OR pending > 0 OR held > 0) AND {condition}
"""
DECIDED = """
SELECT retailer_id, program_id, order_id, membership_id, version_id, multiplier, is_first, allowance, points, points_kept
FROM activity_orderdecision WHERE order_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Members by wallet id, with each customer's wallets, and the versions of their programs."""

    members: dict[int, Member]
    wallets_of: dict[UUID, list[int]]
    timelines: dict[int, Timeline]


class Lots(StrEnum):
    """Which open lots a decision looks at, as a condition on their rows."""

    ALL = "true"
    TO_ACTIVATE = "pending > 0 AND active_at <= %(at)s"
    TO_EXPIRE = "available > 0 AND expires_at <= %(at)s"


def load_members(customers: Iterable[UUID], *, earliest: datetime, latest: datetime, lots: Lots | None) -> Loaded:
    """
    Lock and load every membership of some customers.

    :param earliest: the first instant that a decision will be about; days that no window of it reaches are left out
    :param latest: the last such instant
    :param lots: which lots to load; None for none
    """
    loaded = _lock("m.customer_id = ANY(%s)", sorted(customers))
    return _with_lots(_with_days(loaded, earliest, latest), lots, earliest)


def load_wallets(wallets: Sequence[int], *, at: datetime, with_days: bool = False, lots: Lots | None = None) -> Loaded:
    """Lock and load the members of some wallets for a decision about one instant."""
    loaded = _lock("w.id = ANY(%s)", list(wallets))
    return _with_lots(_with_days(loaded, at, at) if with_days else loaded, lots, at)


def load_decided(order_ids: Iterable[UUID]) -> dict[tuple[UUID, int], DecidedOrder]:
    """Return how orders were decided, by order and program."""
    decided = (DecidedOrder(*row) for row in bulk.fetch(DECIDED, [sorted(order_ids)]))
    return {(order.order_id, order.program_id): order for order in decided}


def load_returned(return_ids: Iterable[UUID]) -> set[tuple[UUID, int]]:
    """Return which returns were decided before, with their programs."""
    sql = "SELECT order_return_id, program_id FROM activity_returndecision WHERE order_return_id = ANY(%s)"
    return set(bulk.fetch(sql, [sorted(return_ids)]))


def _lock(condition: str, keys: list[Any]) -> Loaded:
    wallets_of: dict[UUID, list[int]] = {}
    members: dict[int, Member] = {}
    stamps: dict[int, UUID] = {}
    for customer_id, stamp, *row in bulk.fetch(MEMBERS.format(condition=condition), [keys]):
        member = Member(*row)
        stamps[member.program_id] = stamp
        members[member.wallet_id] = member
        wallets_of.setdefault(customer_id, []).append(member.wallet_id)
    known = {program_id: remembered_timeline(program_id, stamp) for program_id, stamp in stamps.items()}
    return Loaded(members, wallets_of, known)


def _with_days(loaded: Loaded, earliest: datetime, latest: datetime) -> Loaded:
    """Load the days that any window reaches on any day from the earliest activity to the last assessment."""
    rulesets = [ruleset for timeline in loaded.timelines.values() for ruleset in timeline.rulesets]
    if not rulesets:
        return loaded
    assessed = [member.assessed_on for member in loaded.members.values() if member.assessed_on]
    first, common, begin = date.max, date.min, date.max
    for ruleset in rulesets:
        begins = local_date(earliest, ruleset.zone)
        ends = max([local_date(latest, ruleset.zone), *assessed])
        period = ruleset.limits.period
        first = min(first, window_start(ruleset.ladder, begins), period_start(period, begins))
        common = max(common, window_start(ruleset.ladder, ends), period_start(period, ends))
        begin = min(begin, begins)
    memberships = [member.membership_id for member in loaded.members.values()]
    parameters = {"memberships": memberships, "first": first, "common": common, "earliest": begin}
    days: dict[UUID, list[Day]] = {}
    for membership_id, *day in bulk.fetch(DAYS, parameters):
        days.setdefault(membership_id, []).append(Day(*day))
    members = {
        wallet: replace(member, days=tuple(days.get(member.membership_id, ())))
        for wallet, member in loaded.members.items()
    }
    return replace(loaded, members=members)


def _with_lots(loaded: Loaded, which: Lots | None, at: datetime) -> Loaded:
    if which is None:
        return loaded
    found: dict[int, list[OpenLot]] = {}
    sql = LOTS.format(condition=which.value)
    for wallet_id, *lot in bulk.fetch(sql, {"wallets": list(loaded.members), "at": at}):
        found.setdefault(wallet_id, []).append(OpenLot(*lot))
    members = {wallet: replace(member, lots=tuple(found.get(wallet, ()))) for wallet, member in loaded.members.items()}
    return replace(loaded, members=members)

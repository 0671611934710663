"""Load: the state of all members that a batch touches, locked in id order. A fixed number of statements."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.calendar import add_months, local_date
from loyalty.activity.rulesets import Ruleset, Timeline, remembered_timeline
from loyalty.activity.state import Award, DecidedOrder, Member, Purse, Redeemed, TierStep
from loyalty.points.clawback import Move, OpenLot
from loyalty.points.ledger import MAIN
from loyalty.points.limits import period_start
from loyalty.points.states import State
from loyalty.tiers.rules import FOREVER, Day, Ladder, window_start

# Not EXISTS, which PostgreSQL may answer by reading all decisions into a hash, planned when there were few.
MEMBERS = """
SELECT m.customer_id, p.versions_revision, m.retailer_id, m.program_id, m.id, m.enrolled_at, m.left_at,
    coalesce((SELECT true FROM activity_orderdecision d WHERE d.membership_id = m.id AND d.version_id IS NOT NULL LIMIT 1),
        false),
    t.code, s.tier_id, s.since, s.assessed_on, s.keeps_until, w.id, w.code, w.available - w.owed, w.owed, w.idle_until
FROM memberships_membership m
JOIN points_wallet w ON w.membership_id = m.id
JOIN tiers_standing s ON s.membership_id = m.id
JOIN programs_program p ON p.id = m.program_id
LEFT JOIN tiers_tier t ON t.id = s.tier_id
WHERE {condition}
ORDER BY w.id FOR UPDATE OF w
"""
# Days that are in every window that the batch looks at need not be told apart: they come as one. So do those before
# every window that begins, where there is one that never does.
DAYS = """
SELECT wallet_id, CASE
        WHEN on_date < %(first)s THEN %(before)s
        WHEN on_date >= %(common)s AND on_date < %(earliest)s THEN %(common)s
        ELSE on_date
    END AS day, sum(spend), sum(points)::bigint, sum(orders)::int, sum(visits)::int
FROM tiers_qualifyingday WHERE wallet_id = ANY(%(wallets)s) AND on_date >= %(from)s
GROUP BY 1, 2 ORDER BY 1, 2
"""
LOT = """
l.id, l.order_id, l.earned_at, l.active_at, CASE WHEN l.slides THEN w.idle_until ELSE l.expires_at END, l.pending,
l.available, l.held, l.slides, l.version_id, l.awaits, l.gift
"""
LOTS = f"""
SELECT l.wallet_id, {LOT} FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
WHERE l.wallet_id = ANY(%(wallets)s) AND (l.available > 0 OR l.pending > 0 OR l.held > 0) AND {{condition}}
"""
LOTS_BY_ID = f"""
SELECT {LOT} FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id WHERE l.id = ANY(%s)
"""
# The order's own lots, whatever is left in them, with what has expired of them.
OWN_LOTS = f"""
SELECT l.wallet_id, {LOT}, coalesce((
    SELECT sum(CASE WHEN m.to_state = 'expired' THEN m.amount ELSE -m.amount END) FROM points_movement m
    WHERE m.lot_id = l.id AND 'expired' IN (m.from_state, m.to_state)), 0)::bigint
FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
WHERE l.order_id = ANY(%s) AND l.wallet_id = ANY(%s)
"""
STEPS = """
SELECT c.membership_id, c.occurred_at, f.code, t.code FROM tiers_tierchange c
LEFT JOIN tiers_tier f ON f.id = c.from_tier_id LEFT JOIN tiers_tier t ON t.id = c.to_tier_id
WHERE c.membership_id = ANY(%s) ORDER BY c.occurred_at, c.id
"""
DECIDED = """
SELECT retailer_id, program_id, order_id, membership_id, version_id, tier_code, multiplier, is_first, reason, wallet_id,
    allowance, points, points_kept
FROM activity_orderdecision WHERE order_id = ANY(%s) ORDER BY order_id, wallet_id
"""
# A redemption that paid an order, whether at once or through a hold, unless it was undone already.
REDEEMED = f"""
SELECT r.membership_id, r.reference, e.id, e.wallet_id, m.from_state, m.to_state, m.amount, {LOT}
FROM unnest(%s::text[], %s::uuid[]) AS r(reference, membership_id)
JOIN points_wallet w ON w.membership_id = r.membership_id
LEFT JOIN points_hold h ON h.wallet_id = w.id AND h.reference = r.reference
JOIN points_entry e ON e.wallet_id = w.id AND e.cause IN ('redeem:' || r.reference, 'redeem:hold:' || h.id)
JOIN points_movement m ON m.entry_id = e.id AND m.to_state = 'redeemed'
JOIN points_lot l ON l.id = m.lot_id
WHERE NOT EXISTS (SELECT 1 FROM points_entry u WHERE u.wallet_id = e.wallet_id AND u.cause = 'restore:' || e.id)
ORDER BY m.id
"""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Members by membership, with each customer's memberships, and the versions of their programs."""

    members: dict[UUID, Member]
    members_of: dict[UUID, list[UUID]]
    timelines: dict[int, Timeline]


class Lots(StrEnum):
    """Which open lots a decision looks at, as a condition on their rows."""

    ALL = "true"
    TO_ACTIVATE = "l.pending > 0 AND l.active_at <= %(at)s"
    TO_EXPIRE = "l.available > 0 AND CASE WHEN l.slides THEN w.idle_until ELSE l.expires_at END <= %(at)s"
    SLIDING = "l.slides"


def load_members(customers: Iterable[UUID], *, earliest: datetime, latest: datetime, lots: Lots | None) -> Loaded:
    """
    Lock and load every membership of some customers.

    :param earliest: the first instant that a decision will be about; days that no window of it reaches are left out
    :param latest: the last such instant
    :param lots: which lots to load; None for those that an order needs
    """
    # A return looks at how its order's tier was entered, which may be at the order's own instant.
    since = earliest - timedelta.resolution if lots is Lots.ALL else earliest
    loaded = _with_steps(_lock("m.customer_id = ANY(%s)", sorted(customers)), since)
    return _with_lots(_with_days(loaded, earliest, latest), lots or _needed_by_orders(loaded), earliest)


def load_memberships(
    memberships: Sequence[UUID], *, at: datetime, with_days: bool = False, lots: Lots | None = None
) -> Loaded:
    """Lock and load some members for a decision about one instant; its days tell the day before it apart too."""
    loaded = _lock("m.id = ANY(%s)", list(memberships))
    return _with_lots(_with_days(loaded, at - timedelta(days=1), at) if with_days else loaded, lots, at)


def load_decided(order_ids: Iterable[UUID]) -> dict[tuple[UUID, int], DecidedOrder]:
    """Return how orders were decided, by order and program."""
    found: dict[tuple[UUID, int], DecidedOrder] = {}
    for row in bulk.fetch(DECIDED, [sorted(order_ids)]):
        retailer_id, program_id, order_id, membership_id, version_id, tier, multiplier, is_first, reason, *award = row
        earlier = found.get((order_id, program_id))
        awards = (*(earlier.awards if earlier else ()), Award(*award))
        found[order_id, program_id] = DecidedOrder(
            retailer_id,
            program_id,
            order_id,
            membership_id,
            version_id,
            Decimal(multiplier),
            is_first,
            reason,
            awards,
            tier,
        )
    return found


def load_settled(table: str, column: str, ids: Iterable[UUID]) -> set[tuple[UUID, int]]:
    """Return which returns or interactions were decided before, with their programs."""
    return set(bulk.fetch(f"SELECT {column}, program_id FROM {table} WHERE {column} = ANY(%s)", [sorted(ids)]))


def load_redeemed(named: Mapping[UUID, Iterable[str]]) -> dict[UUID, list[Redeemed]]:
    """Return redemptions that were not undone, by membership, from the references under which each member made them."""
    pairs = [(reference, membership) for membership, references in named.items() for reference in references]
    if not pairs:
        return {}
    found: dict[tuple[UUID, UUID], Redeemed] = {}
    for membership, reference, entry_id, wallet_id, source, target, amount, *lot in bulk.fetch(
        REDEEMED, bulk.columns_of(pairs)
    ):
        known = found.get((membership, entry_id), Redeemed(entry_id, reference, wallet_id, (), ()))
        move = Move(lot[0], State(source), State(target), amount)
        found[membership, entry_id] = replace(known, moves=(*known.moves, move), lots=(*known.lots, OpenLot(*lot)))
    by_member: dict[UUID, list[Redeemed]] = {}
    for (membership, _), redeemed in found.items():
        by_member.setdefault(membership, []).append(redeemed)
    return by_member


def with_own_lots(loaded: Loaded, order_ids: Iterable[UUID]) -> Loaded:
    """Return members with all lots of some orders, also those in which nothing is open any more."""
    wallets = [purse.wallet_id for member in loaded.members.values() for purse in member.purses]
    own: dict[int, list[OpenLot]] = {}
    for wallet_id, *lot in bulk.fetch(OWN_LOTS, [sorted(order_ids), wallets]):
        own.setdefault(wallet_id, []).append(OpenLot(*lot))

    def merged(purse: Purse) -> Purse:
        found = own.get(purse.wallet_id, [])
        known = {lot.id for lot in found}
        return replace(purse, lots=(*(lot for lot in purse.lots if lot.id not in known), *found))

    return _with_purses(loaded, merged)


def load_lots(lot_ids: Iterable[UUID]) -> list[OpenLot]:
    """Return lots whatever is left in them."""
    return [OpenLot(*row) for row in bulk.fetch(LOTS_BY_ID, [list(lot_ids)])]


def _lock(condition: str, keys: list[Any]) -> Loaded:
    members_of: dict[UUID, list[UUID]] = {}
    found: dict[UUID, list[Any]] = {}
    purses: dict[UUID, list[Purse]] = {}
    stamps: dict[int, UUID] = {}
    for customer_id, stamp, *row in bulk.fetch(MEMBERS.format(condition=condition), [keys]):
        membership_id = row[2]
        if membership_id not in found:
            found[membership_id] = row[:11]
            members_of.setdefault(customer_id, []).append(membership_id)
            stamps[row[1]] = stamp
        purses.setdefault(membership_id, []).append(Purse(*row[11:]))
    main_first = {key: tuple(sorted(own, key=lambda purse: purse.code != MAIN)) for key, own in purses.items()}
    members = {key: Member(*(*row, main_first[key])) for key, row in found.items()}
    known = {program_id: remembered_timeline(program_id, stamp) for program_id, stamp in stamps.items()}
    return Loaded(members, members_of, known)


def _needed_by_orders(loaded: Loaded) -> Lots | None:
    """An order looks at what expires by inactivity, because it keeps that alive; at no other lots."""
    slides = any(policy.lifetime.slides for ruleset in _rulesets(loaded) for policy in ruleset.policies.values())
    slides = slides or any(purse.idle_until for member in loaded.members.values() for purse in member.purses)
    return Lots.SLIDING if slides else None


def _rulesets(loaded: Loaded) -> list[Ruleset]:
    return [ruleset for timeline in loaded.timelines.values() for ruleset in timeline.rulesets]


def _with_steps(loaded: Loaded, earliest: datetime) -> Loaded:
    """Load earlier tiers of members about whom a decision looks back behind their last change."""
    late = [key for key, member in loaded.members.items() if member.tier_since and member.tier_since > earliest]
    if not late:
        return loaded
    steps: dict[UUID, list[TierStep]] = {}
    for membership_id, *step in bulk.fetch(STEPS, [late]):
        steps.setdefault(membership_id, []).append(TierStep(*step))
    changed = {key: replace(loaded.members[key], steps=tuple(found)) for key, found in steps.items()}
    return replace(loaded, members=loaded.members | changed)


def _with_days(loaded: Loaded, earliest: datetime, latest: datetime) -> Loaded:
    """Load the days that any window reaches on any day from the earliest activity to the last assessment."""
    rulesets = _rulesets(loaded)
    if not rulesets:
        return loaded
    assessed = [member.assessed_on for member in loaded.members.values() if member.assessed_on]
    first, common, begin = date.max, date.min, date.max
    for ruleset in rulesets:
        begins = local_date(earliest, ruleset.zone)
        ends = max([local_date(latest, ruleset.zone), *assessed])
        periods = {policy.limits.period for policy in ruleset.policies.values()}
        first = min(first, *_reach(ruleset.ladder, begins), *(period_start(each, begins) for each in periods))
        common = max(common, *_reach(ruleset.ladder, ends, last=True), *(period_start(each, ends) for each in periods))
        begin = min(begin, begins)
    wallets = [purse.wallet_id for member in loaded.members.values() for purse in member.purses]
    for_ever = any(ruleset.ladder.window == "lifetime" for ruleset in rulesets)
    oldest = FOREVER if for_ever else first
    parameters = {"wallets": wallets, "from": oldest, "first": first, "before": FOREVER, "common": common,
                  "earliest": begin}  # fmt: skip
    days: dict[int, list[Day]] = {}
    for wallet_id, *day in bulk.fetch(DAYS, parameters):
        days.setdefault(wallet_id, []).append(Day(*day))
    return _with_purses(loaded, lambda purse: replace(purse, days=tuple(days.get(purse.wallet_id, ()))))


def _reach(ladder: Ladder, day: date, *, last: bool = False) -> list[date]:
    """Return the first day of a ladder's window on a day; of members' own years the earliest, or the last, there is."""
    if ladder.window == "lifetime":
        return []
    if ladder.window == "membership_year":
        return [day if last else add_months(day, -12)]
    return [window_start(ladder, day, day)]


def _with_lots(loaded: Loaded, which: Lots | None, at: datetime) -> Loaded:
    if which is None:
        return loaded
    found: dict[int, list[OpenLot]] = {}
    wallets = [purse.wallet_id for member in loaded.members.values() for purse in member.purses]
    for wallet_id, *lot in bulk.fetch(LOTS.format(condition=which.value), {"wallets": wallets, "at": at}):
        found.setdefault(wallet_id, []).append(OpenLot(*lot))
    return _with_purses(loaded, lambda purse: replace(purse, lots=tuple(found.get(purse.wallet_id, ()))))


def _with_purses(loaded: Loaded, change: Callable[[Purse], Purse]) -> Loaded:
    members = {
        key: replace(member, purses=tuple(change(purse) for purse in member.purses))
        for key, member in loaded.members.items()
    }
    return replace(loaded, members=members)

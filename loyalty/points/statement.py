"""What a member has and how it came to be: reads only."""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from customers.core import bulk
from customers.core.calendar import day_before, local_date
from customers.core.values import dataclass
from loyalty.memberships.models import Membership
from loyalty.points.ends import ENDS_AT, SPANS
from loyalty.points.models import Entry, Wallet


class Clock(StrEnum):
    """By which clock one looks back: when things were recorded, or when they occurred. The values are columns."""

    RECORDED = "recorded_at"
    OCCURRED = "occurred_at"


@dataclass(frozen=True, slots=True)
class Balance:
    """
    A wallet at an instant: what has expired or become active since the last night is already counted.

    :param available: points that can be spent
    :param expires_next_on: the last day on which the next points to expire can be spent
    """

    available: int
    pending: int
    held: int
    owed: int
    expires_next_points: int
    expires_next_on: date | None


class WalletNow(NamedTuple):
    """A wallet as far as its balance asks for it."""

    pk: int
    membership_id: UUID
    code: str
    pending: int
    held: int
    owed: int
    idle_until: datetime | None


@dataclass(frozen=True, slots=True)
class Expiring:
    """Points that can be spent through a day, and not after it."""

    last_day: date
    points: int


# What is due counts as active, and what is past its end as gone, whether or not the night has been. What is due repays first
# what is owed. Where lots end by their dates, they are grouped as their index has them: it is read as it stands, and alone.
OPEN_LOTS = """
SELECT {ends_at} AS ends_at, sum(l.available)::bigint, {of_others}
FROM {lots}
WHERE l.wallet_id = %(wallet)s AND (l.available > 0 OR l.pending > 0 OR l.held > 0) GROUP BY {group}
"""
AS_INDEXED = "l.expires_on_inactivity, l.expires_at"
OF_OTHERS = """sum(l.pending)::bigint,
    coalesce(sum(l.pending) FILTER (WHERE l.active_at <= %(at)s), 0)::bigint AS due, sum(l.held)::bigint"""
NO_OTHERS = "0, 0, 0"
WITH_WALLET = "points_lot l JOIN points_wallet w ON w.id = l.wallet_id"
# What never kept points in a wallet ends none, and where all points can be spent the others are nothing: to be ready to look
# for the one costs a fifth of a read, and for the other as much.
NOW = {
    (may_be_idle, has_others): OPEN_LOTS.format(
        ends_at=ENDS_AT if may_be_idle else "l.expires_at",
        lots=WITH_WALLET if may_be_idle else "points_lot l",
        of_others=OF_OTHERS if has_others else NO_OTHERS,
        group="1" if may_be_idle else AS_INDEXED,
    )
    for may_be_idle in (False, True)
    for has_others in (False, True)
}
# All wallets of a member and of its household, with their lots where none of a wallet needs a closer look: then the statements
# above look for it. Whose they are is asked first: it is nobody else's, for the most part.
WALLETS_NOW = f"""
SELECT w.id, w.membership_id, w.code, w.pending, w.held, w.owed, w.idle_until, l.ends_at, l.available
FROM points_wallet w LEFT JOIN LATERAL (
    SELECT l.expires_at AS ends_at, sum(l.available)::bigint AS available FROM points_lot l
    WHERE w.pending = 0 AND w.held = 0 AND w.idle_until IS NULL
        AND l.wallet_id = w.id AND (l.available > 0 OR l.pending > 0 OR l.held > 0) GROUP BY {AS_INDEXED}
) AS l ON true
WHERE w.membership_id = ANY(%(membership)s::uuid || ARRAY(
    SELECT other.membership_id FROM memberships_householdmember mine
    JOIN memberships_householdmember other ON other.household_id = mine.household_id
    WHERE mine.membership_id = %(membership)s AND other.membership_id <> mine.membership_id
)) ORDER BY w.id
"""
# The same of the lots as they were: by what was recorded, or occurred, until then.
LOTS_THEN = """
WITH spans AS MATERIALIZED ({spans})
SELECT CASE WHEN l.expires_on_inactivity THEN s.ends_at ELSE l.expires_at END, sum(m.available)::bigint,
    sum(m.pending)::bigint, coalesce(sum(m.pending) FILTER (WHERE {is_due}), 0)::bigint AS due, sum(m.held)::bigint
FROM (
    SELECT m.lot_id,
        sum(CASE 'available' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS available,
        sum(CASE 'pending' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS pending,
        sum(CASE 'held' WHEN m.to_state THEN m.amount WHEN m.from_state THEN -m.amount ELSE 0 END) AS held
    FROM points_entry e JOIN points_movement m ON m.entry_id = e.id
    WHERE e.wallet_id = %(wallet)s AND e.{clock} <= %(at)s GROUP BY m.lot_id
) AS m JOIN points_lot l ON l.id = m.lot_id
LEFT JOIN spans s ON l.earned_at >= s.begins_at AND l.earned_at < s.ends_at
GROUP BY 1
"""
# By the recorded clock, what a late fact told later was not known: neither that its member had been active, nor a date.
# Nor what a correction disproved later.
LOOKING_BACK = {
    Clock.OCCURRED: LOTS_THEN.format(
        clock=Clock.OCCURRED,
        spans=SPANS.format(which="wallet_id = %(wallet)s", known=""),
        is_due="l.active_at <= %(at)s",
    ),
    Clock.RECORDED: LOTS_THEN.format(
        clock=Clock.RECORDED,
        spans=SPANS.format(
            which="wallet_id = %(wallet)s AND recorded_at <= %(at)s", known=" AND d.recorded_at <= %(at)s"
        ),
        is_due="l.active_at <= %(at)s AND coalesce(l.dated_at <= %(at)s, true)",
    ),
}
OWED_THEN = """
SELECT coalesce(sum(owed_change), 0)::bigint FROM points_entry WHERE wallet_id = %s AND {clock} <= %s
"""
FORECAST = f"""
SELECT ends_at, sum(points)::bigint FROM (
    SELECT l.available + l.pending AS points, {ENDS_AT} AS ends_at
    FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
    WHERE l.wallet_id = %s AND (l.available > 0 OR l.pending > 0 OR l.held > 0)
) AS open WHERE ends_at > %s AND points > 0 GROUP BY 1 ORDER BY 1 LIMIT %s
"""
MAX_DATES = 100


def balance(wallet: Wallet | WalletNow, *, at: datetime, zone: ZoneInfo, clock: Clock | None = None) -> Balance:
    """
    Return what a wallet holds at an instant.

    :param clock: how to look back at an instant before the wallet's last entry: at what had been recorded by then, or at
        what had occurred; None for an instant that is not before it, which is quicker
    """
    now = NOW[wallet.idle_until is not None, bool(wallet.pending or wallet.held)]
    lots = bulk.fetch(now if clock is None else LOOKING_BACK[clock], {"wallet": wallet.pk, "at": at})
    owed = wallet.owed if clock is None else _owed_then(wallet, at, clock)
    return balance_of(lots, owed=owed, at=at, zone=zone)


def balances(membership_id: UUID, *, at: datetime, zone: ZoneInfo) -> list[tuple[WalletNow, Balance]]:
    """
    Return what a member's wallets hold now, and those of the others of its household, by one statement where all is simple.

    :param at: now
    """
    lots: dict[WalletNow, list[tuple[Any, ...]]] = {}
    for *wallet, ends_at, available in bulk.fetch(WALLETS_NOW, {"membership": membership_id}):
        own = lots.setdefault(WalletNow._make(wallet), [])
        if available is not None:
            own.append((ends_at, available, 0, 0, 0))
    return [
        (each, balance(each, at=at, zone=zone) if each.idle_until or each.pending or each.held
        else balance_of(own, owed=each.owed, at=at, zone=zone))
        for each, own in lots.items()
    ]  # fmt: skip


def balance_of(lots: Sequence[tuple[Any, ...]], *, owed: int, at: datetime, zone: ZoneInfo) -> Balance:
    """Return what a wallet's open lots, as `NOW` finds them, come to at an instant."""
    available = due = due_but_gone = waiting = held = 0
    ending: dict[datetime, int] = {}
    for ends_at, spendable, pending, become_active, kept in lots:
        held += kept
        waiting += pending - become_active
        if ends_at is not None and ends_at <= at:
            due_but_gone += become_active
            continue
        available += spendable
        due += become_active
        if ends_at is not None and spendable + pending:
            ending[ends_at] = ending.get(ends_at, 0) + spendable + pending
    repaid = min(owed, due + due_but_gone)
    first = min(ending, default=None)
    return Balance(
        available=available + due - max(0, repaid - due_but_gone),
        pending=waiting,
        held=held,
        owed=owed - repaid,
        expires_next_points=ending[first] if first else 0,
        expires_next_on=_last_day(first, zone) if first else None,
    )


def _owed_then(wallet: Wallet | WalletNow, at: datetime, clock: Clock) -> int:
    ((owed,),) = bulk.fetch(OWED_THEN.format(clock=clock.value), [wallet.pk, at])
    return int(owed)


def forecast(wallet: Wallet, *, at: datetime, zone: ZoneInfo, dates: int = MAX_DATES) -> list[Expiring]:
    """Return what will expire and when, if nothing of it is spent, the next first."""
    rows = bulk.fetch(FORECAST, [wallet.pk, at, dates])
    return [Expiring(_last_day(ends_at, zone), points) for ends_at, points in rows]


def _last_day(ends_at: datetime, zone: ZoneInfo) -> date:
    return day_before(local_date(ends_at, zone))


def statement(wallet: Wallet) -> QuerySet[Entry]:
    """Return a wallet's entries, the newest first."""
    # By wallet too, though there is one: only the index that starts with it gives this order, however many entries it has.
    return Entry.objects.filter(wallet=wallet).select_related("order").order_by("wallet", "-id")


def statement_of(membership: Membership) -> QuerySet[Entry]:
    """Return the entries of all wallets of a member, the newest first."""
    wallets = Wallet.objects.filter(membership=membership).values("pk")
    return Entry.objects.filter(wallet__in=wallets).select_related("order", "wallet").order_by("-id")


@dataclass(frozen=True, slots=True)
class Was:
    """A wallet as its entries until an instant made it, less what had ended by then, with what had become active."""

    available: int
    pending: int
    held: int
    owed: int


def was(wallet: Wallet, *, at: datetime, clock: Clock) -> Was:
    """Return what a wallet held at an instant, by a clock; what had ended by then is gone, whenever a night found it."""
    held = balance(wallet, at=at, zone=wallet.membership.program.tzinfo, clock=clock)
    return Was(held.available, held.pending, held.held, held.owed)

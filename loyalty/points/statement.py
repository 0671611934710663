"""What a member has and how it came to be: reads only."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from customers.core import bulk
from customers.core.calendar import local_date
from loyalty.points.models import Entry, Wallet


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


@dataclass(frozen=True, slots=True)
class Expiring:
    """Points that can be spent through a day, and not after it."""

    last_day: date
    points: int


# A lot that slides ends with its wallet; what is due counts as active, and what is past its end as gone, whether or not
# the night has been. What is due repays first what is owed.
BALANCE = """
WITH open AS (
    SELECT l.available, l.pending, l.held, l.active_at <= %(at)s AS due,
        CASE WHEN l.slides THEN w.idle_until ELSE l.expires_at END AS ends_at
    FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
    WHERE l.wallet_id = %(wallet)s AND (l.available > 0 OR l.pending > 0 OR l.held > 0)
)
SELECT
    coalesce(sum(available) FILTER (WHERE ends_at IS NULL OR ends_at > %(at)s), 0)::bigint,
    coalesce(sum(pending) FILTER (WHERE due AND (ends_at IS NULL OR ends_at > %(at)s)), 0)::bigint,
    coalesce(sum(pending) FILTER (WHERE due AND ends_at <= %(at)s), 0)::bigint,
    coalesce(sum(pending) FILTER (WHERE due IS NOT TRUE), 0)::bigint, coalesce(sum(held), 0)::bigint,
    min(ends_at) FILTER (WHERE ends_at > %(at)s AND (available > 0 OR pending > 0)),
    (SELECT owed FROM points_wallet WHERE id = %(wallet)s)
FROM open
"""
FORECAST = """
SELECT ends_at, sum(points)::bigint FROM (
    SELECT l.available + l.pending AS points, CASE WHEN l.slides THEN w.idle_until ELSE l.expires_at END AS ends_at
    FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
    WHERE l.wallet_id = %s AND (l.available > 0 OR l.pending > 0 OR l.held > 0)
) AS open WHERE ends_at > %s AND points > 0 GROUP BY 1 ORDER BY 1 LIMIT %s
"""
MOST_DATES = 100


def balance(wallet: Wallet, *, at: datetime, zone: ZoneInfo) -> Balance:
    """Return what a wallet holds at an instant not before its last entry."""
    (row,) = bulk.fetch(BALANCE, {"wallet": wallet.pk, "at": at})
    available, due, due_but_gone, pending, held, ends_at, owed = row
    repaid = min(owed, due + due_but_gone)
    usable = available + due - max(0, repaid - due_but_gone)
    next_to_go = forecast(wallet, at=at, zone=zone, dates=1) if ends_at else []
    return Balance(
        available=usable,
        pending=pending,
        held=held,
        owed=owed - repaid,
        expires_next_points=next_to_go[0].points if next_to_go else 0,
        expires_next_on=next_to_go[0].last_day if next_to_go else None,
    )


def forecast(wallet: Wallet, *, at: datetime, zone: ZoneInfo, dates: int = MOST_DATES) -> list[Expiring]:
    """Return what will expire and when, if nothing of it is spent, the next first."""
    rows = bulk.fetch(FORECAST, [wallet.pk, at, dates])
    return [Expiring(date.fromordinal(local_date(ends_at, zone).toordinal() - 1), points) for ends_at, points in rows]


def statement(wallet: Wallet) -> QuerySet[Entry]:
    """Return a wallet's entries, the newest first."""
    return Entry.objects.filter(wallet=wallet).select_related("order").order_by("-id")

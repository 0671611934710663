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


BALANCE = """
SELECT
    coalesce(sum(available) FILTER (WHERE expires_at IS NULL OR expires_at > %(at)s), 0)
        + coalesce(sum(pending) FILTER (WHERE active_at <= %(at)s AND (expires_at IS NULL OR expires_at > %(at)s)), 0),
    coalesce(sum(pending) FILTER (WHERE active_at > %(at)s), 0), coalesce(sum(held), 0), min(expires_at) FILTER
        (WHERE expires_at > %(at)s AND (available > 0 OR pending > 0))
FROM points_lot WHERE wallet_id = %(wallet)s AND (available > 0 OR pending > 0 OR held > 0)
"""
EXPIRING = """
SELECT coalesce(sum(available + pending), 0) FROM points_lot
WHERE wallet_id = %s AND expires_at = %s AND (available > 0 OR pending > 0 OR held > 0)
"""


def balance(wallet: Wallet, *, at: datetime, zone: ZoneInfo) -> Balance:
    """Return what a wallet holds at an instant not before its last entry."""
    ((available, pending, held, expires_at),) = bulk.fetch(BALANCE, {"wallet": wallet.pk, "at": at})
    expiring = bulk.fetch(EXPIRING, [wallet.pk, expires_at])[0][0] if expires_at else 0
    last_day = None
    if expires_at is not None:
        last_day = date.fromordinal(local_date(expires_at, zone).toordinal() - 1)
    return Balance(int(available), int(pending), int(held), wallet.owed, int(expiring), last_day)


def statement(wallet: Wallet) -> QuerySet[Entry]:
    """Return a wallet's entries, the newest first."""
    return Entry.objects.filter(wallet=wallet).select_related("order").order_by("-id")

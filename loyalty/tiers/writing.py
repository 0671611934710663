"""The only writer of standings and tier changes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from customers.core import bulk
from loyalty.engine.member import Member
from loyalty.tiers.models import Standing, TierChange
from loyalty.tiers.state import TierChanged


def record_changes(changes: Iterable[TierChanged], *, now: datetime) -> None:
    """Write tier changes down, in their order."""
    # fmt: off
    rows = [(change.retailer_id, change.membership_id, change.from_tier_id, change.to_tier_id, change.cause,
             change.qualifying, change.protected_until, change.occurred_at, now) for change in changes]
    columns = ("retailer_id", "membership_id", "from_tier_id", "to_tier_id", "cause", "qualifying", "protected_until",
               "occurred_at", "recorded_at")
    # fmt: on
    bulk.insert(TierChange, columns, rows)


def set_standings(standings: Iterable[tuple[Member, tuple[Any, ...]]]) -> None:
    """Bring members' standings up to date: tier, since when, protected until when, and what is missing of gifts."""
    rows = [(member.membership_id, member.retailer_id, member.program_id, *row) for member, row in standings]
    columns = ("membership_id", "retailer_id", "program_id", "tier_id", "since", "protected_until", "gifts_missing")
    bulk.insert(Standing, columns, rows, suffix=REPLACE)


REPLACE = """
ON CONFLICT (membership_id) DO UPDATE SET tier_id = excluded.tier_id, since = excluded.since,
    protected_until = excluded.protected_until, gifts_missing = excluded.gifts_missing
"""

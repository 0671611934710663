"""The only writer of standings, tier changes and qualifying days."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from customers.core import bulk
from loyalty.tiers.models import QualifyingDay, Standing, TierChange


@dataclass(frozen=True, slots=True)
class Qualified:
    """What to add to (or, negative, take from) a wallet's day; spending, orders and visits stand with the main one."""

    wallet_id: int
    on: date
    spend: Decimal
    points: int
    orders: int = 0
    visits: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """A member goes from one tier to another; None is the ground below the first step."""

    retailer_id: int
    membership_id: UUID
    from_tier_id: int | None
    to_tier_id: int | None
    cause: str
    qualifying: Decimal
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a member stands after a batch."""

    membership_id: UUID
    tier_id: int | None
    since: datetime | None
    assessed_on: date | None
    keeps_until: date | None


def add_qualifying(changes: Iterable[Qualified]) -> None:
    """Add to wallets' days; several changes of one day are one row."""
    sums: dict[tuple[int, date], tuple[Decimal, int, int, int]] = {}
    for change in changes:
        spend, points, orders, visits = sums.get((change.wallet_id, change.on), (Decimal(0), 0, 0, 0))
        sums[change.wallet_id, change.on] = (
            spend + change.spend,
            points + change.points,
            orders + change.orders,
            visits + change.visits,
        )
    rows = [(wallet, on, *amounts) for (wallet, on), amounts in sorted(sums.items())]
    bulk.insert(QualifyingDay, ("wallet_id", "on_date", "spend", "points", "orders", "visits"), rows, suffix=ADD)


def record_moves(moves: Iterable[Moved], *, now: datetime) -> None:
    """Write tier changes down, in their order."""
    # fmt: off
    rows = [(move.retailer_id, move.membership_id, move.from_tier_id, move.to_tier_id, move.cause, move.qualifying,
             move.occurred_at, now) for move in moves]
    columns = ("retailer_id", "membership_id", "from_tier_id", "to_tier_id", "cause", "qualifying", "occurred_at",
               "recorded_at")
    # fmt: on
    bulk.insert(TierChange, columns, rows)


def set_standings(standings: Iterable[Stands]) -> None:
    """Bring members' standings up to date."""
    rows = [(each.membership_id, each.tier_id, each.since, each.assessed_on, each.keeps_until) for each in standings]
    if rows:
        bulk.execute(UPDATE_STANDINGS, [list(column) for column in zip(*rows, strict=True)])


def open_standings(retailer_id: int, program_id: int, memberships: Iterable[tuple[UUID, int | None, datetime]]) -> None:
    """Put each new membership on the step that everybody has, which it cannot lose, or on the ground."""
    rows = [(member, retailer_id, program_id, tier, since if tier else None) for member, tier, since in memberships]
    bulk.insert(Standing, ("membership_id", "retailer_id", "program_id", "tier_id", "since"), rows)


ADD = """
ON CONFLICT (wallet_id, on_date) DO UPDATE SET spend = tiers_qualifyingday.spend + excluded.spend,
    points = tiers_qualifyingday.points + excluded.points, orders = tiers_qualifyingday.orders + excluded.orders,
    visits = tiers_qualifyingday.visits + excluded.visits
"""
UPDATE_STANDINGS = """
UPDATE tiers_standing s SET tier_id = d.tier_id, since = d.since, assessed_on = d.assessed_on,
    keeps_until = d.keeps_until
FROM (SELECT unnest(%b::uuid[]) AS membership_id, unnest(%b::bigint[]) AS tier_id,
    unnest(%b::timestamptz[]) AS since, unnest(%b::date[]) AS assessed_on,
    unnest(%b::date[]) AS keeps_until) d
WHERE s.membership_id = d.membership_id
"""

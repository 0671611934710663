"""The only writer of standings and tier changes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from customers.core import bulk
from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.tiers.models import Standing, TierChange
from loyalty.tiers.state import TIERS, TierChanged, TierState

CHANGE = (
    "retailer_id", "membership_id", "from_tier_id", "to_tier_id", "cause", "qualifying", "protected_until", "occurred_at",
    "recorded_at",
)  # fmt: skip
STANDING = ("membership_id", "retailer_id", "program_id", "tier_id", "since", "protected_until", "gifts_missing")
REPLACE = """
ON CONFLICT (membership_id) DO UPDATE SET tier_id = excluded.tier_id, since = excluded.since,
    protected_until = excluded.protected_until, gifts_missing = excluded.gifts_missing
"""


def write(
    effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], *, now: datetime
) -> None:
    """Write tier changes down, in their order, and bring members' standings up to date, where they changed."""
    _record_changes((effect for effect in effects if isinstance(effect, TierChanged)), now)
    changed = (
        member
        for key, member in after.items()
        if member.has(TIERS) and _held(member.of(TIERS)) != _held(before[key].of(TIERS))
    )
    rows = [(each.membership_id, each.retailer_id, each.program_id, *_held(each.of(TIERS))) for each in changed]
    bulk.insert(Standing, STANDING, rows, suffix=REPLACE)


def _record_changes(changes: Iterable[TierChanged], now: datetime) -> None:
    rows = [
        (
            change.retailer_id, change.membership_id, change.from_tier_id, change.to_tier_id, change.cause, change.qualifying,
            change.protected_until, change.occurred_at, now,
        )
        for change in changes
    ]  # fmt: skip
    bulk.insert(TierChange, CHANGE, rows)


def _held(state: TierState) -> tuple[int | None, datetime | None, date | None, int]:
    """Return what a standing's row keeps: tier, since when, protected until when, and what is missing of gifts."""
    return state.tier_id, state.since, state.protected_until, state.gifts_missing

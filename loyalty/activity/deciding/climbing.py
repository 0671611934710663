"""On which tier a member stands after an activity, and after a night."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import Member
from loyalty.outbox.publishing import NewEvent
from loyalty.points.ledger import MAIN
from loyalty.tiers.assessment import Moved, Qualified
from loyalty.tiers.rules import Step, add_day, qualifying


def qualified(member: Member, changes: tuple[Qualified, ...]) -> Member:
    """Return a member with what changes its days."""
    for change in changes:
        purse = member.purse_of(change.wallet_id)
        days = add_day(purse.days, change.on, change.spend, change.points)
        member = member.with_purse(replace(purse, days=days))
    return member


def multiplier_at(member: Member, ruleset: Ruleset, instant: datetime) -> Decimal:
    """Return the multiplier of the tier on which a member stood at an instant, 1 on the ground."""
    step = ruleset.ladder.step(member.tier_at(instant))
    return step.multiplier if step else Decimal(1)


def climb(
    member: Member, ruleset: Ruleset, on: date, occurred_at: datetime, cause: str
) -> tuple[tuple[Moved, ...], Member]:
    """Go up at once; down is a matter of the night."""
    day = max(on, member.assessed_on or on)
    at = max(occurred_at, member.tier_since or occurred_at)
    move, member = _assess(member, ruleset, on=day, at=at, cause=cause, only_up=True)
    return ((move,) if move else ()), member


def assess(member: Member, ruleset: Ruleset, *, on: date, at: datetime, cause: str) -> tuple[Moved | None, Member]:
    """Put a member on the step that it has earned on a day, up or down: what a night does."""
    return _assess(member, ruleset, on=on, at=at, cause=cause, only_up=False)


def tier_event(move: Moved) -> NewEvent:
    """Return the event that tells of a tier change."""
    payload = {"from": move.from_tier_id, "to": move.to_tier_id, "cause": move.cause}
    return NewEvent(move.retailer_id, "tier.changed", move.membership_id, payload, move.occurred_at)


def _assess(  # noqa: PLR0913 - one place for both directions
    member: Member, ruleset: Ruleset, *, on: date, at: datetime, cause: str, only_up: bool
) -> tuple[Moved | None, Member]:
    ladder = ruleset.ladder
    counted = member.purse(ladder.wallet if ladder.basis == "points" else MAIN)
    amount = qualifying(ladder, counted.days, on=on)
    current, earned = ladder.step(member.tier_code), ladder.earned(amount)
    if only_up and not ladder.is_higher(earned, current):
        earned = current
    same = (earned.code if earned else None) == member.tier_code
    assessed = replace(
        member,
        assessed_on=on,
        tier_code=earned.code if earned else None,
        tier_id=earned.id if earned else None,
        tier_since=member.tier_since if same else at,
    )
    if same:
        return None, assessed
    return _moved(member, earned, amount, cause, at), assessed


def _moved(member: Member, to: Step | None, amount: Decimal, cause: str, at: datetime) -> Moved:
    to_id = to.id if to else None
    return Moved(member.retailer_id, member.membership_id, member.tier_id, to_id, cause, amount, at)

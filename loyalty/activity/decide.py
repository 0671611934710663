"""
What an activity causes: (member, activity, ruleset) -> decision. No database, no clock, no randomness but new ids.

An order is decided in this order: earning rules, lots, repayment of what is owed, qualifying, tiers. Multipliers are
those of the tier on which the member stood before the order.
"""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from customers.core.calendar import local_date
from customers.core.ids import new_id
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import DecidedOrder, DecidedReturn, Decision, Effects, GivenBack, Member, Purchase
from loyalty.outbox.publishing import NewEvent
from loyalty.points.clawback import Move, OpenLot, Taken, after, claw_back
from loyalty.points.expiry import activation, expiration
from loyalty.points.ledger import NewLot, Posting
from loyalty.points.limits import Limited, allowance, limit, period_start
from loyalty.points.rules import Earned, earn, total_of
from loyalty.points.states import State
from loyalty.tiers.assessment import Moved, Qualified
from loyalty.tiers.rules import Step, add_day, qualifying

ONE = Decimal(1)


def decide_order(member: Member, purchase: Purchase, ruleset: Ruleset | None) -> Decision:
    """
    Decide an order for one of its customer's memberships.

    :param ruleset: what was in force when the order occurred; None before the program's first version
    """
    if ruleset is None or not member.belongs_at(purchase.occurred_at):
        reason = "no_version_in_force_then" if ruleset is None else "not_a_member_then"
        nothing = _decided(member, purchase, None, ONE, Limited(()), is_first=False)
        return Decision(member, Effects(reason=reason, order=nothing))
    step = ruleset.ladder.step(member.tier_code)
    multiplier = step.multiplier if step else ONE
    is_first = not member.has_ordered
    on = local_date(purchase.occurred_at, ruleset.zone)
    limited = limit(
        earn(purchase.lines, ruleset.earnings, multiplier=multiplier, is_first=is_first),
        ruleset.limits,
        allowance(ruleset.limits, _earned_in_period(member, ruleset, on)),
    )
    points = total_of(limited.earned)
    postings, member_after = _post_earned(member, purchase, ruleset, limited)
    member_after = replace(member_after, has_ordered=True, days=add_day(member.days, on, purchase.net_amount, points))
    moves, member_after = _climb(member_after, ruleset, on, purchase.occurred_at, f"order:{purchase.order_id}")
    effects = Effects(
        reason=limited.reason or ("" if points else "no_rule_gave_points"),
        order=_decided(member, purchase, ruleset, multiplier, limited, is_first=is_first),
        postings=postings,
        qualified=(Qualified(member.membership_id, on, purchase.net_amount, points),),
        moves=moves,
        events=(*_earned_event(member, purchase, points), *(tier_event(move) for move in moves)),
    )
    return Decision(member_after, effects)


def decide_return(member: Member, given_back: GivenBack, decided: DecidedOrder, ruleset: Ruleset | None) -> Decision:
    """
    Decide a return for the membership for which its order was decided: afterwards the order has kept exactly what it
    would have earned without all that came back.

    :param ruleset: the one under which the order was decided
    """
    if ruleset is None:
        return Decision(member, Effects(order_return=_decided_return(member, given_back, 0, 0)))
    earned = earn(given_back.kept, ruleset.earnings, multiplier=decided.multiplier, is_first=decided.is_first)
    # A return never gives points: what was rejected whole stays so, although less of it would not have been.
    kept = min(total_of(limit(earned, ruleset.limits, decided.allowance).earned), decided.points_kept)
    points = decided.points_kept - kept
    taken = claw_back(points, given_back.order_id, member.lots)
    owed = taken.missing if ruleset.allow_negative else 0
    shortfall = taken.missing - owed
    posting = _post_returned(member, given_back, taken, owed, kept=(decided.points_kept, kept), version=ruleset.number)
    on = local_date(given_back.ordered_at, ruleset.zone)
    member_after = replace(
        member,
        lots=after(member.lots, taken.moves),
        balance=member.balance + posting.change(State.AVAILABLE) - owed,
        owed=member.owed + owed,
        days=add_day(member.days, on, -given_back.net_amount, -points),
    )
    effects = Effects(
        order=replace(decided, points_kept=kept),
        order_return=_decided_return(member, given_back, points, shortfall),
        postings=(posting,) if points else (),
        qualified=(Qualified(member.membership_id, on, -given_back.net_amount, -points),),
        events=_returned_event(member, given_back, points),
    )
    return Decision(member_after, effects)


def _post_returned(  # noqa: PLR0913 - what the entry explains
    member: Member, given_back: GivenBack, taken: Taken, owed: int, *, kept: tuple[int, int], version: int
) -> Posting:
    return Posting(
        retailer_id=member.retailer_id,
        wallet_id=member.wallet_id,
        kind="return",
        cause=f"return:{given_back.return_id}",
        occurred_at=given_back.occurred_at,
        order_id=given_back.order_id,
        moves=taken.moves,
        owed_change=owed,
        explanation={
            "return": given_back.number,
            "order": given_back.order_number,
            "version": version,
            "kept_before": kept[0],
            "kept_now": kept[1],
            "owed": owed,
            "shortfall": taken.missing - owed,
        },
    )


def assess(member: Member, ruleset: Ruleset, *, on: date, at: datetime, cause: str) -> tuple[Moved | None, Member]:
    """Put a member on the step that it has earned on a day, up or down: what a night does."""
    return _assess(member, ruleset, on=on, at=at, cause=cause, only_up=False)


def tier_event(move: Moved) -> NewEvent:
    """Return the event that tells of a tier change."""
    payload = {"from": move.from_tier_id, "to": move.to_tier_id, "cause": move.cause}
    return NewEvent(move.retailer_id, "tier.changed", move.membership_id, payload, move.occurred_at)


def _post_earned(
    member: Member, purchase: Purchase, ruleset: Ruleset, limited: Limited
) -> tuple[tuple[Posting, ...], Member]:
    if not limited.earned:
        return (), member
    active_at = activation(purchase.occurred_at, ruleset.lifetime, ruleset.zone)
    expires_at = expiration(active_at, ruleset.lifetime, ruleset.zone)
    state = State.AVAILABLE if active_at <= purchase.occurred_at else State.PENDING
    lots = tuple(
        NewLot(
            id=new_id(),
            amount=part.points,
            earned_at=purchase.occurred_at,
            active_at=active_at,
            expires_at=expires_at,
            version_id=ruleset.version_id,
            rule_id=part.rule_id,
            order_id=purchase.order_id,
            state=state,
        )
        for part in limited.earned
    )
    posting = Posting(
        retailer_id=member.retailer_id,
        wallet_id=member.wallet_id,
        kind="earn",
        cause=f"order:{purchase.order_id}",
        occurred_at=purchase.occurred_at,
        order_id=purchase.order_id,
        lots=lots,
        explanation={
            "order": purchase.number,
            "version": ruleset.number,
            "rules": [_explained(part) for part in limited.earned],
            **({"cut": limited.cut, "limit": ruleset.limits.in_period} if limited.cut else {}),
        },
    )
    opened = tuple(open_lot(lot) for lot in lots)
    member = replace(member, balance=member.balance + posting.change(State.AVAILABLE), lots=(*member.lots, *opened))
    repayment = repay(member, opened, cause=f"repay:order:{purchase.order_id}", at=purchase.occurred_at)
    if repayment is None:
        return (posting,), member
    return (posting, repayment), repaid(member, repayment)


def repay(member: Member, lots: tuple[OpenLot, ...], *, cause: str, at: datetime) -> Posting | None:
    """Return the entry by which newly available points repay what a member owes; None where there is nothing to repay."""
    left = member.owed
    moves = []
    for lot in lots:
        amount = min(left, lot.available)
        if amount:
            moves.append(Move(lot.id, State.AVAILABLE, State.CANCELLED, amount))
            left -= amount
    if not moves:
        return None
    amount = member.owed - left
    return Posting(
        retailer_id=member.retailer_id,
        wallet_id=member.wallet_id,
        kind="repay",
        cause=cause,
        occurred_at=at,
        moves=tuple(moves),
        owed_change=-amount,
        explanation={"repaid": amount, "still_owed": left},
    )


def repaid(member: Member, repayment: Posting) -> Member:
    """Return a member after a repayment; what it has less what it owes stays the same."""
    return replace(member, owed=member.owed + repayment.owed_change, lots=after(member.lots, repayment.moves))


def _earned_in_period(member: Member, ruleset: Ruleset, on: date) -> int:
    """Return what a member has earned in a day's period, net of returns."""
    first = period_start(ruleset.limits.period, on)
    return sum(day.points for day in member.days if first <= day.on <= on)


def _climb(
    member: Member, ruleset: Ruleset, on: date, occurred_at: datetime, cause: str
) -> tuple[tuple[Moved, ...], Member]:
    """Go up at once; down is a matter of the night."""
    day = max(on, member.assessed_on or on)
    at = max(occurred_at, member.tier_since or occurred_at)
    move, member = _assess(member, ruleset, on=day, at=at, cause=cause, only_up=True)
    return ((move,) if move else ()), member


def _assess(  # noqa: PLR0913 - one place for both directions
    member: Member, ruleset: Ruleset, *, on: date, at: datetime, cause: str, only_up: bool
) -> tuple[Moved | None, Member]:
    ladder = ruleset.ladder
    amount = qualifying(ladder, member.days, on=on)
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


def _decided(  # noqa: PLR0913 - what a return must know
    member: Member,
    purchase: Purchase,
    ruleset: Ruleset | None,
    multiplier: Decimal,
    limited: Limited,
    *,
    is_first: bool,
) -> DecidedOrder:
    points = total_of(limited.earned)
    return DecidedOrder(
        retailer_id=member.retailer_id,
        program_id=member.program_id,
        order_id=purchase.order_id,
        membership_id=member.membership_id,
        version_id=ruleset.version_id if ruleset else None,
        multiplier=multiplier,
        is_first=is_first,
        allowance=limited.allowance,
        points=points,
        points_kept=points,
    )


def _decided_return(member: Member, given_back: GivenBack, points: int, shortfall: int) -> DecidedReturn:
    return DecidedReturn(member.retailer_id, member.program_id, given_back.return_id, points, shortfall)


def open_lot(lot: NewLot) -> OpenLot:
    """Return an award as it is right after its issue."""
    pending, available = (lot.amount, 0) if lot.state is State.PENDING else (0, lot.amount)
    return OpenLot(lot.id, lot.order_id, lot.earned_at, lot.active_at, lot.expires_at, pending, available)


def _explained(part: Earned) -> dict[str, Any]:
    return {
        "rule": part.code,
        "points": part.points,
        "basis": str(part.basis),
        "multiplier": str(part.multiplier.normalize()),
        "dropped": str(part.dropped.normalize()),
    }


def _earned_event(member: Member, purchase: Purchase, points: int) -> tuple[NewEvent, ...]:
    if not points:
        return ()
    payload = {"order": purchase.number, "points": points}
    return (NewEvent(member.retailer_id, "points.earned", member.membership_id, payload, purchase.occurred_at),)


def _returned_event(member: Member, given_back: GivenBack, points: int) -> tuple[NewEvent, ...]:
    if not points:
        return ()
    payload = {"return": given_back.number, "order": given_back.order_number, "points": -points}
    return (NewEvent(member.retailer_id, "points.returned", member.membership_id, payload, given_back.occurred_at),)

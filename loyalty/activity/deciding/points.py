"""What happens to points whatever the activity: they are awarded, repay, become active, and expire."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core.ids import new_id
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import Member, Purse
from loyalty.points.clawback import Move, OpenLot, after, spending_order
from loyalty.points.expiry import Lifetime, activation, expiration, idle_until
from loyalty.points.ledger import MAIN, NewLot, Posting
from loyalty.points.limits import Limited
from loyalty.points.rules import Earned
from loyalty.points.states import State


@dataclass(frozen=True, slots=True)
class Booked:
    """Postings in their order, and the member after them."""

    member: Member
    postings: tuple[Posting, ...] = ()

    def then(self, posting: Posting | None) -> "Booked":
        """Return it with one more posting."""
        return self if posting is None else Booked(booked(self.member, posting), (*self.postings, posting))


@dataclass(frozen=True, slots=True)
class Cause:
    """
    What gives points.

    :param said: what the entry explains besides
    :param events: what is known to have happened to the order: kind and instant
    """

    name: str
    at: datetime
    said: dict[str, Any]
    order_id: UUID | None = None
    events: tuple[tuple[str, datetime], ...] = ()


def booked(member: Member, posting: Posting) -> Member:
    """Return a member after a posting."""
    purse = member.purse_of(posting.wallet_id)
    opened = tuple(lot.opened(idle_until=purse.idle_until) for lot in posting.lots)
    return member.with_purse(
        replace(
            purse,
            balance=purse.balance + posting.change(State.AVAILABLE) - posting.owed_change,
            owed=purse.owed + posting.owed_change,
            lots=after((*purse.lots, *opened), posting.moves),
        )
    )


def award(member: Member, code: str, limited: Limited, ruleset: Ruleset, cause: Cause) -> Booked:
    """Give points to a wallet, one lot for each rule, and repay what it owes from those that can be spent at once."""
    if not limited.earned:
        return Booked(member)
    lifetime = lifetime_of(member, code, ruleset, cause.at)
    done = kept_alive(member, code, lifetime, ruleset, cause.at)
    purse = done.member.purse(code)
    lots = tuple(_lot(part, lifetime, ruleset, cause) for part in limited.earned)
    posting = Posting(
        retailer_id=member.retailer_id,
        wallet_id=purse.wallet_id,
        kind="earn",
        cause=cause.name,
        occurred_at=cause.at,
        order_id=cause.order_id,
        lots=lots,
        explanation={
            **cause.said,
            "version": ruleset.number,
            "rules": [_explained(part) for part in limited.earned],
            **({} if code == MAIN else {"wallet": code}),
            **({"cut": limited.cut, "limit": limited.allowance, "reason": limited.reason} if limited.cut else {}),
        },
    )
    done = done.then(posting)
    mine = {lot.id for lot in lots}
    usable = tuple(lot for lot in done.member.purse(code).lots if lot.id in mine)
    return done.then(repayment(done.member, code, usable, cause=f"repay:{cause.name}", at=cause.at))


def lifetime_of(member: Member, code: str, ruleset: Ruleset, at: datetime) -> Lifetime:
    """Return how long points of a wallet live that a member earns at an instant: its tier may let them live longer."""
    lifetime = ruleset.policy(code).lifetime
    step = ruleset.ladder.step(member.tier_at(at))
    return replace(lifetime, extra_months=step.extra_months) if step and step.extra_months else lifetime


def kept_alive(member: Member, code: str, lifetime: Lifetime, ruleset: Ruleset, at: datetime) -> Booked:
    """Let what expires by inactivity live longer, because its member is active; what was too late is expired first."""
    purse = member.purse(code)
    done = (
        Booked(member).then(expired(member, purse, at))
        if purse.idle_until and purse.idle_until <= at
        else Booked(member)
    )
    if not lifetime.slides:
        return done
    until = idle_until(at, lifetime, ruleset.zone)
    purse = done.member.purse(code)
    if purse.idle_until is not None and purse.idle_until > until:
        return done
    lots = tuple(replace(lot, expires_at=until) if lot.slides else lot for lot in purse.lots)
    return replace(done, member=done.member.with_purse(replace(purse, idle_until=until, lots=lots)))


def repayment(member: Member, code: str, lots: Sequence[OpenLot], *, cause: str, at: datetime) -> Posting | None:
    """Return the entry by which available points repay what a wallet owes; None where there is nothing to repay."""
    purse = member.purse(code)
    left = purse.owed
    moves = []
    for lot in spending_order(lots):
        amount = min(left, lot.available)
        if amount:
            moves.append(Move(lot.id, State.AVAILABLE, State.CANCELLED, amount))
            left -= amount
    if not moves:
        return None
    repaid = purse.owed - left
    return Posting(
        retailer_id=member.retailer_id,
        wallet_id=purse.wallet_id,
        kind="repay",
        cause=cause,
        occurred_at=at,
        moves=tuple(moves),
        owed_change=-repaid,
        explanation={"repaid": repaid, "still_owed": left},
    )


def activated(member: Member, at: datetime) -> Booked:
    """Make active what is due in every wallet, and repay what is owed from it."""
    done = Booked(member)
    for purse in member.purses:
        due = [lot for lot in purse.lots if lot.pending and lot.active_at is not None and lot.active_at <= at]
        if due:
            done = activate(done, purse.code, due, cause=f"activate:{due[0].id}", at=at)
    return done


def brought_up_to(member: Member, at: datetime) -> Booked:
    """Carry out what a night up to an instant would have done to points, so that no answer depends on when it runs."""
    done = activated(member, at)
    for purse in member.purses:
        done = done.then(expired(done.member, done.member.purse(purse.code), at))
    return done


def activate(done: Booked, code: str, due: Sequence[OpenLot], *, cause: str, at: datetime) -> Booked:
    """Make lots active, and repay what is owed from them."""
    moves = tuple(Move(lot.id, State.PENDING, State.AVAILABLE, lot.pending) for lot in due)
    posting = _of_lots(done.member, done.member.purse(code), "activate", cause, moves, at)
    done = done.then(posting)
    ids = {lot.id for lot in due}
    usable = tuple(lot for lot in done.member.purse(code).lots if lot.id in ids)
    return done.then(repayment(done.member, code, usable, cause=f"repay:{posting.cause}", at=at))


def expired(member: Member, purse: Purse, at: datetime) -> Posting | None:
    """Return the entry by which a wallet's points expire that are past their time; None where there are none."""
    due = [lot for lot in purse.lots if lot.available and lot.expires_at is not None and lot.expires_at <= at]
    if not due:
        return None
    moves = tuple(Move(lot.id, State.AVAILABLE, State.EXPIRED, lot.available) for lot in due)
    return _of_lots(member, purse, "expire", _cause_of_expiry(due[0]), moves, at)


def _cause_of_expiry(first: OpenLot) -> str:
    """Name an expiry by the first of its lots: a lot expires once, but for one that slides, which may live again."""
    return f"expire:{first.id}:{first.expires_at:%Y%m%d}" if first.slides else f"expire:{first.id}"


def _of_lots(  # noqa: PLR0913 - what an entry says
    member: Member, purse: Purse, kind: str, cause: str, moves: tuple[Move, ...], at: datetime
) -> Posting:
    return Posting(
        retailer_id=member.retailer_id,
        wallet_id=purse.wallet_id,
        kind=kind,
        cause=cause,
        occurred_at=at,
        moves=moves,
        explanation={"lots": len(moves)},
    )


def _lot(part: Earned, lifetime: Lifetime, ruleset: Ruleset, cause: Cause) -> NewLot:
    since = dict(cause.events).get(lifetime.awaits) if lifetime.awaits else cause.at
    active_at = None if since is None else activation(since, lifetime, ruleset.zone)
    return NewLot(
        id=new_id(),
        amount=part.points,
        earned_at=cause.at,
        active_at=active_at,
        expires_at=None if active_at is None else expiration(active_at, lifetime, ruleset.zone),
        version_id=ruleset.version_id,
        rule_id=part.rule_id,
        order_id=cause.order_id,
        state=State.AVAILABLE if active_at is not None and active_at <= cause.at else State.PENDING,
        awaits=lifetime.awaits,
        slides=lifetime.slides,
    )


def free_lot(points: int, lifetime: Lifetime, ruleset: Ruleset, at: datetime, *, gift: str = "") -> NewLot:
    """Return a lot of points that no order gave, and that can be spent at once."""
    return NewLot(
        id=new_id(),
        amount=points,
        earned_at=at,
        active_at=at,
        expires_at=expiration(at, lifetime, ruleset.zone),
        version_id=ruleset.version_id,
        rule_id=None,
        order_id=None,
        state=State.AVAILABLE,
        slides=lifetime.slides,
        gift=gift,
    )


def _explained(part: Earned) -> dict[str, Any]:
    return {
        "rule": part.code,
        "points": part.points,
        "basis": f"{part.basis:f}",
        "multiplier": str(part.multiplier.normalize()),
        "dropped": f"{part.dropped.normalize():f}",
        **({"capped": part.capped} if part.capped else {}),
        **({"beaten": [{"rule": code, "points": points} for code, points in part.beaten]} if part.beaten else {}),
    }

"""What every step is made of: an entry posted, and the member after it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core.ids import new_id
from customers.core.values import dataclass
from loyalty.engine.decision import Decision
from loyalty.points.expiry import Lifetime, idle_until
from loyalty.points.state import (
    POINTS,
    RULES,
    Move,
    NewLot,
    OpenLot,
    Policy,
    Posting,
    WalletState,
    spending_order,
)
from loyalty.points.states import State


@dataclass(frozen=True, slots=True)
class Cause:
    """
    What gives points.

    :param name: once per wallet
    :param said: what the entry explains besides
    :param events: what is known to have happened to the order: kind and instant
    :param is_anew: whether the order may have given before, so that its points replace what others gave for it
    :param awaits_approval: the rules whose points wait until somebody approves
    :param label: by which its lots are found again; empty where nobody looks for them
    """

    name: str
    said: dict[str, Any]
    order_id: UUID | None = None
    events: tuple[tuple[str, datetime], ...] = ()
    is_anew: bool = False
    awaits_approval: frozenset[int] = frozenset()
    label: str = ""


def post(decision: Decision, posting: Posting | None) -> Decision:
    """Return a decision with one more entry, and the member after it."""
    if posting is None:
        return decision
    points = decision.member.of(POINTS)
    after = points.having(points.wallet_of(posting.wallet_id).after(posting))
    return decision.then(posting, member=decision.member.having(POINTS, after))


def with_wallet(decision: Decision, wallet: WalletState) -> Decision:
    """Return a decision with a wallet changed in what no entry says."""
    return decision.then(member=decision.member.having(POINTS, decision.member.of(POINTS).having(wallet)))


def policy_of(decision: Decision, code: str) -> Policy:
    return decision.rules.of(RULES).policy(code)


def lifetime_of(decision: Decision, code: str) -> Lifetime:
    """Return how long points of a wallet live that the occasion gives: a tier may let them live longer."""
    lifetime, extra = policy_of(decision, code).lifetime, decision.occasion.extra_months
    return replace(lifetime, extra_months=extra) if extra else lifetime


def keeps_until(decision: Decision, code: str) -> datetime | None:
    """
    Return until when what a member does keeps its points that expire on inactivity; None where there are none.

    It counts by the terms and the tier of its own time. A version that lets points expire otherwise, or never, has no such
    terms: those earned before it go on by the last ones, so that they never end while their member is active.
    """
    for starts_at, version in zip(
        reversed(decision.versions.starts), reversed(decision.versions.versions), strict=True
    ):
        lifetime = version.of(RULES).policy(code).lifetime
        if starts_at <= decision.at and lifetime.on_inactivity:
            return idle_until(decision.at, replace(lifetime, extra_months=decision.occasion.extra_months), version.zone)
    return None


def wallet_in(decision: Decision, code: str) -> WalletState:
    return decision.member.of(POINTS).wallet(code)


def entry(  # noqa: PLR0913 - what an entry says
    decision: Decision,
    wallet: WalletState,
    kind: str,
    cause: str,
    said: dict[str, Any],
    *,
    moves: tuple[Move, ...] = (),
    lots: tuple[NewLot, ...] = (),
    owed_change: int = 0,
    shortfall_change: int = 0,
    order_id: UUID | None = None,
    keeps_until: datetime | None = None,
) -> Posting:
    return Posting(
        retailer_id=decision.member.retailer_id,
        wallet_id=wallet.wallet_id,
        kind=kind,
        cause=cause,
        occurred_at=decision.at,
        explanation=said,
        lots=lots,
        moves=moves,
        owed_change=owed_change,
        shortfall_change=shortfall_change,
        order_id=order_id,
        keeps_until=keeps_until,
    )


def as_given(lot: OpenLot, there: Mapping[State, int], *, from_lot: UUID) -> NewLot:
    """
    Return a lot with the terms of another one, whose points somebody else has from now on.

    :param there: how many points it has in which state; more states than one come of the posting's moves
    :param from_lot: from which they come
    """
    return NewLot(
        id=new_id(),
        amount=sum(there.values()),
        earned_at=lot.earned_at,
        active_at=lot.active_at,
        expires_at=None if lot.expires_on_inactivity else lot.expires_at,
        version_id=lot.version_id,
        rule_id=lot.rule_id,
        order_id=lot.order_id,
        state=State.PENDING if there.get(State.PENDING) else State.AVAILABLE,
        activation_event=lot.activation_event,
        expires_on_inactivity=lot.expires_on_inactivity,
        from_lot=from_lot,
        gift=lot.gift,
        grant_id=lot.grant_id,
    )


def repay(decision: Decision, code: str, lots: Sequence[OpenLot], *, cause: str) -> Decision:
    """Let available points repay what a wallet owes."""
    wallet = wallet_in(decision, code)
    moves, left = _cancelling(lots, wallet.owed)
    repaid = wallet.owed - left
    if not moves:
        return decision
    said = {"repaid": repaid, "still_owed": left}
    return post(decision, entry(decision, wallet, "repay", cause, said, moves=moves, owed_change=-repaid))


def settle(decision: Decision, code: str, lots: Sequence[OpenLot], *, cause: str) -> Decision:
    """
    Let points that come back settle first what returns could not take, then repay what is owed.

    :param lots: those to which points came back, with no more available points than came back: others settle nothing
    """
    wallet = wallet_in(decision, code)
    moves, left = _cancelling(lots, wallet.shortfall)
    if moves:
        settled = wallet.shortfall - left
        said = {"settled": settled, "still_short": left}
        posting = entry(decision, wallet, "repay", f"settle:{cause}", said, moves=moves, shortfall_change=-settled)
        decision = post(decision, posting)
    ids = {lot.id for lot in lots}
    usable = [lot for lot in wallet_in(decision, code).lots if lot.id in ids and lot.is_usable(decision.now)]
    return repay(decision, code, usable, cause=f"repay:{cause}")


def settle_for_gifts(
    decision: Decision, code: str, lots: Sequence[OpenLot], missing: int, *, cause: str
) -> tuple[Decision, int]:
    """Let a new gift make good what of earlier ones could not be taken back; return how much that was."""
    wallet = wallet_in(decision, code)
    missing = min(missing, wallet.shortfall)
    moves, left = _cancelling(lots, missing)
    if not moves:
        return decision, 0
    said = {"settled": missing - left, "for_gifts": True}
    posting = entry(decision, wallet, "repay", f"settle:{cause}", said, moves=moves, shortfall_change=left - missing)
    return post(decision, posting), missing - left


def _cancelling(lots: Sequence[OpenLot], points: int) -> tuple[tuple[Move, ...], int]:
    """Return the moves that cancel up to so many available points, and how many are left to cancel."""
    moves = []
    for lot in spending_order(lots) if points else ():
        amount = min(points, lot.available)
        if amount:
            moves.append(Move(lot.id, State.AVAILABLE, State.CANCELLED, amount))
            points -= amount
    return tuple(moves), points


def repay_with(decision: Decision, code: str, lots: Sequence[NewLot], cause: str) -> Decision:
    if not wallet_in(decision, code).owed:
        return decision
    mine = {lot.id for lot in lots}
    usable = [lot for lot in wallet_in(decision, code).lots if lot.id in mine]
    return repay(decision, code, usable, cause=f"repay:{cause}")

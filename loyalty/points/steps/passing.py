"""What time does to points: they become active, expire, or end with their member's membership. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from customers.core.calendar import stamp
from loyalty.engine.activities import OrderEvent
from loyalty.engine.clock import earliest
from loyalty.engine.decision import Decision, Told
from loyalty.engine.member import Member
from loyalty.engine.versions import Versions
from loyalty.points.expiry import activation, expiration
from loyalty.points.state import (
    POINTS,
    RULES,
    LotDated,
    Move,
    OpenLot,
    WalletState,
)
from loyalty.points.states import State
from loyalty.points.steps.celebrating import next_celebration
from loyalty.points.steps.entries import entry, post, repay, wallet_in, with_wallet


def date_lots(decision: Decision) -> Decision:
    """Give an order's lots that awaited an event their dates, and make active those whose days are over."""
    activity = decision.activity
    assert isinstance(activity, OrderEvent), "only events of orders are awaited"
    extra = activity.decided.occasion.extra_months if activity.decided else 0
    for wallet in decision.member.of(POINTS).wallets:
        awaited = [
            lot
            for lot in wallet.lots
            if lot.order_id == activity.order_id and lot.active_at is None and lot.activation_event == activity.kind
        ]
        if awaited:
            cause = f"activate:event:{activity.event_id}"
            decision = give_dates(decision, wallet, awaited, activity.occurred_at, extra, cause=cause)
    return decision


def give_dates(  # noqa: PLR0913 - what, since when, for how long, why
    decision: Decision, wallet: WalletState, awaited: Sequence[OpenLot], since: datetime, extra: int, *, cause: str
) -> Decision:
    """Give lots their dates that awaited something which happened, and make active those whose days are over."""
    dated: dict[UUID, OpenLot] = {}
    effects = []
    for lot in awaited:
        version = decision.versions.version(lot.version_id)
        assert version is not None, "lots name a published version"
        lifetime = replace(version.of(RULES).policy(wallet.code).lifetime, extra_months=extra)
        active_at = activation(since, lifetime, version.zone)
        ends_at = expiration(active_at, lifetime, version.zone)
        effects.append(LotDated(lot.id, active_at, ends_at))
        ends_at = wallet.end_of(lot) if lot.expires_on_inactivity else ends_at
        dated[lot.id] = replace(lot, active_at=active_at, expires_at=ends_at)
    lots = tuple(dated.get(lot.id, lot) for lot in wallet.lots)
    decision = with_wallet(decision.then(*effects), wallet.with_lots(lots))
    due = [lot for lot in dated.values() if lot.pending and lot.active_at and lot.active_at <= decision.at]
    return _activate(decision, wallet.code, due, cause=cause) if due else decision


def activate_due(decision: Decision) -> Decision:
    """Make active what is due in every wallet, and repay what is owed from it."""
    for wallet in decision.member.of(POINTS).wallets:
        due = [lot for lot in wallet.lots if lot.pending and lot.active_at is not None and lot.active_at <= decision.at]
        if due:
            decision = _activate(decision, wallet.code, due, cause=f"activate:{due[0].id}")
    return decision


def _activate(decision: Decision, code: str, due: Sequence[OpenLot], *, cause: str) -> Decision:
    moves = tuple(Move(lot.id, State.PENDING, State.AVAILABLE, lot.pending) for lot in due)
    wallet = wallet_in(decision, code)
    decision = post(decision, entry(decision, wallet, "activate", cause, {"lots": len(moves)}, moves=moves))
    ids = {lot.id for lot in due}
    usable = [lot for lot in wallet_in(decision, code).lots if lot.id in ids]
    return repay(decision, code, usable, cause=f"repay:{cause}")


def expire_due(decision: Decision) -> Decision:
    """Let points expire that are past their time."""
    for wallet in decision.member.of(POINTS).wallets:
        due = [
            lot for lot in wallet.lots if lot.available and lot.expires_at is not None and lot.expires_at <= decision.at
        ]
        if due:
            moves = tuple(Move(lot.id, State.AVAILABLE, State.EXPIRED, lot.available) for lot in due)
            # A lot may expire again to which points come back, at another instant or with the one that is late.
            cause = f"expire:{due[0].id}:{stamp(decision.at)}"
            decision = post(decision, entry(decision, wallet, "expire", cause, {"lots": len(moves)}, moves=moves))
            decision = decision.then(
                Told("points.expired", {"points": sum(move.amount for move in moves)}, decision.at),
                member=after_idling(decision.member, (lot.expires_at for lot in due if lot.expires_on_inactivity)),
            )
    return decision


def after_idling(member: Member, ends: Iterable[datetime | None]) -> Member:
    """Return a member who knows when lots ended by inactivity: what it did before, and is told of since, is late."""
    known = [end for end in ends if end is not None]
    return member.advanced(max(known)) if known else member


def next_of_points(member: Member, now: datetime) -> datetime | None:
    """Return the first instant up to now at which a lot that is known becomes active or expires."""
    first = earliest(*(_first_due(wallet.lots) for wallet in member.of(POINTS).wallets))
    return first if first is not None and first <= now else None


def due(member: Member, before: Member | None, versions: Versions, now: datetime) -> datetime | None:
    """Return when time will next change something for a member's points."""
    instants: list[datetime | None] = []
    known = {wallet.wallet_id: wallet for wallet in before.of(POINTS).wallets} if before else {}
    for wallet in member.of(POINTS).wallets:
        old = known.get(wallet.wallet_id)
        if old is wallet:
            continue
        instants.append(_first_due(_unseen(wallet.lots, old.lots) if old else wallet.lots))
        # Of lots that were not looked at; a late fact may tell of an end that is over: that has been carried out with it.
        if old is not None and wallet.span and wallet.span != old.span and wallet.span.end > now:
            instants.append(wallet.span.end)
    if before is None:
        instants.append(next_celebration(member, versions, now))
    return earliest(*instants)


def _unseen(lots: Sequence[OpenLot], seen: Sequence[OpenLot]) -> list[OpenLot]:
    """Return those lots that are not among others, unchanged."""
    known = {id(lot) for lot in seen}
    return [lot for lot in lots if id(lot) not in known]


def _first_due(lots: Iterable[OpenLot]) -> datetime | None:
    """Return the first instant at which one of some lots becomes active or expires; each night asks it of all."""
    first: datetime | None = None
    for lot in lots:
        if lot.pending and lot.active_at is not None and (first is None or lot.active_at < first):
            first = lot.active_at
        if lot.available and lot.expires_at is not None and (first is None or lot.expires_at < first):
            first = lot.expires_at
    return first


def forfeit(decision: Decision) -> Decision:
    """Cancel all points of a member that leaves, and what it owes."""
    for wallet in decision.member.of(POINTS).wallets:
        moves = tuple(
            Move(lot.id, state, State.CANCELLED, amount)
            for lot in wallet.lots
            for state, amount in ((State.PENDING, lot.pending), (State.AVAILABLE, lot.available))
            if amount
        )
        if moves or wallet.owed or wallet.shortfall:
            said = {"points": sum(move.amount for move in moves), "written_off": wallet.owed}
            posting = entry(
                decision,
                wallet,
                "leave",
                f"leave:{stamp(decision.at)}",
                said,
                moves=moves,
                owed_change=-wallet.owed,
                shortfall_change=-wallet.shortfall,
            )
            decision = post(decision, posting)
    return decision

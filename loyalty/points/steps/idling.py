"""Points that live as long as their member is active, whenever it is told that it was. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from loyalty.engine.decision import Decision
from loyalty.points.expiry import Lifetime, end_of_idling, idle_until
from loyalty.points.state import (
    RULES,
    Move,
    NewLot,
    OpenLot,
)
from loyalty.points.states import State
from loyalty.points.steps.entries import entry, post, wallet_in, with_wallet


def extend_inactivity(decision: Decision, code: str, lifetime: Lifetime) -> Decision:
    """Let what expires on inactivity live longer, because its member is active."""
    if not lifetime.on_inactivity:
        return decision
    wallet = wallet_in(decision, code)
    until = idle_until(decision.at, lifetime, decision.rules.zone)
    before = wallet.active_on
    wallet = replace(wallet, active_on=(*before, decision.at))
    if wallet.idle_until is None or wallet.idle_until < until:
        lots = tuple(replace(lot, expires_at=until) if lot.expires_on_inactivity else lot for lot in wallet.lots)
        wallet = replace(wallet, idle_until=until, lots=lots)
    extended = with_wallet(decision, wallet)
    return _reinstate(extended, code, before) if decision.at < decision.now else extended


def _reinstate(decision: Decision, code: str, active_before: Sequence[datetime]) -> Decision:
    """
    Give back what expired on inactivity in the meantime, where a late fact tells that its member was active.

    What time has carried out stays, unless the late fact itself proves it wrong: the points would have ended without it,
    and have not ended with it, or ended later. They come back at the instant at which they had gone.
    """
    coming: dict[tuple[datetime, datetime | None], list[OpenLot]] = {}
    wallet = wallet_in(decision, code)
    for lot in wallet.lots:
        if lot.expires_on_inactivity and lot.expired:
            went = _end_of_idling(decision, code, lot.earned_at, active_before)
            ends = _end_of_idling(decision, code, lot.earned_at, wallet.active_on)
            if went is not None and went <= decision.now and (ends is None or ends > went):
                coming.setdefault((went, ends), []).append(lot)
    for (went, ends), lots in coming.items():
        moves = tuple(Move(lot.id, State.EXPIRED, State.AVAILABLE, lot.expired) for lot in lots)
        said = {"reinstated": sum(move.amount for move in moves)}
        cause = f"reinstate:{lots[0].id}:{decision.at:%Y%m%dT%H%M%S}"
        posting = entry(decision, wallet_in(decision, code), "restore", cause, said, moves=moves)
        decision = post(decision, replace(posting, occurred_at=went))
        decision = _ending(decision, code, {lot.id for lot in lots}, ends)
    return decision


def _ending(decision: Decision, code: str, ids: Collection[UUID], end: datetime | None) -> Decision:
    """Return a decision in which lots end at an instant that is over; those that live on follow their member."""
    if end is None or end > decision.now:
        return decision
    wallet = wallet_in(decision, code)
    lots = tuple(replace(lot, expires_at=end) if lot.id in ids else lot for lot in wallet.lots)
    return with_wallet(decision, wallet.with_lots(lots))


def _end_of_idling(decision: Decision, code: str, since: datetime, active_on: Sequence[datetime]) -> datetime | None:
    """Return when points end by inactivity, each thing that the member did under the version of its own time."""

    def ends(at: datetime) -> datetime | None:
        version = decision.versions.at(at)
        lifetime = version.of(RULES).policy(code).lifetime if version else None
        return idle_until(at, lifetime, version.zone) if version and lifetime and lifetime.on_inactivity else None

    return end_of_idling(since, active_on, ends)


def end_of(decision: Decision, code: str, lot: OpenLot) -> datetime | None:
    """
    Return when a lot to which points come back ends, or has ended.

    One that expires on inactivity ended with the first gap in which its member did nothing, whatever it has done since.
    """
    active_on = wallet_in(decision, code).active_on
    if not lot.expires_on_inactivity or lot.earned_at not in active_on:
        return lot.expires_at
    return _end_of_idling(decision, code, lot.earned_at, active_on)


def end_with_gap(decision: Decision, code: str, lots: Iterable[NewLot]) -> Decision:
    """
    Let new lots of a late fact end by the gap in which their member did nothing, though it has been active since.

    They go on following their member: another late fact may fill the gap.
    """
    if decision.at >= decision.now:
        return decision
    end = _end_of_idling(decision, code, decision.at, wallet_in(decision, code).active_on)
    return _ending(decision, code, {lot.id for lot in lots if lot.expires_on_inactivity}, end)

"""Points that live as long as their member is active, whenever it is told that it was. Pure."""

from datetime import datetime

from customers.core.calendar import stamp
from loyalty.engine.decision import Decision
from loyalty.points.expiry import Active
from loyalty.points.state import Move, OpenLot, WalletState
from loyalty.points.states import State
from loyalty.points.steps.entries import entry, post, repay, wallet_in, with_wallet


def extend_inactivity(decision: Decision, code: str, until: datetime | None) -> Decision:
    """
    Let what expires on inactivity live longer, because its member is active.

    :param until: as `keeps_until` says; the entry of what the member does must say it, too
    """
    if until is None:
        return decision
    before = wallet_in(decision, code)
    extended = with_wallet(decision, before.keeping(Active(decision.at, until)))
    return _reinstate(extended, before) if decision.at < decision.now else extended


def _reinstate(decision: Decision, before: WalletState) -> Decision:
    """
    Give back what expired on inactivity in the meantime, where a late fact tells that its member was active.

    What time has carried out stays, unless the late fact itself proves it wrong: the points ended without it, and have not
    ended with it, or ended later. They come back at the instant at which they had gone.
    """
    wallet = wallet_in(decision, before.code)
    ends = {lot.id: lot.expires_at for lot in wallet.lots}
    coming: dict[datetime, list[OpenLot]] = {}
    for lot in before.lots:
        went, end = lot.expires_at, ends[lot.id]
        if lot.expires_on_inactivity and lot.expired and went and went <= decision.now and (end is None or end > went):
            coming.setdefault(went, []).append(lot)
    for went, lots in coming.items():
        moves = tuple(Move(lot.id, State.EXPIRED, State.AVAILABLE, lot.expired) for lot in lots)
        said = {"reinstated": sum(move.amount for move in moves)}
        cause = f"reinstate:{lots[0].id}:{stamp(decision.at)}"
        posting = entry(decision.then(at=went), wallet, "restore", cause, said, moves=moves)
        decision = post(decision, posting)
        ids = {lot.id for lot in lots}
        back = [lot for lot in wallet_in(decision, before.code).lots if lot.id in ids and lot.is_usable(decision.now)]
        # What is owed by now may be younger than their instant: it is repaid now.
        repaid = repay(decision.then(at=decision.now), before.code, back, cause=f"repay:{cause}")
        decision = repaid.then(at=decision.at)
    return decision

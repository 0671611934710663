"""Points that live as long as their member is active, whenever it is told that it was. Pure."""

from collections.abc import Mapping, Sequence
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
    before, active = wallet_in(decision, code), Active(decision.at, until)
    extended = with_wallet(decision, before.keeping(active))
    return _reinstate(extended, before, active) if decision.at < decision.now else extended


def _reinstate(decision: Decision, before: WalletState, active: Active) -> Decision:
    """
    Give back what expired on inactivity in the meantime, where a late fact tells that its member was active.

    What time has carried out stays, unless the late fact itself proves it wrong: the points ended without it, and have not
    ended with it, or ended later. They come back at the instant at which they had gone.
    """
    for went, lots in _disproved(decision, before, active).items():
        wallet = wallet_in(decision, before.code)
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


def _disproved(decision: Decision, before: WalletState, active: Active) -> Mapping[datetime, Sequence[OpenLot]]:
    """
    Return the lots that did not end, now that their member was active at an instant, by when they went.

    With a merge points may have ended although both together were active: that stays, unless what is told now is of their
    time and disproves its first end.
    """
    ends = {lot.id: lot.expires_at for lot in wallet_in(decision, before.code).lots}
    found: dict[datetime, list[OpenLot]] = {}
    ended_otherwise: dict[datetime, list[tuple[datetime, OpenLot]]] = {}
    for lot in before.lots:
        went, end = lot.went_at, ends[lot.id]
        if not lot.expires_on_inactivity or not lot.expired or went is None or went > decision.now:
            continue
        if went != lot.expires_at and end is not None:
            ended_otherwise.setdefault(end, []).append((went, lot))
        elif end is None or end > went:
            found.setdefault(went, []).append(lot)
    for end, gone in ended_otherwise.items():
        first = min((went for went, _ in gone if active.at < went < active.until), default=None)
        for went, lot in gone:
            if first is not None and first <= went < end:
                found.setdefault(went, []).append(lot)
    return found

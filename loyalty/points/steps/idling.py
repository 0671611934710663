"""Points that live as long as their member is active, whenever it is told that it was. Pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from customers.core.calendar import stamp
from loyalty.engine.activities import OrderCorrected
from loyalty.engine.decision import Decision
from loyalty.points.expiry import Active
from loyalty.points.state import ActivityDisproved, Move, OpenLot, WalletState
from loyalty.points.states import State
from loyalty.points.steps.entries import entry, post, repay, wallet_in, with_wallet


def extend_inactivity(
    decision: Decision, code: str, until: datetime | None, *, order_id: UUID | None = None
) -> Decision:
    """
    Let what expires on inactivity live longer, because its member is active.

    :param until: as `keeps_until` says; the entry of what the member does must say it, too
    :param order_id: of the order by which it is
    """
    if until is None:
        return decision
    before, active = wallet_in(decision, code), Active(decision.at, until, order_id=order_id)
    extended = with_wallet(decision, before.keeping(active))
    return _reinstate(extended, before, active) if decision.at < decision.now else extended


def disprove(decision: Decision, code: str, never_was: Callable[[Active], bool]) -> Decision:
    """
    Let what expires on inactivity end as if its member had not done what a correction says it never did.

    What was only returned was done: the member bought then. What a correction moves to another customer, or to another instant,
    or lets earn nothing, was not, nor was it given what it was given for that.
    """
    activity = decision.activity
    if not isinstance(activity, OrderCorrected):
        return decision
    wallet = wallet_in(decision, code)
    gone = [each for each in wallet.actives or () if each.cause and never_was(each)]
    if not gone:
        return decision
    effects = (ActivityDisproved(wallet.wallet_id, each.cause, activity.cause) for each in gone)
    return with_wallet(decision.then(*effects), wallet.without(gone))


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
        # An order that corrections move away and back brings back at one instant what went at several.
        cause = f"reinstate:{lots[0].id}:{stamp(decision.at)}:{stamp(lots[0].ended_at or went)}"
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

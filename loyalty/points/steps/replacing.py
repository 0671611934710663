"""Points that come back replace what was taken in their place, and settle what is missing or owed. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from loyalty.engine.decision import Decision
from loyalty.points.clawback import state_at
from loyalty.points.debts import Debt, Relief, missing_of_gifts, relief
from loyalty.points.state import Move, NewLot, Posting, WalletState
from loyalty.points.states import State
from loyalty.points.steps.entries import entry, post, settle, wallet_in

Back = tuple[UUID, State, int]  # a lot, the state in which points came back to it, and how many


def make_good(decision: Decision, code: str, back: Sequence[Back], *, cause: str) -> Decision:
    """
    Let points that came back make good what they were missed for.

    First what the returns of their own order, or the loss of their own gift, could not take; then what was taken from
    others in their place, which comes back to those. What has expired counts, too: it would not have been there to expire.
    What is left and can be spent settles what other returns could not take, and repays what is owed: only when all own
    points are in their places, for they would pay their own order's debt as if another's.

    :param cause: of what gave them back
    """
    decision, left = _replace_all(decision, code, back, cause)
    return _settle(decision, code, left, cause)


def replace_others(decision: Decision, code: str, lots: Sequence[NewLot], *, cause: str) -> Decision:
    """Let new points of an order that had given before replace what others gave when it was taken back, as of now."""
    at = decision.at
    decision = decision.then(at=max(at, decision.now))
    decision, left = _replace_all(decision, code, [(lot.id, lot.state, lot.amount) for lot in lots], cause)
    new = {lot.id for lot in lots}  # which are earned: they repay what is owed, and settle nothing
    others = {lot_id: points for lot_id, points in left.items() if lot_id not in new}
    return _settle(decision, code, others, f"replace:{cause}").then(at=at)


def _settle(decision: Decision, code: str, back: Mapping[UUID, int], cause: str) -> Decision:
    """Let so many points of some lots, as far as they can be spent, settle what is missing, and repay what is owed."""
    lots = [
        replace(lot, available=min(lot.available, back[lot.id]))
        for lot in wallet_in(decision, code).lots
        if back.get(lot.id) and lot.is_usable(decision.now)
    ]
    return settle(decision, code, lots, cause=cause) if lots else decision


def _replace_all(
    decision: Decision, code: str, back: Sequence[Back], cause: str
) -> tuple[Decision, Mapping[UUID, int]]:
    """
    Let points replace what was taken in their place, and what comes back by that do the same.

    Return also how many available points that have come back are left, by lot.
    """
    waiting, left = list(back), dict[UUID, int]()
    while waiting:
        lot_id, state, points = waiting.pop(0)
        decision, replaced, covered = _replace(decision, code, (lot_id, state, points), cause)
        if 0 < replaced < points:  # a gift's lots may be lacked by more than one
            waiting = [*covered, (lot_id, state, points - replaced), *waiting]
            continue
        if state is State.AVAILABLE:
            left[lot_id] = left.get(lot_id, 0) + points - replaced
        waiting = [*covered, *waiting]
    return decision, left


def _replace(decision: Decision, code: str, back: Back, cause: str) -> tuple[Decision, int, list[Back]]:
    """Let points replace what was taken in their place; return also how many did, and what came back to others by that."""
    wallet, (lot_id, state, points) = wallet_in(decision, code), back
    debt = wallet.debt_of(wallet.lot(lot_id).order_id, lot_id)
    found = known_relief(wallet, debt, points) if debt else None
    if debt is None or found is None or not found.points:
        return decision, 0, []
    covered = covers_back(decision, code, found)
    moves = (Move(lot_id, state, State.CANCELLED, found.points), *covered)
    times = sum(isinstance(each, Posting) and each.cause.startswith("replace:") for each in decision.effects)
    said = {
        "replaced": found.points,
        **({"gift_lots": [str(each) for each in debt.gift_lots]} if debt.gift_lots else {}),
    }
    posting = entry(
        decision, wallet, "repay", f"replace:{cause}:{times}", said, moves=moves, owed_change=-found.owed,
        shortfall_change=-found.shortfall, order_id=debt.order_id,
    )  # fmt: skip
    return post(decision, posting), found.points, [(move.lot_id, move.target, move.amount) for move in covered]


def settled_of_gifts(decision: Decision, code: str, is_asked: Callable[[str], bool]) -> int:
    """
    Return how many missing points of gifts were made good by those that came back in this decision.

    :param is_asked: tells by what a gift's lots are called whether it is asked for
    """
    wallet = wallet_in(decision, code)
    postings = [each for each in decision.effects if isinstance(each, Posting) and each.wallet_id == wallet.wallet_id]
    lots = {lot.id for lot in wallet.lots if lot.gift and is_asked(lot.gift)}
    before = missing_of_gifts(wallet.debt_entries_before(postings), lots)
    return max(before - missing_of_gifts(wallet.debt_entries, lots), 0)


def known_relief(wallet: WalletState, debt: Debt, points: int) -> Relief:
    """Return what points make good, as far as the lots are known that get something back; a simulation forgets some."""
    known = {lot.id for lot in wallet.lots}
    covers = tuple(each for each in debt.covers if each[0] in known)
    whole = replace(
        debt, owed=min(debt.owed, wallet.owed), shortfall=min(debt.shortfall, wallet.shortfall), covers=covers
    )
    return relief(whole, points)


def covers_back(decision: Decision, code: str, found: Relief) -> tuple[Move, ...]:
    """Return the moves that give other lots back what was taken from them."""
    wallet = wallet_in(decision, code)
    return tuple(
        Move(lot_id, State.CANCELLED, state_at(wallet.lot(lot_id), decision.now), points)
        for lot_id, points in found.covers
    )

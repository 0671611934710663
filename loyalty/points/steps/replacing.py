"""Points that come back replace what was taken in their place, and settle what is missing or owed. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from loyalty.engine.decision import Decision
from loyalty.points.clawback import state_at
from loyalty.points.debts import Debt, Relief, relief
from loyalty.points.state import Move, NewLot, Posting, WalletState
from loyalty.points.states import State
from loyalty.points.steps.entries import entry, post, settle, wallet_in

Back = tuple[UUID, State, int]  # a lot, the state in which points came back to it, and how many


def make_good(decision: Decision, code: str, back: Sequence[Back], *, cause: str) -> Decision:
    """
    Let points that came back make good what they were missed for.

    First what the returns of their own order, or the loss of their own gift, could not take; then what was taken from
    others in their place, which comes back to those. What has expired counts, too: it would not have been there to expire.
    What is left and can be spent settles what other returns could not take, and repays what is owed.

    :param cause: of what gave them back
    """
    for lot_id, state, points in back:
        decision = _replace(decision, code, lot_id, state, points, cause)
    ids = {lot_id for lot_id, state, _ in back if state is State.AVAILABLE}
    lots = [lot for lot in wallet_in(decision, code).lots if lot.id in ids and lot.is_usable(decision.now)]
    return settle(decision, code, lots, cause=cause) if lots else decision


def replace_others(decision: Decision, code: str, lots: Sequence[NewLot], *, cause: str) -> Decision:
    """Let new points of an order that had given before replace what others gave when it was taken back, as of now."""
    at = decision.at
    decision = decision.then(at=max(at, decision.now))
    for lot in lots:
        decision = _replace(decision, code, lot.id, lot.state, lot.amount, cause)
    return decision.then(at=at)


def _replace(  # noqa: PLR0913 - which points of which lot, and why
    decision: Decision, code: str, lot_id: UUID, state: State, points: int, cause: str
) -> Decision:
    wallet = wallet_in(decision, code)
    debt = wallet.debt_of(wallet.lot(lot_id).order_id, lot_id)
    found = known_relief(wallet, debt, points) if debt else None
    if debt is None or found is None or not found.points:
        return decision
    covered = covers_back(decision, code, found)
    moves = (Move(lot_id, state, State.CANCELLED, found.points), *covered)
    times = sum(isinstance(each, Posting) and each.cause.startswith("replace:") for each in decision.effects)
    said = {
        "replaced": found.points,
        **({"gift_lots": [str(each) for each in debt.gift_lots]} if debt.gift_lots else {}),
    }
    name = f"replace:{cause}:{times}"
    posting = entry(
        decision, wallet, "repay", name, said, moves=moves, owed_change=-found.owed, shortfall_change=-found.shortfall,
        order_id=debt.order_id,
    )  # fmt: skip
    decision = post(decision, posting)
    return make_good(decision, code, [(move.lot_id, move.target, move.amount) for move in covered], cause=name)


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

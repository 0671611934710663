"""Which lots a redemption takes from, and what comes back of a hold: pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from loyalty.points.clawback import Taken, state_at
from loyalty.points.state import Move, OpenLot, spending_order
from loyalty.points.states import State


def spendable(lots: Iterable[OpenLot], *, at: datetime) -> int:
    """Return how many points can be spent at an instant: what has expired cannot, whether or not the night has been."""
    return sum(lot.available for lot in lots if lot.is_usable(at))


def spend(points: int, lots: Sequence[OpenLot], *, at: datetime, into: State) -> Taken:
    """Take points for spending: what expires first, never-expiring last, then the oldest."""
    moves = []
    for lot in spending_order(lot for lot in lots if lot.is_usable(at)):
        amount = min(points, lot.available)
        if amount:
            moves.append(Move(lot.id, State.AVAILABLE, into, amount))
            points -= amount
    return Taken(tuple(moves), points)


def settle_hold(points: int, held: Sequence[Move], lots: Iterable[OpenLot], *, at: datetime) -> tuple[Move, ...]:
    """
    Return the moves that end a hold: so many points are redeemed, in the order in which they were held; the rest goes
    back, each as it would be by now.

    :param held: the moves by which the points were held
    :param lots: those of these points, among others
    """
    moves, known = [], {lot.id: lot for lot in lots}
    for move in held:
        redeemed = min(points, move.amount)
        points -= redeemed
        if redeemed:
            moves.append(Move(move.lot_id, State.HELD, State.REDEEMED, redeemed))
        if move.amount > redeemed:
            back = state_at(known[move.lot_id], at)
            moves.append(Move(move.lot_id, State.HELD, back, move.amount - redeemed))
    return tuple(moves)

"""Which lots a redemption takes from, and what comes back when it is undone: pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.points.clawback import Taken
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


def settle_hold(
    points: int, held: Sequence[Move], expiries: dict[UUID, datetime | None], *, at: datetime
) -> tuple[Move, ...]:
    """
    Return the moves that end a hold: so many points are redeemed, in the order in which they were held; the rest goes
    back, as expired where its lot has expired meanwhile.

    :param held: the moves by which the points were held
    """
    moves = []
    for move in held:
        redeemed = min(points, move.amount)
        points -= redeemed
        if redeemed:
            moves.append(Move(move.lot_id, State.HELD, State.REDEEMED, redeemed))
        if move.amount > redeemed:
            moves.append(Move(move.lot_id, State.HELD, _back(expiries[move.lot_id], at), move.amount - redeemed))
    return tuple(moves)


def undo(redeemed: Sequence[Move], expiries: dict[UUID, datetime | None], *, at: datetime) -> tuple[Move, ...]:
    """Return the moves that give a redemption's points back to the lots that they came from, with their own expiry."""
    return tuple(Move(move.lot_id, State.REDEEMED, _back(expiries[move.lot_id], at), move.amount) for move in redeemed)


def _back(expires_at: datetime | None, at: datetime) -> State:
    return State.EXPIRED if expires_at is not None and expires_at <= at else State.AVAILABLE

"""From which lots a return takes points, and to which it gives back what an earlier one took: pure."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from customers.core.values import dataclass
from loyalty.points.state import Move, OpenLot, spending_order
from loyalty.points.states import State


@dataclass(frozen=True, slots=True)
class Taken:
    """
    What is taken from lots, or given back to them.

    :param missing: points for which there was no lot
    """

    moves: tuple[Move, ...]
    missing: int


@dataclass(frozen=True, slots=True)
class ClawedBack:
    """
    What a return takes.

    :param claims: held points of the order's own lots, by lot: they are taken when their hold ends
    :param missing: points that are in no lot any more
    """

    moves: tuple[Move, ...]
    claims: tuple[tuple[UUID, int], ...]
    missing: int


def claw_back(points: int, order_id: UUID | None, lots: Sequence[OpenLot]) -> ClawedBack:
    """
    Take points back for an order, in the order that members are promised.

    What has expired of the order's own points counts as taken: without the order it would not have been there to expire.
    What is held of them is taken when the hold ends.
    """
    return claw_back_own(points, [lot.id for lot in lots if order_id is not None and lot.order_id == order_id], lots)


def claw_back_own(points: int, own_lots: Collection[UUID], lots: Sequence[OpenLot]) -> ClawedBack:
    """Take points back that some lots gave: from them, then from the others."""
    ordered = spending_order(lots)
    own = [lot for lot in ordered if lot.id in own_lots]
    first = take(
        points,
        [
            *((lot, State.PENDING, lot.pending) for lot in own),
            *((lot, State.AVAILABLE, lot.available) for lot in own),
            *((lot, State.EXPIRED, lot.expired) for lot in own),
        ],
    )
    left, claims = first.missing, []
    for lot in own:
        amount = min(left, lot.held - lot.claimed)
        if amount > 0:
            claims.append((lot.id, amount))
            left -= amount
    second = take_from(left, [lot for lot in ordered if lot.id not in own_lots])
    return ClawedBack((*first.moves, *second.moves), tuple(claims), second.missing)


def take_from(points: int, lots: Sequence[OpenLot]) -> Taken:
    """Take points from any lots: what can be spent, then what is pending."""
    return take(
        points,
        [
            *((lot, State.AVAILABLE, lot.available) for lot in lots),
            *((lot, State.PENDING, lot.pending) for lot in lots),
        ],
    )


def take(points: int, sources: Sequence[tuple[OpenLot, State, int]]) -> Taken:
    """Cancel points, from one source after the other."""
    moves = []
    for lot, state, there in sources:
        amount = min(points, there)
        if amount > 0:
            moves.append(Move(lot.id, state, State.CANCELLED, amount))
            points -= amount
    return Taken(tuple(moves), points)


def give_back(points: int, order_id: UUID, lots: Sequence[OpenLot], *, now: datetime) -> Taken:
    """Give points that were taken for an order back to its own lots, each as it would be by now."""
    moves = []
    for lot in spending_order(lot for lot in lots if lot.order_id == order_id and lot.moved_to is None):
        amount = min(points, lot.cancelled)
        if amount > 0:
            moves.append(Move(lot.id, State.CANCELLED, state_at(lot, now), amount))
            points -= amount
    return Taken(tuple(moves), points)


def state_at(lot: OpenLot, now: datetime) -> State:
    """Return in which state points of a lot are that come back to it."""
    if lot.expires_at is not None and lot.expires_at <= now:
        return State.EXPIRED
    return State.PENDING if lot.active_at is None or lot.active_at > now else State.AVAILABLE

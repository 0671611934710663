"""From which lots a return takes points: those not yet active first, then the order's own, then what expires next."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from loyalty.points.states import State

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OpenLot:
    """
    A lot some of whose points are open.

    :param active_at: None as long as it awaits an event
    :param expires_at: the instant as things stand; that of a lot that slides moves with its member's activity
    :param gift: the code of the tier whose entry gave it
    :param expired: points of it that have expired; only known where a return looks at its own order's lots
    """

    id: UUID
    order_id: UUID | None
    earned_at: datetime
    active_at: datetime | None
    expires_at: datetime | None
    pending: int
    available: int
    held: int = 0
    slides: bool = False
    version_id: int = 0
    awaits: str = ""
    gift: str = ""
    expired: int = 0

    def is_usable(self, at: datetime) -> bool:
        """Tell whether its available points can be spent at an instant."""
        return self.available > 0 and (self.expires_at is None or self.expires_at > at)


@dataclass(frozen=True, slots=True)
class Move:
    """Points of a lot going from one state to another."""

    lot_id: UUID
    source: State
    target: State
    amount: int


@dataclass(frozen=True, slots=True)
class Taken:
    """
    What a clawback takes.

    :param missing: points that are in no lot any more
    """

    moves: tuple[Move, ...]
    missing: int


def spending_order(lots: Iterable[OpenLot]) -> list[OpenLot]:
    """Return lots as they are spent: what expires first, never-expiring last, then the oldest."""
    return sorted(lots, key=lambda lot: (lot.expires_at or NEVER, lot.earned_at, lot.id))


def claw_back(points: int, order_id: UUID, lots: Sequence[OpenLot]) -> Taken:
    """
    Take points back for an order, in the order that members are promised.

    What has expired of the order's own points counts as taken: without the order it would not have been there to expire.
    """
    ordered = spending_order(lots)
    own = [lot for lot in ordered if lot.order_id == order_id]
    others = [lot for lot in ordered if lot.order_id != order_id]
    sources = [
        *((lot.id, State.PENDING, lot.pending) for lot in own),
        *((lot.id, State.AVAILABLE, lot.available) for lot in own),
        *((lot.id, State.EXPIRED, lot.expired) for lot in own),
        *((lot.id, State.AVAILABLE, lot.available) for lot in others),
    ]
    moves = []
    for lot_id, state, there in sources:
        amount = min(points, there)
        if amount:
            moves.append(Move(lot_id, state, State.CANCELLED, amount))
            points -= amount
    return Taken(tuple(moves), points)


def after(lots: Sequence[OpenLot], moves: Iterable[Move]) -> tuple[OpenLot, ...]:
    """Return the lots as they are when the moves are made."""
    changes: dict[UUID, dict[State, int]] = {}
    for move in moves:
        change = changes.setdefault(move.lot_id, {})
        change[move.source] = change.get(move.source, 0) - move.amount
        change[move.target] = change.get(move.target, 0) + move.amount
    if not changes:
        return tuple(lots)
    return tuple(_changed(lot, changes[lot.id]) if lot.id in changes else lot for lot in lots)


def _changed(lot: OpenLot, change: dict[State, int]) -> OpenLot:
    return replace(
        lot,
        pending=lot.pending + change.get(State.PENDING, 0),
        available=lot.available + change.get(State.AVAILABLE, 0),
        held=lot.held + change.get(State.HELD, 0),
        expired=lot.expired + change.get(State.EXPIRED, 0),
    )

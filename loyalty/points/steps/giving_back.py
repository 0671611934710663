"""An order's points come back: what was missing for it is made good, then its own lots get back what was taken. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.activities import OrderReturned
from loyalty.engine.decision import Decision
from loyalty.points import clawback
from loyalty.points.debts import Relief, debts_of
from loyalty.points.state import LotClaimed, Move, NewLot, OpenLot, WalletState
from loyalty.points.steps.entries import entry, post, repay, wallet_in, with_wallet
from loyalty.points.steps.replacing import covers_back, known_relief, make_good


@dataclass(frozen=True, slots=True)
class OwnBack:
    """
    How an order's points come back to a wallet.

    :param relieved: what they make good first: what could not be taken, and what others gave in their place
    :param claims: held points that were to be taken when their hold ends, and stay; negative, by lot
    :param moves: to the order's own lots
    :param missing: for which there is no lot from which they were taken
    """

    relieved: Relief
    claims: tuple[tuple[UUID, int], ...]
    moves: tuple[Move, ...]
    missing: int

    @property
    def is_nothing(self) -> bool:
        return not (self.relieved.points or self.claims or self.moves)


def own_back(decision: Decision, wallet: WalletState, points: int, order_id: UUID, lots: Sequence[OpenLot]) -> OwnBack:
    """
    Return how so many points come back to an order.

    :param lots: those of the order that may get them back, among others
    """
    debt = wallet.debt_of(order_id, order_id)
    relieved = known_relief(wallet, debt, points) if debt else Relief(0, 0, ())
    left = points - relieved.points
    claims = _unclaimed(left, order_id, wallet)
    left += sum(amount for _, amount in claims)
    back = clawback.give_back(left, order_id, _own_of(order_id, lots, wallet), now=decision.now)
    return OwnBack(relieved, claims, back.moves, back.missing)


def _own_of(order_id: UUID, lots: Sequence[OpenLot], wallet: WalletState) -> list[OpenLot]:
    """Return lots with no more taken of them than was for their order: the rest stands in the place of others' points."""
    given: dict[UUID, int] = {}
    for debt in debts_of(wallet.debt_entries):
        for lot_id, points in debt.covers if debt.order_id != order_id else ():
            given[lot_id] = given.get(lot_id, 0) + points
    return [replace(lot, cancelled=max(lot.cancelled - given.get(lot.id, 0), 0)) for lot in lots]


def give_own_back(  # noqa: PLR0913 - what comes back where, and why
    decision: Decision,
    code: str,
    back: OwnBack,
    said: dict[str, Any],
    activity: OrderReturned,
    lots: tuple[NewLot, ...] = (),
) -> Decision:
    """
    Give an order's points back, with those of new lots; what came back to others makes good, and what is free repays.

    :param said: what the entry explains besides
    """
    cause, relieved = activity.cause, back.relieved
    covered = covers_back(decision, code, relieved)
    decision = claim(decision, code, back.claims)
    posting = entry(
        decision,
        wallet_in(decision, code),
        "return",
        cause,
        {**said, "owed": -relieved.owed, "shortfall": -relieved.shortfall},
        moves=(*covered, *back.moves),
        lots=lots,
        owed_change=-relieved.owed,
        shortfall_change=-relieved.shortfall,
        order_id=activity.order_id,
    )
    came = [(move.lot_id, move.target, move.amount) for move in covered]
    decision = make_good(post(decision, posting), code, came, cause=cause)
    ids = {move.lot_id for move in back.moves} | {lot.id for lot in lots}
    usable = [lot for lot in wallet_in(decision, code).lots if lot.id in ids and lot.is_usable(decision.now)]
    return repay(decision, code, usable, cause=f"repay:{cause}:own")


def claim(decision: Decision, code: str, claims: Iterable[tuple[UUID, int]]) -> Decision:
    """Let held points go to a return when their hold ends or, negative, no more."""
    changed = dict(claims)
    if not changed:
        return decision
    wallet = wallet_in(decision, code)
    lots = tuple(
        replace(lot, claimed=lot.claimed + changed[lot.id]) if lot.id in changed else lot for lot in wallet.lots
    )
    effects = (LotClaimed(lot_id, points) for lot_id, points in changed.items())
    return with_wallet(decision.then(*effects), wallet.with_lots(lots))


def _unclaimed(points: int, order_id: UUID, wallet: WalletState) -> tuple[tuple[UUID, int], ...]:
    """Return the claims on an order's held points that are given up, negative, by lot."""
    given_up = []
    for lot in wallet.lots:
        amount = min(points, lot.claimed) if lot.order_id == order_id else 0
        if amount:
            given_up.append((lot.id, -amount))
            points -= amount
    return tuple(given_up)

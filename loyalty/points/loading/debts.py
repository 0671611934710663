"""What entries told of debts, and the lots that would get back what was taken in others' place."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeGuard
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import Activity, OrderCorrected, OrderPlaced, OrderReturned
from loyalty.engine.capability import Scope
from loyalty.points.debts import DebtEntry, covers_in, debts_of, taken_over
from loyalty.points.loading.lots import load_lots
from loyalty.points.state import PointsState, Posting, Redeemed, WalletState
from loyalty.points.states import State

# What entries told of debts, in wallets with orders that were returned, or gifts that were lost, of which some points may
# come back; and in those where something of an order's lots was taken, be it for itself or in others' place. What merged
# memberships lacked stands in the entry by which it went over.
DEBTS = """
WITH back AS MATERIALIZED (
    SELECT wallet_id FROM points_entry WHERE kind = 'return' AND order_id = ANY(%(orders)s)
    UNION SELECT e.wallet_id FROM points_lot l JOIN points_entry e ON e.order_id = l.order_id
        WHERE l.id = ANY(%(lots)s) AND e.kind = 'return' AND e.wallet_id = l.wallet_id
    UNION SELECT wallet_id FROM points_lot WHERE id = ANY(%(lots)s) AND (gift <> '' OR grant_id IS NOT NULL)
    UNION SELECT unnest(%(all_of)s::bigint[])
    UNION SELECT wallet_id FROM points_entry WHERE wallet_id = ANY(%(wallets)s) AND kind = 'transfer' AND explanation ? 'debts'
    UNION SELECT l.wallet_id FROM points_lot l WHERE l.order_id = ANY(%(orders)s) AND EXISTS (
        SELECT 1 FROM (SELECT to_state FROM points_movement WHERE lot_id = l.id OFFSET 0) c WHERE c.to_state = 'cancelled')
)
SELECT e.wallet_id, e.id, e.kind, e.order_id, e.explanation->'gift_lots', coalesce(e.explanation->>'for_gifts', '') <> '',
    e.owed_change, e.shortfall_change, e.explanation->'debts', coalesce(v.to_lot_id, m.lot_id), m.from_state, m.to_state,
    m.amount, l.order_id
FROM (SELECT wallet_id FROM back WHERE wallet_id = ANY(%(wallets)s)) b
CROSS JOIN LATERAL (
    SELECT * FROM points_entry WHERE wallet_id = b.wallet_id AND kind IN ('return', 'repay', 'leave')
    UNION ALL SELECT * FROM points_entry WHERE wallet_id = b.wallet_id AND kind = 'transfer' AND explanation ? 'debts' OFFSET 0
) e
LEFT JOIN points_movement m ON m.entry_id = e.id AND e.kind <> 'transfer' LEFT JOIN points_lot l ON l.id = m.lot_id
LEFT JOIN points_movedlot v ON v.lot_id = m.lot_id
ORDER BY e.id, m.id
"""


def load_debts(
    wallets: Sequence[int], *, orders: Sequence[UUID] = (), lots: Sequence[UUID] = (), all_of: Sequence[int] = ()
) -> dict[int, tuple[DebtEntry, ...]]:
    """
    Return what entries told of debts, by wallet, in their order; nothing of a wallet that has none to look at.

    :param orders: to which points may come back
    :param lots: to which they may
    :param all_of: wallets to look at in any case
    """
    found: dict[UUID, tuple[int, tuple[DebtEntry, ...]]] = {}
    parameters = {"wallets": list(wallets), "orders": list(orders), "lots": list(lots), "all_of": list(all_of)}
    for wallet_id, entry_id, kind, order_id, gifts, for_gifts, owed, shortfall, said, *move in bulk.fetch(
        DEBTS, parameters
    ):
        if said is not None:
            found[entry_id] = (wallet_id, _taken_over(said))
            continue
        gift_lots = tuple(UUID(each) for each in gifts or ())
        known = found.get(entry_id)
        entry = known[1][0] if known else DebtEntry(kind, order_id, gift_lots, owed, shortfall, (), for_gifts)
        found[entry_id] = (wallet_id, (replace(entry, covers=(*entry.covers, *_covers(entry, *move))),))
    by_wallet: dict[int, tuple[DebtEntry, ...]] = {}
    for wallet_id, entries in found.values():
        by_wallet[wallet_id] = (*by_wallet.get(wallet_id, ()), *entries)
    return by_wallet


def _taken_over(said: Sequence[Mapping[str, Any]]) -> tuple[DebtEntry, ...]:
    """Return what was taken over from merged memberships, of the lots that have the points since."""
    entries = taken_over(said)
    lots = sorted({lot_id for entry in entries for lot_id, _ in entry.covers})
    moved = dict(bulk.fetch("SELECT lot_id, to_lot_id FROM points_movedlot WHERE lot_id = ANY(%s)", [lots]))
    return tuple(entry.of_moved(moved) for entry in entries)


def _covers(  # noqa: PLR0913 - the columns of a movement
    entry: DebtEntry, lot_id: UUID | None, source: str, target: str, amount: int, lot_order: UUID | None
) -> tuple[tuple[UUID, int], ...]:
    if lot_id is None:
        return ()
    is_own = (entry.order_id is not None and lot_order == entry.order_id) or lot_id in entry.gift_lots
    return covers_in([(lot_id, State(source), State(target), amount)], {lot_id: is_own})


def load_debts_for(
    scope: Scope,
    whole: Sequence[int],
    redeemed: Mapping[UUID, Sequence[Redeemed]],
    gifts: Sequence[UUID],
    given: frozenset[UUID],
) -> dict[int, tuple[DebtEntry, ...]]:
    """Load what entries told of debts where a batch may give points back to an order that was returned before."""
    orders = sorted({each.order_id for each in scope.activities if _may_give_back(each)})
    if not whole or not (orders or scope.lots or given):
        return {}
    lots = [lot.id for known in redeemed.values() for each in known for lot in each.lots]
    # What returns of other orders took from one that is moved now comes back to its new lots.
    moves = any(isinstance(each, OrderCorrected) and each.is_moved for each in scope.activities)
    return load_debts(whole, orders=orders, lots=[*scope.lots, *lots, *gifts], all_of=whole if moves else ())


def _may_give_back(activity: Activity) -> TypeGuard[OrderPlaced | OrderReturned]:
    """Tell what may give points of an order that took others' in their place before."""
    return isinstance(activity, OrderReturned) or (isinstance(activity, OrderPlaced) and activity.may_be_anew)


def knowing_covers(wallet: WalletState) -> WalletState:
    """Return a wallet with the lots, closed or not, that would get back what was taken in others' place."""
    if not wallet.debt_entries:
        return wallet
    known = {lot.id for lot in wallet.lots}
    covers = {lot_id for debt in debts_of(wallet.debt_entries) for lot_id, _ in debt.covers}
    return wallet.knowing(load_lots(sorted(covers - known)))


def with_debts(wallet: WalletState, lots: Sequence[UUID], postings: Sequence[Posting]) -> WalletState:
    """
    Return a wallet with all that must be known where points come back to some lots.

    :param postings: that are not written yet, such as what time has done until now: they come after what is
    """
    debts = load_debts([wallet.wallet_id], lots=lots).get(wallet.wallet_id, ())
    return _having(wallet, debts, postings)


def with_all_debts(points: PointsState, postings: Sequence[Posting]) -> PointsState:
    """Return wallets with all that they lack, and what may come back to them. :param postings: as for `with_debts`"""
    wallets = [wallet.wallet_id for wallet in points.wallets]
    found = load_debts(wallets, all_of=wallets)
    for wallet_id, entries in found.items():
        points = points.having(_having(points.wallet_of(wallet_id), entries, postings))
    return points


def _having(wallet: WalletState, written: tuple[DebtEntry, ...], postings: Sequence[Posting]) -> WalletState:
    own = [each for each in postings if each.wallet_id == wallet.wallet_id]
    unwritten = wallet.debt_entries[len(wallet.debt_entries_before(own)) :]
    return knowing_covers(replace(wallet, debt_entries=(*written, *unwritten)))

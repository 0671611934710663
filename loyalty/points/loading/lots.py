"""Lots that are open: all of a wallet, or as many as what may be taken from it needs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.engine.activities import GrantTakenBack, OrderReturned
from loyalty.engine.capability import Scope
from loyalty.points.ends import ENDS_AT
from loyalty.points.state import OpenLot, WalletState

LOT = f"""
l.id, l.order_id, l.earned_at, l.active_at, {ENDS_AT},
l.pending, l.available, l.held, l.expires_on_inactivity, l.version_id, l.activation_event, l.gift, l.from_lot_id, l.is_lent,
l.claimed, l.rule_id, l.grant_id
"""
LOTS = f"""
SELECT l.wallet_id, {LOT} FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
WHERE l.wallet_id = ANY(%s) AND (l.available > 0 OR l.pending > 0 OR l.held > 0) ORDER BY l.id
"""
# Those that are spent first: of the ones with dates, or without end, and of the ones that follow their member. An index has
# each in its order; a limit that the planner cannot guess keeps it from sorting all of them instead.
SPENDABLE = f"""
SELECT l.wallet_id, {LOT}
FROM unnest(%(wallets)s::bigint[]) n(wallet_id) JOIN points_wallet w ON w.id = n.wallet_id CROSS JOIN LATERAL (
    (SELECT * FROM points_lot WHERE wallet_id = n.wallet_id AND available > 0 AND NOT expires_on_inactivity
        ORDER BY expires_at NULLS LAST, earned_at, id LIMIT (SELECT %(limit)s::bigint))
    UNION ALL
    (SELECT * FROM points_lot WHERE wallet_id = n.wallet_id AND available > 0 AND expires_on_inactivity
        ORDER BY expires_at NULLS LAST, earned_at, id LIMIT (SELECT %(limit)s::bigint))
) l
"""
HELD = f"""
SELECT l.wallet_id, {LOT} FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id
WHERE l.wallet_id = ANY(%s) AND w.held > 0 AND l.held > 0 ORDER BY l.id
"""
LOTS_BY_ID = f"""
SELECT {LOT} FROM points_lot l JOIN points_wallet w ON w.id = l.wallet_id WHERE l.id = ANY(%s) ORDER BY l.id
"""
FIRST_FEW, TIMES = 50, 10


def load_lots(lot_ids: Iterable[UUID]) -> list[OpenLot]:
    """Return lots whatever is left in them."""
    ids = list(lot_ids)
    return [OpenLot(*row) for row in bulk.fetch(LOTS_BY_ID, [ids])] if ids else []


def load_open(wallet_ids: Sequence[int]) -> dict[int, list[OpenLot]]:
    """Load all open lots of wallets."""
    return _by_wallet(bulk.fetch(LOTS, [list(wallet_ids)])) if wallet_ids else {}


def load_spendable(needed: Mapping[int, int]) -> dict[int, list[OpenLot]]:
    """
    Load the lots of wallets from which so many points would be spent: as few as there are needed, or all.

    :param needed: points by wallet
    """
    found: dict[int, list[OpenLot]] = {}
    left, limit = {wallet_id for wallet_id, points in needed.items() if points > 0}, FIRST_FEW
    while left:
        found |= _by_wallet(bulk.fetch(SPENDABLE, {"wallets": sorted(left), "limit": limit}))
        left = {
            wallet_id
            for wallet_id in left
            for lots in [found.get(wallet_id, ())]
            if len(lots) >= limit and sum(lot.available for lot in lots) < needed[wallet_id]
        }
        limit *= TIMES
    return found


def _by_wallet(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[OpenLot]]:
    found: dict[int, list[OpenLot]] = {}
    for wallet_id, *lot in rows:
        found.setdefault(wallet_id, []).append(OpenLot(*lot))
    return found


def load_open_for(
    scope: Scope, wallets: Mapping[UUID, Sequence[WalletState]], closed: Mapping[int, Sequence[OpenLot]]
) -> dict[int, list[OpenLot]]:
    """
    Load all open lots of those for whom time passes; of the others those from which a return may take.

    And those that are held, of whom it counts what holds keep.
    """
    needed = _needed(scope, wallets, closed)
    found = load_spendable(needed)
    # A return takes pending points where nothing else is left.
    short = {key for key, points in needed.items() if sum(lot.available for lot in found.get(key, ())) < points}
    passing = {wallet.wallet_id for key in scope.passing for wallet in wallets[key]}
    found |= load_open(sorted(passing | short))
    holding = {wallet.wallet_id for key in scope.holding for wallet in wallets[key]} - passing - short
    for wallet_id, lots in _by_wallet(bulk.fetch(HELD, [sorted(holding)]) if holding else ()).items():
        known = {lot.id for lot in found.get(wallet_id, ())}
        found.setdefault(wallet_id, []).extend(lot for lot in lots if lot.id not in known)
    return found


def _needed(
    scope: Scope, wallets: Mapping[UUID, Sequence[WalletState]], closed: Mapping[int, Sequence[OpenLot]]
) -> dict[int, int]:
    """Return by wallet how many points returns may take besides their orders' own: what those gave, and gifts."""
    mine = {wallet.wallet_id for key in scope.whole - scope.passing for wallet in wallets[key]}
    returned = {each.order_id for each in scope.activities if isinstance(each, OrderReturned)}
    needed: dict[int, int] = {}
    for (order_id, _), decided in scope.decided.items():
        for award in decided.awards if order_id in returned else ():
            if award.wallet_id in mine:
                needed[award.wallet_id] = needed.get(award.wallet_id, 0) + award.points_kept
    for each in scope.activities:
        if isinstance(each, GrantTakenBack):
            for wallet_id in _wallets_of(each, scope, wallets) & mine:
                needed[wallet_id] = needed.get(wallet_id, 0) + each.points
    for wallet_id, points in needed.items():
        lots = closed.get(wallet_id, ())
        needed[wallet_id] = points + sum(lot.amount for lot in lots if lot.gift) + sum(lot.claimed for lot in lots)
    return needed


def _wallets_of(taken: GrantTakenBack, scope: Scope, wallets: Mapping[UUID, Sequence[WalletState]]) -> frozenset[int]:
    """Return the wallet from which a grant is taken back."""
    return frozenset(
        wallet.wallet_id
        for key, own in wallets.items()
        if scope.members[key].customer_id == taken.customer_id and scope.members[key].program_id == taken.program_id
        for wallet in own
        if wallet.code == taken.wallet
    )

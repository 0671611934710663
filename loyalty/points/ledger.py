"""The only writer of entries, lots, movements and wallets."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.ids import new_id
from loyalty.points.clawback import Move, OpenLot
from loyalty.points.models import Entry, Lot, Movement, Wallet
from loyalty.points.states import OPEN, State

MAIN = "points"  # the wallet that every program has


@dataclass(frozen=True, slots=True)
class NewLot:
    """
    An award: its points leave `issued` into `pending` or `available` when it is posted.

    :param active_at: None where it awaits an event
    :param slides: that it expires by inactivity
    :param from_lot: of another member, from which it was transferred
    :param gift: the code of the tier whose entry gives it
    """

    id: UUID
    amount: int
    earned_at: datetime
    active_at: datetime | None
    expires_at: datetime | None
    version_id: int
    rule_id: int | None
    order_id: UUID | None
    state: State
    awaits: str = ""
    slides: bool = False
    from_lot: UUID | None = None
    gift: str = ""

    def opened(self, *, idle_until: datetime | None = None) -> OpenLot:
        """Return it as it is right after its issue."""
        pending, available = (self.amount, 0) if self.state is State.PENDING else (0, self.amount)
        return OpenLot(
            id=self.id,
            order_id=self.order_id,
            earned_at=self.earned_at,
            active_at=self.active_at,
            expires_at=idle_until if self.slides else self.expires_at,
            pending=pending,
            available=available,
            slides=self.slides,
            version_id=self.version_id,
            awaits=self.awaits,
            gift=self.gift,
        )


@dataclass(frozen=True, slots=True)
class Dated:
    """A lot that awaited an event, and the dates that it has now that it happened."""

    lot_id: UUID
    active_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Posting:
    """
    An entry to be, with its lines.

    :param cause: unique per wallet: the same cause cannot be posted twice
    :param moves: of lots that exist, or of this posting's own new ones after their issue
    :param owed_change: points that the wallet owes more (or, repaying, less) after it
    :param entry_id: where the caller must know it; drawn otherwise
    """

    retailer_id: int
    wallet_id: int
    kind: str
    cause: str
    occurred_at: datetime
    explanation: dict[str, Any]
    lots: tuple[NewLot, ...] = ()
    moves: tuple[Move, ...] = ()
    owed_change: int = 0
    order_id: UUID | None = None
    entry_id: UUID | None = None

    def change(self, state: State) -> int:
        """Return by how much the wallet's points in a state change."""
        issued = sum(lot.amount for lot in self.lots if lot.state is state)
        into = sum(move.amount for move in self.moves if move.target is state)
        out = sum(move.amount for move in self.moves if move.source is state)
        return issued + into - out


@dataclass
class _Sums:
    """What a batch changes, per lot and per wallet."""

    open: dict[State, int] = field(default_factory=lambda: dict.fromkeys(OPEN, 0))
    owed: int = 0

    def row(self, key: Any) -> tuple[Any, ...]:
        return (key, *(self.open[state] for state in OPEN), self.owed)


def post(postings: Sequence[Posting], *, balances: dict[int, int], now: datetime) -> None:
    """
    Write postings, in order, for wallets that the caller has locked: one statement, however many they are.

    :param balances: what each wallet has available less what it owes, before the first posting
    :raises IntegrityError: when a cause was posted before, or a state would become negative
    """
    if not postings:
        return
    ids = [posting.entry_id or new_id() for posting in postings]
    new_lots = {lot.id for posting in postings for lot in posting.lots}
    lots, wallets = _sums(postings)
    with bulk.together():
        bulk.insert(Entry, ENTRY_COLUMNS, _entries(postings, ids, dict(balances), now))
        bulk.insert(Lot, LOT_COLUMNS, _lots(postings, lots))
        bulk.insert(Movement, MOVEMENT_COLUMNS, _movements(postings, ids))
        _run(UPDATE_LOTS, [sums.row(lot) for lot, sums in lots.items() if lot not in new_lots])
        _run(UPDATE_WALLETS, [sums.row(wallet) for wallet, sums in wallets.items()])


def give_dates(dated: Iterable[Dated]) -> None:
    """Give lots their dates, because what they awaited has happened."""
    _run(UPDATE_DATES, [(each.lot_id, each.active_at, each.expires_at) for each in dated])


def keep_alive(wallets: Iterable[tuple[int, datetime]]) -> None:
    """Move the instants at which wallets expire by inactivity."""
    _run(UPDATE_IDLE, list(wallets))


def open_wallets(retailer_id: int, memberships: Iterable[UUID], codes: Iterable[str]) -> None:
    """Give each new membership its empty wallets."""
    kinds = sorted({MAIN, *codes})
    rows = [(retailer_id, membership, code, 0, 0, 0, 0) for membership in memberships for code in kinds]
    bulk.insert(Wallet, ("retailer_id", "membership_id", "code", "available", "pending", "held", "owed"), rows)


def open_missing_wallets(program_id: int, codes: Iterable[str]) -> None:
    """Give every member of a program the wallets that a new version brings: one statement."""
    bulk.execute(OPEN_MISSING, [sorted(codes), program_id])


# fmt: off
ENTRY_COLUMNS = ("id", "retailer_id", "wallet_id", "kind", "cause", "order_id", "occurred_at", "recorded_at",
                 "available_change", "pending_change", "owed_change", "balance_after", "explanation")
LOT_COLUMNS = ("id", "retailer_id", "wallet_id", "order_id", "version_id", "rule_id", "amount", "earned_at",
               "active_at", "expires_at", "awaits", "slides", "from_lot_id", "gift", "pending", "available", "held")
MOVEMENT_COLUMNS = ("retailer_id", "entry_id", "lot_id", "from_state", "to_state", "amount")
# fmt: on
UPDATE_LOTS = """
UPDATE points_lot l SET pending = l.pending + d.pending, available = l.available + d.available, held = l.held + d.held
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS pending, unnest(%b::bigint[]) AS available,
    unnest(%b::bigint[]) AS held, unnest(%b::bigint[]) AS owed) d WHERE l.id = d.id
"""
UPDATE_WALLETS = """
UPDATE points_wallet w SET pending = w.pending + d.pending, available = w.available + d.available,
    held = w.held + d.held, owed = w.owed + d.owed
FROM (SELECT unnest(%b::bigint[]) AS id, unnest(%b::bigint[]) AS pending, unnest(%b::bigint[]) AS available,
    unnest(%b::bigint[]) AS held, unnest(%b::bigint[]) AS owed) d WHERE w.id = d.id
"""
UPDATE_DATES = """
UPDATE points_lot l SET active_at = d.active_at, expires_at = d.expires_at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS active_at,
    unnest(%b::timestamptz[]) AS expires_at) d WHERE l.id = d.id
"""
UPDATE_IDLE = """
UPDATE points_wallet w SET idle_until = d.idle_until
FROM (SELECT unnest(%b::bigint[]) AS id, unnest(%b::timestamptz[]) AS idle_until) d WHERE w.id = d.id
"""
OPEN_MISSING = """
INSERT INTO points_wallet (retailer_id, membership_id, code, available, pending, held, owed)
SELECT m.retailer_id, m.id, c.code, 0, 0, 0, 0 FROM memberships_membership m CROSS JOIN unnest(%s::text[]) AS c(code)
WHERE m.program_id = %s ON CONFLICT (membership_id, code) DO NOTHING
"""


def _entries(
    postings: Sequence[Posting], ids: Sequence[UUID], balances: dict[int, int], now: datetime
) -> list[tuple[Any, ...]]:
    rows = []
    for entry_id, posting in zip(ids, postings, strict=True):
        available = posting.change(State.AVAILABLE)
        balances[posting.wallet_id] += available - posting.owed_change
        # fmt: off
        rows.append((
            entry_id, posting.retailer_id, posting.wallet_id, posting.kind, posting.cause, posting.order_id,
            posting.occurred_at, now, available, posting.change(State.PENDING), posting.owed_change,
            balances[posting.wallet_id], json.dumps(posting.explanation),
        ))
        # fmt: on
    return rows


def _sums(postings: Sequence[Posting]) -> tuple[dict[UUID, _Sums], dict[int, _Sums]]:
    lots: dict[UUID, _Sums] = {}
    wallets: dict[int, _Sums] = {}
    for posting in postings:
        wallet = wallets.setdefault(posting.wallet_id, _Sums())
        wallet.owed += posting.owed_change
        for lot in posting.lots:
            lots.setdefault(lot.id, _Sums()).open[lot.state] += lot.amount
            wallet.open[lot.state] += lot.amount
        for move in posting.moves:
            for state, amount in ((move.source, -move.amount), (move.target, move.amount)):
                if state in OPEN:
                    lots.setdefault(move.lot_id, _Sums()).open[state] += amount
                    wallet.open[state] += amount
    return lots, wallets


def _lots(postings: Sequence[Posting], sums: dict[UUID, _Sums]) -> list[tuple[Any, ...]]:
    # fmt: off
    return [
        (lot.id, posting.retailer_id, posting.wallet_id, lot.order_id, lot.version_id, lot.rule_id, lot.amount,
         lot.earned_at, lot.active_at, lot.expires_at, lot.awaits, lot.slides, lot.from_lot, lot.gift,
         *(sums[lot.id].open[state] for state in OPEN))
        for posting in postings for lot in posting.lots
    ]
    # fmt: on


def _movements(postings: Sequence[Posting], ids: Sequence[UUID]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for entry_id, posting in zip(ids, postings, strict=True):
        shop = posting.retailer_id
        rows += [(shop, entry_id, lot.id, State.ISSUED.value, lot.state.value, lot.amount) for lot in posting.lots]
        rows += [(shop, entry_id, *_moved(move)) for move in posting.moves]
    return rows


def _moved(move: Move) -> tuple[Any, ...]:
    return move.lot_id, move.source.value, move.target.value, move.amount


def _run(sql: str, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        bulk.execute(sql, bulk.columns_of(rows))

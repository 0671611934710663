"""The only writer of entries, lots, movements and wallets."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from customers.core.ids import new_id
from loyalty.points.expiry import Span
from loyalty.points.models import Entry, Lot, MovedLot, Movement, QualifyingDay, Wallet
from loyalty.points.state import MAIN, ActivityDisproved, Day, DayCounted, LotDated, Move, Posting
from loyalty.points.states import OPEN, State


@dataclass
class _Sums:
    """What a batch changes, per lot and per wallet."""

    open: dict[State, int] = field(default_factory=lambda: dict.fromkeys(OPEN, 0))
    owed: int = 0
    shortfall: int = 0

    def row(self, key: Any) -> tuple[Any, ...]:
        return (key, *(self.open[state] for state in OPEN))


def post(
    postings: Sequence[Posting],
    *,
    balances: Mapping[int, int],
    now: datetime,
    spans: Mapping[int, Span] | None = None,
    claims: Mapping[UUID, int] | None = None,
) -> None:
    """
    Write postings, in order, for wallets that the caller has locked: one statement, however many they are.

    :param balances: what each wallet has available less what it owes, before the first posting
    :param spans: wallets' newest spans through which their members were active, where they changed
    :param claims: of held points of lots that are new those that go to a return when their hold ends
    :raises IntegrityError: when a cause was posted before, or a state would become negative
    """
    spans = spans or {}
    if not postings and not spans:
        return
    ids = [posting.entry_id or new_id() for posting in postings]
    new_lots = {lot.id for posting in postings for lot in posting.lots}
    lots, wallets = _sums(postings)
    with bulk.together():
        bulk.insert(Entry, ENTRY_COLUMNS, _entries(postings, ids, dict(balances), now))
        _insert_lots(postings, lots, claims or {})
        bulk.insert(Movement, MOVEMENT_COLUMNS, _movements(postings, ids))
        _run(UPDATE_LOTS, [sums.row(lot) for lot, sums in lots.items() if lot not in new_lots])
        for wallet in spans.keys() - wallets.keys():
            wallets[wallet] = _Sums()
        rows = [
            (*sums.row(wallet), sums.owed, sums.shortfall, *_instants(spans.get(wallet)))
            for wallet, sums in wallets.items()
        ]
        _run(UPDATE_WALLETS, rows)


def disprove(activities: Sequence[ActivityDisproved], *, now: datetime) -> None:
    """Note which entries keep no points any more, because what they say their member did never was."""
    _run(DISPROVE, [(each.wallet_id, each.entry, each.cause, now) for each in activities])


def count_days(changes: Iterable[DayCounted]) -> None:
    """Add to wallets' days; several changes of one day are one row."""
    sums: dict[tuple[int, date], Day] = {}
    for change in changes:
        key = (change.wallet_id, change.day.on)
        sums[key] = sums[key].plus(change.day) if key in sums else change.day
    rows = [
        (wallet, on, day.spend, day.points, day.orders, day.visits)
        for (wallet, on), day in sorted(sums.items(), key=_key)
    ]
    bulk.insert(QualifyingDay, ("wallet_id", "on_date", "spend", "points", "orders", "visits"), rows, suffix=ADD_DAY)


def _key(item: tuple[tuple[int, date], Day]) -> tuple[int, date]:
    return item[0]


def give_dates(dated: Iterable[LotDated], *, now: datetime) -> None:
    """Give lots their dates, because what they awaited has happened."""
    _run(UPDATE_DATES, [(each.lot_id, each.active_at, each.expires_at, now) for each in dated])


def claim(claims: Mapping[UUID, int]) -> None:
    """Note, by lot, which held points go to a return when their hold ends: more or, negative, less."""
    _run(UPDATE_CLAIMS, [(lot_id, points) for lot_id, points in claims.items() if points])


def open_wallets(retailer_id: int, memberships: Iterable[UUID], codes: Iterable[str]) -> None:
    """Give each new membership its empty wallets."""
    kinds = sorted({MAIN, *codes})
    rows = [(retailer_id, membership, code, 0, 0, 0, 0) for membership in memberships for code in kinds]
    bulk.insert(Wallet, ("retailer_id", "membership_id", "code", "available", "pending", "held", "owed"), rows)


def open_missing(retailer_id: int, pairs: Iterable[tuple[UUID, str]]) -> None:
    """Give members wallets that a version brought since they enrolled: (membership, code)."""
    rows = [(retailer_id, membership, code, 0, 0, 0, 0) for membership, code in pairs]
    columns = ("retailer_id", "membership_id", "code", "available", "pending", "held", "owed")
    bulk.insert(Wallet, columns, rows, suffix="ON CONFLICT (membership_id, code) DO NOTHING")


# fmt: off
ENTRY_COLUMNS = ("id", "retailer_id", "wallet_id", "kind", "cause", "order_id", "occurred_at", "recorded_at",
                 "available_change", "pending_change", "owed_change", "shortfall_change", "balance_after", "explanation",
                 "keeps_until")
LOT_COLUMNS = ("id", "retailer_id", "wallet_id", "order_id", "version_id", "rule_id", "amount", "earned_at",
               "active_at", "expires_at", "activation_event", "expires_on_inactivity", "from_lot_id", "gift", "is_lent",
               "grant_id", "pending", "available", "held")
MOVEMENT_COLUMNS = ("retailer_id", "entry_id", "lot_id", "from_state", "to_state", "amount")
# fmt: on
UPDATE_LOTS = """
UPDATE points_lot l SET pending = l.pending + d.pending, available = l.available + d.available, held = l.held + d.held
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS pending, unnest(%b::bigint[]) AS available,
    unnest(%b::bigint[]) AS held) d WHERE l.id = d.id
"""
UPDATE_WALLETS = """
UPDATE points_wallet w SET pending = w.pending + d.pending, available = w.available + d.available,
    held = w.held + d.held, owed = w.owed + d.owed, shortfall = w.shortfall + d.shortfall,
    active_since = coalesce(d.active_since, w.active_since), idle_until = coalesce(d.idle_until, w.idle_until)
FROM (SELECT unnest(%b::bigint[]) AS id, unnest(%b::bigint[]) AS pending, unnest(%b::bigint[]) AS available,
    unnest(%b::bigint[]) AS held, unnest(%b::bigint[]) AS owed, unnest(%b::bigint[]) AS shortfall,
    unnest(%b::timestamptz[]) AS active_since, unnest(%b::timestamptz[]) AS idle_until) d WHERE w.id = d.id
"""
DISPROVE = """
INSERT INTO points_disproof (entry_id, retailer_id, cause, recorded_at)
SELECT e.id, e.retailer_id, d.cause, d.recorded_at FROM (SELECT unnest(%b::bigint[]) AS wallet_id, unnest(%b::text[]) AS entry,
    unnest(%b::text[]) AS cause, unnest(%b::timestamptz[]) AS recorded_at) d
JOIN points_entry e ON e.wallet_id = d.wallet_id AND e.cause = d.entry
"""
UPDATE_DATES = """
UPDATE points_lot l SET active_at = d.active_at, expires_at = d.expires_at, dated_at = d.dated_at
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::timestamptz[]) AS active_at,
    unnest(%b::timestamptz[]) AS expires_at, unnest(%b::timestamptz[]) AS dated_at) d WHERE l.id = d.id
"""
UPDATE_CLAIMS = """
UPDATE points_lot l SET claimed = l.claimed + d.claimed
FROM (SELECT unnest(%b::uuid[]) AS id, unnest(%b::bigint[]) AS claimed) d WHERE l.id = d.id
"""
# What had moved to a lot that moves again is where that one is.
MOVE_ON = """
UPDATE points_movedlot m SET to_lot_id = d.to_lot_id
FROM (SELECT unnest(%b::uuid[]) AS lot_id, unnest(%b::uuid[]) AS to_lot_id) d WHERE m.to_lot_id = d.lot_id
"""
ADD_DAY = """
ON CONFLICT (wallet_id, on_date) DO UPDATE SET spend = points_qualifyingday.spend + excluded.spend,
    points = points_qualifyingday.points + excluded.points, orders = points_qualifyingday.orders + excluded.orders,
    visits = points_qualifyingday.visits + excluded.visits
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
            posting.shortfall_change, balances[posting.wallet_id], json.dumps(posting.explanation),
            posting.keeps_until,
        ))
        # fmt: on
    return rows


def _instants(span: Span | None) -> tuple[datetime | None, datetime | None]:
    return (span.begin, span.end) if span else (None, None)


def _sums(postings: Sequence[Posting]) -> tuple[dict[UUID, _Sums], dict[int, _Sums]]:
    lots: dict[UUID, _Sums] = {}
    wallets: dict[int, _Sums] = {}
    for posting in postings:
        wallet = wallets.setdefault(posting.wallet_id, _Sums())
        wallet.owed += posting.owed_change
        wallet.shortfall += posting.shortfall_change
        for lot in posting.lots:
            lots.setdefault(lot.id, _Sums()).open[lot.state] += lot.amount
            wallet.open[lot.state] += lot.amount
        for move in posting.moves:
            for state, amount in ((move.source, -move.amount), (move.target, move.amount)):
                if state in OPEN:
                    lots.setdefault(move.lot_id, _Sums()).open[state] += amount
                    wallet.open[state] += amount
    return lots, wallets


def _insert_lots(postings: Sequence[Posting], sums: dict[UUID, _Sums], claims: Mapping[UUID, int]) -> None:
    """Write new lots; only those to which a correction moves points have claims, or take another one's place."""
    new = [(posting, lot) for posting in postings for lot in posting.lots]
    # fmt: off
    rows = [
        (lot.id, posting.retailer_id, posting.wallet_id, lot.order_id, lot.version_id, lot.rule_id, lot.amount,
         lot.earned_at, lot.active_at, lot.expires_at, lot.activation_event, lot.expires_on_inactivity,
         lot.from_lot, lot.gift, lot.is_lent, lot.grant_id,
         *(sums[lot.id].open[state] for state in OPEN))
        for posting, lot in new
    ]
    # fmt: on
    moved = [(lot.moved_from, lot.id, posting.retailer_id) for posting, lot in new if lot.moved_from is not None]
    if not moved:
        bulk.insert(Lot, LOT_COLUMNS, rows)
        return
    bulk.insert(
        Lot, (*LOT_COLUMNS, "claimed"), [(*row, claims.get(lot.id, 0)) for row, (_, lot) in zip(rows, new, strict=True)]
    )
    bulk.execute(MOVE_ON, bulk.columns_of([(lot_id, to_lot) for lot_id, to_lot, _ in moved]))
    bulk.insert(MovedLot, ("lot_id", "to_lot_id", "retailer_id"), moved)


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

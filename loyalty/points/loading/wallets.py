"""Wallets as the statement that reads their members joins them, with their days as far as windows reach."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from customers.core import bulk
from loyalty.engine.capability import Joined, Reach, Scope
from loyalty.engine.versions import Version
from loyalty.points import ledger
from loyalty.points.expiry import Span
from loyalty.points.state import MAIN, POINTS, RULES, Day, WalletState

WALLET = ("w.id", "w.code", "w.available - w.owed", "w.owed", "w.shortfall", "w.active_since", "w.idle_until")
SINCE = WALLET.index("w.active_since")
WALLETS = f"""
SELECT w.membership_id, {", ".join(WALLET)} FROM points_wallet w WHERE w.membership_id = ANY(%s)
"""
# Days that are in every window that the batch looks at need not be told apart: they come as one. So do those before
# every window that begins, where there is one that never does.
DAYS = """
LEFT JOIN LATERAL (
    SELECT array_agg(day) AS days, array_agg(spend) AS spend, array_agg(points) AS points, array_agg(orders) AS orders,
        array_agg(visits) AS visits
    FROM (
        SELECT CASE
            WHEN on_date < %(first)s THEN %(before)s
            WHEN on_date >= %(common)s AND on_date < %(begin)s THEN %(common)s
            ELSE on_date
        END AS day, sum(spend) AS spend, sum(points)::bigint AS points, sum(orders)::int AS orders,
            sum(visits)::int AS visits
        FROM points_qualifyingday WHERE wallet_id = w.id AND on_date >= %(oldest)s GROUP BY 1
    ) counted
) d ON true
"""
ALL_DAYS = """
SELECT wallet_id, on_date, spend, points, orders, visits FROM points_qualifyingday
WHERE wallet_id = ANY(%s) ORDER BY wallet_id, on_date
"""


def joined(reach: Reach | None) -> Joined:
    """Return what is read of wallets with their members: several rows of one where it has several wallets."""
    wallets = "LEFT JOIN LATERAL (SELECT * FROM points_wallet WHERE membership_id = m.id OFFSET 0) w ON true"
    if reach is None:
        return Joined(WALLET, wallets)
    asked = {"first": reach.first, "before": date.min, "common": reach.common, "begin": reach.begin,
             "oldest": reach.oldest}  # fmt: skip
    days = ("d.days", "d.spend", "d.points", "d.orders", "d.visits")
    return Joined((*WALLET, *days), wallets + DAYS, asked)


def active_since(rows: Iterable[Sequence[Any]]) -> datetime | None:
    """Return when the newest span in which a member was active began, of its wallets as they were joined; None for none."""
    return max((row[SINCE] for row in rows if row[SINCE] is not None), default=None)


def codes_of(versions: Iterable[Version]) -> frozenset[str]:
    """Return the wallets that some versions name, and the one that every program has."""
    return frozenset({MAIN}.union(*(version.of(RULES).policies for version in versions)))


def load_wallets(scope: Scope) -> dict[UUID, list[WalletState]]:
    """Load wallets, and open those that a version brought since their member enrolled."""
    found = {key: [_wallet(*row) for row in rows if row[0]] for key, rows in scope.joined[POINTS.name].items()}
    missing: dict[int, list[tuple[UUID, str]]] = {}
    for key, member in scope.members.items():
        codes = codes_of(scope.versions[member.program_id].versions)
        has = found[key]
        if len(has) < len(codes):
            lacks = codes - {wallet.code for wallet in has}
            missing.setdefault(member.retailer_id, []).extend((key, code) for code in sorted(lacks))
    for retailer_id, pairs in missing.items():
        ledger.open_missing(retailer_id, pairs)
    if missing:
        known = {wallet.wallet_id for own in found.values() for wallet in own}
        keys = [key for pairs in missing.values() for key, _ in pairs]
        for key, *wallet in bulk.fetch(WALLETS, [sorted(set(keys))]):
            found[key] += [opened] if (opened := _wallet(*wallet)).wallet_id not in known else []
    return found


def _wallet(wallet_id: int, code: str, *rest: Any) -> WalletState:
    """Return a wallet as it was joined, with its days where they were."""
    balance, owed, shortfall, since, until, *days = rest
    counted = sorted(zip(*days, strict=True)) if days and days[0] else ()
    return WalletState(
        wallet_id,
        code,
        balance,
        owed,
        shortfall,
        Span(since, until) if since else None,
        days=tuple(Day(*counted_on) for counted_on in counted),
    )


def load_days(whole: Sequence[int]) -> dict[int, list[Day]]:
    """Load each day of some wallets."""
    days: dict[int, list[Day]] = {wallet_id: [] for wallet_id in whole}
    for wallet_id, *day in bulk.fetch(ALL_DAYS, [list(whole)]):
        days[wallet_id].append(Day(*day))
    return days

"""What steps decided of points, written down: postings, days, dates and claims of lots, and grants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from loyalty.engine.decision import Effect
from loyalty.engine.member import Member
from loyalty.points import granting, ledger
from loyalty.points.expiry import Span
from loyalty.points.state import (
    POINTS,
    ActivityDisproved,
    DayCounted,
    GrantAsked,
    GrantDecided,
    LotClaimed,
    LotDated,
    Posting,
    WalletState,
)


def write_first(effects: Sequence[Effect], *, now: datetime) -> None:
    """Write what must be on its own, because it touches rows that the postings touch, too."""
    ledger.give_dates((effect for effect in effects if isinstance(effect, LotDated)), now=now)
    ledger.claim(_claims(effects, of_new=False))


def write(
    effects: Sequence[Effect], before: Mapping[UUID, Member], after: Mapping[UUID, Member], *, now: datetime
) -> None:
    """Write postings and days that count, and let grants wait, or be settled."""
    ledger.post(
        [effect for effect in effects if isinstance(effect, Posting)],
        balances={wallet.wallet_id: wallet.balance for member in before.values() for wallet in _wallets(member)},
        now=now,
        spans=_spans(before, after),
        claims=_claims(effects, of_new=True),
    )
    ledger.disprove([effect for effect in effects if isinstance(effect, ActivityDisproved)], now=now)
    ledger.count_days(effect for effect in effects if isinstance(effect, DayCounted))
    granting.ask([effect for effect in effects if isinstance(effect, GrantAsked)], now=now)
    granting.settle([effect for effect in effects if isinstance(effect, GrantDecided)], now=now)


def _claims(effects: Sequence[Effect], *, of_new: bool) -> dict[UUID, int]:
    """Return what is claimed more or less, by lot: of lots that these effects open, or of the others."""
    sums: dict[UUID, int] = {}
    for each in effects:
        if isinstance(each, LotClaimed):
            sums[each.lot_id] = sums.get(each.lot_id, 0) + each.points
    if not sums:
        return sums
    new = {lot.id for each in effects if isinstance(each, Posting) for lot in each.lots}
    return {lot_id: points for lot_id, points in sums.items() if (lot_id in new) is of_new}


def _spans(before: Mapping[UUID, Member], after: Mapping[UUID, Member]) -> dict[int, Span]:
    """Return the wallets' newest spans, where they changed."""
    found = {}
    for key, member in after.items():
        if member.of(POINTS) is before[key].of(POINTS):
            continue
        for wallet, was in zip(_wallets(member), _wallets(before[key]), strict=True):
            if wallet.span is not None and wallet.span != was.span:
                found[wallet.wallet_id] = wallet.span
    return found


def _wallets(member: Member) -> tuple[WalletState, ...]:
    return member.of(POINTS).wallets

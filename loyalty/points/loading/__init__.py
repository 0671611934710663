"""Wallets, lots and days of members, read behind their lock: of each as much as what is to be decided looks at."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.capability import Scope
from loyalty.points.debts import DebtEntry
from loyalty.points.expiry import Active
from loyalty.points.loading.closed import given_before, load_closed
from loyalty.points.loading.debts import knowing_covers, load_debts_for
from loyalty.points.loading.history import load_actives, load_celebrated, load_rewarded
from loyalty.points.loading.lots import load_open_for
from loyalty.points.loading.redeemed import load_redeemed_for
from loyalty.points.loading.wallets import load_days, load_wallets
from loyalty.points.state import MAIN, Day, OpenLot, PointsState, WalletState


@dataclass(frozen=True, slots=True)
class _Further:
    """
    What is known of wallets besides what was read with their members, by wallet.

    :param actives: None where nothing looks at them
    """

    days: Mapping[int, Sequence[Day]]
    closed: Mapping[int, Sequence[OpenLot]]
    open: Mapping[int, Sequence[OpenLot]]
    actives: Mapping[int, tuple[Active, ...]] | None
    debts: Mapping[int, tuple[DebtEntry, ...]]

    @property
    def is_nothing(self) -> bool:
        """As of most orders that are told in time."""
        return not (self.days or self.closed or self.open or self.debts) and self.actives is None

    def of(self, wallet: WalletState) -> WalletState:
        """Return a wallet with what is known of it."""
        closed = self.closed.get(wallet.wallet_id, ())
        ids = {lot.id for lot in closed}
        others = (lot for lot in self.open.get(wallet.wallet_id, ()) if lot.id not in ids)
        return wallet.completed(
            days=tuple(self.days.get(wallet.wallet_id, wallet.days)),
            lots=(*others, *closed),
            actives=None if self.actives is None else self.actives.get(wallet.wallet_id, ()),
            debt_entries=self.debts.get(wallet.wallet_id, ()),
        )


def load(scope: Scope) -> dict[UUID, PointsState]:
    """Load the wallets of each member, the main one first, and what was redeemed, celebrated and rewarded."""
    wallets = load_wallets(scope)
    whole = [wallet.wallet_id for key in scope.whole for wallet in wallets[key]]
    days = load_days(whole) if scope.reach and whole else {}
    given = given_before(scope)
    closed = load_closed(scope, whole, given)
    lots = load_open_for(scope, wallets, closed)
    redeemed = load_redeemed_for(scope)
    celebrated, rewarded = load_celebrated(scope), load_rewarded(scope)
    actives = load_actives(scope, whole)
    gifts = [lot.id for known in closed.values() for lot in known if lot.gift or lot.grant_id in given]
    debts = load_debts_for(scope, whole, redeemed, gifts, given)
    further = _Further(days, closed, lots, actives, debts)
    return {
        key: PointsState(
            _completed(own, further),
            tuple(redeemed.get(key, ())),
            celebrated.get(key, frozenset()),
            rewarded.get(key, ()),
        )
        for key, own in wallets.items()
    }


def _completed(wallets: Sequence[WalletState], further: _Further) -> tuple[WalletState, ...]:
    """Return a member's wallets in their order, with all that is known of them."""
    in_order = sorted(wallets, key=lambda each: (each.code != MAIN, each.wallet_id))
    return tuple(in_order if further.is_nothing else (knowing_covers(further.of(wallet)) for wallet in in_order))

"""Points that moved in fact by other ways than orders and time, decided in a life that is lived again."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from loyalty.activity.deciding.points import Booked, activated, free_lot, kept_alive, repayment
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import Decision, Effects, Member, Purse, Redeemed
from loyalty.points.clawback import Move, Taken
from loyalty.points.ledger import NewLot, Posting
from loyalty.points.spending import spend, undo
from loyalty.points.states import State


@dataclass(frozen=True, slots=True)
class Moved:
    """
    Points that a member spent, got back, was given or lost by other ways than orders and time.

    :param kind: redeem, restore, adjust or transfer
    :param undoes: for restore, the entry that it undid
    """

    id: UUID
    customer_id: UUID
    occurred_at: datetime
    kind: str
    wallet: str
    points: int
    reference: str = ""
    undoes: UUID | None = None


@dataclass(slots=True)
class Redemptions:
    """
    What a member redeemed in a life and could still get back.

    :param missed: points that were redeemed in fact and are not there in this life
    """

    missed: int = 0
    found: dict[str, Redeemed] = field(default_factory=dict)
    by_entry: dict[UUID, str] = field(default_factory=dict)

    def decide(self, member: Member, moved: Moved, ruleset: Ruleset) -> Decision | None:
        done = activated(member, moved.occurred_at)
        if moved.kind == "restore":
            reference = self.by_entry.get(moved.undoes) if moved.undoes else None
            undone = self.undo(member, [reference] if reference else [])
            return _restored(done, undone[0], moved) if undone else None
        if moved.kind == "redeem":
            return self._redeemed(_kept(done, moved, ruleset), moved)
        if moved.points > 0:
            return _given(_kept(done, moved, ruleset), moved, ruleset)
        left, _ = _taken(done, moved, State.CANCELLED if moved.kind == "adjust" else State.TRANSFERRED)
        return _decision(left)

    def undo(self, member: Member, references: Iterable[str]) -> list[Redeemed]:
        """Return redemptions to undo. Those of their lots that were forgotten since are empty; all live as they do now."""
        undone = []
        for reference in references:
            if reference in self.found:
                redeemed = self.found.pop(reference)
                until = member.purse_of(redeemed.wallet_id).idle_until
                lots = (
                    replace(lot, pending=0, available=0, held=0, expires_at=until if lot.slides else lot.expires_at)
                    for lot in redeemed.lots
                )
                undone.append(replace(redeemed, lots=tuple(lots)))
        return undone

    def _redeemed(self, done: Booked, moved: Moved) -> Decision:
        purse = done.member.purse(moved.wallet)
        left, taken = _taken(done, moved, State.REDEEMED)
        self.missed += taken.missing
        if taken.moves:
            lots = tuple(lot for lot in purse.lots if lot.id in {move.lot_id for move in taken.moves})
            self.found[moved.reference] = Redeemed(moved.id, moved.reference, purse.wallet_id, taken.moves, lots)
            self.by_entry[moved.id] = moved.reference
        return _decision(left)


def _kept(done: Booked, moved: Moved, ruleset: Ruleset) -> Booked:
    """Keep a wallet alive that expires when nothing moves in it."""
    alive = kept_alive(done.member, moved.wallet, ruleset.policy(moved.wallet).lifetime, ruleset, moved.occurred_at)
    return Booked(alive.member, (*done.postings, *alive.postings))


def _taken(done: Booked, moved: Moved, into: State) -> tuple[Booked, Taken]:
    """Take as many points as are there; return what is left, and what was taken and missing."""
    purse = done.member.purse(moved.wallet)
    taken = spend(abs(moved.points), purse.lots, at=moved.occurred_at, into=into)
    return done.then(_posting(done.member, purse, moved, moves=taken.moves)) if taken.moves else done, taken


def _given(done: Booked, moved: Moved, ruleset: Ruleset) -> Decision:
    lot = free_lot(moved.points, ruleset.policy(moved.wallet).lifetime, ruleset, moved.occurred_at)
    purse = done.member.purse(moved.wallet)
    return _repaid(done.then(_posting(done.member, purse, moved, lots=(lot,))), moved)


def _restored(done: Booked, redeemed: Redeemed, moved: Moved) -> Decision:
    purse = done.member.purse_of(redeemed.wallet_id)
    known = {lot.id for lot in purse.lots}
    closed = tuple(lot for lot in redeemed.lots if lot.id not in known)
    done = replace(done, member=done.member.with_purse(replace(purse, lots=(*purse.lots, *closed))))
    expiries = {lot.id: lot.expires_at for lot in done.member.purse(purse.code).lots}
    moves = undo(redeemed.moves, expiries, at=moved.occurred_at)
    return _repaid(done.then(_posting(done.member, purse, moved, moves=moves)), moved)


def _repaid(done: Booked, moved: Moved) -> Decision:
    usable = [lot for lot in done.member.purse(moved.wallet).lots if lot.is_usable(moved.occurred_at)]
    repaid = repayment(done.member, moved.wallet, usable, cause=f"repay:{moved.id}", at=moved.occurred_at)
    return _decision(done.then(repaid))


def _decision(done: Booked) -> Decision:
    return Decision(done.member, Effects(postings=done.postings))


def _posting(
    member: Member, purse: Purse, moved: Moved, *, moves: tuple[Move, ...] = (), lots: tuple[NewLot, ...] = ()
) -> Posting:
    return Posting(
        retailer_id=member.retailer_id,
        wallet_id=purse.wallet_id,
        kind=moved.kind,
        cause=f"{moved.kind}:{moved.id}",
        occurred_at=moved.occurred_at,
        moves=moves,
        lots=lots,
        explanation={},
    )

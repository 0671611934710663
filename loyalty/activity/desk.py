"""The counter at which one member's points are spent, given back, adjusted or transferred: load -> decide -> write."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from loyalty.activity.deciding.points import Booked as Decided
from loyalty.activity.deciding.points import activated, free_lot, kept_alive, repayment
from loyalty.activity.loading import Loaded, Lots, load_lots, load_memberships
from loyalty.activity.rulesets import Ruleset
from loyalty.activity.state import Effects, Member, Purse
from loyalty.activity.writing import write
from loyalty.memberships.models import Membership
from loyalty.outbox.publishing import NewEvent
from loyalty.points.clawback import Move, OpenLot
from loyalty.points.ledger import MAIN, NewLot, Posting
from loyalty.points.models import Entry
from loyalty.points.spending import spend, spendable
from loyalty.points.states import State


class InsufficientPoints(DomainError):
    code = "insufficient_points"
    message = _("{asked} points are asked for; {available} can be spent.")


class NoPoints(DomainError):
    code = "no_points"
    kind = Kind.INVALID
    message = _("The number of points is {asked}; it must be more than zero.")


class NotSpendable(DomainError):
    code = "not_spendable"
    kind = Kind.INVALID
    message = _("Points of the wallet “{wallet}” only count for tiers and cannot be spent.")


class NoSuchWallet(DomainError):
    code = "no_such_wallet"
    kind = Kind.NOT_FOUND
    message = _("The member has no wallet “{wallet}”.")


class OtherRequest(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _("Reference {reference} was used for {points} points before. Use a new reference for a new request.")


@dataclass(frozen=True, slots=True)
class Booked:
    """
    What was written.

    :param available: what can be spent afterwards
    :param expired: points that came back, but had expired meanwhile
    :param is_new: False where the same request had been carried out before
    """

    entry_id: UUID
    points: int
    available: int
    expired: int = 0
    is_new: bool = True


@dataclass(frozen=True, slots=True)
class Locked:
    """Members whose rows are locked, whose points can be moved."""

    loaded: Loaded

    @classmethod
    def of(cls, memberships: Iterable[Membership], now: datetime) -> "Locked":
        """Lock members in the order of their wallets, whatever order they are named in."""
        ids = sorted({membership.pk for membership in memberships})
        return cls(load_memberships(ids, at=now, lots=Lots.ALL))

    def desk(self, membership: Membership, now: datetime, wallet: str = MAIN) -> "Desk":
        """Open a member's counter."""
        return Desk(self.loaded, membership.pk, now, wallet)


class Desk:
    """One wallet of a member: locked, with its due points activated, collecting what is to be written."""

    def __init__(self, loaded: Loaded, membership_id: UUID, now: datetime, wallet: str = MAIN) -> None:
        self.now, self.wallet, self.loaded = now, wallet, loaded
        self.before: Member = loaded.members[membership_id]
        if wallet not in {purse.code for purse in self.before.purses}:
            raise NoSuchWallet(wallet=wallet)
        self.wallet_id = self.before.purse(wallet).wallet_id
        due = activated(self.before, now)
        # Their ids come first: a statement shows entries in the order of their ids.
        self.done = replace(due, postings=tuple(replace(each, entry_id=new_id()) for each in due.postings))

    @classmethod
    def of(cls, membership: Membership, now: datetime, wallet: str = MAIN) -> "Desk":
        """Lock a member and open its counter."""
        return Locked.of([membership], now).desk(membership, now, wallet)

    @property
    def member(self) -> Member:
        return self.done.member

    @property
    def purse(self) -> Purse:
        return self.member.purse(self.wallet)

    @property
    def available(self) -> int:
        """Return what can be spent now."""
        return spendable(self.purse.lots, at=self.now)

    @property
    def ruleset(self) -> Ruleset:
        ruleset = self.loaded.timelines[self.member.program_id].at(self.now)
        assert ruleset is not None, "a program with members has a version in force"
        return ruleset

    def earlier(self, cause: str, reference: str, points: int) -> Entry | None:
        """
        Return what was written for the same cause before.

        :raises OtherRequest: when it was for another number of points
        """
        found = Entry.objects.filter(wallet=self.wallet_id, cause=cause).first()
        if found is not None and found.explanation["points"] != abs(points):
            raise OtherRequest(reference=reference, points=found.explanation["points"])
        return found

    def know(self, lot_ids: Iterable[UUID]) -> None:
        """Look at lots too that were closed before, because points go back to them."""
        known = {lot.id for lot in self.purse.lots}
        closed = load_lots(lot_id for lot_id in lot_ids if lot_id not in known)
        purse = replace(self.purse, lots=(*self.purse.lots, *closed))
        self.done = replace(self.done, member=self.member.with_purse(purse))

    def require_spendable(self) -> None:
        """Refuse to spend points that only count for tiers."""
        if not self.ruleset.policy(self.wallet).is_spendable:
            raise NotSpendable(wallet=self.wallet)

    def keep_alive(self) -> None:
        """Let what expires by inactivity live longer, because its member does something."""
        lifetime = self.ruleset.policy(self.wallet).lifetime
        alive = kept_alive(self.member, self.wallet, lifetime, self.ruleset, self.now)
        self.done = Decided(alive.member, (*self.done.postings, *_named(alive.postings)))

    def taken(self, points: int, *, into: State) -> tuple[Move, ...]:
        """Return the moves that take points in the order of spending, all or none."""
        if points <= 0:
            raise NoPoints(asked=points)
        taken = spend(points, self.purse.lots, at=self.now, into=into)
        if taken.missing:
            raise InsufficientPoints(asked=points, available=self.available)
        return taken.moves

    def take(self, kind: str, cause: str, points: int, *, into: State, said: dict[str, Any] | None = None) -> UUID:
        """Take points in the order of spending, all or none."""
        return self.post(kind, cause, self.taken(points, into=into), {"points": points, **(said or {})})

    def give(self, kind: str, cause: str, points: int, said: dict[str, Any]) -> UUID:
        """Give points that can be spent at once and live as those of the version in force do."""
        if points <= 0:
            raise NoPoints(asked=points)
        self.keep_alive()
        lot = free_lot(points, self.ruleset.policy(self.wallet).lifetime, self.ruleset, self.now)
        return self.post(kind, cause, (), {"points": points, **said}, lots=(lot,))

    def post(
        self,
        kind: str,
        cause: str,
        moves: tuple[Move, ...],
        said: dict[str, Any],
        lots: tuple[NewLot, ...] = (),
    ) -> UUID:
        """Add an entry to what is to be written, and return its id."""
        entry_id = new_id()
        self.done = self.done.then(
            Posting(
                retailer_id=self.member.retailer_id,
                wallet_id=self.wallet_id,
                kind=kind,
                cause=cause,
                occurred_at=self.now,
                explanation=said if self.wallet == MAIN else {**said, "wallet": self.wallet},
                moves=moves,
                lots=lots,
                entry_id=entry_id,
            )
        )
        return entry_id

    def finish(self) -> int:
        """Write, and return what can be spent afterwards; what comes in repays first what is owed."""
        finish([self])
        return self.available

    def closed(self) -> Effects:
        """Return all that is to be written, with the event that tells of it."""
        last = self.done.postings[-1]
        usable = tuple(lot for lot in self.purse.lots if lot.is_usable(self.now))
        repay = repayment(self.member, self.wallet, usable, cause=f"repay:{last.cause}", at=self.now)
        self.done = self.done.then(repay if self.purse.owed else None)
        payload = {"entry": str(last.entry_id), "points": last.change(State.AVAILABLE)}
        event = NewEvent(self.member.retailer_id, f"points.{last.kind}", self.member.membership_id, payload, self.now)
        return Effects(postings=self.done.postings, events=(event,))


def finish(desks: Sequence[Desk]) -> None:
    """Write what several counters collected, all together."""
    effects = [desk.closed() for desk in desks]
    before = {desk.before.membership_id: desk.before for desk in desks}
    write(effects, before=before, after={desk.member.membership_id: desk.member for desk in desks}, now=desks[0].now)


def _named(postings: Iterable[Posting]) -> tuple[Posting, ...]:
    return tuple(posting if posting.entry_id else replace(posting, entry_id=new_id()) for posting in postings)


MOVES = """
SELECT m.lot_id, m.from_state, m.to_state, m.amount FROM points_movement m JOIN points_entry e ON e.id = m.entry_id
WHERE e.wallet_id = %s AND e.{column} = %s ORDER BY m.id
"""


def moves_of(wallet_id: int, *, entry_id: UUID | None = None, cause: str = "") -> list[Move]:
    """Return an entry's moves, by its id or its cause."""
    column, value = ("id", entry_id) if entry_id else ("cause", cause)
    rows = bulk.fetch(MOVES.format(column=column), [wallet_id, value])
    return [Move(lot_id, State(source), State(target), amount) for lot_id, source, target, amount in rows]


def expiries(lots: Iterable[OpenLot]) -> dict[UUID, datetime | None]:
    """Return when each lot expires as things stand."""
    return {lot.id: lot.expires_at for lot in lots}

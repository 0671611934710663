"""Points are held, redeemed, given back and adjusted: load -> decide -> write, one member at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from loyalty.activity.decide import open_lot, repaid, repay
from loyalty.activity.loading import Loaded, Lots, load_wallets
from loyalty.activity.nightly import activate_due
from loyalty.activity.state import Effects, Member
from loyalty.activity.writing import write
from loyalty.memberships.models import Membership
from loyalty.outbox.publishing import NewEvent
from loyalty.points.clawback import Move, OpenLot, after
from loyalty.points.expiry import expiration
from loyalty.points.ledger import NewLot, Posting
from loyalty.points.models import Entry, Hold, Wallet
from loyalty.points.spending import settle_hold, spend, spendable, undo
from loyalty.points.states import State

HOLD_LIFE = timedelta(minutes=15)


class InsufficientPoints(DomainError):
    code = "insufficient_points"
    message = _("{asked} points are asked for; {available} can be spent.")


class NoPoints(DomainError):
    code = "no_points"
    kind = Kind.INVALID
    message = _("The number of points is {asked}; it must be more than zero.")


class OtherRequest(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _("Reference {reference} was used for {points} points before. Use a new reference for a new request.")


class HoldEnded(DomainError):
    code = "hold_ended"
    kind = Kind.CONFLICT
    message = _("The hold ended before: {status}.")


class MoreThanHeld(DomainError):
    code = "more_than_held"
    kind = Kind.INVALID
    message = _("{asked} points are asked for; {held} are held.")


class NotARedemption(DomainError):
    code = "not_a_redemption"
    kind = Kind.NOT_FOUND
    message = _("There is no redemption {id}.")


class ReasonMissing(DomainError):
    code = "reason_missing"
    kind = Kind.INVALID
    message = _("An adjustment needs a reason and an author.")


@dataclass(frozen=True, slots=True)
class Booked:
    """
    What one request came to.

    :param entry_id: the entry that it wrote, now or when it was first made
    :param points: redeemed, held, or given back as usable
    :param expired: given back, but expired meanwhile
    :param available: what can be spent afterwards
    :param is_new: False where the same request had been made before
    """

    entry_id: UUID
    points: int
    available: int
    expired: int = 0
    is_new: bool = True


@transaction.atomic
def redeem(membership: Membership, points: int, *, reference: str, now: datetime) -> Booked:
    """
    Spend points at once.

    :param reference: the caller's own, once per member: the same again changes nothing
    :raises InsufficientPoints: when fewer can be spent; nothing is written
    :raises OtherRequest: when the reference was used for another number of points
    """
    desk = _Desk(membership, now)
    cause = f"redeem:{reference}"
    if earlier := _earlier(desk, cause, reference, points):
        return Booked(earlier.pk, points, desk.available, is_new=False)
    entry_id = desk.take("redeem", cause, points, into=State.REDEEMED)
    return Booked(entry_id, points, desk.finish())


@transaction.atomic
def hold(
    membership: Membership, points: int, *, reference: str, now: datetime, life: timedelta = HOLD_LIFE
) -> tuple[Hold, int]:
    """
    Set points aside until the hold is confirmed, released or times out.

    :returns: the hold, and what can be spent besides
    :raises InsufficientPoints: when fewer can be spent
    :raises OtherRequest: when the reference was used for another number of points
    """
    desk = _Desk(membership, now)
    earlier = Hold.objects.filter(wallet=desk.wallet_id, reference=reference).first()
    if earlier is not None:
        if earlier.points != points:
            raise OtherRequest(reference=reference, points=earlier.points)
        return earlier, desk.available
    made = Hold(
        id=new_id(), retailer_id=membership.retailer_id, wallet_id=desk.wallet_id, reference=reference, points=points,
        held_at=now, times_out_at=now + life,
    )  # fmt: skip
    desk.take("hold", f"hold:{made.pk}", points, into=State.HELD)
    available = desk.finish()
    made.save(force_insert=True)
    return made, available


@transaction.atomic
def confirm(hold_id: UUID, *, now: datetime, points: int | None = None) -> Hold:
    """
    Redeem held points, all or a part; the rest goes back.

    :raises HoldEnded: when it was released, confirmed with another number, or has timed out
    :raises MoreThanHeld: when more are asked for than are held
    """
    found = Hold.objects.select_related("wallet__membership").get(pk=hold_id)
    desk = _Desk(found.wallet.membership, now)
    found.refresh_from_db()
    asked = found.points if points is None else points
    if asked > found.points:
        raise MoreThanHeld(asked=asked, held=found.points)
    if asked <= 0:
        raise NoPoints(asked=asked)
    if found.status == Hold.Status.CONFIRMED and found.redeemed == asked:
        return found
    if found.status == Hold.Status.OPEN and found.times_out_at <= now:
        raise HoldEnded(status=Hold.Status.TIMED_OUT.label)
    return _end(found, desk, Hold.Status.CONFIRMED, asked, now)


@transaction.atomic
def release(hold_id: UUID, *, now: datetime) -> Hold:
    """
    Give all held points back; a second release changes nothing.

    :raises HoldEnded: when it was confirmed
    """
    found = Hold.objects.select_related("wallet__membership").get(pk=hold_id)
    desk = _Desk(found.wallet.membership, now)
    found.refresh_from_db()
    if found.status in {Hold.Status.RELEASED, Hold.Status.TIMED_OUT}:
        return found
    return _end(found, desk, Hold.Status.RELEASED, 0, now)


def time_out(*, now: datetime) -> int:
    """Give back what holds kept too long; return how many."""
    due = Hold.objects.filter(status=Hold.Status.OPEN, times_out_at__lte=now).order_by("times_out_at")
    return sum(_time_out(hold_id, now) for hold_id in due.values_list("pk", flat=True))


@transaction.atomic
def reverse(membership: Membership, entry_id: UUID, *, now: datetime) -> Booked:
    """
    Undo a redemption: the same lots get their points back, with their own expiry.

    What has expired meanwhile comes back as expired, and the answer says how much. A second reversal changes nothing.

    :raises NotARedemption: when the member has no such redemption
    """
    desk = _Desk(membership, now)
    redeemed = [move for move in _moves(entry_id, desk.wallet_id) if move.target is State.REDEEMED]
    if not redeemed:
        raise NotARedemption(id=entry_id)
    cause = f"restore:{entry_id}"
    earlier = Entry.objects.filter(wallet=desk.wallet_id, cause=cause).first()
    moves = undo(redeemed, _expiries(redeemed), at=earlier.occurred_at if earlier else now)
    expired = sum(move.amount for move in moves if move.target is State.EXPIRED)
    usable = sum(move.amount for move in moves) - expired
    if earlier is not None:
        return Booked(earlier.pk, usable, desk.available, expired, is_new=False)
    desk.know(move.lot_id for move in moves)
    restored = desk.post("restore", cause, moves, {"restored": usable, "expired": expired})
    return Booked(restored, usable, desk.finish(), expired)


@transaction.atomic
def adjust(  # noqa: PLR0913 - who, how many, why, by whom, when
    membership: Membership, points: int, *, reference: str, reason: str, author: str, now: datetime
) -> Booked:
    """
    Give points, or take them (negative), by a decision of staff.

    What is given lives as points of the version in force do, and can be spent at once.

    :raises ReasonMissing: without a reason or an author
    :raises InsufficientPoints: when more are to be taken than can be spent
    """
    if not reason.strip() or not author.strip():
        raise ReasonMissing
    desk = _Desk(membership, now)
    cause = f"adjust:{reference}"
    if earlier := _earlier(desk, cause, reference, points):
        return Booked(earlier.pk, points, desk.available, is_new=False)
    said = {"reason": reason, "author": author}
    if points < 0:
        entry_id = desk.take("adjust", cause, -points, into=State.CANCELLED, said=said)
    else:
        entry_id = desk.give("adjust", cause, points, said)
    return Booked(entry_id, points, desk.finish())


class _Desk:
    """One member at the counter: locked, with its due points activated, collecting what is to be written."""

    def __init__(self, membership: Membership, now: datetime) -> None:
        self.now = now
        self.wallet_id: int = Wallet.objects.values_list("pk", flat=True).get(membership=membership, code="points")
        self.loaded: Loaded = load_wallets([self.wallet_id], at=now, lots=Lots.ALL)
        self.before: Member = self.loaded.members[self.wallet_id]
        self.postings: list[Posting] = []
        self.member = self.before
        if due := activate_due(self.member, now):
            # Their ids come first: a statement shows entries in the order of their ids.
            self.postings += [replace(posting, entry_id=new_id()) for posting in due.effects.postings]
            self.member = due.member
        self.available = spendable(self.member.lots, at=now)

    def know(self, lot_ids: Iterable[UUID]) -> None:
        """Look at lots too that were closed before, because points go back to them."""
        known = {lot.id for lot in self.member.lots}
        rows = bulk.fetch(CLOSED_LOTS, [[lot_id for lot_id in lot_ids if lot_id not in known]])
        self.member = replace(self.member, lots=(*self.member.lots, *(OpenLot(*row) for row in rows)))

    def take(self, kind: str, cause: str, points: int, *, into: State, said: dict[str, Any] | None = None) -> UUID:
        """Take points in the order of spending, all or none."""
        if points <= 0:
            raise NoPoints(asked=points)
        taken = spend(points, self.member.lots, at=self.now, into=into)
        if taken.missing:
            raise InsufficientPoints(asked=points, available=self.available)
        return self.post(kind, cause, taken.moves, {"points": points, **(said or {})})

    def give(self, kind: str, cause: str, points: int, said: dict[str, Any]) -> UUID:
        """Give points that can be spent at once."""
        if points <= 0:
            raise NoPoints(asked=points)
        ruleset = self.loaded.timelines[self.member.program_id].at(self.now)
        assert ruleset is not None, "a program with members has a version in force"
        lot = NewLot(
            id=new_id(),
            amount=points,
            earned_at=self.now,
            active_at=self.now,
            expires_at=expiration(self.now, ruleset.lifetime, ruleset.zone),
            version_id=ruleset.version_id,
            rule_id=None,
            order_id=None,
            state=State.AVAILABLE,
        )
        return self.post(kind, cause, (), {"points": points, **said}, lots=(lot,))

    def post(
        self, kind: str, cause: str, moves: tuple[Move, ...], said: dict[str, Any], lots: tuple[NewLot, ...] = ()
    ) -> UUID:
        entry_id = new_id()
        posting = Posting(
            retailer_id=self.member.retailer_id,
            wallet_id=self.wallet_id,
            kind=kind,
            cause=cause,
            occurred_at=self.now,
            explanation=said,
            moves=moves,
            lots=lots,
            entry_id=entry_id,
        )
        self.postings.append(posting)
        opened = tuple(open_lot(lot) for lot in lots)
        self.member = replace(
            self.member,
            balance=self.member.balance + posting.change(State.AVAILABLE),
            lots=(*after(self.member.lots, moves), *opened),
        )
        return entry_id

    def finish(self) -> int:
        """Write, and return what can be spent afterwards; what comes in repays first what is owed."""
        last = self.postings[-1]
        if (repayment := self._repayment(last)) is not None:
            self.postings.append(repayment)
        payload = {"entry": str(last.entry_id), "points": last.change(State.AVAILABLE)}
        event = NewEvent(self.member.retailer_id, f"points.{last.kind}", self.member.membership_id, payload, self.now)
        effects = Effects(postings=tuple(self.postings), events=(event,))
        write([effects], before={self.wallet_id: self.before}, after={}, now=self.now)
        self.available = spendable(self.member.lots, at=self.now)
        return self.available

    def _repayment(self, last: Posting) -> Posting | None:
        if not self.member.owed:
            return None
        usable = tuple(lot for lot in self.member.lots if lot.is_usable(self.now))
        repayment = repay(self.member, usable, cause=f"repay:{last.cause}", at=self.now)
        if repayment is not None:
            self.member = repaid(self.member, repayment)
        return repayment


def _earlier(desk: _Desk, cause: str, reference: str, points: int) -> Entry | None:
    found = Entry.objects.filter(wallet=desk.wallet_id, cause=cause).first()
    if found is not None and found.explanation["points"] != abs(points):
        raise OtherRequest(reference=reference, points=found.explanation["points"])
    return found


def _end(found: Hold, desk: _Desk, status: Hold.Status, redeemed: int, now: datetime) -> Hold:
    """End an open hold; the wallet's lock lets one of its ends win."""
    if found.status != Hold.Status.OPEN:
        raise HoldEnded(status=found.get_status_display())
    held = _moves_of(f"hold:{found.pk}", desk.wallet_id)
    moves = settle_hold(redeemed, held, _expiries(held), at=now)
    kind = "redeem" if redeemed else "release"
    desk.post(kind, f"{kind}:hold:{found.pk}", moves, {"points": redeemed, "held": found.points})
    desk.finish()
    found.status, found.redeemed, found.ended_at = status, redeemed, now
    found.save(update_fields=["status", "redeemed", "ended_at"])
    return found


@transaction.atomic
def _time_out(hold_id: UUID, now: datetime) -> bool:
    found = Hold.objects.select_related("wallet__membership").get(pk=hold_id)
    desk = _Desk(found.wallet.membership, now)
    found.refresh_from_db()
    if found.status != Hold.Status.OPEN:
        return False
    _end(found, desk, Hold.Status.TIMED_OUT, 0, now)
    return True


CLOSED_LOTS = """
SELECT id, order_id, earned_at, active_at, expires_at, pending, available, held FROM points_lot WHERE id = ANY(%s)
"""
MOVES = """
SELECT m.lot_id, m.from_state, m.to_state, m.amount FROM points_movement m JOIN points_entry e ON e.id = m.entry_id
WHERE e.wallet_id = %s AND e.{column} = %s ORDER BY m.id
"""


def _moves(entry_id: UUID, wallet_id: int) -> list[Move]:
    return [_move(row) for row in bulk.fetch(MOVES.format(column="id"), [wallet_id, entry_id])]


def _moves_of(cause: str, wallet_id: int) -> list[Move]:
    return [_move(row) for row in bulk.fetch(MOVES.format(column="cause"), [wallet_id, cause])]


def _move(row: tuple[Any, ...]) -> Move:
    lot_id, source, target, amount = row
    return Move(lot_id, State(source), State(target), amount)


def _expiries(moves: Sequence[Move]) -> dict[UUID, datetime | None]:
    sql = "SELECT id, expires_at FROM points_lot WHERE id = ANY(%s)"
    return dict(bulk.fetch(sql, [[move.lot_id for move in moves]]))

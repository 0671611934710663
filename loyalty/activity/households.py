"""Points go from member to member: by a transfer, or within a household when one of it spends."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from loyalty.activity.desk import Booked, Desk, InsufficientPoints, Locked, NoPoints, finish
from loyalty.memberships.models import Membership
from loyalty.points.clawback import Move
from loyalty.points.ledger import MAIN, NewLot
from loyalty.points.models import Entry, Hold, Wallet
from loyalty.points.spending import spend
from loyalty.points.statement import balance
from loyalty.points.states import State


class TransfersClosed(DomainError):
    code = "transfers_closed"
    message = _("Members of this program cannot transfer points.")


class OtherProgram(DomainError):
    code = "other_program"
    kind = Kind.INVALID
    message = _("Points stay within a program; the other member belongs to another one.")


class SameMember(DomainError):
    code = "same_member"
    kind = Kind.INVALID
    message = _("Points are transferred to another member.")


@transaction.atomic
def transfer(  # noqa: PLR0913 - from whom, to whom, how many, under which name, when, of what
    giver: Membership, taker: Membership, points: int, *, reference: str, now: datetime, wallet: str = MAIN
) -> Booked:
    """
    Move points that can be spent to another member of the program; they keep their expiry.

    :param reference: the caller's own, once per giver: the same again changes nothing
    :returns: what was written for the giver
    :raises TransfersClosed: when the version in force does not allow it
    :raises InsufficientPoints: when the giver can spend fewer
    """
    if giver.program_id != taker.program_id:
        raise OtherProgram
    if giver.pk == taker.pk:
        raise SameMember
    locked = Locked.of([giver, taker], now)
    source, target = locked.desk(giver, now, wallet), locked.desk(taker, now, wallet)
    cause = f"transfer:{reference}"
    if earlier := source.earlier(cause, reference, points):
        return Booked(earlier.pk, points, source.available, is_new=False)
    if not source.ruleset.policy(wallet).may_transfer:
        raise TransfersClosed
    moves = source.taken(points, into=State.TRANSFERRED)
    entry_id = _carry(source, target, moves, cause)
    finish([source, target])
    return Booked(entry_id, points, source.available)


def gather(
    membership: Membership, points: int, *, reference: str, now: datetime, wallet: str
) -> tuple[Desk, Sequence[Desk]]:
    """
    Open a member's counter for spending; what it lacks is brought from its household, what expires first from whomever.

    :returns: its counter, and those of the others that give something; nothing is written yet
    :raises InsufficientPoints: when all together have fewer
    """
    members = [membership, *_household(membership)]
    locked = Locked.of(members, now)
    desk = locked.desk(membership, now, wallet)
    desk.require_spendable()
    missing = points - desk.available
    if points <= 0:
        raise NoPoints(asked=points)
    if missing <= 0 or len(members) == 1 or _is_known(desk, reference):
        return desk, ()
    others = [locked.desk(other, now, wallet) for other in members[1:]]
    taken = spend(missing, [lot for other in others for lot in other.purse.lots], at=now, into=State.TRANSFERRED)
    if taken.missing:
        raise InsufficientPoints(asked=points, available=points - taken.missing)
    giving = []
    for other in others:
        own = {lot.id for lot in other.purse.lots}
        moves = tuple(move for move in taken.moves if move.lot_id in own)
        if moves:
            _carry(other, desk, moves, f"transfer:{reference}:{membership.pk}")
            giving.append(other)
    return desk, giving


def household_available(membership: Membership, wallet: str, *, at: datetime) -> int:
    """Return what the others of a member's household can add to its redemption."""
    wallets = Wallet.objects.filter(membership__in=_household(membership), code=wallet)
    return sum(balance(each, at=at, zone=membership.program.tzinfo).available for each in wallets)


def _household(membership: Membership) -> list[Membership]:
    """Return the others of a member's household."""
    others = Membership.objects.filter(household_member__household__members__membership=membership)
    return list(others.exclude(pk=membership.pk).order_by("pk"))


def _is_known(desk: Desk, reference: str) -> bool:
    known = Entry.objects.filter(wallet=desk.wallet_id, cause=f"redeem:{reference}").exists()
    return known or Hold.objects.filter(wallet=desk.wallet_id, reference=reference).exists()


def _carry(source: Desk, target: Desk, moves: tuple[Move, ...], cause: str) -> UUID:
    """Post both sides of a transfer: the giver's lots end as transferred, the taker gets theirs anew with their terms."""
    given = {lot.id: lot for lot in source.purse.lots}
    points = sum(move.amount for move in moves)
    names = (str(source.member.membership_id), str(target.member.membership_id))
    entry_id = source.post("transfer", cause, moves, {"points": points, "to": names[1]})
    lots = tuple(
        NewLot(
            id=new_id(),
            amount=move.amount,
            earned_at=given[move.lot_id].earned_at,
            active_at=given[move.lot_id].active_at,
            expires_at=given[move.lot_id].expires_at,
            version_id=given[move.lot_id].version_id,
            rule_id=None,
            order_id=None,
            state=State.AVAILABLE,
            from_lot=move.lot_id,
        )
        for move in moves
    )
    target.post("transfer", f"{cause}:from:{names[0]}", (), {"points": points, "from": names[0]}, lots=lots)
    return entry_id

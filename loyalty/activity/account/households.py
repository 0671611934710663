"""Points go from member to member: by a transfer, or within a household when one of it spends."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.prepared import Prepared
from customers.core.values import dataclass
from loyalty.activity.account.session import (
    AccountSession,
    InsufficientPoints,
    LedgerReceipt,
    NoPoints,
    OtherRequest,
    WalletSession,
)
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Wallet
from loyalty.points.spending import spend
from loyalty.points.state import MAIN, RULES, Move, NewLot
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
) -> LedgerReceipt:
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
    session = AccountSession.open([giver.pk, taker.pk], now)
    source, target = session.wallet(giver.pk, wallet), session.wallet(taker.pk, wallet)
    cause = f"transfer:{reference}"
    if (earlier := source.earlier(cause, reference, points)) is not None:
        if not _went_to(earlier, taker):
            raise OtherRequest(reference=reference, points=points)
        return LedgerReceipt(earlier.pk, points, source.available, is_new=False)
    source.require_member()
    target.require_member()
    if not source.version.of(RULES).policy(wallet).may_transfer:
        raise TransfersClosed
    moves = source.taken(points, into=State.TRANSFERRED)
    entry_id = _carry(source, target, moves, cause, is_lent=False)
    session.finish()
    return LedgerReceipt(entry_id, points, source.available)


def _went_to(entry: Entry, taker: Membership) -> bool:
    """Tell whether points went to a member, or to one who turned out to be the same person since."""
    names = Membership.objects.filter(Q(pk=taker.pk) | Q(merged_into=taker)).values_list("pk", flat=True)
    return entry.explanation.get("to") in {str(name) for name in names}


@dataclass(frozen=True, slots=True)
class Gathering:
    """A member's wallet, and those of its household from which it may borrow for one payment."""

    spending: WalletSession
    others: tuple[WalletSession, ...]

    def borrow(self, points: int, cause: str) -> None:
        """
        Bring what the member lacks from its household, what expires first from whomever.

        :param cause: of the payment, once per payment
        :raises InsufficientPoints: when all together have fewer
        """
        if points <= 0:
            raise NoPoints(asked=points)
        missing = points - self.spending.available
        if missing <= 0 or not self.others:
            return
        for other in self.others:
            other.know_spendable(missing)
        lots = [lot for other in self.others for lot in other.state.lots]
        taken = spend(missing, lots, at=self.spending.now, into=State.TRANSFERRED)
        if taken.missing:
            raise InsufficientPoints(asked=points, available=points - taken.missing)
        for other in self.others:
            own = {lot.id for lot in other.state.lots}
            moves = tuple(move for move in taken.moves if move.lot_id in own)
            if moves:
                _carry(other, self.spending, moves, f"lend:{cause}", is_lent=True)


def gather(membership: Membership, *, now: datetime, wallet: str) -> tuple[Gathering, WalletSession]:
    """Lock a member with its household for a payment."""
    others = household_of(membership)
    session = AccountSession.open([membership.pk, *(other.pk for other in others)], now)
    spending = session.wallet(membership.pk, wallet)
    staying = [other for other in others if session.member(other.pk).left_at is None]
    return Gathering(spending, tuple(session.wallet(other.pk, wallet) for other in staying)), spending


WALLETS_OF_OTHERS = Prepared(lambda membership_id: Wallet.objects.filter(membership__in=_others(membership_id)))


def household_lends(membership_id: UUID, *, at: datetime, zone: ZoneInfo) -> Mapping[str, int]:
    """Return what the others of a member's household can add to its redemptions, by wallet."""
    lent: Counter[str] = Counter()
    for each in WALLETS_OF_OTHERS.rows(membership_id=membership_id):
        lent[each.code] += balance(each, at=at, zone=zone).available
    return lent


def household_of(membership: Membership) -> list[Membership]:
    """Return the others of a member's household."""
    return list(_others(membership.pk).order_by("pk"))


def _others(membership_id: UUID) -> QuerySet[Membership]:
    shared = Membership.objects.filter(household_member__household__members__membership=membership_id)
    return shared.exclude(pk=membership_id)


def _carry(source: WalletSession, target: WalletSession, moves: tuple[Move, ...], cause: str, *, is_lent: bool) -> UUID:
    """Post both sides of a transfer: the giver's lots end as transferred, the taker gets theirs anew with their terms."""
    given = {lot.id: lot for lot in source.state.lots}
    points = sum(move.amount for move in moves)
    names = (str(source.membership_id), str(target.membership_id))
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
            order_id=None if is_lent else given[move.lot_id].order_id,
            state=State.AVAILABLE,
            from_lot=move.lot_id,
            is_lent=is_lent,
        )
        for move in moves
    )
    said = {"points": points, "from": names[0]}
    received = f"received:{names[0]}:{cause}"  # behind a word that no caller's own reference comes before
    if is_lent:  # it is for the payment, not for what the taker owes
        target.receive(received, said, lots)
    else:
        target.post("transfer", received, (), said, lots=lots)
    return entry_id

"""Points are held, redeemed and given back."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from loyalty.activity.desk import Booked, Desk, NoPoints, OtherRequest, expiries, finish, moves_of
from loyalty.activity.households import gather
from loyalty.memberships.models import Membership
from loyalty.points.ledger import MAIN
from loyalty.points.models import Entry, Hold
from loyalty.points.spending import settle_hold, undo
from loyalty.points.states import State

HOLD_LIFE = timedelta(minutes=15)


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


@transaction.atomic
def redeem(membership: Membership, points: int, *, reference: str, now: datetime, wallet: str = MAIN) -> Booked:
    """
    Spend points at once; what is missing comes from the member's household.

    :param reference: the caller's own, once per member: the same again changes nothing
    :raises InsufficientPoints: when fewer can be spent; nothing is written
    :raises OtherRequest: when the reference was used for another number of points
    :raises NotSpendable: when the wallet's points only count for tiers
    """
    desk, others = gather(membership, points, reference=reference, now=now, wallet=wallet)
    cause = f"redeem:{reference}"
    if earlier := desk.earlier(cause, reference, points):
        return Booked(earlier.pk, points, desk.available, is_new=False)
    desk.keep_alive()
    entry_id = desk.take("redeem", cause, points, into=State.REDEEMED, said={"reference": reference})
    finish([*others, desk])
    return Booked(entry_id, points, desk.available)


@transaction.atomic
def hold(  # noqa: PLR0913 - who, how many, under which name, when, how long, of what
    membership: Membership,
    points: int,
    *,
    reference: str,
    now: datetime,
    life: timedelta = HOLD_LIFE,
    wallet: str = MAIN,
) -> tuple[Hold, int]:
    """
    Set points aside until the hold is confirmed, released or times out; what is missing comes from the household.

    :returns: the hold, and what can be spent besides
    :raises InsufficientPoints: when fewer can be spent
    :raises OtherRequest: when the reference was used for another number of points
    """
    desk, others = gather(membership, points, reference=reference, now=now, wallet=wallet)
    earlier = Hold.objects.filter(wallet=desk.wallet_id, reference=reference).first()
    if earlier is not None:
        if earlier.points != points:
            raise OtherRequest(reference=reference, points=earlier.points)
        return earlier, desk.available
    made = Hold(
        id=new_id(), retailer_id=membership.retailer_id, wallet_id=desk.wallet_id, reference=reference, points=points,
        held_at=now, times_out_at=now + life,
    )  # fmt: skip
    desk.keep_alive()
    desk.take("hold", f"hold:{made.pk}", points, into=State.HELD, said={"reference": reference})
    finish([*others, desk])
    made.save(force_insert=True)
    return made, desk.available


@transaction.atomic
def confirm(hold_id: UUID, *, now: datetime, points: int | None = None) -> Hold:
    """
    Redeem held points, all or a part; the rest goes back.

    :raises HoldEnded: when it was released, confirmed with another number, or has timed out
    :raises MoreThanHeld: when more are asked for than are held
    """
    desk, found = _at_the_desk(hold_id, now)
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
    desk, found = _at_the_desk(hold_id, now)
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
    entry = Entry.objects.select_related("wallet").filter(wallet__membership=membership, pk=entry_id).first()
    desk = Desk.of(membership, now, entry.wallet.code if entry else MAIN)
    redeemed = [move for move in moves_of(desk.wallet_id, entry_id=entry_id) if move.target is State.REDEEMED]
    if not redeemed:
        raise NotARedemption(id=entry_id)
    cause = f"restore:{entry_id}"
    earlier = Entry.objects.filter(wallet=desk.wallet_id, cause=cause).first()
    if earlier is not None:
        said = earlier.explanation
        return Booked(earlier.pk, said["restored"], desk.available, said["expired"], is_new=False)
    desk.know(move.lot_id for move in redeemed)
    moves = undo(redeemed, expiries(desk.purse.lots), at=now)
    expired = sum(move.amount for move in moves if move.target is State.EXPIRED)
    usable = sum(move.amount for move in moves) - expired
    restored = desk.post("restore", cause, moves, {"restored": usable, "expired": expired})
    return Booked(restored, usable, desk.finish(), expired)


def _at_the_desk(hold_id: UUID, now: datetime) -> tuple[Desk, Hold]:
    """Lock the member of a hold, and return the hold as it is then."""
    found = Hold.objects.select_related("wallet__membership").get(pk=hold_id)
    desk = Desk.of(found.wallet.membership, now, found.wallet.code)
    found.refresh_from_db(fields=["status", "redeemed", "ended_at"])
    return desk, found


def _end(found: Hold, desk: Desk, status: Hold.Status, redeemed: int, now: datetime) -> Hold:
    """End an open hold; the member's lock lets one of its ends win."""
    if found.status != Hold.Status.OPEN:
        raise HoldEnded(status=found.get_status_display())
    held = moves_of(desk.wallet_id, cause=f"hold:{found.pk}")
    moves = settle_hold(redeemed, held, expiries(desk.purse.lots), at=now)
    kind = "redeem" if redeemed else "release"
    said = {"points": redeemed, "held": found.points, "reference": found.reference}
    desk.post(kind, f"{kind}:hold:{found.pk}", moves, said)
    desk.finish()
    found.status, found.redeemed, found.ended_at = status, redeemed, now
    found.save(update_fields=["status", "redeemed", "ended_at"])
    return found


@transaction.atomic
def _time_out(hold_id: UUID, now: datetime) -> bool:
    desk, found = _at_the_desk(hold_id, now)
    if found.status != Hold.Status.OPEN:
        return False
    _end(found, desk, Hold.Status.TIMED_OUT, 0, now)
    return True

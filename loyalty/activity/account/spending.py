"""Points are held, redeemed and given back."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.activity.account.households import gather, household_of
from loyalty.activity.account.session import (
    HasLeft,
    LedgerReceipt,
    NoPoints,
    OtherRequest,
    ReferenceUsed,
    WalletSession,
    lent_by,
    moves_of,
)
from loyalty.memberships.models import Membership
from loyalty.points.models import Entry, Hold, SpendingReference
from loyalty.points.spending import settle_hold
from loyalty.points.state import MAIN
from loyalty.points.states import State
from loyalty.points.steps.moving import moves_back
from loyalty.rewards.models import RewardRedemption
from loyalty.rewards.state import REWARDS

HOLD_LIFE = timedelta(minutes=15)
Noted = Mapping[str, str]
NOTHING_NOTED: Noted = {}


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


class PaidReward(DomainError):
    code = "paid_reward"
    kind = Kind.CONFLICT
    message = _("These points paid a reward. Cancel or refund the reward {id}, and they come back with it.")


@transaction.atomic
def redeem(  # noqa: PLR0913 - who, how many, under which name, when, of what, and what is noted
    membership: Membership,
    points: int,
    *,
    reference: str,
    now: datetime,
    wallet: str = MAIN,
    noted: Noted = NOTHING_NOTED,
) -> LedgerReceipt:
    """
    Spend points at once; what is missing comes from the member's household.

    :param reference: the caller's own, once per member: the same again changes nothing
    :param noted: what the entry says besides, such as the reason and the author of who decided it
    :raises InsufficientPoints: when fewer can be spent; nothing is written
    :raises OtherRequest: when the reference was used for another number of points, another wallet or a hold
    :raises NotSpendable: when the wallet's points only count for tiers
    """
    end_timed_out([membership, *household_of(membership)], now=now)
    session, spending = gather(membership, now=now, wallet=wallet)
    cause = f"redeem:{reference}"
    if earlier := spending.earlier(cause, reference, points):
        rewards = RewardRedemption.objects.filter(membership=membership, reference=reference)
        if "reward" in earlier.explanation or rewards.exists():
            raise OtherRequest(reference=reference, points=points)
        return LedgerReceipt(earlier.pk, points, spending.available, is_new=False)
    spending.require_spendable()
    use_reference(membership, reference, points)
    until = spending.extend_inactivity()
    session.borrow(points, f"{cause}:{membership.pk}")
    said = {"reference": reference, **noted}
    entry_id = spending.take("redeem", cause, points, into=State.REDEEMED, said=said, keeps_until=until)
    return LedgerReceipt(entry_id, points, spending.finish())


@transaction.atomic
def hold(  # noqa: PLR0913 - who, how many, under which name, when, how long, of what
    membership: Membership,
    points: int,
    *,
    reference: str,
    now: datetime,
    life: timedelta = HOLD_LIFE,
    wallet: str = MAIN,
    noted: Noted = NOTHING_NOTED,
) -> tuple[Hold, int]:
    """
    Set points aside until the hold is confirmed, released or times out; what is missing comes from the household.

    :returns: the hold, and what can be spent besides
    :raises InsufficientPoints: when fewer can be spent
    :raises OtherRequest: when the reference was used for another number of points, another wallet or a redemption
    :raises ReferenceUsed: when the hold took nothing in the end, or what it redeemed was undone
    """
    end_timed_out([membership, *household_of(membership)], now=now)
    session, spending = gather(membership, now=now, wallet=wallet)
    earlier = _held_before(spending, reference)
    if earlier is not None:
        if earlier.points != points:
            raise OtherRequest(reference=reference, points=earlier.points)
        if earlier.status in {Hold.Status.RELEASED, Hold.Status.TIMED_OUT}:
            raise ReferenceUsed(reference=reference)
        _require_not_undone(earlier)
        return earlier, spending.available
    spending.require_spendable()
    use_reference(membership, reference, points)
    made = Hold(
        id=new_id(), retailer_id=membership.retailer_id, wallet_id=spending.wallet_id, reference=reference, points=points,
        held_at=now, times_out_at=now + life,
    )  # fmt: skip
    until = spending.extend_inactivity()
    session.borrow(points, f"hold:{made.pk}")
    said = {"reference": reference, **noted}
    spending.take("hold", f"hold:{made.pk}", points, into=State.HELD, said=said, keeps_until=until)
    available = spending.finish()
    made.save(force_insert=True)
    return made, available


def _held_before(wallet: WalletSession, reference: str) -> Hold | None:
    """Return the hold of a reference; where there is none, that of a member who was merged into this one."""
    asked = {"reference": reference, "code": wallet.code, "membership": wallet.membership_id}
    return next((Hold.objects.get(pk=key) for (key,) in bulk.fetch(HELD_BEFORE, asked)), None)


def _require_not_undone(confirmed: Hold) -> None:
    """
    Refuse to answer as before for a hold whose redemption was undone: a till would take it as paid.

    :raises ReferenceUsed: when it was, be it by the member into whom its own was merged
    """
    if bulk.fetch(UNDONE, {"wallet": confirmed.wallet_id, "cause": f"confirm:{confirmed.pk}"}):
        raise ReferenceUsed(reference=confirmed.reference)


UNDONE = """
SELECT 1 FROM (
    SELECT *, 'restore:' || id AS undone_by FROM points_entry WHERE wallet_id = %(wallet)s AND cause = %(cause)s OFFSET 0
) e WHERE (EXISTS (
    SELECT 1 FROM points_entry r WHERE r.wallet_id = e.wallet_id AND r.cause = e.undone_by
) OR EXISTS (
    SELECT 1 FROM points_wallet w JOIN memberships_membership m ON m.id = w.membership_id
    JOIN points_wallet t ON t.code = w.code
        AND t.membership_id IN (SELECT id FROM memberships_membership WHERE m.merged_into_id IN (id, merged_into_id))
    CROSS JOIN LATERAL (
        SELECT 'restore:' || id AS undone_by FROM points_entry
        WHERE wallet_id = t.id AND kind = 'redeem' AND explanation->>'merged_from' = e.id::text OFFSET 0
    ) a
    JOIN points_entry r ON r.wallet_id = t.id AND r.cause = a.undone_by
    WHERE w.id = e.wallet_id
))
"""
HELD_BEFORE = """
SELECT h.id FROM points_wallet w JOIN points_hold h ON h.wallet_id = w.id
WHERE w.code = %(code)s AND h.reference = %(reference)s AND w.membership_id = ANY(ARRAY(
    SELECT %(membership)s::uuid UNION ALL SELECT id FROM memberships_membership WHERE merged_into_id = %(membership)s))
ORDER BY w.membership_id <> %(membership)s LIMIT 1
"""


def use_reference(membership: Membership, reference: str, points: int) -> None:
    """
    Note that a reference is used, behind the member's lock; that of a hold which took nothing in the end is free again.

    :raises OtherRequest: when it was used before, for whatever it was
    """
    columns = ("retailer_id", "membership_id", "reference", "points")
    row = (membership.retailer_id, membership.pk, reference, points)
    if not bulk.insert(SpendingReference, columns, [row], suffix=USE_AGAIN):
        used = SpendingReference.objects.get(membership=membership, reference=reference)
        raise OtherRequest(reference=reference, points=used.points)


USE_AGAIN = """
ON CONFLICT (membership_id, reference) DO UPDATE SET points = excluded.points WHERE EXISTS (
    SELECT 1 FROM points_wallet w JOIN points_hold h ON h.wallet_id = w.id
    WHERE w.membership_id = points_spendingreference.membership_id AND h.reference = points_spendingreference.reference
        AND h.status IN ('released', 'timed_out')
) AND NOT EXISTS (
    SELECT 1 FROM (SELECT 'redeem:' || points_spendingreference.reference AS cause OFFSET 0) n CROSS JOIN points_wallet w
    JOIN points_entry e ON e.wallet_id = w.id AND e.cause = n.cause
    WHERE w.membership_id = points_spendingreference.membership_id
) RETURNING id
"""


@transaction.atomic
def confirm(hold_id: UUID, *, now: datetime, points: int | None = None, noted: Noted = NOTHING_NOTED) -> Hold:
    """
    Redeem held points, all or a part; the rest goes back.

    :raises HoldEnded: when it was released, confirmed with another number, or has timed out
    :raises ReferenceUsed: when it was confirmed, and its redemption undone since
    :raises MoreThanHeld: when more are asked for than are held
    """
    wallet, found = _open(hold_id, now)
    asked = found.points if points is None else points
    if asked > found.points:
        raise MoreThanHeld(asked=asked, held=found.points)
    if asked <= 0:
        raise NoPoints(asked=asked)
    if found.status == Hold.Status.CONFIRMED and found.redeemed == asked:
        _require_not_undone(found)
        return found
    if found.status == Hold.Status.OPEN and found.times_out_at <= now:
        raise HoldEnded(status=Hold.Status.TIMED_OUT.label)
    return _end(found, wallet, Hold.Status.CONFIRMED, asked, now, noted)


@transaction.atomic
def release(hold_id: UUID, *, now: datetime, noted: Noted = NOTHING_NOTED) -> Hold:
    """
    Give all held points back; a second release changes nothing.

    :raises HoldEnded: when it was confirmed
    """
    wallet, found = _open(hold_id, now)
    if found.status in {Hold.Status.RELEASED, Hold.Status.TIMED_OUT}:
        return found
    return _end(found, wallet, Hold.Status.RELEASED, 0, now, noted)


def time_out(retailer: Retailer, *, now: datetime) -> int:
    """
    Give back what a retailer's holds kept too long; return how many.

    One that fails stops no other: it is tried again with the next call.

    :raises ExceptionGroup: at the end, when some failed
    """
    due = Hold.objects.filter(retailer=retailer, status=Hold.Status.OPEN, times_out_at__lte=now).order_by(
        "times_out_at"
    )
    ended, errors = 0, []
    for hold_id in due.values_list("pk", flat=True):
        try:
            ended += _time_out(hold_id, now)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            errors.append(error)
    if errors:
        raise ExceptionGroup("holds that could not be ended", errors)
    return ended


def end_timed_out(memberships: Iterable[Membership], *, now: datetime) -> None:
    """Give back what holds of some members kept too long, so that no answer depends on when the task runs."""
    due = Hold.objects.filter(wallet__membership__in=[each.pk for each in memberships], status=Hold.Status.OPEN)
    for hold_id in due.filter(times_out_at__lte=now).order_by("times_out_at").values_list("pk", flat=True):
        _time_out(hold_id, now)


@transaction.atomic
def reverse(membership: Membership, entry_id: UUID, *, now: datetime, noted: Noted = NOTHING_NOTED) -> LedgerReceipt:
    """
    Undo a redemption: the same lots get their points back, with their own expiry.

    What has expired meanwhile comes back as expired, and the answer says how much. A second reversal changes nothing.

    :raises NotARedemption: when the member has no such redemption
    """
    entry = _redemption(membership, entry_id)
    entry_id = entry.pk
    lent = lent_by(entry.wallet_id, entry_id=entry_id)
    wallet = WalletSession.open(membership, now, entry.wallet.code, lent=lent)
    earlier = Entry.objects.filter(wallet=entry.wallet_id, cause=f"restore:{entry_id}").first()
    if earlier is not None:
        said = earlier.explanation
        return LedgerReceipt(earlier.pk, said["restored"], wallet.available, said["expired"], is_new=False)
    if not any(move.target is State.REDEEMED for move in moves_of(wallet.wallet_id, entry_id=entry_id)):
        raise NotARedemption(id=entry_id)
    _require_no_reward(wallet, entry)
    if wallet.member.left_at is not None:
        raise HasLeft(left=f"{wallet.member.left_at:%Y-%m-%d}")
    if entry.occurred_at < wallet.member.enrolled_at:
        raise NotARedemption(id=entry_id)  # of a membership that has ended: its points were forfeited
    back = give_back(wallet, entry_id, **noted)
    return LedgerReceipt(back.entry_id, back.points, wallet.finish(), back.expired)


@dataclass(frozen=True, slots=True)
class GivenBack:
    """
    Points that came back to the lots that a redemption had taken them from.

    :param points: that can be spent again
    :param expired: that had expired meanwhile
    """

    entry_id: UUID
    points: int
    expired: int


def give_back(wallet: WalletSession, entry_id: UUID, **said: Any) -> GivenBack:
    """
    Give the points of a redemption back to its lots, each as it would be by now; the caller finishes the session.

    :param said: what the entry explains besides
    """
    redeemed = [move for move in moves_of(wallet.wallet_id, entry_id=entry_id) if move.target is State.REDEEMED]
    wallet.know(move.lot_id for move in redeemed)
    moves = moves_back(redeemed, wallet.code, State.REDEEMED, wallet.decision)
    expired = sum(move.amount for move in moves if move.target is State.EXPIRED)
    usable = sum(move.amount for move in moves) - expired
    said = {**said, "restored": usable, "expired": expired}
    return GivenBack(wallet.come_back("restore", f"restore:{entry_id}", moves, said), usable, expired)


def _require_no_reward(wallet: WalletSession, entry: Entry) -> None:
    """Refuse to undo by itself what paid a reward, which would stay good."""
    reference = entry.explanation.get("reference")
    if reference is None or not wallet.member.has(REWARDS):
        return
    reward = RewardRedemption.objects.filter(membership=wallet.membership_id, reference=reference).first()
    if reward is not None:
        raise PaidReward(id=reward.pk)


def _redemption(membership: Membership, entry_id: UUID) -> Entry:
    """
    Return an entry of a member; for one of a membership that was merged into it, the one that took its place.

    One that had been undone by then has none: it is undone already.
    """
    entries = Entry.objects.select_related("wallet")
    own = entries.filter(wallet__membership=membership)
    gone = entries.filter(wallet__membership__merged_into=membership)
    told = own.filter(pk=entry_id).first() or gone.filter(pk=entry_id).first()
    if told is not None and told.wallet.membership_id == membership.pk:
        return told
    first = told.explanation.get("merged_from", entry_id) if told is not None else entry_id
    again = Q(kind=Entry.Kind.REDEEM, explanation__merged_from=str(first))
    found = own.filter(again).first()
    if found is not None:
        return found
    for each in gone.filter(again | Q(pk=first)):
        if each.wallet.entries.filter(cause=f"restore:{each.pk}").exists():
            return each
    raise NotARedemption(id=entry_id)


def _open(hold_id: UUID, now: datetime) -> tuple[WalletSession, Hold]:
    """Lock the member of a hold, and those who lent points for it; return the hold as it is then."""
    found = Hold.objects.select_related("wallet__membership").get(pk=hold_id)
    lent = lent_by(found.wallet_id, cause=f"hold:{hold_id}")
    wallet = WalletSession.open(found.wallet.membership, now, found.wallet.code, lent=lent)
    found.refresh_from_db(fields=["status", "redeemed", "ended_at"])
    return wallet, found


def _end(  # noqa: PLR0913 - which hold, of what, how it ends, with how many, when, and what is noted
    found: Hold, wallet: WalletSession, status: Hold.Status, redeemed: int, now: datetime, noted: Noted = NOTHING_NOTED
) -> Hold:
    """End an open hold; the member's lock lets one of its ends win."""
    if found.status != Hold.Status.OPEN:
        raise HoldEnded(status=found.get_status_display())
    held = moves_of(wallet.wallet_id, cause=f"hold:{found.pk}")
    wallet.know(move.lot_id for move in held)
    if any(lot.claimed for lot in wallet.state.lots):  # what a return claimed of them is taken from others now
        wallet.know_open()
    moves = settle_hold(redeemed, held, wallet.state.lots, at=wallet.decision.now)
    kind = "redeem" if redeemed else "release"
    said = {"points": redeemed, "held": found.points, "reference": found.reference, **noted}
    cause = f"confirm:{found.pk}" if redeemed else f"release:hold:{found.pk}"  # what no caller's reference can be
    wallet.come_back(kind, cause, moves, said)
    wallet.finish()
    found.status, found.redeemed, found.ended_at = status, redeemed, now
    found.save(update_fields=["status", "redeemed", "ended_at"])
    return found


@transaction.atomic
def _time_out(hold_id: UUID, now: datetime) -> bool:
    wallet, found = _open(hold_id, now)
    if found.status != Hold.Status.OPEN:
        return False
    _end(found, wallet, Hold.Status.TIMED_OUT, 0, now)
    return True

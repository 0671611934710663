"""A reward is taken back: its points come back to the lots that they came from, its piece to the stock."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.activity.account.session import (
    AccountSession,
    WalletSession,
    lent_by,
)
from loyalty.activity.account.spending import give_back
from loyalty.activity.rewards.redeemed import (
    RewardEnded,
    RewardReceipt,
    Status,
    entry_of,
    held_in,
    instant_of,
    read_again,
)
from loyalty.points.models import Entry
from loyalty.rewards.models import CauseEntry, RewardRedemption, VoucherHold
from loyalty.rewards.state import HeldReward
from loyalty.rewards.steps import give_up
from loyalty.rewards.writing import lock_counters


class NotUndoable(DomainError):
    code = "not_cancellable"
    kind = Kind.CONFLICT
    message = _("This reward cannot be cancelled: {status}. Staff may refund it.")


class HeldByTill(DomainError):
    code = "held_by_till"
    kind = Kind.CONFLICT
    message = _("A till has this voucher in hand since {since}, until {until} at most. Try again then.")


def require_not_held(redemption: RewardRedemption, held: HeldReward, now: datetime) -> None:
    """
    Refuse to touch a voucher that a till has in hand.

    :raises HeldByTill: then, with until when at most
    """
    if held.is_open and held.held_until is not None and held.held_until > now:
        hold = VoucherHold.objects.get(redemption=redemption, status=VoucherHold.Status.OPEN)
        raise HeldByTill(since=instant_of(hold.held_at), until=instant_of(held.held_until))


class PaidOut(DomainError):
    code = "paid_out"
    kind = Kind.CONFLICT
    message = _("The donation was paid out to the cause with {document} and cannot come back.")


@transaction.atomic
def cancel_reward(redemption: RewardRedemption, *, now: datetime, by_member: bool = False) -> RewardReceipt:
    """
    Take back a reward that is not used: its points come back to the lots that paid. Cancelling again changes nothing.

    :param by_member: that the member asks for it, who may as long as nothing is on its way, where the reward says so
    :raises NotUndoable: when it was used, or is not the member's to cancel
    :raises HeldByTill: while a till has it in hand
    :raises RewardEnded: when it is over for another reason
    """
    return _undo(redemption, Status.CANCELLED, now=now, by_member=by_member)


@transaction.atomic
def refund_reward(redemption: RewardRedemption, *, now: datetime) -> RewardReceipt:
    """
    Take back a reward although it was used: its points come back to the lots that paid. Again it changes nothing.

    :raises PaidOut: when it was a donation that the cause has by now
    :raises HeldByTill: while a till has it in hand
    :raises RewardEnded: when it is over for another reason
    """
    return _undo(redemption, Status.REFUNDED, now=now)


def _undo(redemption: RewardRedemption, status: Status, *, now: datetime, by_member: bool = False) -> RewardReceipt:
    entry = entry_of(redemption)
    lent = lent_by(entry.wallet_id, entry_id=entry.pk) if entry else {}
    session = AccountSession.open([redemption.membership_id], now, lent=lent)
    wallet = session.wallet(redemption.membership_id, redemption.wallet)
    redemption = read_again(redemption)
    if redemption.status == status:
        return RewardReceipt(redemption, "", wallet.available, is_new=False)
    _require_not_forfeited(redemption, entry, wallet)
    held = _require_undoable(redemption, wallet, status, by_member=by_member)
    back = give_back(wallet, entry.pk, reward=held.code, because=status.value) if entry else None
    session.take(give_up(wallet.decision, held, status.value, {"points": redemption.points}))
    available = wallet.finish()
    redemption.refresh_from_db()
    points, expired = (back.points, back.expired) if back else (0, 0)
    return RewardReceipt(redemption, "", available, points, expired)


def _require_not_forfeited(redemption: RewardRedemption, entry: Entry | None, wallet: WalletSession) -> None:
    """Refuse what is of a membership that has ended; points that paid came with a merge, if they came, at its instant."""
    wallet.require_member()
    paid_at = entry.occurred_at if entry else redemption.redeemed_at
    if paid_at < wallet.member.enrolled_at:
        raise RewardEnded(status=Status.FORFEITED.label, at=f"{redemption.redeemed_at:%Y-%m-%d}")


def _require_undoable(
    redemption: RewardRedemption, wallet: WalletSession, status: Status, *, by_member: bool
) -> HeldReward:
    """Return a reward that may be undone, as it is behind the lock."""
    held = held_in(wallet.decision, redemption)
    if status is Status.CANCELLED and not held.is_open:
        raise NotUndoable(status=redemption.get_status_display())
    if by_member and (held.is_sent or not redemption.reward.may_cancel):
        raise NotUndoable(status=redemption.get_status_display())
    require_not_held(redemption, held, wallet.now)
    if held.is_donation:
        _require_not_paid_out(redemption)
    return held


def _require_not_paid_out(redemption: RewardRedemption) -> None:
    """Refuse to take a donation back that the cause has; behind the cause's lock."""
    lock_counters(redemption.retailer_id, [(redemption.program_id, redemption.reward_key)])
    first = CauseEntry.objects.filter(redemption=redemption).order_by("pk").first()
    if first is None:
        return
    paid = CauseEntry.objects.filter(program=redemption.program_id, reward_key=redemption.reward_key, pk__gt=first.pk)
    if payout := paid.filter(kind=CauseEntry.Kind.PAYOUT).order_by("pk").first():
        raise PaidOut(document=payout.document)

"""What staff note of a reward: that it was sent, that there are more of it, that its cause was paid."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from loyalty.activity.account.session import (
    AccountSession,
)
from loyalty.activity.rewards.redeemed import RewardEnded, Status, held_in, instant_of, read_again
from loyalty.activity.rewards.undoing import require_not_held
from loyalty.programs.models import Program
from loyalty.rewards.models import CauseEntry, Reward, RewardRedemption
from loyalty.rewards.rules import SENT
from loyalty.rewards.steps import use
from loyalty.rewards.writing import lock_counters


class NotSent(DomainError):
    code = "not_sent"
    kind = Kind.CONFLICT
    message = _("Only products and experiences without codes are sent or fulfilled; this one is used with its code.")


@transaction.atomic
def fulfil_reward(redemption: RewardRedemption, status: Status, *, note: str = "", now: datetime) -> RewardRedemption:
    """
    Note that a product or an experience is on its way, or has come to its member; the same again changes nothing.

    :param status: in_progress or fulfilled
    :param note: such as the parcel's number
    :raises NotSent: when it is used with a code
    :raises HeldByTill: while a till has it in hand
    :raises RewardEnded: when it is over, or was fulfilled before it is in progress
    """
    session = AccountSession.open([redemption.membership_id], now)
    decision = session.decisions[redemption.membership_id]
    redemption = read_again(redemption)
    if redemption.status == status and redemption.note == (note or redemption.note):
        return redemption
    if redemption.reward.kind not in SENT or redemption.reward.codes != "none":
        raise NotSent
    held = held_in(decision, redemption)
    if not held.is_open:
        raise RewardEnded(status=redemption.get_status_display(), at=instant_of(redemption.used_at))
    require_not_held(redemption, held, now)
    session.take(use(decision, held, status.value, at=now, note=note))
    session.finish()
    redemption.refresh_from_db()
    return redemption


class NothingToPayOut(DomainError):
    code = "nothing_to_pay_out"
    kind = Kind.CONFLICT
    message = _("The cause “{reward}” has nothing to be paid out.")


@transaction.atomic
def pay_out(program: Program, reward_key: UUID, *, document: str, now: datetime) -> CauseEntry:
    """
    Note that all that a cause was given has been paid out to it; the same document again changes nothing.

    :param document: the transfer's own number
    :raises NothingToPayOut: when it has nothing
    """
    lock_counters(program.retailer_id, [(program.pk, reward_key)])
    entries = CauseEntry.objects.filter(program=program, reward_key=reward_key)
    if earlier := entries.filter(kind=CauseEntry.Kind.PAYOUT, document=document).first():
        return earlier
    total = sum((entry.amount for entry in entries), Decimal(0))
    if total <= 0:
        raise NothingToPayOut(reward=_name_of(reward_key))
    return CauseEntry.objects.create(
        retailer_id=program.retailer_id, program=program, reward_key=reward_key, kind=CauseEntry.Kind.PAYOUT,
        amount=-total, document=document, occurred_at=now, recorded_at=now,
    )  # fmt: skip


def _name_of(reward_key: UUID) -> str:
    """Return what the newest version that has a reward calls it."""
    return str(Reward.objects.filter(key=reward_key).order_by("-version__number").first() or "-")


@transaction.atomic
def add_stock(program: Program, reward_key: UUID, pieces: int) -> int:
    """Add to a reward's stock or, negative, take off it; return how many were added in all."""
    key = (program.pk, reward_key)
    added, _taken, _matched = lock_counters(program.retailer_id, [key])[key]
    bulk.execute(ADD, [added + pieces, *key])
    return added + pieces


ADD = "UPDATE rewards_rewardcounter SET added = %s WHERE program_id = %s AND reward_key = %s"

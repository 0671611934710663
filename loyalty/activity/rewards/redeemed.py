"""What a member has of a reward that it redeemed, as whoever changes it finds it."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from loyalty.activity.loading import MergedMeanwhile
from loyalty.engine.decision import Decision
from loyalty.points.models import Entry, Wallet
from loyalty.rewards.loading import load_one
from loyalty.rewards.models import RewardCode, RewardRedemption
from loyalty.rewards.sealing import unseal
from loyalty.rewards.state import REWARDS, HeldReward

Status = RewardRedemption.Status
OPEN = (Status.ISSUED, Status.IN_PROGRESS)


class RewardEnded(DomainError):
    code = "reward_ended"
    kind = Kind.CONFLICT
    message = _("This reward is over: {status}, at {at}.")


@dataclass(frozen=True, slots=True)
class RewardReceipt:
    """
    What became of a reward.

    :param code: as its member reads it; empty where it has none
    :param available: points that can be spent afterwards
    :param points: that came back, where it was undone
    :param expired: that came back, but had expired meanwhile
    """

    redemption: RewardRedemption
    code: str = ""
    available: int = 0
    points: int = 0
    expired: int = 0
    is_new: bool = True


def read_again(redemption: RewardRedemption) -> RewardRedemption:
    """
    Return a redemption as it is behind its member's lock.

    :raises MergedMeanwhile: when it went over to another member since it was read, who is not locked
    """
    found = RewardRedemption.objects.select_related("reward", "program__retailer").get(pk=redemption.pk)
    if found.membership_id != redemption.membership_id:
        raise MergedMeanwhile
    return found


def held_in(decision: Decision, redemption: RewardRedemption) -> HeldReward:
    """
    Return a member's reward as a decision sees it; one that was used or sent is read anew.

    :raises RewardEnded: when it is over, which time may just have brought
    """
    found = next((each for each in decision.member.of(REWARDS).held if each.id == redemption.pk), None)
    if found is not None and not found.is_over:
        return found
    if redemption.ended_at is not None:
        raise RewardEnded(status=redemption.get_status_display(), at=instant_of(redemption.ended_at))
    if redemption.status in OPEN:  # its end has just been carried out
        at = redemption.expires_at or decision.at
        status = Status.EXPIRED if redemption.expires_at and redemption.expires_at <= decision.at else Status.WITHDRAWN
        raise RewardEnded(status=status.label, at=instant_of(at))
    return load_one(redemption.membership_id, redemption.pk)


def entry_of(redemption: RewardRedemption) -> Entry | None:
    """Return the entry of the points that paid a reward; None for one that cost none."""
    wallets = Wallet.objects.filter(membership=redemption.membership_id)
    return Entry.objects.filter(wallet__in=wallets, cause=f"redeem:{redemption.reference}").first()


def code_of(redemption: RewardRedemption) -> str:
    """Return the code of a redeemed reward as its member reads it; empty where it has none."""
    found = RewardCode.objects.filter(redemption=redemption).first()
    return unseal(bytes(found.sealed), bytes(found.digest)) if found else ""


def instant_of(at: datetime | None) -> str:
    """Return an instant as refusals name it."""
    return f"{at:%Y-%m-%d %H:%M %Z}" if at else "-"

"""What members do with their offers: take them, by the redemption of their reward, or decline them."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from loyalty.activity.rewards.redeemed import RewardReceipt, instant_of
from loyalty.activity.rewards.redeeming import Granted, take_granted
from loyalty.activity.rewards.undoing import cancel_reward
from loyalty.campaigns.models import OfferGrant
from loyalty.campaigns.offering.reading import left_behind_at, with_withdrawals
from loyalty.campaigns.offering.releasing import decline_open

HOLD = "SELECT id FROM campaigns_offergrant WHERE id = %s AND state = 'granted' FOR NO KEY UPDATE"


class OfferOver(DomainError):
    code = "offer_over"
    kind = Kind.CONFLICT
    message = _("This offer is over: {status}, at {at}.")


@transaction.atomic
def take_offer(grant: OfferGrant, *, now: datetime) -> RewardReceipt:
    """
    Redeem the reward that an offer gave a member: it costs nothing, and keeps its reservation. Again it changes nothing.

    For whom the offer is was decided when it was given. Asked is whether it still is, and whether there is one.

    :raises OfferOver: when it ended, was declined or withdrawn
    :raises NotForMember: when it is not its reward's time
    :raises SoldOut: when none is left
    :raises LimitReached: when the member has had the reward as often as it may
    """
    grant = _read(grant)
    if grant.state == OfferGrant.State.TAKEN:
        assert grant.redemption is not None, "a constraint says so"
        grant.redemption.withdrawn_at = grant.withdrawn_at
        if (ended_at := grant.redemption.ended_by(now)) is not None:
            raise OfferOver(status=grant.redemption.status_at(now).label, at=instant_of(ended_at))
        member, reference = grant.redemption.membership, grant.redemption.reference
        return take_granted(member, _granted(grant), reference=reference, now=now)
    _require_open(grant, now)
    membership = grant.membership.merged_into or grant.membership
    receipt = take_granted(membership, _granted(grant), reference=reference_of(grant), now=now)
    if receipt.is_new:
        own = OfferGrant.objects.filter(pk=grant.pk, state=OfferGrant.State.GRANTED)
        if not own.update(state=OfferGrant.State.TAKEN, redemption=receipt.redemption):
            _require_open(_read(grant), now)
    return receipt


@transaction.atomic
def decline_offer(grant: OfferGrant, *, now: datetime) -> OfferGrant:
    """
    Give an offer back, taken or not, as long as it is not used; again it changes nothing.

    :raises OfferOver: when it has ended otherwise
    :raises NotUndoable: when it was used
    :raises HeldByTill: while a till has it in hand
    """
    grant = _read(grant)
    if grant.state == OfferGrant.State.GRANTED and not decline_open(grant.pk, grant.offer.budget_id, now=now):
        grant = _read(grant)  # it was taken, or ended, meanwhile
    elif grant.state == OfferGrant.State.GRANTED:
        return _read(grant)
    if grant.state == OfferGrant.State.TAKEN:
        assert grant.redemption is not None, "a constraint says so"
        cancel_reward(grant.redemption, now=now)
    elif grant.state != OfferGrant.State.DECLINED:
        _require_open(grant, now)
    return _read(grant)


def reference_of(grant: OfferGrant) -> str:
    """Return under which reference an offer is redeemed."""
    return f"offer-{grant.pk}"


def _read(grant: OfferGrant) -> OfferGrant:
    rows = OfferGrant.objects.select_related(
        "offer", "membership__program__retailer", "membership__merged_into__program__retailer",
        "redemption__membership__program__retailer", "redemption__reward",
    )  # fmt: skip
    return with_withdrawals(rows).get(pk=grant.pk)


def _granted(grant: OfferGrant) -> Granted:
    offer = grant.offer
    return Granted(
        grant.reward_key, grant.granted_at, f"offer:{offer.code}", offer.budget_id, grant.reserved, grant.expires_at,
        partial(bulk.fetch, HOLD, [grant.pk]),
    )  # fmt: skip


def _require_open(grant: OfferGrant, now: datetime) -> None:
    if grant.ended_at is not None:
        raise OfferOver(status=grant.get_state_display(), at=instant_of(grant.ended_at))
    if grant.expires_at <= now:
        raise OfferOver(status=OfferGrant.State.EXPIRED.label, at=instant_of(grant.expires_at))
    if (left_at := left_behind_at(grant)) is not None and left_at <= now:
        raise OfferOver(status=OfferGrant.State.EXPIRED.label, at=instant_of(left_at))

"""Somebody has looked at an interaction that was held, or whose reward waits for it: it is rewarded, or it is not."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.identifying import hold_who_stays
from customers.models import Interaction, Retailer
from loyalty.activity import pipeline
from loyalty.activity.account.session import AccountSession
from loyalty.activity.history import load_interactions
from loyalty.activity.loading import hold_customers
from loyalty.activity.models import InteractionHold
from loyalty.memberships.models import Membership
from loyalty.points.models import Lot
from loyalty.points.state import POINTS, OpenLot
from loyalty.points.steps.earning import APPROVED, label_of
from loyalty.points.steps.interacting import approve, refuse, waiting_of


class NoSuchInteraction(DomainError):
    code = "no_such_interaction"
    kind = Kind.NOT_FOUND
    message = _("There is no interaction {number}.")


class DecidedOtherwise(DomainError):
    code = "decided_otherwise"
    kind = Kind.CONFLICT
    message = _("The reward of interaction {number} was {decided} already.")


class NothingWaits(DomainError):
    code = "nothing_waits"
    kind = Kind.CONFLICT
    message = _("Neither interaction {number} nor a reward of it waits for an approval.")


@transaction.atomic
def review(retailer: Retailer, number: str, *, is_approved: bool, now: datetime) -> int:
    """
    Approve or refuse an interaction, in every program of its customer; the same again changes nothing.

    Where it is held, it is decided now as of its own time, or never: limits have kept its place. Where its reward waits, that
    becomes active or is cancelled.

    :returns: the points that are given, become active, or are cancelled; 0 where that was done before
    :raises NoSuchInteraction: when nobody reported it
    :raises NothingWaits: when it was never held, and no reward of it ever waited
    :raises DecidedOtherwise: when the other was done before
    """
    interaction_id = Interaction.objects.filter(retailer=retailer, number=number).values_list("pk", flat=True).first()
    if interaction_id is None:
        raise NoSuchInteraction(number=number)
    hold = InteractionHold.objects.select_for_update().filter(interaction=interaction_id).first()
    found = _lock_author(interaction_id)
    if hold is None:
        return _review_reward(found, is_approved=is_approved, now=now)
    if hold.decided_at is not None:
        return _repeat(hold, found, is_approved=is_approved, now=now)
    hold.is_approved, hold.decided_at = is_approved, now
    hold.save(update_fields=["is_approved", "decided_at"])
    return _decide_held(found, now=now) if is_approved else 0


def _lock_author(interaction_id: UUID) -> Interaction:
    """Hold an interaction's author and its members, so that they are not merged meanwhile; return it as it is then."""
    (author,) = Interaction.objects.filter(pk=interaction_id).values_list("customer", flat=True)
    hold_customers([hold_who_stays(author)])
    return Interaction.objects.get(pk=interaction_id)


def _decide_held(found: Interaction, *, now: datetime) -> int:
    """Decide an interaction that was held, as one that is told late; its reward needs no approval besides."""
    batch = pipeline.run(load_interactions([found.pk]), now=now)
    decided = [each.interaction for each in batch.by_fact.get(found.pk, ()) if each.interaction is not None]
    points = sum(each.points for each in decided)
    if points:
        _settle(found, is_approved=True, now=now)
    return points


def _repeat(hold: InteractionHold, found: Interaction, *, is_approved: bool, now: datetime) -> int:
    """Do the same again, which changes nothing but a reward that waits since."""
    if hold.is_approved is not is_approved:
        raise DecidedOtherwise(number=found.number, decided=_("approved") if hold.is_approved else _("refused"))
    return _settle(found, is_approved=is_approved, now=now)[0] if is_approved else 0


def _review_reward(found: Interaction, *, is_approved: bool, now: datetime) -> int:
    points, session = _settle(found, is_approved=is_approved, now=now)
    if not points:
        _require_same(session, found.pk, found.number, is_approved=is_approved)
    return points


def _settle(found: Interaction, *, is_approved: bool, now: datetime) -> tuple[int, AccountSession]:
    """Approve or refuse rewards that wait, if there are any; return their points, and the members as they are then."""
    members = Membership.objects.filter(customer=found.customer_id, left_at=None).values_list("pk", flat=True)
    session = AccountSession.open(members, now)
    _know(session, found.pk)
    points = 0
    for key in session.decisions:
        waiting = waiting_of(_lots(session, key), found.pk)
        if waiting:
            points += sum(lot.pending for lot in waiting)
            decision = session.decisions[key]
            session.take(approve(decision, found.pk) if is_approved else refuse(decision, found.pk, found.number))
    session.finish()
    return points, session


def _know(session: AccountSession, interaction_id: UUID) -> None:
    """Look at the lots of an interaction, whatever is left in them."""
    own = Lot.objects.filter(gift=label_of(interaction_id), wallet__membership__in=list(session.decisions))
    lots: dict[tuple[UUID, str], list[UUID]] = {}
    for lot_id, key, code in own.values_list("pk", "wallet__membership", "wallet__code"):
        lots.setdefault((key, code), []).append(lot_id)
    for (key, code), ids in lots.items():
        session.wallet(key, code).know(ids)


def _lots(session: AccountSession, key: UUID) -> list[OpenLot]:
    return [lot for wallet in session.member(key).of(POINTS).wallets for lot in wallet.lots]


def _require_same(session: AccountSession, interaction_id: UUID, number: str, *, is_approved: bool) -> None:
    """Refuse where nothing waits, unless the very same was done before."""
    label = label_of(interaction_id)
    lots = [lot for key in session.decisions for lot in _lots(session, key) if lot.gift == label]
    if not any(lot.activation_event == APPROVED for lot in lots):
        raise NothingWaits(number=number)
    was_approved = any(lot.active_at is not None for lot in lots)
    if was_approved is not is_approved:
        raise DecidedOtherwise(number=number, decided=_("approved") if was_approved else _("refused"))

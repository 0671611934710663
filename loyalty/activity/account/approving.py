"""Somebody has looked at an interaction whose reward waits for it: the points become active, or are cancelled."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.models import Interaction, Retailer
from loyalty.activity.account.session import AccountSession
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
    message = _("No reward of interaction {number} waits for an approval.")


@transaction.atomic
def review(retailer: Retailer, number: str, *, is_approved: bool, now: datetime) -> int:
    """
    Approve or refuse the reward of an interaction, in every program of its customer; the same again changes nothing.

    :returns: the points that become active, or that are cancelled; 0 where that was done before
    :raises NoSuchInteraction: when nobody reported it
    :raises NothingWaits: when no reward of it ever waited
    :raises DecidedOtherwise: when the other was done before
    """
    found = Interaction.objects.filter(retailer=retailer, number=number).select_related("customer").first()
    if found is None:
        raise NoSuchInteraction(number=number)
    customer = found.customer.merged_into_id or found.customer_id
    members = Membership.objects.filter(customer=customer, left_at=None).values_list("pk", flat=True)
    session = AccountSession.open(members, now)
    _know(session, found.pk)
    points = 0
    for key in session.decisions:
        waiting = waiting_of(_lots(session, key), found.pk)
        if waiting:
            points += sum(lot.pending for lot in waiting)
            session.take((approve if is_approved else refuse)(session.decisions[key], found.pk))
    if not points:
        _require_same(session, found.pk, number, is_approved=is_approved)
    session.finish()
    return points


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

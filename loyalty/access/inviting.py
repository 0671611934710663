"""Somebody works for a retailer who was invited by it and has accepted: nobody is given a role behind its back."""

from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.tenancy import ALL_TENANTS, acting_for
from customers.models import Retailer
from loyalty.access.models import StaffInvitation, StaffRole

SALT = "loyalty.access.invitation"


class NoInvitation(DomainError):
    code = "no_invitation"
    kind = Kind.NOT_FOUND
    message = _("This invitation is over, or was accepted already. Ask for a new one.")


def invite(retailer: Retailer, email: str, role: str, *, by: str, now: datetime) -> StaffInvitation:
    """Ask somebody to work for a retailer."""
    return StaffInvitation.objects.create(
        retailer=retailer, email=email, role=role, invited_by=by, invited_at=now, expires_at=now + StaffInvitation.LIFE
    )


def token_of(invitation: StaffInvitation) -> str:
    """Return what leads to an invitation, and is known to nobody but who is shown it."""
    return signing.dumps(invitation.pk, salt=SALT)


def invitation_of(token: str, *, now: datetime) -> StaffInvitation:
    """
    Return the invitation to which a token leads.

    :raises NoInvitation: when there is none, or it is over
    """
    try:
        pk = signing.loads(token, salt=SALT, max_age=StaffInvitation.LIFE)
    except signing.BadSignature as error:
        raise NoInvitation from error
    with acting_for(ALL_TENANTS):
        rows = StaffInvitation.objects.select_related("retailer")
        found = rows.filter(pk=pk, accepted_at=None, expires_at__gt=now).first()
    if found is None:
        raise NoInvitation
    return found


def accept(invitation: StaffInvitation, user: Any, *, now: datetime) -> StaffRole:
    """
    Give a user the role to which it was invited; a role that it has at the retailer already becomes this one.

    :raises NoInvitation: when somebody has accepted it meanwhile
    """
    with acting_for(ALL_TENANTS), transaction.atomic():
        waiting = StaffInvitation.objects.filter(pk=invitation.pk, accepted_at=None, expires_at__gt=now)
        if not waiting.update(accepted_at=now, accepted_by=user):
            raise NoInvitation
        role, _made = StaffRole.objects.update_or_create(
            user=user, retailer=invitation.retailer, defaults={"role": invitation.role, "chosen_at": now}
        )
    return role

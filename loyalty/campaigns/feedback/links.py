"""The address that answers an invitation: who has it may answer, without signing in."""

from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.campaigns.models import Invitation

SIGNER = Signer(salt="loyalty.campaigns.feedback", sep=".")
INVITATION = "invitation"  # the value of a message that is one
SURVEY = "survey"  # the value of its text that leads to the question


class UnknownInvitation(DomainError):
    code = "unknown_invitation"
    kind = Kind.NOT_FOUND
    message = _("This address is not complete, or belongs to no question of ours.")


def token_of(invitation_id: UUID) -> str:
    """Return by what an invitation is known at its address."""
    return SIGNER.sign(invitation_id.hex)


def survey_address(invitation_id: UUID) -> str:
    """Return the address at which an invitation is answered."""
    return f"{settings.PUBLIC_URL.rstrip('/')}{reverse('survey', args=[token_of(invitation_id)])}"


def invitation_of(token: str) -> Invitation:
    """
    Return the invitation that a token is of.

    :raises UnknownInvitation: for a text that is none, and where its customer was erased
    """
    try:
        key = UUID(hex=SIGNER.unsign(token))
    except (BadSignature, ValueError) as error:
        raise UnknownInvitation from error
    rows = Invitation.objects.select_related("survey", "retailer", "customer__merged_into")
    found = rows.filter(pk=key).first()
    if found is None or (found.customer.merged_into or found.customer).erased_at is not None:
        raise UnknownInvitation
    return found

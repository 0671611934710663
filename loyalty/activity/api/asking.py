"""About whom a caller asks."""

from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from customers.api.callers import retailer_of
from loyalty.memberships.models import Membership


def member_of(request: Request, number: str) -> Membership:
    """Return the member of the caller's retailer to whom a number leads; 404 where there is none."""
    members = Membership.objects.select_related("program", "customer").numbered(number)
    return get_object_or_404(members, retailer=retailer_of(request))


def site_of(request: Request) -> str:
    """Return the address of this site as the caller knows it."""
    return f"{request.scheme}://{request.get_host()}"

"""What a caller asks for: about whom, and whether it is only tried out."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from customers.api.asking import asked_for
from customers.api.callers import retailer_of
from loyalty.memberships.models import Membership


def member_of(request: Request, number: str) -> Membership:
    """Return the member of the caller's retailer to whom a number leads; 404 where there is none."""
    members = Membership.objects.select_related("program", "customer").numbered(number)
    return get_object_or_404(members, retailer=retailer_of(request))


@contextmanager
def all_or_dry(request: Request) -> Iterator[None]:
    """Do what is inside in one transaction, and undo it where a dry run was asked for."""
    is_dry = asked_for(request, "dry_run")
    with transaction.atomic():
        yield
        if is_dry:
            transaction.set_rollback(True)

"""What a caller asks for: about whom, and what any write can be asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from customers.api.callers import retailer_of
from loyalty.memberships.models import Membership

DRY_RUN = OpenApiParameter("dry_run", bool, description="Answer what would happen, and write nothing.")


def asked_for(request: Request, name: str) -> bool:
    """Tell whether a query parameter switches something on."""
    return request.query_params.get(name, "").lower() in {"1", "true", "yes"}


def member_of(request: Request, number: str) -> Membership:
    """Return the member of the caller's retailer to whom a number leads; 404 where there is none."""
    members = Membership.objects.select_related("program", "customer").numbered(number)
    return get_object_or_404(members, retailer=retailer_of(request))


@contextmanager
def all_or_dry(request: Request) -> Iterator[None]:
    """Do what is inside in one transaction, and undo it where a dry run was asked for."""
    with transaction.atomic():
        yield
        if asked_for(request, "dry_run"):
            transaction.set_rollback(True)

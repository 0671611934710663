"""What a caller can ask for with any write."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

DRY_RUN = OpenApiParameter("dry_run", bool, description="Answer what would happen, and write nothing.")


def asked_for(request: Request, name: str) -> bool:
    """Tell whether a query parameter switches something on."""
    return request.query_params.get(name, "").lower() in {"1", "true", "yes"}


@contextmanager
def all_or_dry(request: Request) -> Iterator[None]:
    """Do what is inside in one transaction, and undo it where a dry run was asked for."""
    with transaction.atomic():
        yield
        if asked_for(request, "dry_run"):
            transaction.set_rollback(True)

"""Who calls, and about whom or what: what is not there is named, with where it was looked for and what there is."""

from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, QuerySet
from rest_framework.request import Request

from customers.core.errors import DomainError
from customers.models import Customer, Retailer
from customers.privacy import find

Row = TypeVar("Row", bound=Model)


def retailer_of(request: Request) -> Retailer:
    """Return whose system calls."""
    retailer: Retailer = request.auth.retailer  # type: ignore[union-attr] # HasScope let only a key through
    return retailer


def customer_of(request: Request, external_id: str) -> Customer:
    """
    Return the customer of the caller's retailer to whom an id leads.

    :raises UnknownCustomer: when it leads to nobody
    """
    return find(retailer_of(request), external_id)


def the_one(rows: QuerySet[Row], missing: Callable[[], DomainError]) -> Row:
    """
    Return the only one of rows.

    :param missing: says what is not there, and what is; asked only where it is needed
    :raises DomainError: what `missing` says, where there is none
    """
    try:
        return rows.get()
    except ObjectDoesNotExist:
        raise missing() from None


def author_of(request: Request) -> str:
    """Return who calls, for what is noted: a person's name, or that of a key."""
    user = getattr(request.auth, "user", None)
    return user.get_username() if user is not None else f"key {request.auth.name}"  # type: ignore[union-attr] # a key

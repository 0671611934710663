"""About whom and what a caller asks."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from customers.api.callers import retailer_of, the_one
from customers.core.errors import DomainError, Kind
from customers.core.prepared import Prepared
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program

MAX_NAMED = 20
NUMBERED = Prepared(
    lambda retailer, number: Membership.objects.select_related("program", "customer").numbered(retailer, number)
)


class NotThere(DomainError):
    """Something that a caller names is not there, or is not the caller's, which is the same to it."""

    code = "not_found"
    kind = Kind.NOT_FOUND


class NoSuchMember(NotThere):
    message = _("There is no member {number}. Look for it by customer, e-mail, phone or card at /api/v1/members.")


class NoSuchProgram(NotThere):
    message = _("There is no program “{slug}”. There are: {known}.")


def member_of(request: Request, number: str) -> Membership:
    """
    Return the member of the caller's retailer to whom a number leads.

    :raises NoSuchMember: when it leads to nobody
    """
    found = NUMBERED.rows(retailer=retailer_of(request).pk, number=number)
    if not found:
        raise NoSuchMember(number=number)
    return found[0]


def program_of(request: Request, slug: str) -> Program:
    """
    Return a program of the caller's retailer.

    :raises NoSuchProgram: when there is no such one
    """
    programs = Program.objects.select_related("retailer").filter(retailer=retailer_of(request))
    return the_one(
        programs.filter(slug=slug),
        lambda: NoSuchProgram(slug=slug, known=listed(programs.order_by("slug").values_list("slug", flat=True))),
    )


def listed(names: Iterable[object]) -> str:
    """Return names as a list to be read; of many, the first."""
    known = [str(name) for name in names]
    return ", ".join(known[:MAX_NAMED]) + (", …" if len(known) > MAX_NAMED else "") or "-"


def site_of(request: Request) -> str:
    """Return the address of this site as the caller knows it."""
    return f"{request.scheme}://{request.get_host()}"

"""The only writer of households: who spends together."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.memberships.models import Household, HouseholdMember, Membership

MAX_MEMBERS = 20


class InAnotherHousehold(DomainError):
    code = "in_another_household"
    kind = Kind.CONFLICT
    message = _("Member {number} belongs to a household already. It has to leave that one first.")


class NotOneProgram(DomainError):
    code = "not_one_program"
    kind = Kind.INVALID
    message = _("The members of a household belong to one program.")


class HouseholdFull(DomainError):
    code = "household_full"
    kind = Kind.INVALID
    message = _("A household has at most {limit} members.")


@transaction.atomic
def open_household(members: Sequence[Membership], *, name: str = "", now: datetime) -> Household:
    """
    Let members of a program spend together.

    :raises NotOneProgram: when they belong to several
    :raises InAnotherHousehold: when one of them spends with others already
    """
    if len({member.program_id for member in members}) != 1:
        raise NotOneProgram
    first = members[0]
    made = Household.objects.create(
        retailer_id=first.retailer_id, program_id=first.program_id, name=name, created_at=now
    )
    for member in members:
        join(made, member, now=now)
    return made


@transaction.atomic
def join(household: Household, member: Membership, *, now: datetime) -> None:
    """
    Let a member spend with a household; one who does so already stays.

    :raises HouseholdFull: when it has as many members as it may have
    """
    Household.objects.select_for_update().get(pk=household.pk)
    if member.program_id != household.program_id:
        raise NotOneProgram
    found, is_new = HouseholdMember.objects.get_or_create(
        membership=member,
        defaults={"household": household, "retailer_id": household.retailer_id, "joined_at": now},
    )
    if not is_new and found.household_id != household.pk:
        raise InAnotherHousehold(number=member.number)
    if household.members.count() > MAX_MEMBERS:
        raise HouseholdFull(limit=MAX_MEMBERS)


@transaction.atomic
def leave(member: Membership) -> bool:
    """Let a member spend alone again, with the points that it has; tell whether it was in a household."""
    found = HouseholdMember.objects.filter(membership=member).first()
    if found is None:
        return False
    household = found.household
    found.delete()
    if not household.members.exists():
        household.delete()
    return True

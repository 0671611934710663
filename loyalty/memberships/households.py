"""The only writer of households: who spends together."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.memberships.locking import lock_memberships
from loyalty.memberships.models import Household, HouseholdMember, HouseholdStay, Membership

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
def share(first: Membership, others: Sequence[Membership], *, name: str = "", now: datetime) -> tuple[Household, bool]:
    """
    Let members of a program spend with one: in the household that it has, or in a new one; one who does so already stays.

    Members are locked before their household, so who is in which one stays as it is read here.

    :param name: of a new household
    :returns: the household, and whether it is new
    :raises NotOneProgram: when they belong to several
    :raises InAnotherHousehold: when one of the others spends with somebody else already
    :raises HouseholdFull: when they would be more than a household may have
    """
    members = {member.pk: member for member in (first, *others)}
    lock_memberships(members)
    if len({member.program_id for member in members.values()}) != 1:
        raise NotOneProgram
    spending = HouseholdMember.objects.filter(membership__in=members)
    known = dict(spending.values_list("membership_id", "household_id"))
    is_new = first.pk not in known
    household = _open(first, name, now) if is_new else _locked(known[first.pk])
    for pk, household_id in known.items():
        if household_id != household.pk:
            raise InAnotherHousehold(number=members[pk].number)
    _add(household, sorted(members.keys() - known.keys()), now)
    return household, is_new


@transaction.atomic
def leave(member: Membership, *, now: datetime) -> bool:
    """Let a member spend alone again, with the points that it has; tell whether it was in a household."""
    lock_memberships([member.pk])
    found = HouseholdMember.objects.filter(membership=member).first()
    if found is None:
        return False
    household = _locked(found.household_id)
    HouseholdStay.objects.create(
        membership=member, household_id=household.pk, retailer_id=household.retailer_id, joined_at=found.joined_at,
        left_at=max(now, found.joined_at),
    )  # fmt: skip
    found.delete()
    if not household.members.exists():
        household.delete()
    return True


@transaction.atomic
def take_place(of: Membership, member: Membership, *, now: datetime) -> None:
    """Let a member spend with the household of another one, who leaves it; one that has a household keeps its own."""
    lock_memberships([of.pk, member.pk])
    found = HouseholdMember.objects.filter(membership=of).first()
    if found is None:
        return
    if not HouseholdMember.objects.filter(membership=member).exists():
        household = _locked(found.household_id)
        HouseholdMember.objects.create(
            membership=member, household=household, retailer_id=household.retailer_id, joined_at=now
        )
    leave(of, now=now)


def _open(first: Membership, name: str, now: datetime) -> Household:
    program = {"retailer_id": first.retailer_id, "program_id": first.program_id}
    return Household.objects.create(**program, name=name, created_at=now)


def _locked(household_id: UUID) -> Household:
    """Return a household, locked: how many it has is decided by one at a time."""
    return Household.objects.select_for_update(no_key=True).get(pk=household_id)


def _add(household: Household, members: Sequence[UUID], now: datetime) -> None:
    if household.members.count() + len(members) > MAX_MEMBERS:
        raise HouseholdFull(limit=MAX_MEMBERS)
    HouseholdMember.objects.bulk_create(
        HouseholdMember(membership_id=pk, household=household, retailer_id=household.retailer_id, joined_at=now)
        for pk in members
    )

"""What memberships hold on a person: where it is a member, since when, under which number."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Rows, Section
from loyalty.memberships.models import HouseholdMember, HouseholdStay, Membership, MembershipPeriod
from loyalty.memberships.numbers import new_number
from loyalty.outbox.forgetting import rename
from loyalty.outbox.publishing import NewEvent, publish


def memberships_of(person: Person) -> list[Membership]:
    """Return all memberships of a person, those that were merged among them."""
    mine = Membership.objects.filter(customer__in=person.ids).select_related("program__retailer")
    return list(mine.order_by("program", "pk"))


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return a person's memberships, with earlier times of them, and its household."""
    mine = memberships_of(person)
    return [
        Section("memberships", _("Programs of which you are a member"), [_membership(each) for each in mine]),
        Section("earlier_memberships", _("Earlier times as a member"), _periods(mine)),
        Section("households", _("With whom you share points"), _households(mine)),
        Section("earlier_households", _("Earlier times in which you shared points"), _stays(mine)),
    ]


def _membership(each: Membership) -> dict[str, object]:
    return {
        "program": each.program.slug, "name": each.program.name, "number": each.number, "source": each.source,
        "enrolled_at": each.enrolled_at, "left_at": each.left_at, "is_merged": each.merged_into_id is not None,
    }  # fmt: skip


def _periods(mine: Iterable[Membership]) -> Rows:
    rows = MembershipPeriod.objects.filter(membership__in=mine).order_by("pk")
    return rows.values("membership__number", "enrolled_at", "left_at")


def _households(mine: Iterable[Membership]) -> Rows:
    """Return a person's households by their name, and of how many they are: the others are not its own data."""
    rows = HouseholdMember.objects.filter(membership__in=mine).select_related("household")
    return [
        {"name": row.household.name, "joined_at": row.joined_at, "members": row.household.members.count()}
        for row in rows
    ]


def _stays(mine: Iterable[Membership]) -> Rows:
    rows = HouseholdStay.objects.filter(membership__in=mine).order_by("pk")
    return rows.values("membership__number", "joined_at", "left_at")


def erase(person: Person, now: datetime) -> None:
    """Give memberships numbers that nobody has been told, and tell the retailer's systems which ones are gone."""
    mine = memberships_of(person)
    gone = []
    for each in mine:
        old, each.number = each.number, _free_number(each.retailer_id)
        each.save(update_fields=["number"])
        person.renamed[old] = each.number
        gone.append(_event(each, old, now))
    rename([each.pk for each in mine], person.renamed, retailer_id=person.retailer.pk)
    publish(gone, now=now)


def _free_number(retailer_id: int) -> str:
    while Membership.objects.filter(retailer=retailer_id, number=(number := new_number())).exists():
        pass
    return number


def _event(each: Membership, old: str, now: datetime) -> NewEvent:
    payload = {"program": each.program.slug, "member": old}
    return NewEvent(each.retailer_id, "membership.erased", UUID(str(each.pk)), payload, now)


PART = Part(
    "memberships",
    (
        "memberships_membership", "memberships_membershipperiod", "memberships_household", "memberships_householdmember",
        "memberships_householdstay", "outbox_event", "outbox_delivery",
    ),
    holds=holds,
    erase=erase,
)  # fmt: skip

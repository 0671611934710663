"""Staff give a member a badge for no challenge, and take it away again: with a reason, and noted."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from loyalty.activity.versions import versions_of_member
from loyalty.badges.models import Badge, GivenBadge
from loyalty.badges.overview import badges_of, given_to
from loyalty.engine.versions import Versions
from loyalty.memberships.locking import lock_memberships
from loyalty.memberships.models import Membership
from loyalty.outbox.publishing import NewEvent, publish


class NoSuchBadge(DomainError):
    code = "no_such_badge"
    kind = Kind.NOT_FOUND
    message = _("The program has no badge “{badge}”.")


class NoSuchMember(DomainError):
    code = "no_such_member"
    kind = Kind.NOT_FOUND
    message = _("The program has no member {number}.")


class HasLevels(DomainError):
    code = "badge_has_levels"
    kind = Kind.CONFLICT
    message = _("The levels of “{badge}” are earned by challenges; staff give none.")


class HasItAlready(DomainError):
    code = "has_it_already"
    kind = Kind.CONFLICT
    message = _("The member has “{badge}” already.")


class NotGivenByStaff(DomainError):
    code = "not_given_by_staff"
    kind = Kind.CONFLICT
    message = _("Staff have not given “{badge}” to the member. What a challenge gave stays.")


class NoMemberNow(DomainError):
    code = "not_a_member"
    kind = Kind.CONFLICT
    message = _("Who has left the program gets no badge.")


@transaction.atomic
def give_badge(member: Membership, code: str, *, author: str, reason: str, now: datetime) -> GivenBadge:
    """
    Give a member a badge that it has not, or once more one that is given again and again; it gives no points.

    :raises NoMemberNow: when the member has left
    :raises NoSuchBadge: when the version in force has no such badge
    :raises HasLevels: when it is one in levels
    :raises HasItAlready: when the member has it, of a badge that one has once, or staff gave it before
    """
    lock_memberships([member.pk])
    member.refresh_from_db()
    if member.left_at is not None:
        raise NoMemberNow
    versions = versions_of_member(member)
    badge = _badge(versions, code, now)
    if badge.kind == Badge.Kind.LEVELLED:
        raise HasLevels(badge=str(badge))
    held = next(each for each in badges_of(member, versions, at=now) if each.badge.key == badge.key)
    if given_to(member).filter(badge_key=badge.key).exists() or (held.times and badge.kind == Badge.Kind.ONCE):
        raise HasItAlready(badge=str(badge))
    # What staff gave before the member left and joined again is its no more.
    GivenBadge.objects.filter(membership=member, badge_key=badge.key, taken_at=None).update(taken_at=now)
    row = GivenBadge.objects.create(
        retailer_id=member.retailer_id, membership=member, badge=badge, badge_key=badge.key, given_at=now, given_by=author,
        reason=reason,
    )  # fmt: skip
    publish([_event("badge.awarded", member, row, held.times + 1)], now=now)
    return row


@transaction.atomic
def take_badge(member: Membership, code: str, *, author: str, reason: str, now: datetime) -> GivenBadge:
    """
    Take a badge away that staff gave a member.

    :raises NotGivenByStaff: when staff did not give it, or took it away before
    """
    lock_memberships([member.pk])
    versions = versions_of_member(member)
    keys = [each.key for each in Badge.objects.filter(version__program=member.program_id, code=code)]
    row = given_to(member).filter(badge_key__in=keys).select_related("badge").first()
    if row is None:
        raise NotGivenByStaff(badge=code)
    row.taken_at, row.taken_by, row.taken_reason = now, author, reason
    row.save(update_fields=["taken_at", "taken_by", "taken_reason"])
    left = next((each.times for each in badges_of(member, versions, at=now) if each.badge.key == row.badge_key), 0)
    publish([_event("badge.taken_back", member, row, left)], now=now)
    return row


def _badge(versions: Versions, code: str, at: datetime) -> Badge:
    version = versions.at(at)
    row = Badge.objects.filter(version=version.version_id, code=code).first() if version else None
    if row is None:
        raise NoSuchBadge(badge=code)
    return row


def _event(kind: str, member: Membership, row: GivenBadge, times: int) -> NewEvent:
    said = {
        "program": member.program.slug, "member": member.number, "badge": row.badge.code, "times": times, "level": 0,
        "challenge": "", "cause": "staff",
    }  # fmt: skip
    return NewEvent(member.retailer_id, kind, member.pk, said, row.taken_at or row.given_at)

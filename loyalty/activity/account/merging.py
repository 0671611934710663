"""
Two customers turn out to be one: in each program what the one has as a member goes to the other one.

Whose membership is the only one keeps it, with its number. Of two, the one of the customer who stays goes on: it takes over
points lot by lot, what is owed, redemptions, days, the higher tier and the decisions on orders; the other one ends, and its
number leads there. What neither program has decided waits in the backlog, now for the one who stays.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.merging import MergedCustomer, merge, wait_for_others
from customers.models import Customer, Retailer
from loyalty.activity.account.recounting import MovedInteractions
from loyalty.activity.account.session import AccountSession
from loyalty.activity.account.taking_over import take_over
from loyalty.activity.account.undecided import let_wait
from loyalty.activity.capabilities import CAPABILITIES
from loyalty.activity.loading import may_grant
from loyalty.activity.pipeline import run, take_waiting
from loyalty.activity.verifying import find_verified_of
from loyalty.activity.versions import versions_of, versions_of_program
from loyalty.memberships import households
from loyalty.memberships.locking import lock_memberships
from loyalty.memberships.models import Membership
from loyalty.tiers.models import Standing

# What was decided for another one since keeps the one that decided it first.
DECIDED = """
UPDATE activity_interactiondecision SET merged_from = %s
WHERE interaction_id = ANY(%s) AND program_id = %s AND merged_from IS NULL
"""


class TargetLeft(DomainError):
    code = "target_left"
    kind = Kind.CONFLICT
    message = _(
        "{target} has left program {program}, of which {source} is a member. Merge {target} into {source} instead, or enrol "
        "{target} again first."
    )


@dataclass(frozen=True, slots=True)
class MergedMembership:
    """
    What becomes of a membership of the customer who goes.

    :param number: of the membership that stays
    :param merged_number: of the one that ended; empty where it is the only one, and stays
    :param points: that went over and can be spent, by wallet
    :param pending: those that are not active yet, by wallet
    :param tier: the code of the tier that the member has now; empty for none
    """

    program: str
    number: str
    merged_number: str = ""
    points: dict[str, int] = field(default_factory=dict)
    pending: dict[str, int] = field(default_factory=dict)
    tier: str = ""


@dataclass(frozen=True, slots=True)
class MergeAnswer:
    """
    What became of a merge.

    :param customer: external id of the customer who stays
    :param waiting: facts that programs are still to decide for the one who stays
    """

    merged: MergedCustomer
    customer: str
    memberships: tuple[MergedMembership, ...] = ()
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class MergeFollower:
    """
    What a floor above has of customers, and lets go over with a merge; `settings.MERGE_FOLLOWERS` names them.

    :param lock: holds what is held before customers, of those whom the retailer's ids lead to
    :param take_over: lets what the one has be the other one's
    """

    lock: Callable[[Retailer, Sequence[str]], None]
    take_over: Callable[[MergedCustomer, datetime], None]


@transaction.atomic
def take_merge(  # noqa: PLR0913 - who, into whom, why, when
    retailer: Retailer, source: str, target: str, *, reference: str, now: datetime, dry_run: bool = False
) -> MergeAnswer:
    """
    Merge a customer into another one, with all that it has in programs; the same merge again changes nothing.

    :param source: external id of the customer who goes
    :param target: external id of the one who stays
    :param dry_run: answer what would happen, and leave no trace
    :raises OpenHold: when points of the one who goes are held
    :raises TargetLeft: when the one who stays has left a program of which the other one is a member
    """
    followers: list[MergeFollower] = [import_string(path) for path in settings.MERGE_FOLLOWERS]
    wait_for_others(retailer)
    for follower in followers:
        follower.lock(retailer, (source, target))
    merged = merge(retailer, source, target, reference=reference, now=now)
    customer = Customer.objects.get(pk=merged.target_id).external_id
    answer = MergeAnswer(merged, customer)
    if merged.is_new:
        found = _merge_memberships(merged, source, customer, now)
        waiting = let_wait(merged)
        answer = MergeAnswer(merged, customer, tuple(found), waiting)
        for follower in followers:
            follower.take_over(merged, now)
        # A birth date may be new, an enrolment earlier: the clock looks again.
        Membership.objects.filter(customer=merged.target_id, left_at=None).update(next_due_at=now)
        _take_back(merged.target_id, now)
        _verify(merged.target_id, now)
    if dry_run:
        transaction.set_rollback(True)
    return answer


def _take_back(customer_id: UUID, now: datetime) -> None:
    """Let go at once with the merge what was given for who turned out to be nobody else, such as a friend."""
    members = Membership.objects.filter(customer=customer_id, left_at=None).values_list("pk", "program_id")
    keys = [key for key, program_id in members if may_grant(versions_of([program_id]).values())]
    if keys:
        AccountSession.open(keys, now).finish()
        take_waiting(keys, now=now)


def _verify(customer_id: UUID, now: datetime) -> None:
    """Let what either wrote of products that the other one had bought be decided again."""
    programs = Membership.objects.filter(customer=customer_id, left_at=None).values_list("program_id", flat=True)
    run(find_verified_of(customer_id, versions_of(list(programs))), now=now)


def _merge_memberships(merged: MergedCustomer, source: str, target: str, now: datetime) -> list[MergedMembership]:
    both = Membership.objects.filter(customer__in=[merged.source_id, merged.target_id], merged_into=None)
    ids = lock_memberships(both.values_list("pk", flat=True))
    members = list(Membership.objects.select_related("program__retailer").filter(pk__in=ids).order_by("program_id"))
    staying = {each.program_id: each for each in members if each.customer_id == merged.target_id}
    found = []
    for each in members:
        if each.customer_id != merged.source_id:
            continue
        other = staying.get(each.program_id)
        if other is None:
            found.append(_move(each, merged.target_id))
            continue
        if each.left_at is None and other.left_at is not None:
            raise TargetLeft(target=target, source=source, program=each.program.slug)
        if merged.interaction_ids:
            bulk.execute(DECIDED, [each.pk, list(merged.interaction_ids), each.program_id])
        if each.left_at is None:
            found.append(_join(each, other, MovedInteractions(merged.target_id, merged.interaction_ids), now))
        else:  # it has nothing any more
            _end(each, other, now, left_at=each.left_at)
            found.append(MergedMembership(each.program.slug, other.number, each.number, tier=_tier_of(other)))
    return found


def _move(member: Membership, customer_id: UUID) -> MergedMembership:
    """Let a membership be another customer's, who has none in its program."""
    member.customer_id = customer_id
    member.save(update_fields=["customer_id"])
    return MergedMembership(member.program.slug, member.number, tier=_tier_of(member))


def _join(source: Membership, target: Membership, moved: MovedInteractions, now: datetime) -> MergedMembership:
    """Let one member take over what the other one has, which ends."""
    passed = take_over(source, target, moved, now=now)
    households.take_place(source, target, now=now)
    _end(source, target, now, left_at=now)
    return MergedMembership(
        target.program.slug, target.number, source.number, passed.available, passed.pending, _tier_of(target)
    )


def _end(source: Membership, target: Membership, now: datetime, *, left_at: datetime) -> None:
    """End a membership whose number, with those that led to it, leads to another one from now on."""
    Membership.objects.filter(merged_into=source).update(merged_into=target)
    # Another server's clock may be ahead of this one's, or whoever enrolled it was waited for.
    source.left_at, source.next_due_at, source.merged_into = max(left_at, source.enrolled_at), None, target
    source.merged_at, source.merged_first_into, source.other_since = now, target.pk, target.enrolled_at
    source.save(
        update_fields=["left_at", "next_due_at", "merged_into", "merged_at", "merged_first_into", "other_since"]
    )
    uses = versions_of_program(source.program_id).uses
    for capability in CAPABILITIES:
        if capability.name in uses:
            capability.merge_rows(source.pk, target.pk)


def _tier_of(member: Membership) -> str:
    standing = Standing.objects.select_related("tier").filter(pk=member.pk).first()
    return standing.tier.code if standing and standing.tier else ""

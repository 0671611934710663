"""Customers become members: membership, wallet, standing, consent and event in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.checks import past_of
from customers.core import bulk
from customers.core.errors import DomainError
from customers.identifying import hold_all
from customers.models import Consent, Customer
from loyalty.activity.deciding import decide
from loyalty.activity.loading import load_states, lock_memberships
from loyalty.activity.steps import CLOCK
from loyalty.activity.versions import versions_of_program
from loyalty.activity.writing import write
from loyalty.engine.activities import Enrolled as What
from loyalty.memberships.enrolment import Enrolled, open_memberships
from loyalty.memberships.models import Membership, MembershipPeriod
from loyalty.outbox.publishing import NewEvent, publish
from loyalty.points.ledger import open_wallets
from loyalty.points.loading.wallets import codes_of
from loyalty.points.models import QualifyingDay
from loyalty.programs.models import Program


class ProgramNotOpen(DomainError):
    code = "program_not_open"
    message = _("Program {program} has no version in force. Publish one first.")


@transaction.atomic
def enrol(
    program: Program, customers: Sequence[tuple[UUID, datetime]], *, source: str, wording: str = "", now: datetime
) -> list[Enrolled]:
    """
    Enrol customers in a program; one who is a member already stays as it is, one who left begins anew.

    What a customer ordered before it enrolled earns nothing; what it orders afterwards does, however late we hear of it.
    Of one that is merged at this moment the one who stays is enrolled.

    :param customers: ids with the instant at which each agreed
    :param wording: what the customer agreed to, kept as its consent
    :raises ProgramNotOpen: when the program has no published version
    :raises InvalidFact: when an instant lies in the future
    """
    versions = versions_of_program(program.pk)
    if not versions.versions:
        raise ProgramNotOpen(program=program.slug)
    stays = hold_all(customer for customer, _ in customers)
    instants = {stays[customer]: past_of("enrolled_at", instant, now) for customer, instant in customers}
    found = open_memberships(program, list(instants.items()), source=source, now=now)
    back = _come_back([member for member in found if not member.is_new], instants)
    enrolled = [replace(member, is_new=member.is_new or member.membership_id in back) for member in found]
    new = [member for member in enrolled if member.is_new]
    first = [member.membership_id for member in new if member.membership_id not in back]
    open_wallets(program.retailer_id, first, codes_of(versions.versions))
    _enter(new, instants, now)
    _queue_facts([member for member in new if instants[member.customer_id] < now], instants)
    _write_consents(new, instants, source, wording, now)
    publish((_event(program, member, instants[member.customer_id]) for member in new), now=now)
    return enrolled


def _enter(new: Sequence[Enrolled], instants: dict[UUID, datetime], now: datetime) -> None:
    """Give new members what everybody has, and set their clocks."""
    locked = lock_memberships((member.membership_id for member in new), latest=now)
    loaded = load_states(locked, (), is_whole=lambda _: True, is_passing=lambda _: True)
    decisions, after = [], {}
    for key, member in loaded.members.items():
        versions, at = loaded.versions_for(member), instants[member.customer_id]
        started = versions.latest_start(at)
        fresh = member.with_start(started) if started else member
        decision = decide(fresh, What(key, member.customer_id, at), versions, now=at, pools={})
        assert decision is not None, "enrolling is always decided"
        decisions.append(decision)
        after[key] = CLOCK.reset(decision.member, versions, at)
    write(decisions, before=loaded.members, after=after, now=now)


def _come_back(known: Sequence[Enrolled], instants: dict[UUID, datetime]) -> set[UUID]:
    """Let those begin anew who had left; return who they are."""
    if not known:
        return set()
    left = Membership.objects.select_for_update(no_key=True).order_by("pk").filter(
        pk__in=[member.membership_id for member in known], left_at__isnull=False
    )  # fmt: skip
    back = set()
    for member in left:
        assert member.left_at is not None, "who comes back had left"
        # Most clocks tell whole seconds: who enrols again within the second of leaving does so after it.
        if instants[member.customer_id] < member.left_at.replace(microsecond=0):
            continue
        instants[member.customer_id] = max(instants[member.customer_id], member.left_at)
        back.add(member)
        MembershipPeriod.objects.create(
            membership=member, retailer_id=member.retailer_id, enrolled_at=member.enrolled_at, left_at=member.left_at
        )
        QualifyingDay.objects.filter(wallet__membership=member).delete()  # what counted before counts no more
        member.enrolled_at, member.left_at = instants[member.customer_id], None
        member.started_at = member.next_due_at = None
        member.save(update_fields=["enrolled_at", "left_at", "started_at", "next_due_at"])
    return {member.pk for member in back}


def _event(program: Program, member: Enrolled, at: datetime) -> NewEvent:
    payload = {"program": program.slug, "member": member.number}
    return NewEvent(program.retailer_id, "membership.enrolled", member.membership_id, payload, at)


# What customers did since the instants at which they enrolled, and that nobody has decided for this program.
QUEUE_FACTS = """
INSERT INTO customers_undecidedfact (retailer_id, customer_id, kind, fact_id, occurred_at, is_again)
SELECT f.retailer_id, f.customer_id, f.kind, f.id, f.occurred_at, true
FROM (SELECT unnest(%b::uuid[]) AS customer_id, unnest(%b::timestamptz[]) AS since) n CROSS JOIN LATERAL (
    SELECT o.retailer_id, o.customer_id, 'order' AS kind, o.id, o.occurred_at FROM customers_order o
    WHERE o.customer_id = n.customer_id AND o.occurred_at >= n.since
    UNION ALL
    SELECT r.retailer_id, o.customer_id, 'return', r.id, r.occurred_at FROM customers_return r
    JOIN customers_order o ON o.id = r.order_id WHERE o.customer_id = n.customer_id AND o.occurred_at >= n.since
    UNION ALL
    SELECT i.retailer_id, i.customer_id, 'interaction', i.id, i.occurred_at FROM customers_interaction i
    WHERE i.customer_id = n.customer_id AND i.occurred_at >= n.since
) f
ON CONFLICT DO NOTHING
"""


def _queue_facts(members: Sequence[Enrolled], instants: dict[UUID, datetime]) -> None:
    rows = [(member.customer_id, instants[member.customer_id]) for member in members]
    if rows:
        bulk.execute(QUEUE_FACTS, bulk.columns_of(rows))


def _write_consents(
    members: Sequence[Enrolled], instants: dict[UUID, datetime], source: str, wording: str, now: datetime
) -> None:
    # fmt: off
    rows = [(member.customer_id, Consent.Purpose.PROGRAM.value, True, instants[member.customer_id], source, wording, now)
            for member in members]
    columns = ("customer_id", "purpose", "granted", "occurred_at", "source", "wording", "recorded_at")
    # fmt: on
    bulk.insert(Consent, columns, rows)


def enrol_everyone(program: Program, *, source: str, wording: str = "", now: datetime, batch_size: int = 5_000) -> int:
    """Enrol all customers of the retailer from the instant at which each was first identified; return how many are new."""
    new = 0
    missing = (
        Customer.objects.persons()
        .filter(retailer=program.retailer)
        .exclude(memberships__program=program)
        .order_by("pk")
    )
    while customers := list(missing.values_list("pk", "identified_at")[:batch_size]):
        new += sum(member.is_new for member in enrol(program, customers, source=source, wording=wording, now=now))
    return new

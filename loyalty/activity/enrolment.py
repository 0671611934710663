"""Customers become members: membership, wallet, standing, consent and event in one transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError
from customers.models import Consent, Customer
from loyalty.activity.rulesets import timelines
from loyalty.memberships.enrolment import Enrolled, open_memberships
from loyalty.outbox.publishing import NewEvent, publish
from loyalty.points.ledger import open_wallets
from loyalty.programs.models import Program
from loyalty.tiers.assessment import open_standings
from loyalty.tiers.rules import Counts


class ProgramNotOpen(DomainError):
    code = "program_not_open"
    message = _("Program {program} has no version in force. Publish one first.")


@transaction.atomic
def enrol(
    program: Program, customers: Sequence[tuple[UUID, datetime]], *, source: str, wording: str = "", now: datetime
) -> list[Enrolled]:
    """
    Enrol customers in a program; one who is a member already stays as it is.

    What a customer ordered before it enrolled earns nothing; what it orders afterwards does, however late we hear of it.

    :param customers: ids with the instant at which each agreed
    :param wording: what the customer agreed to, kept as its consent
    :raises ProgramNotOpen: when the program has no published version
    """
    # The membership comes first: its key locks the program against a publication that would bring another wallet.
    enrolled = open_memberships(program, customers, source=source, now=now)
    timeline = timelines([program.pk])[program.pk]
    if not timeline.rulesets:
        raise ProgramNotOpen(program=program.slug)
    new = [member for member in enrolled if member.is_new]
    instants = dict(customers)
    codes = {code for ruleset in timeline.rulesets for code in ruleset.policies}
    open_wallets(program.retailer_id, [member.membership_id for member in new], codes)
    standings = []
    for member in new:
        instant = instants[member.customer_id]
        ruleset = timeline.at(instant)
        first = ruleset.ladder.earned(Counts()) if ruleset else None
        standings.append((member.membership_id, first.id if first else None, instant))
    open_standings(program.retailer_id, program.pk, standings)
    _write_consents(new, instants, source, wording, now)
    publish(
        (
            NewEvent(
                program.retailer_id,
                "membership.enrolled",
                member.membership_id,
                {"program": program.slug, "number": member.number},
                instants[member.customer_id],
            )
            for member in new
        ),
        now=now,
    )
    return enrolled


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
    missing = Customer.objects.filter(retailer=program.retailer).exclude(memberships__program=program).order_by("pk")
    while customers := list(missing.values_list("pk", "identified_at")[:batch_size]):
        new += sum(member.is_new for member in enrol(program, customers, source=source, wording=wording, now=now))
    return new

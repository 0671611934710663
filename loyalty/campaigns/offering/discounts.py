"""The caps of a program's discounts: written by the retailer, read with the discounts that count for them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from customers.core import bulk
from loyalty.campaigns.models import DiscountCap as CapRow
from loyalty.campaigns.rules.discounts import DiscountCap
from loyalty.programs.models import Program

# The discounts that members of a program were given since, they and who was merged into them.
GIVEN = """
SELECT coalesce(c.merged_into_id, c.id), g.granted_at
FROM customers_customer c JOIN campaigns_offergrant g ON g.customer_id = c.id JOIN campaigns_offer o ON o.id = g.offer_id
WHERE (c.id = ANY(%s) OR c.merged_into_id = ANY(%s)) AND o.program_id = %s
    AND g.is_discount AND g.state <> 'withdrawn' AND g.granted_at > %s
"""
ZONES_APART = 2  # days: nobody's calendar is further from an instant's


class Given(NamedTuple):
    """That a customer, or who was merged into it, was given a discount."""

    customer_id: UUID
    granted_at: datetime


def caps_of(program_id: int) -> list[DiscountCap]:
    """Return how many discounts a program's members are given at most, the shortest time first."""
    rows = CapRow.objects.in_force().filter(program=program_id).order_by("days")
    return [DiscountCap(*row) for row in rows.values_list("limit", "days")]


def discounts_given(
    customers: Sequence[UUID], program_id: int, caps: Collection[DiscountCap], now: datetime
) -> list[Given]:
    """Return the discounts of customers that may count for caps; no statement where there are none."""
    if not caps:
        return []
    since = now - timedelta(days=max(cap.days for cap in caps) + ZONES_APART)
    return [Given(*row) for row in bulk.fetch(GIVEN, [customers, customers, program_id, since])]


@transaction.atomic
def set_caps(program: Program, caps: Iterable[DiscountCap], *, author: str, now: datetime) -> list[DiscountCap]:
    """
    Let these be a program's caps from now on, and no others; what members were given before counts for them.

    Those that were there and are not among them are lifted: they stay to be read, with who did that.

    :param caps: one for each number of days; one that is there already stays who set it
    """
    Program.objects.select_for_update(no_key=True).only("pk").get(pk=program.pk)
    wanted, known = set(caps), set(caps_of(program.pk))
    over = CapRow.objects.filter(program=program, days__in=[cap.days for cap in known - wanted])
    over.lift(author=author, now=now)
    CapRow.objects.bulk_create(
        CapRow(
            retailer_id=program.retailer_id, program=program, limit=cap.limit, days=cap.days, set_by=author, set_at=now
        )
        for cap in wanted - known
    )  # fmt: skip
    return caps_of(program.pk)
